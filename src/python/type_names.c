#include "python/type_names.h"

#include "base/interrupt.h"
#include "python/keys.h"
#include "python/signature.h"
#include "python/strings.h"
#include "python/types.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// The best reason to call a type so wins.
enum rank {
    RANK_KNOWN,    // the interpreter's own name of it
    RANK_BUILTIN,  // a name in builtins
    RANK_DECODED,  // a type of that name has a decoder
    RANK_C_MODULE, // an attribute of a module written in C: it may define the type
    RANK_MODULE,   // an attribute of another
};

struct named {
    uint64_t type;
    enum rank rank;
    char *name;
};

HC_DEFINE_VECTOR(named_vector, struct named)

struct hc_type_names {
    struct named_vector named; // sorted by type, each once
};

struct collector {
    const struct hc_runtime *runtime;
    struct hc_reader *reader;
    struct named_vector *named;
    const char *module;
    bool is_python; // the module's file is a .py
    bool out_of_memory;
};

// What Lib/types.py and others call the types that builtins does not have.
static const struct {
    const char *module, *key, *name;
} aliases[] = {
    {"types", "FunctionType", "function"},
    {"types", "CodeType", "code"},
    {"types", "MappingProxyType", "mappingproxy"},
    {"types", "SimpleNamespace", "types.SimpleNamespace"},
    {"types", "CellType", "cell"},
    {"types", "GeneratorType", "generator"},
    {"types", "CoroutineType", "coroutine"},
    {"types", "AsyncGeneratorType", "async_generator"},
    {"types", "MethodType", "method"},
    {"types", "BuiltinFunctionType", "builtin_function_or_method"},
    {"types", "WrapperDescriptorType", "wrapper_descriptor"},
    {"types", "MethodWrapperType", "method-wrapper"},
    {"types", "MethodDescriptorType", "method_descriptor"},
    {"types", "ClassMethodDescriptorType", "classmethod_descriptor"},
    {"types", "ModuleType", "module"},
    {"types", "TracebackType", "traceback"},
    {"types", "FrameType", "frame"},
    {"types", "GetSetDescriptorType", "getset_descriptor"},
    {"types", "MemberDescriptorType", "member_descriptor"},
    {"types", "GenericAlias", "types.GenericAlias"},
    {"_collections_abc", "bytes_iterator", "bytes_iterator"},
    {"_collections_abc", "bytearray_iterator", "bytearray_iterator"},
    {"_collections_abc", "dict_keyiterator", "dict_keyiterator"},
    {"_collections_abc", "dict_valueiterator", "dict_valueiterator"},
    {"_collections_abc", "dict_itemiterator", "dict_itemiterator"},
    {"_collections_abc", "list_iterator", "list_iterator"},
    {"_collections_abc", "list_reverseiterator", "list_reverseiterator"},
    {"_collections_abc", "range_iterator", "range_iterator"},
    {"_collections_abc", "longrange_iterator", "longrange_iterator"},
    {"_collections_abc", "set_iterator", "set_iterator"},
    {"_collections_abc", "str_iterator", "str_iterator"},
    {"_collections_abc", "tuple_iterator", "tuple_iterator"},
    {"_collections_abc", "dict_keys", "dict_keys"},
    {"_collections_abc", "dict_values", "dict_values"},
    {"_collections_abc", "dict_items", "dict_items"},
    {"_collections_abc", "mappingproxy", "mappingproxy"},
    {"_collections_abc", "generator", "generator"},
    {"_collections_abc", "coroutine", "coroutine"},
    {"_collections_abc", "async_generator", "async_generator"},
    {"_weakref", "ref", "weakref.ReferenceType"},
    {"_weakref", "ProxyType", "weakref.ProxyType"},
    {"_weakref", "CallableProxyType", "weakref.CallableProxyType"},
};

// Objects that every process has, and what their types are called.
static const struct {
    const char *module, *key, *attribute, *name; // attribute NULL: of the object itself
} examples[] = {
    {"builtins", "None", NULL, "NoneType"},
    {"builtins", "Ellipsis", NULL, "ellipsis"},
    {"builtins", "NotImplemented", NULL, "NotImplementedType"},
    {"builtins", "len", NULL, "builtin_function_or_method"},
    {"_frozen_importlib", "spec_from_loader", NULL, "function"},
    {"_frozen_importlib", "sys", NULL, "module"},
    {"sys", "flags", NULL, "sys.flags"},
    {"sys", "version_info", NULL, "sys.version_info"},
    {"sys", "float_info", NULL, "sys.float_info"},
    {"sys", "hash_info", NULL, "sys.hash_info"},
    {"sys", "int_info", NULL, "sys.int_info"},
    {"sys", "thread_info", NULL, "sys.thread_info"},
    {"builtins", "object", "__init__", "wrapper_descriptor"},
    {"builtins", "str", "join", "method_descriptor"},
    {"builtins", "type", "__dict__", "getset_descriptor"},
    {"builtins", "type", "__base__", "member_descriptor"},
    {"builtins", "dict", "fromkeys", "classmethod_descriptor"},
};

static uint64_t word_at(struct collector *collector, uint64_t address, uint32_t offset)
{
    uint64_t word;
    return hc_reader_word(collector->reader, address + offset, &word) ? word : 0;
}

static bool is_static_type(struct collector *collector, uint64_t object)
{
    const struct hc_offsets *at = &collector->runtime->layouts.at;
    return object && word_at(collector, object, at->object_type) == collector->runtime->type_type &&
           !(word_at(collector, object, at->type_flags) & HC_TYPE_HEAPTYPE);
}

static void add(struct collector *collector, uint64_t type, enum rank rank, char *name)
{
    struct named named = {type, rank, name};
    if (name && named_vector_push(collector->named, named))
        return;
    collector->out_of_memory = true;
    free(name);
}

static bool has_decoder(const struct hc_runtime *runtime, const char *name)
{
    size_t length = strlen(name);
    for (const struct hc_row_layout *layout = runtime->layouts.rows; layout->row; layout++)
        for (const char *at = layout->row->names; at; at = strchr(at, '|')) {
            at += *at == '|';
            if (!strncmp(at, name, length) && (at[length] == '|' || !at[length]))
                return true;
        }
    return false;
}

static const char weakref[] = "weakref.";

// 3.10 gave them the names that Lib/weakref.py has for them.
static const char *old_weakref_name(const char *name)
{
    switch (name[sizeof(weakref) - 1]) {
    case 'R':
        return "weakref";
    case 'P':
        return "weakproxy";
    default:
        return "weakcallableproxy";
    }
}

static void add_attribute(struct collector *collector, uint64_t type, const char *key)
{
    // Old names of OSError.
    bool is_builtin = !strcmp(collector->module, "builtins");
    if (is_builtin && (!strcmp(key, "EnvironmentError") || !strcmp(key, "IOError")))
        return;
    for (size_t i = 0; i < sizeof(aliases) / sizeof(*aliases); i++)
        if (!strcmp(aliases[i].module, collector->module) && !strcmp(aliases[i].key, key)) {
            const char *name = aliases[i].name;
            if (!strncmp(name, weakref, sizeof(weakref) - 1) && !hc_runtime_since(collector->runtime, 3, 10))
                name = old_weakref_name(name);
            add(collector, type, RANK_KNOWN, strdup(name));
            return;
        }
    char *name = NULL;
    if (is_builtin)
        name = strdup(key);
    else if (asprintf(&name, "%s.%s", collector->module, key) < 0)
        name = NULL;
    enum rank rank = is_builtin                                      ? RANK_BUILTIN
                     : name && has_decoder(collector->runtime, name) ? RANK_DECODED
                     : collector->is_python                          ? RANK_MODULE
                                                                     : RANK_C_MODULE;
    add(collector, type, rank, name);
}

static bool see_attribute(void *argument, uint64_t key, uint64_t value)
{
    struct collector *collector = argument;
    if (!is_static_type(collector, value))
        return true;
    _cleanup_(hc_freep) char *name = hc_string_read(collector->runtime, collector->reader, key);
    if (name)
        add_attribute(collector, value, name);
    return !collector->out_of_memory;
}

static bool is_python(struct collector *collector, uint64_t dict)
{
    uint64_t file;
    if (!hc_dict_find_string(collector->runtime, collector->reader, dict, "__file__", &file))
        return false;
    _cleanup_(hc_freep) char *path = hc_string_read(collector->runtime, collector->reader, file);
    const char *dot = path ? strrchr(path, '.') : NULL;
    return dot && !strncmp(dot, ".py", 3);
}

static bool see_module(void *argument, uint64_t key, uint64_t value)
{
    struct collector *collector = argument;
    const struct hc_offsets *at = &collector->runtime->layouts.at;
    uint64_t dict = word_at(collector, value, at->module_dict);
    if (!dict || word_at(collector, dict, at->object_type) != collector->runtime->dict_type)
        return true;
    _cleanup_(hc_freep) char *name = hc_string_read(collector->runtime, collector->reader, key);
    collector->module = name;
    collector->is_python = is_python(collector, dict);
    if (name)
        hc_dict_each(collector->runtime, collector->reader, dict, see_attribute, collector);
    return !collector->out_of_memory && !hc_interrupt_is_requested();
}

static void add_examples(struct collector *collector)
{
    const struct hc_runtime *runtime = collector->runtime;
    for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++) {
        uint64_t dict = hc_signature_module_dict(runtime, collector->reader, examples[i].module), object;
        if (!hc_dict_find_string(runtime, collector->reader, dict, examples[i].key, &object) ||
            (examples[i].attribute &&
             !hc_dict_find_string(runtime, collector->reader,
                                  hc_runtime_type_dict(runtime, collector->reader, object),
                                  examples[i].attribute, &object)))
            continue;
        uint64_t type = word_at(collector, object, runtime->layouts.at.object_type);
        if (is_static_type(collector, type))
            add(collector, type, RANK_KNOWN, strdup(examples[i].name));
    }
}

static void add_modules(struct collector *collector)
{
    const struct hc_runtime *runtime = collector->runtime;
    uint64_t modules;
    for (size_t i = 0; i < runtime->interpreters.count; i++)
        if (hc_dict_find_string(
                runtime, collector->reader,
                word_at(collector, runtime->interpreters.items[i], runtime->layouts.at.interpreter_sysdict),
                "modules", &modules))
            hc_dict_each(runtime, collector->reader, modules, see_module, collector);
}

static int by_type(const void *a, const void *b)
{
    const struct named *left = a, *right = b;
    if (left->type != right->type)
        return left->type < right->type ? -1 : 1;
    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    return strcmp(left->name, right->name);
}

static void keep_best(struct named_vector *named)
{
    size_t kept = 0;
    if (named->count)
        qsort(named->items, named->count, sizeof(*named->items), by_type);
    for (size_t i = 0; i < named->count; i++)
        if (kept && named->items[kept - 1].type == named->items[i].type)
            free(named->items[i].name);
        else
            named->items[kept++] = named->items[i];
    named->count = kept;
}

static bool is_here(const struct hc_module *module)
{
    return module->state == HC_MODULE_FOUND || module->state == HC_MODULE_UNVERIFIED;
}

struct hc_error *hc_type_names_create(const struct hc_runtime *runtime, struct hc_reader *reader,
                                      struct hc_type_names **ret)
{
    size_t count, missing = 0;
    const struct hc_module *modules = hc_image_modules(runtime->image, &count);
    *ret = NULL;
    for (size_t i = 0; i < count; i++)
        missing += !is_here(&modules[i]);
    if (!missing || !hc_is_present(runtime->layouts.at.module_dict))
        return NULL;
    struct hc_type_names *names = calloc(1, sizeof(*names));
    if (!names)
        return hc_error_out_of_memory();
    struct collector collector = {.runtime = runtime, .reader = reader, .named = &names->named};
    add_examples(&collector);
    add_modules(&collector);
    keep_best(&names->named);
    *ret = names;
    return collector.out_of_memory ? hc_error_out_of_memory() : hc_interrupt_check();
}

void hc_type_names_destroy(struct hc_type_names *names)
{
    if (!names)
        return;
    for (size_t i = 0; i < names->named.count; i++)
        free(names->named.items[i].name);
    named_vector_deinit(&names->named);
    free(names);
}

bool hc_type_names_find(const struct hc_type_names *names, const struct hc_image *image, uint64_t type,
                        uint64_t tp_name, char *buffer, size_t size)
{
    const struct hc_module *module = hc_image_find_module(image, tp_name);
    if (!names || !module || is_here(module))
        return false;
    size_t low = 0, high = names->named.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (names->named.items[middle].type < type)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < names->named.count && names->named.items[low].type == type)
        snprintf(buffer, size, "%s", names->named.items[low].name);
    else
        snprintf(buffer, size, "?.type_at_0x%" PRIx64, type);
    return true;
}
