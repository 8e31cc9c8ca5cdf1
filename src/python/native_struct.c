#include "python/native_struct.h"

#include "base/address_map.h"
#include "base/cleanup.h"

#include <string.h>

enum {
    MOST_FUNCTIONS = 256, // of one type
    MOST_DEFINITIONS = 1024,
};

struct module_info {
    bool is_tried;
    struct hc_debug_info *debug_info; // NULL: none
};

struct found {
    bool is_tried;
    struct hc_native_struct *native; // NULL: none of its own
};

HC_DEFINE_VECTOR(native_struct_vector, struct hc_native_struct *)

struct hc_native_structs {
    const struct hc_runtime *runtime;
    pthread_mutex_t lock; // libdw reads one module for one thread at a time
    struct module_info *modules;
    size_t module_count;
    struct found *found; // by index of the type
    size_t found_count;
    struct hc_address_map states; // of modules: definition → index
    struct native_struct_vector found_states;
};

static void native_struct_destroy(struct hc_native_struct *native)
{
    if (native)
        hc_struct_deinit(&native->structure);
    free(native);
}

HC_DEFINE_POINTER_CLEANUP(native_struct_destroy, struct hc_native_struct)

struct hc_native_structs *hc_native_structs_create(const struct hc_runtime *runtime)
{
    struct hc_native_structs *structs = calloc(1, sizeof(*structs));
    if (!structs)
        return NULL;
    structs->runtime = runtime;
    hc_image_modules(runtime->image, &structs->module_count);
    structs->modules = calloc(structs->module_count + 1, sizeof(*structs->modules));
    if (!structs->modules) {
        free(structs);
        return NULL;
    }
    pthread_mutex_init(&structs->lock, NULL);
    return structs;
}

void hc_native_structs_destroy(struct hc_native_structs *structs)
{
    if (!structs)
        return;
    for (size_t i = 0; i < structs->module_count; i++)
        hc_debug_info_destroy(structs->modules[i].debug_info);
    for (size_t i = 0; i < structs->found_count; i++)
        native_struct_destroy(structs->found[i].native);
    for (size_t i = 0; i < structs->found_states.count; i++)
        native_struct_destroy(structs->found_states.items[i]);
    native_struct_vector_deinit(&structs->found_states);
    hc_address_map_deinit(&structs->states);
    free(structs->modules);
    free(structs->found);
    pthread_mutex_destroy(&structs->lock);
    free(structs);
}

// NULL if the module has none: most have not, and that is no trouble.
static struct hc_debug_info *debug_info_of(struct hc_native_structs *structs, const struct hc_module *module)
{
    const struct hc_runtime *runtime = structs->runtime;
    size_t count;
    struct module_info *info = &structs->modules[module - hc_image_modules(runtime->image, &count)];
    if (module == runtime->module)
        return runtime->debug_info;
    if (!info->is_tried && (module->state == HC_MODULE_FOUND || module->state == HC_MODULE_UNVERIFIED))
        hc_error_destroy(hc_debug_info_open(module, &runtime->debug_options, &info->debug_info));
    info->is_tried = true;
    return info->debug_info;
}

// The functions of one type: those of one module only.
struct functions {
    const struct hc_runtime *runtime;
    struct hc_reader reader;
    const struct hc_module *module;
    uint64_t addresses[MOST_FUNCTIONS];
    size_t count;
};

// What a type inherits from the interpreter's says nothing of a type that has functions of another module.
static void add_function(struct functions *functions, uint64_t address)
{
    const struct hc_module *interpreter = functions->runtime->module;
    const struct hc_module *module =
        address ? hc_image_find_module(functions->runtime->image, address) : NULL;
    if (!module || functions->count == MOST_FUNCTIONS)
        return;
    if (module != functions->module) {
        if (functions->module && functions->module != interpreter)
            return;
        functions->module = module;
        functions->count = 0;
    }
    functions->addresses[functions->count++] = address;
}

// Of an array of definitions that is ended by one without name.
static void add_defined(struct functions *functions, uint64_t definition, uint32_t name, uint32_t function,
                        uint32_t size)
{
    struct hc_reader *reader = &functions->reader;
    if (!hc_is_present(name) || !hc_is_present(function) || !hc_is_present(size))
        return;
    for (unsigned i = 0; definition && i < MOST_DEFINITIONS; i++, definition += size) {
        const uint8_t *bytes = hc_reader_view(reader, definition, size);
        if (!bytes || !hc_load_word(&reader->target, bytes + name))
            return;
        add_function(functions, hc_load_word(&reader->target, bytes + function));
    }
}

static void collect_functions(struct functions *functions, const struct hc_type *type)
{
    const struct hc_offsets *at = &functions->runtime->layouts.at;
    struct hc_reader *reader = &functions->reader;
    unsigned word = reader->target.word_size;
    const uint8_t *bytes = hc_reader_view(reader, type->address, at->sizeof_type);
    if (!bytes)
        return;
    // Whatever slots this version has: what is no function is found to be none.
    for (uint32_t offset = at->type_itemsize + word; offset + word <= at->sizeof_type; offset += word)
        if (offset != at->type_base && offset != at->type_dict)
            add_function(functions, hc_load_word(&reader->target, bytes + offset));
    if (hc_is_present(at->type_getset))
        add_defined(functions, hc_load_word(&reader->target, bytes + at->type_getset), at->getset_name,
                    at->getset_get, at->sizeof_getset);
    if (hc_is_present(at->type_methods))
        add_defined(functions, hc_load_word(&reader->target, bytes + at->type_methods), at->definition_name,
                    at->definition_function, at->sizeof_definition);
}

const struct hc_module *hc_native_module(const struct hc_runtime *runtime, const struct hc_type *type)
{
    struct functions functions = {.runtime = runtime};
    hc_reader_init(&functions.reader, runtime->image);
    collect_functions(&functions, type);
    return functions.module;
}

// *ret = NULL if there is none.
static struct hc_error *find_struct(struct hc_native_structs *structs, const struct functions *functions,
                                    const struct hc_struct_request *wanted, struct hc_native_struct **ret)
{
    struct hc_debug_info *info = functions->module ? debug_info_of(structs, functions->module) : NULL;
    struct hc_struct_request request = *wanted;
    if (!info)
        return NULL;
    request.functions = functions->addresses;
    request.function_count = functions->count;
    request.head = "ob_type";
    request.word_size = functions->reader.target.word_size;
    _cleanup_(native_struct_destroyp) struct hc_native_struct *native = calloc(1, sizeof(*native));
    if (!native)
        return hc_error_out_of_memory();
    HC_TRY(hc_debug_info_find_struct(info, &request, &native->structure));
    native->module = functions->module;
    if (native->structure.name)
        *ret = hc_take(native);
    return NULL;
}

// PEP 697, since 3.12: a type may have just a struct of its own, behind that of a base whose size it need not
// know (PyObject_GetTypeData(), Objects/typeobject.c).
static struct hc_error *find_type_data(struct hc_native_structs *structs, const struct functions *functions,
                                       const struct hc_type *type, struct hc_native_struct **ret)
{
    enum { MAX_ALIGNMENT = 16 };
    if (!hc_runtime_since(structs->runtime, 3, 12) || !hc_type_is_heap(type) || !type->base)
        return NULL;
    uint64_t start = (type->base->basicsize + MAX_ALIGNMENT - 1) & ~(uint64_t)(MAX_ALIGNMENT - 1);
    if (start + functions->reader.target.word_size > type->basicsize)
        return NULL;
    const struct hc_struct_request request = {.size = type->basicsize - start, .is_headless = true};
    HC_TRY(find_struct(structs, functions, &request, ret));
    for (size_t i = 0; *ret && i < (*ret)->structure.members.count; i++) {
        struct hc_struct_member *member = &(*ret)->structure.members.items[i];
        *(member->block == HC_NO_BLOCK ? &member->offset : &member->block) += start;
    }
    return NULL;
}

static struct hc_error *find_own(struct hc_native_structs *structs, const struct hc_type *type,
                                 struct hc_native_struct **ret)
{
    struct functions functions = {.runtime = structs->runtime};
    hc_reader_init(&functions.reader, structs->runtime->image);
    collect_functions(&functions, type);
    const struct hc_struct_request request = {.size = type->basicsize, .item_size = type->itemsize};
    HC_TRY(find_struct(structs, &functions, &request, ret));
    if (!*ret)
        HC_TRY(find_type_data(structs, &functions, type, ret));
    if (*ret)
        (*ret)->type = type;
    return NULL;
}

static struct hc_error *find_cached(struct hc_native_structs *structs, const struct hc_type *type,
                                    const struct hc_native_struct **ret)
{
    if (type->index >= structs->found_count) {
        size_t grown = (size_t)type->index * 2 + 64;
        struct found *found = realloc(structs->found, grown * sizeof(*found));
        if (!found)
            return hc_error_out_of_memory();
        memset(found + structs->found_count, 0, (grown - structs->found_count) * sizeof(*found));
        structs->found = found;
        structs->found_count = grown;
    }
    struct found *found = &structs->found[type->index];
    if (!found->is_tried)
        HC_TRY(find_own(structs, type, &found->native));
    found->is_tried = true;
    *ret = found->native;
    return NULL;
}

bool hc_native_is_decoded(const struct hc_type *type)
{
    return (type->how == HC_HOW_DECODER || type->how == HC_HOW_WORDS) && type->words_from >= type->words_to;
}

struct hc_error *hc_native_struct_find(struct hc_type_table *types, const struct hc_type *type,
                                       const struct hc_native_struct **ret)
{
    struct hc_native_structs *structs = types->native_structs;
    struct hc_error *error = NULL;
    *ret = NULL;
    pthread_mutex_lock(&structs->lock);
    for (type = type->native; type && !*ret && !error && !hc_native_is_decoded(type); type = type->base)
        error = find_cached(structs, type, ret);
    pthread_mutex_unlock(&structs->lock);
    return error;
}

static struct hc_error *find_own_state(struct hc_native_structs *structs, uint64_t definition,
                                       struct hc_native_struct **ret)
{
    const struct hc_offsets *at = &structs->runtime->layouts.at;
    struct functions functions = {.runtime = structs->runtime};
    struct hc_struct_request request = {.is_headless = true};
    hc_reader_init(&functions.reader, structs->runtime->image);
    const uint32_t places[] = {at->module_def_traverse, at->module_def_clear, at->module_def_free};
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        uint64_t address;
        if (hc_is_present(places[i]) && hc_reader_word(&functions.reader, definition + places[i], &address))
            add_function(&functions, address);
    }
    if (!hc_reader_word(&functions.reader, definition + at->module_def_size, &request.size))
        return NULL;
    return find_struct(structs, &functions, &request, ret);
}

static struct hc_error *find_cached_state(struct hc_native_structs *structs, uint64_t definition,
                                          const struct hc_native_struct **ret)
{
    bool is_new;
    _cleanup_(native_struct_destroyp) struct hc_native_struct *native = NULL;
    struct hc_address_slot *slot =
        hc_address_map_insert(&structs->states, definition, (uint32_t)structs->found_states.count, &is_new);
    if (!slot)
        return hc_error_out_of_memory();
    uint32_t number = slot->value;
    if (number < structs->found_states.count) {
        *ret = structs->found_states.items[number];
        return NULL;
    }
    HC_TRY(find_own_state(structs, definition, &native));
    if (!native_struct_vector_push(&structs->found_states, native))
        return hc_error_out_of_memory();
    *ret = hc_take(native);
    return NULL;
}

struct hc_error *hc_native_struct_find_state(struct hc_type_table *types, uint64_t definition,
                                             const struct hc_native_struct **ret)
{
    struct hc_native_structs *structs = types->native_structs;
    *ret = NULL;
    pthread_mutex_lock(&structs->lock);
    struct hc_error *error = find_cached_state(structs, definition, ret);
    pthread_mutex_unlock(&structs->lock);
    return error;
}
