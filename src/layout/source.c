#include "layout/source.h"

#include "layout/debug_info.h"

#include <string.h>

struct hc_error *hc_debug_info_open_symbols(const struct hc_module *module, struct hc_debug_info **ret)
{
    _cleanup_(hc_debug_info_destroyp) struct hc_debug_info *info = calloc(1, sizeof(*info));
    if (!info)
        return hc_error_out_of_memory();
    info->main.fd = info->separate.fd = info->alternate.fd = -1;
    info->load_bias = module->load_bias;
    HC_TRY(hc_debug_file_open_module(module, &info->main));
    *ret = hc_take(info);
    return NULL;
}

void hc_debug_info_use_table(struct hc_debug_info *info, const struct hc_layout_table *table,
                             const struct hc_told_offset *told, size_t told_count)
{
    info->table = table;
    info->told = told;
    info->told_count = told_count;
}

void hc_debug_info_set_record(struct hc_debug_info *info, struct hc_layout_record *record)
{
    info->record = record;
}

static bool is_same_member(const char *one, const char *other)
{
    return one && other ? !strcmp(one, other) : one == other;
}

struct hc_field hc_source_find(const struct hc_debug_info *info, const struct hc_field_request *request)
{
    struct hc_field field = hc_layout_table_find(info->table, request);
    for (size_t i = 0; i < info->told_count && field.present; i++) {
        const struct hc_told_offset *told = &info->told[i];
        if (strcmp(told->structure, request->structure) || !is_same_member(told->member, request->member))
            continue;
        if (told->member)
            field.offset = told->value;
        else
            field.size = told->value;
        field.source = HC_LAYOUT_DEBUG_OFFSETS;
    }
    return field;
}
