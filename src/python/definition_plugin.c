// Heap definitions in shared objects: the host's side of heapcore/heapdef.h.
#include "heapcore/heapdef.h"
#include "python/definition_use.h"
#include "python/strings.h"
#include "python/value.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

enum { MOST_TYPES = 4096 };

// What the plugin's functions may do at the moment.
enum phase { MEASURING, TRACING, RELATING };

struct heapdef_object {
    enum phase phase;
    struct hc_tracer *tracer;
    struct hc_relater *relater;
    const struct hc_object_view *view;
    struct hc_definition_budget budget;
};

struct heapdef_target {
    struct hc_type_table *table;
    const struct hc_type *type;
    struct hc_debug_info *info; // NULL: there is none
    unsigned word_size;
};

static uint64_t host_address(const heapdef_object *object)
{
    return object->view->address;
}

static uint64_t host_basicsize(const heapdef_object *object)
{
    return object->view->type->basicsize;
}

static uint64_t host_itemsize(const heapdef_object *object)
{
    return object->view->type->itemsize;
}

static int64_t host_length(const heapdef_object *object)
{
    return object->view->type->itemsize
               ? hc_view_signed(object->tracer, object->view, object->tracer->at->var_size)
               : 0;
}

static unsigned host_word_size(const heapdef_object *object)
{
    return object->tracer->reader.target.word_size;
}

static const uint8_t *view_bytes(heapdef_object *object, uint64_t address, uint64_t length)
{
    unsigned word = host_word_size(object);
    if (!hc_definition_charge(&object->budget, object->tracer, length / word + 1))
        return NULL;
    return hc_reader_view(&object->tracer->reader, address, length);
}

static int host_read(heapdef_object *object, uint64_t address, void *bytes, size_t length)
{
    const uint8_t *found = view_bytes(object, address, length);
    if (found)
        memcpy(bytes, found, length);
    return found != NULL;
}

static int host_integer(heapdef_object *object, uint64_t address, unsigned bytes, uint64_t *ret)
{
    const uint8_t *found =
        bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8 ? view_bytes(object, address, bytes) : NULL;
    if (found)
        *ret = hc_load_unsigned(&object->tracer->reader.target, found, bytes);
    return found != NULL;
}

static int host_word(heapdef_object *object, uint64_t address, uint64_t *ret)
{
    return host_integer(object, address, host_word_size(object), ret);
}

// The object at `address`, if its class derives from the built-in type whose row is called `name`.
static bool view_builtin(heapdef_object *object, uint64_t address, const char *name,
                         struct hc_object_view *ret)
{
    if (!hc_definition_charge(&object->budget, object->tracer, 2) ||
        !hc_tracer_view(object->tracer, address, ret))
        return false;
    const struct hc_row_layout *layout = ret->type->layout;
    return !name || (layout && !strcmp(layout->row->names, name));
}

static int copy_text(const char *text, char *buffer, size_t size)
{
    return text && (size_t)snprintf(buffer, size, "%s", text) < size;
}

static int host_type_name(heapdef_object *object, uint64_t address, char *buffer, size_t size)
{
    struct hc_object_view view;
    if (!view_builtin(object, address, NULL, &view))
        return 0;
    int length = snprintf(buffer, size, "%s.%s", view.type->module, view.type->qualname);
    return length >= 0 && (size_t)length < size;
}

static int host_type_basicsize(heapdef_object *object, uint64_t address, uint64_t *ret)
{
    struct hc_object_view view;
    if (!view_builtin(object, address, NULL, &view))
        return 0;
    *ret = view.type->basicsize;
    return 1;
}

static int host_string(heapdef_object *object, uint64_t address, char *buffer, size_t size)
{
    enum { LONGEST = 1000 }; // characters, hc_string_read()
    if (!hc_definition_charge(&object->budget, object->tracer, LONGEST / host_word_size(object)))
        return 0;
    _cleanup_(hc_freep) char *text =
        hc_string_read(object->tracer->runtime, &object->tracer->reader, address);
    return copy_text(text, buffer, size);
}

static int host_number(heapdef_object *object, uint64_t address, int64_t *ret)
{
    return hc_definition_charge(&object->budget, object->tracer, 2) &&
           hc_value_integer(object->tracer, address, ret);
}

static int host_item(heapdef_object *object, uint64_t address, uint64_t index, uint64_t *ret)
{
    const struct hc_offsets *at = object->tracer->at;
    unsigned word = host_word_size(object);
    struct hc_object_view view;
    uint64_t items = 0;
    if (view_builtin(object, address, "tuple", &view))
        items = address + at->tuple_items;
    else if (view_builtin(object, address, "list", &view))
        items = hc_view_word(object->tracer, &view, at->list_items);
    else
        return 0;
    int64_t count = hc_view_signed(object->tracer, &view, at->var_size);
    return count > 0 && index < (uint64_t)count && index <= UINT64_MAX / word &&
           host_word(object, items + index * word, ret);
}

struct entries {
    heapdef_object *object;
    heapdef_entry_fn *entry;
    void *argument;
};

static bool on_entry(void *argument, uint64_t key, uint64_t value)
{
    struct entries *entries = argument;
    return hc_definition_charge(&entries->object->budget, entries->object->tracer, 3) &&
           !entries->entry(entries->argument, key, value);
}

static int host_each(heapdef_object *object, uint64_t dict, heapdef_entry_fn *entry, void *argument)
{
    struct entries entries = {object, entry, argument};
    struct hc_object_view view;
    return view_builtin(object, dict, "dict", &view) &&
           hc_dict_each(object->tracer->runtime, &object->tracer->reader, dict, on_entry, &entries);
}

static void host_visit(heapdef_object *object, uint64_t address)
{
    if (object->phase != TRACING)
        return;
    if (object->view->type->traverse)
        hc_trace_visit(object->tracer, address);
    else
        hc_trace_hold(object->tracer, address);
}

static void host_hold(heapdef_object *object, uint64_t address)
{
    if (object->phase == TRACING)
        hc_trace_hold(object->tracer, address);
}

static void host_buffer(heapdef_object *object, uint64_t address)
{
    if (object->phase == TRACING)
        hc_trace_buffer(object->tracer, address);
}

static void host_relate_name(heapdef_object *object, enum heapdef_relation relation, const char *name,
                             uint64_t address)
{
    if (object->phase == RELATING && name)
        hc_relate_copied(object->relater,
                         relation == HEAPDEF_ATTRIBUTE ? HC_LINK_ATTRIBUTE : HC_LINK_INTERNAL, address, name);
}

static void host_relate_number(heapdef_object *object, enum heapdef_relation relation, uint64_t number,
                               uint64_t address)
{
    if (object->phase == RELATING)
        hc_relate_numbered(object->relater, relation == HEAPDEF_KEY ? HC_LINK_KEY : HC_LINK_ITEM, address,
                           number);
}

static void host_relate_key(heapdef_object *object, uint64_t key, uint64_t address)
{
    if (object->phase == RELATING && key)
        hc_relate_keyed(object->relater, HC_LINK_VALUE, address, key);
}

static uint64_t host_target_basicsize(const heapdef_target *target)
{
    return target->type->basicsize;
}

static unsigned host_target_word_size(const heapdef_target *target)
{
    return target->word_size;
}

static int host_target_member(heapdef_target *target, const char *structure, const char *member,
                              uint64_t *ret_offset, uint64_t *ret_size)
{
    const struct hc_field_request request = {.structure = structure, .member = member};
    struct hc_field field = {0};
    if (!target->info)
        return 0;
    hc_error_destroy(hc_debug_info_find_fields(target->info, &request, 1, &field));
    if (!field.present)
        return 0;
    *ret_offset = field.offset;
    *ret_size = field.size;
    return 1;
}

static const struct heapdef_host host = {
    .size = sizeof(host),
    .address = host_address,
    .basicsize = host_basicsize,
    .itemsize = host_itemsize,
    .length = host_length,
    .word_size = host_word_size,
    .read = host_read,
    .word = host_word,
    .integer = host_integer,
    .type_name = host_type_name,
    .type_basicsize = host_type_basicsize,
    .string = host_string,
    .number = host_number,
    .item = host_item,
    .each = host_each,
    .visit = host_visit,
    .hold = host_hold,
    .buffer = host_buffer,
    .relate_name = host_relate_name,
    .relate_number = host_relate_number,
    .relate_key = host_relate_key,
    .target_basicsize = host_target_basicsize,
    .target_word_size = host_target_word_size,
    .target_member = host_target_member,
};

struct hc_error *hc_plugin_prepare(const struct hc_definition *definition, struct hc_type_table *table,
                                   const struct hc_type *native, struct hc_debug_info *info, void **ret_state)
{
    struct heapdef_target target = {
        .table = table,
        .type = native,
        .info = info,
        .word_size = hc_image_target(table->runtime->image)->word_size,
    };
    *ret_state = NULL;
    const char *cause =
        definition->plugin->prepare ? definition->plugin->prepare(&host, &target, ret_state) : NULL;
    return cause ? hc_error_create("%s: %s", definition->file->path, cause) : NULL;
}

void hc_plugin_release(const struct hc_definition *definition, void *state)
{
    if (definition->plugin->release && state)
        definition->plugin->release(state);
}

void hc_plugin_trace(const struct hc_definition_use *use, struct hc_tracer *tracer,
                     const struct hc_object_view *object)
{
    const struct heapdef_type *plugin = use->definition->plugin;
    struct heapdef_object instance = {.phase = TRACING, .tracer = tracer, .view = object};
    if (plugin->traverse && plugin->traverse(&host, &instance, use->state))
        tracer->unreadable++;
}

void hc_plugin_relate(const struct hc_definition_use *use, struct hc_relater *relater,
                      const struct hc_object_view *object)
{
    const struct heapdef_type *plugin = use->definition->plugin;
    struct heapdef_object instance = {
        .phase = RELATING, .tracer = relater->tracer, .relater = relater, .view = object};
    if (plugin->relate)
        plugin->relate(&host, &instance, use->state);
}

bool hc_plugin_size(const struct hc_definition_use *use, struct hc_tracer *tracer,
                    const struct hc_object_view *object, uint64_t *ret)
{
    struct heapdef_object instance = {.phase = MEASURING, .tracer = tracer, .view = object};
    return use->definition->plugin->size(&host, &instance, use->state, ret) == 0;
}

static struct hc_error *add_type(struct hc_definition_file *file, const struct heapdef_type *type,
                                 size_t index)
{
    const char *dot = type->name ? strchr(type->name, '.') : NULL;
    if (!dot || dot == type->name || !dot[1])
        return hc_error_create("%s: its type number %zu has no name of the form MODULE.TYPE", file->path,
                               index);
    struct hc_definition *definition = calloc(1, sizeof(*definition));
    if (!definition || !hc_definition_vector_push(&file->definitions, definition)) {
        hc_definition_destroy(definition);
        return hc_error_out_of_memory();
    }
    definition->file = file;
    definition->plugin = type;
    char *name = strdup(type->name);
    if (!name || !hc_definition_names_push(&definition->names, name)) {
        free(name);
        return hc_error_out_of_memory();
    }
    return NULL;
}

static struct hc_error *check_elf(const char *path)
{
    char magic[SELFMAG];
    _cleanup_(hc_fclosep) FILE *stream = fopen(path, "re");
    if (!stream)
        return hc_error_create("%s: it cannot be read: %s", path, strerror(errno));
    if (fread(magic, 1, sizeof(magic), stream) != sizeof(magic) || memcmp(magic, ELFMAG, SELFMAG) != 0)
        return hc_error_create("%s: it is no shared object (no ELF file); a definition in text has another "
                               "name than *.so",
                               path);
    return NULL;
}

struct hc_error *hc_definition_plugin_open(const char *path, struct hc_definition_file **ret)
{
    HC_TRY(check_elf(path));
    _cleanup_(hc_definition_file_destroyp) struct hc_definition_file *file = calloc(1, sizeof(*file));
    _cleanup_(hc_freep) char *absolute = realpath(path, NULL); // or it would be looked for
    if (!file || !(file->path = strdup(path)))
        return hc_error_out_of_memory();
    if (!absolute || !(file->library = dlopen(absolute, RTLD_NOW | RTLD_LOCAL))) {
        const char *cause = absolute ? dlerror() : strerror(errno);
        return hc_error_create("%s: it cannot be loaded: %s", path, cause ? cause : "unknown cause");
    }
    const struct heapdef_exports *exports = dlsym(file->library, "heapdef_exports");
    if (!exports)
        return hc_error_create(
            "%s: it does not export heapdef_exports; does it have HEAPDEF_EXPORT(types) of "
            "heapcore/heapdef.h?",
            path);
    if (exports->abi != HEAPDEF_ABI)
        return hc_error_create("%s: it was built for version %u of heapcore/heapdef.h, and this heapcore has "
                               "version %d; build it again",
                               path, exports->abi, HEAPDEF_ABI);
    if (!exports->types || !exports->count || exports->count > MOST_TYPES)
        return hc_error_create("%s: it has no types", path);
    for (uint32_t i = 0; i < exports->count; i++)
        HC_TRY(add_type(file, &exports->types[i], i));
    *ret = hc_take(file);
    return NULL;
}
