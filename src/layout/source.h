// Layouts of a module without debug information: the same questions, answered by a table and by what the
// process tells of itself.
#pragma once

#include "layout/table.h"

// Offsets that the process itself tells beat those of a table.
struct hc_told_offset {
    const char *structure, *member; // as requests have them; member NULL: the size of the struct
    uint64_t value;
};

// The module's symbols alone; none of them if its file is not here.
struct hc_error *hc_debug_info_open_symbols(const struct hc_module *module, struct hc_debug_info **ret);
// Both are borrowed. NULL takes the table away.
void hc_debug_info_use_table(struct hc_debug_info *info, const struct hc_layout_table *table,
                             const struct hc_told_offset *told, size_t told_count);

// Whatever is asked of `info` from now on is written down in `record`, which is borrowed. NULL ends that.
struct hc_layout_record;
void hc_debug_info_set_record(struct hc_debug_info *info, struct hc_layout_record *record);

// ---- for the files of this folder

struct hc_field hc_source_find(const struct hc_debug_info *info, const struct hc_field_request *request);
