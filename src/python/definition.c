// Which definition a type has.
#include "python/definition.h"
#include "heapcore/heapdef.h"
#include "python/definition_search.h"
#include "python/definition_use.h"
#include "python/native_struct.h"

#include <string.h>

HC_DEFINE_VECTOR(layouts_vector, struct hc_definition_layouts *)
HC_DEFINE_VECTOR(note_vector, struct hc_definition_note)

// What a search found; NULL for nothing, which is remembered, too.
struct known_use {
    uint64_t type;
    struct hc_definition_use *use;
};

HC_DEFINE_VECTOR(known_vector, struct known_use)

struct hc_definitions {
    struct hc_definition_files files;
    struct hc_debug_infos infos;
    struct layouts_vector layouts;
    struct known_vector known; // of the types that a definition names
    struct known_vector bases; // of definitions that others go on from
    struct note_vector notes;
};

static void uses_deinit(struct known_vector *uses)
{
    for (size_t i = 0; i < uses->count; i++) {
        struct hc_definition_use *use = uses->items[i].use;
        if (use && use->definition->plugin)
            hc_plugin_release(use->definition, use->state);
        free(use);
    }
    known_vector_deinit(uses);
}

void hc_definitions_destroy(struct hc_definitions *definitions)
{
    if (!definitions)
        return;
    uses_deinit(&definitions->known);
    uses_deinit(&definitions->bases);
    for (size_t i = 0; i < definitions->layouts.count; i++)
        hc_definition_layouts_destroy(definitions->layouts.items[i]);
    for (size_t i = 0; i < definitions->notes.count; i++) {
        free(definitions->notes.items[i].type);
        free(definitions->notes.items[i].cause);
    }
    for (size_t i = 0; i < definitions->files.count; i++)
        hc_definition_file_destroy(definitions->files.items[i]);
    layouts_vector_deinit(&definitions->layouts);
    note_vector_deinit(&definitions->notes);
    hc_definition_files_deinit(&definitions->files);
    hc_debug_infos_deinit(&definitions->infos);
    free(definitions);
}

struct hc_error *hc_definitions_open(const struct hc_definition_options *options, struct hc_definitions **ret)
{
    _cleanup_(hc_definitions_destroyp) struct hc_definitions *definitions = calloc(1, sizeof(*definitions));
    if (!definitions)
        return hc_error_out_of_memory();
    HC_TRY(hc_definition_files_find(options, &definitions->files));
    *ret = hc_take(definitions);
    return NULL;
}

// The module's layouts of the file, made when first needed.
static struct hc_error *get_layouts(struct hc_definitions *definitions, const struct hc_definition_file *file,
                                    const struct hc_module *module, const struct hc_runtime *runtime,
                                    const struct hc_definition_layouts **ret)
{
    for (size_t i = 0; i < definitions->layouts.count; i++)
        if (definitions->layouts.items[i]->file == file && definitions->layouts.items[i]->module == module) {
            *ret = definitions->layouts.items[i];
            return NULL;
        }
    struct hc_definition_layouts *layouts;
    HC_TRY(hc_definition_layouts_create(file, module, runtime, &definitions->infos, &layouts));
    if (!layouts_vector_push(&definitions->layouts, layouts)) {
        hc_definition_layouts_destroy(layouts);
        return hc_error_out_of_memory();
    }
    *ret = layouts;
    return NULL;
}

struct search {
    struct hc_definitions *definitions;
    struct hc_type_table *table;
    const struct hc_type *native;
    const struct hc_module *module;
    unsigned depth;
};

static const struct hc_definition *next_match(const struct hc_definitions *definitions, const char *name,
                                              size_t *file, size_t *index)
{
    for (; *file < definitions->files.count; ++*file, *index = 0) {
        const struct hc_definition_vector *all = &definitions->files.items[*file]->definitions;
        while (*index < all->count) {
            const struct hc_definition *definition = all->items[(*index)++];
            for (size_t i = 0; i < definition->names.count; i++)
                if (hc_definition_matches(definition->names.items[i], name))
                    return definition;
        }
    }
    return NULL;
}

static struct hc_error *make_use(struct search *search, const struct hc_definition *definition,
                                 struct hc_definition_use **ret);

// The definition called `name`, for the same type.
static struct hc_error *find_base(struct search *search, const struct hc_definition *definition,
                                  const struct hc_definition_use **ret)
{
    enum { DEPTH = 16 };
    size_t file = 0, index = 0;
    const struct hc_definition *base = next_match(search->definitions, definition->base, &file, &index);
    while (base == definition)
        base = next_match(search->definitions, definition->base, &file, &index);
    if (search->depth >= DEPTH)
        return hc_error_create("%s:%u: its bases have no end: %s", definition->file->path, definition->line,
                               definition->base);
    if (!base)
        return hc_error_create("%s:%u: there is no definition of its base %s", definition->file->path,
                               definition->line, definition->base);
    struct hc_definition_use *use;
    search->depth++;
    HC_TRY(make_use(search, base, &use));
    search->depth--;
    if (!known_vector_push(&search->definitions->bases, (struct known_use){search->native->address, use})) {
        if (base->plugin)
            hc_plugin_release(base, use->state);
        free(use);
        return hc_error_out_of_memory();
    }
    *ret = use;
    return NULL;
}

static struct hc_error *check_type(const struct search *search, const struct hc_definition *definition,
                                   const struct hc_definition_layouts *layouts)
{
    const struct hc_type *native = search->native;
    const struct hc_definition_block *block = definition->block;
    if (definition->basicsize && native->basicsize != definition->basicsize)
        return hc_error_create(
            "%s:%u: it is made for a basicsize of %lu, and here it is %lu: another version",
            definition->file->path, definition->line, (long)definition->basicsize, (long)native->basicsize);
    if (!block)
        return NULL;
    const char *cause = hc_definition_layouts_cause(layouts, block);
    if (cause)
        return hc_error_create("%s", cause);
    uint64_t size = layouts->layouts[block->index].size;
    if (block->structure && !native->itemsize && size > native->basicsize)
        return hc_error_create("%s:%u: struct %s has %lu bytes, but instances of the type only %lu",
                               definition->file->path, definition->line, block->structure, (long)size,
                               (long)native->basicsize);
    return NULL;
}

// One definition may stand for a type and its base: what it says is told once.
static const struct hc_definition_use *other_than(const struct hc_definition *definition,
                                                  const struct hc_definition_use *use)
{
    while (use && use->definition == definition)
        use = use->base;
    return use;
}

static struct hc_error *make_use(struct search *search, const struct hc_definition *definition,
                                 struct hc_definition_use **ret)
{
    struct hc_definitions *definitions = search->definitions;
    const struct hc_runtime *runtime = search->table->runtime;
    _cleanup_(hc_freep) struct hc_definition_use *use = calloc(1, sizeof(*use));
    if (!use)
        return hc_error_out_of_memory();
    use->definition = definition;
    if (definition->block)
        HC_TRY(get_layouts(definitions, definition->file, search->module, runtime, &use->layouts));
    HC_TRY(check_type(search, definition, use->layouts));
    if (definition->base)
        HC_TRY(find_base(search, definition, &use->base));
    else if (!definition->no_base && search->native->base)
        use->base = other_than(definition, search->native->base->definition);
    if (definition->plugin) {
        const char *cause;
        struct hc_debug_info *info =
            search->module ? hc_debug_infos_get(&definitions->infos, runtime, search->module, &cause) : NULL;
        HC_TRY(hc_plugin_prepare(definition, search->table, search->native, info, &use->state));
    }
    *ret = hc_take(use);
    return NULL;
}

// The first cause is told: it is that of the definition that was to count.
static void add_note(struct hc_definitions *definitions, uint64_t address, const char *name,
                     const struct hc_error *error)
{
    enum { MOST = 1000 };
    struct hc_definition_note note = {.address = address};
    if (definitions->notes.count >= MOST)
        return;
    note.type = strdup(name);
    note.cause = strdup(hc_error_message(error));
    if (!note.type || !note.cause || !note_vector_push(&definitions->notes, note)) {
        free(note.type);
        free(note.cause);
    }
}

const struct hc_definition_use *hc_definition_find(struct hc_definitions *definitions,
                                                   struct hc_type_table *table, const struct hc_type *native)
{
    struct search search = {.definitions = definitions, .table = table, .native = native};
    _cleanup_(hc_freep) char *name = NULL;
    _cleanup_(hc_error_destroyp) struct hc_error *first = NULL;
    struct hc_definition_use *use = NULL;
    size_t file = 0, index = 0;
    if (asprintf(&name, "%s.%s", native->module, native->qualname) < 0) {
        name = NULL;
        return NULL;
    }
    const struct hc_definition *definition = next_match(definitions, name, &file, &index);
    if (!definition)
        return NULL;
    for (size_t i = 0; i < definitions->known.count; i++)
        if (definitions->known.items[i].type == native->address)
            return definitions->known.items[i].use;
    search.module = hc_native_module(table->runtime, native);
    for (; definition && !use; definition = next_match(definitions, name, &file, &index)) {
        search.depth = 0;
        struct hc_error *error = make_use(&search, definition, &use);
        if (first)
            hc_error_destroy(error);
        else
            first = error;
    }
    if (!use && first)
        add_note(definitions, native->address, name, first);
    if (!known_vector_push(&definitions->known, (struct known_use){native->address, use})) {
        if (use && use->definition->plugin)
            hc_plugin_release(use->definition, use->state);
        free(use);
        return NULL;
    }
    return use;
}

bool hc_definition_visits_class(const struct hc_definition_use *use)
{
    return !use->definition->hides_class;
}

bool hc_definition_has_decoded_base(const struct hc_definition_use *use)
{
    return !use->definition->base && !use->definition->no_base;
}

const struct hc_definition_note *hc_definitions_notes(const struct hc_definitions *definitions,
                                                      size_t *ret_count)
{
    *ret_count = definitions ? definitions->notes.count : 0;
    return definitions ? definitions->notes.items : NULL;
}
