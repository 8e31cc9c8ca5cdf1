#include "python/definition_use.h"

#include <stdarg.h>
#include <string.h>

void hc_debug_infos_deinit(struct hc_debug_infos *infos)
{
    for (size_t i = 0; i < infos->opened.count; i++) {
        hc_debug_info_destroy(infos->opened.items[i].info);
        free(infos->opened.items[i].cause);
    }
    hc_opened_infos_deinit(&infos->opened);
}

struct hc_debug_info *hc_debug_infos_get(struct hc_debug_infos *infos, const struct hc_runtime *runtime,
                                         const struct hc_module *module, const char **ret_cause)
{
    static const char no_memory[] = "out of memory";
    *ret_cause = NULL;
    for (size_t i = 0; i < infos->opened.count; i++)
        if (infos->opened.items[i].module == module) {
            *ret_cause = infos->opened.items[i].cause;
            return infos->opened.items[i].info;
        }
    struct hc_opened_info opened = {.module = module};
    _cleanup_(hc_error_destroyp) struct hc_error *error =
        hc_debug_info_open(module, &runtime->debug_options, &opened.info);
    if ((error && !(opened.cause = strdup(hc_error_message(error)))) ||
        !hc_opened_infos_push(&infos->opened, opened)) {
        hc_debug_info_destroy(opened.info);
        free(opened.cause);
        *ret_cause = no_memory;
        return NULL;
    }
    *ret_cause = opened.cause;
    return opened.info;
}

void hc_definition_layouts_destroy(struct hc_definition_layouts *layouts)
{
    if (!layouts)
        return;
    for (size_t i = 0; layouts->layouts && i < layouts->file->blocks.count; i++) {
        free(layouts->layouts[i].fields);
        free(layouts->layouts[i].cause);
    }
    free(layouts->layouts);
    free(layouts);
}

// The first cause counts.
static bool __attribute__((format(printf, 2, 3)))
set_cause(struct hc_definition_layout *layout, const char *format, ...)
{
    if (layout->cause)
        return true;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&layout->cause, format, arguments);
    va_end(arguments);
    if (length < 0)
        layout->cause = NULL;
    return length >= 0;
}

HC_DEFINE_VECTOR(request_vector, struct hc_field_request)

// Asks for the sizes and members of all structs together: to find structs takes a pass over the debug
// information.
static struct hc_error *ask(const struct hc_definition_file *file, struct request_vector *requests)
{
    for (size_t i = 0; i < file->blocks.count; i++) {
        const struct hc_definition_block *block = file->blocks.items[i];
        if (block->structure &&
            !request_vector_push(requests, (struct hc_field_request){.structure = block->structure}))
            return hc_error_out_of_memory();
        for (size_t j = 0; j < block->places.count; j++)
            if (block->places.items[j].member &&
                !request_vector_push(requests,
                                     (struct hc_field_request){.structure = block->structure,
                                                               .member = block->places.items[j].member}))
                return hc_error_out_of_memory();
    }
    return NULL;
}

static bool place_structure(const struct hc_definition_file *file, struct hc_definition_layout *layout,
                            const struct hc_field **found, const char *module)
{
    const struct hc_definition_block *block = layout->block;
    const struct hc_field *whole = (*found)++;
    layout->size = whole->present ? whole->size : 0;
    if (!layout->size && !set_cause(layout, "%s:%u: there is no struct %s in the debug information of %s",
                                    file->path, block->line, block->structure, module))
        return false;
    for (size_t i = 0; i < block->places.count; i++) {
        if (!block->places.items[i].member)
            continue;
        layout->fields[i] = *(*found)++;
        if (!layout->fields[i].present &&
            !set_cause(layout, "%s:%u: struct %s has no member %s", file->path, block->line, block->structure,
                       block->places.items[i].member))
            return false;
    }
    return true;
}

static struct hc_error *place_structures(struct hc_definition_layouts *layouts,
                                         const struct hc_runtime *runtime, struct hc_debug_infos *infos)
{
    const struct hc_definition_file *file = layouts->file;
    _cleanup_(request_vector_deinit) struct request_vector requests = {0};
    HC_TRY(ask(file, &requests));
    if (!requests.count)
        return NULL;
    const char *cause = "the binary with the type's C code is not known";
    struct hc_debug_info *info =
        layouts->module ? hc_debug_infos_get(infos, runtime, layouts->module, &cause) : NULL;
    _cleanup_(hc_freep) struct hc_field *found = calloc(requests.count, sizeof(*found));
    if (!found)
        return hc_error_out_of_memory();
    if (info)
        HC_TRY(hc_debug_info_find_fields(info, requests.items, requests.count, found));
    const struct hc_field *next = found;
    for (size_t i = 0; i < file->blocks.count; i++) {
        struct hc_definition_layout *layout = &layouts->layouts[i];
        if (!layout->block->structure)
            continue;
        if (!info && !set_cause(layout, "%s:%u: where are the members of struct %s? %s", file->path,
                                layout->block->line, layout->block->structure, cause))
            return hc_error_out_of_memory();
        if (!place_structure(file, layout, &next, info ? hc_debug_info_file(info) : ""))
            return hc_error_out_of_memory();
    }
    return NULL;
}

static struct hc_error *place_offsets(struct hc_definition_layout *layout, unsigned word_size)
{
    const struct hc_definition_block *block = layout->block;
    layout->fields = calloc(block->places.count + 1, sizeof(*layout->fields));
    if (!layout->fields)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < block->places.count; i++) {
        const struct hc_definition_place *place = &block->places.items[i];
        if (!place->member)
            layout->fields[i] = (struct hc_field){
                .offset = place->offset, .size = place->width ? place->width : word_size, .present = true};
    }
    return NULL;
}

// Members are what the items take them for? Offsets are believed.
static const char *misuse_of(const struct hc_definition_layout *layout, const struct hc_definition_item *item,
                             unsigned word_size)
{
    const struct hc_field *field = &layout->fields[item->place];
    bool is_reference = item->kind == HC_ITEM_VISITED || item->kind == HC_ITEM_HELD;
    if ((is_reference || item->is_pointer) && field->size != word_size)
        return "is no pointer";
    if (!layout->block->places.items[item->place].member)
        return NULL;
    if ((is_reference || item->is_pointer) && field->kind != HC_FIELD_POINTER)
        return "is no pointer";
    if (item->kind == HC_ITEM_ARRAY && !item->is_pointer && field->kind != HC_FIELD_ARRAY)
        return field->kind == HC_FIELD_POINTER ? "is a pointer: say *" : "is no array";
    if ((item->kind == HC_ITEM_NESTED || item->kind == HC_ITEM_LIST) && !item->is_pointer &&
        field->kind != HC_FIELD_STRUCT)
        return field->kind == HC_FIELD_POINTER ? "is a pointer: say *" : "is no struct";
    return NULL;
}

static const char *no_number(const struct hc_definition_layout *layout,
                             const struct hc_definition_expression *expression)
{
    for (size_t i = 0; i < expression->count; i++) {
        if (expression->items[i].operation != HC_DEFINITION_PLACE)
            continue;
        uint64_t place = expression->items[i].value;
        const struct hc_field *field = &layout->fields[place];
        if (field->kind == HC_FIELD_STRUCT || field->kind == HC_FIELD_ARRAY || field->size > 8)
            return layout->block->places.items[place].member;
    }
    return NULL;
}

static struct hc_error *check_items(const struct hc_definition_file *file,
                                    struct hc_definition_layout *layout, unsigned word_size)
{
    const struct hc_definition_block *block = layout->block;
    const char *wrong = layout->cause ? NULL : no_number(layout, &block->size);
    if (wrong &&
        !set_cause(layout, "%s:%u: the size counts %s, which is no number", file->path, block->line, wrong))
        return hc_error_out_of_memory();
    for (size_t i = 0; i < block->items.count && !layout->cause; i++) {
        const struct hc_definition_item *item = &block->items.items[i];
        if ((wrong = no_number(layout, &item->count)) &&
            !set_cause(layout, "%s:%u: %s is no number", file->path, item->line, wrong))
            return hc_error_out_of_memory();
        const char *misuse = misuse_of(layout, item, word_size);
        const char *member = block->places.items[item->place].member;
        if (!misuse)
            continue;
        if (!set_cause(layout, "%s:%u: %s %s%s", file->path, item->line, member ? member : "this place",
                       misuse, member && strchr(misuse, '*') ? member : ""))
            return hc_error_out_of_memory();
    }
    return NULL;
}

struct hc_error *hc_definition_layouts_create(const struct hc_definition_file *file,
                                              const struct hc_module *module,
                                              const struct hc_runtime *runtime, struct hc_debug_infos *infos,
                                              struct hc_definition_layouts **ret)
{
    unsigned word_size = hc_image_target(runtime->image)->word_size;
    _cleanup_(hc_definition_layouts_destroyp) struct hc_definition_layouts *layouts =
        calloc(1, sizeof(*layouts));
    if (!layouts)
        return hc_error_out_of_memory();
    layouts->file = file;
    layouts->module = module;
    layouts->layouts = calloc(file->blocks.count + 1, sizeof(*layouts->layouts));
    if (!layouts->layouts)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < file->blocks.count; i++) {
        layouts->layouts[i].block = file->blocks.items[i];
        HC_TRY(place_offsets(&layouts->layouts[i], word_size));
    }
    HC_TRY(place_structures(layouts, runtime, infos));
    for (size_t i = 0; i < file->blocks.count; i++) {
        struct hc_definition_layout *layout = &layouts->layouts[i];
        bool is_type = strchr(layout->block->name, '.') != NULL;
        if (!is_type && layout->block->size.count)
            layout->size = layout->block->size.items[0].value;
        HC_TRY(check_items(file, layout, word_size));
    }
    *ret = hc_take(layouts);
    return NULL;
}

static const char *cause_of(const struct hc_definition_layouts *layouts,
                            const struct hc_definition_block *block, bool *seen)
{
    const struct hc_definition_layout *layout = &layouts->layouts[block->index];
    if (seen[block->index])
        return NULL;
    seen[block->index] = true;
    if (layout->cause)
        return layout->cause;
    for (size_t i = 0; i < block->items.count; i++) {
        const struct hc_definition_block *element = block->items.items[i].element;
        const char *cause = element ? cause_of(layouts, element, seen) : NULL;
        if (cause)
            return cause;
    }
    return NULL;
}

const char *hc_definition_layouts_cause(const struct hc_definition_layouts *layouts,
                                        const struct hc_definition_block *block)
{
    _cleanup_(hc_freep) bool *seen = calloc(layouts->file->blocks.count, sizeof(*seen));
    return seen ? cause_of(layouts, block, seen) : "out of memory";
}
