// type and module.
#include "python/keys.h"
#include "python/types/families.h"

static bool is_heap_type(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    return hc_view_word(tracer, object, tracer->at->type_flags) & HC_TYPE_HEAPTYPE;
}

static uint64_t cached_keys(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    return is_heap_type(tracer, object) ? hc_view_word(tracer, object, tracer->at->heap_type_cached_keys) : 0;
}

// The names in the keys that the instances' dicts share belong to the class.
static void hold_shared_names(struct hc_tracer *tracer, uint64_t address)
{
    struct hc_dict_keys keys;
    if (!hc_dict_keys_read(tracer->runtime, &tracer->reader, address, &keys) ||
        !hc_trace_afford(tracer, keys.count))
        return;
    hc_trace_buffer(tracer, address);
    for (uint64_t i = 0; i < keys.count; i++)
        hc_trace_hold(tracer, hc_load_word(&tracer->reader.target,
                                           keys.entries + i * keys.entry_size + keys.key_offset));
}

// In each interpreter, for static types of CPython's own since 3.12; tp_subclasses is an index there.
static bool hold_interpreter_state(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_static_type_vector *all = &tracer->runtime->static_types;
    const struct hc_static_type *entry = hc_runtime_find_static_type(tracer->runtime, object->address);
    if (!entry)
        return false;
    tracer->references.dict = entry->dict;
    for (; entry < all->items + all->count && entry->type == object->address; entry++) {
        hc_trace_hold(tracer, entry->dict);
        hc_trace_hold(tracer, entry->subclasses);
    }
    return true;
}

// type_traverse(), Objects/typeobject.c: the collector asks only heap types; the members that it leaves out
// cannot be part of a cycle, but are owned.
static void type_traverse(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    const uint32_t visits[] = {at->type_dict, at->type_cache, at->type_mro, at->type_bases, at->type_base};
    bool is_heap = is_heap_type(tracer, object);
    for (size_t i = 0; i < sizeof(visits) / sizeof(*visits); i++) {
        uint64_t referent = hc_view_word(tracer, object, visits[i]);
        if (is_heap)
            hc_trace_visit(tracer, referent);
        else
            hc_trace_hold(tracer, referent);
    }
    tracer->references.dict = hc_view_word(tracer, object, at->type_dict);
    if (!is_heap && hold_interpreter_state(tracer, object))
        return;
    hc_trace_hold(tracer, hc_view_word(tracer, object, at->type_subclasses));
    if (!is_heap)
        return;
    if (hc_is_present(at->heap_type_module))
        hc_trace_visit(tracer, hc_view_word(tracer, object, at->heap_type_module));
    hc_trace_hold(tracer, hc_view_word(tracer, object, at->heap_type_name));
    hc_trace_hold(tracer, hc_view_word(tracer, object, at->heap_type_qualname));
    hc_trace_hold(tracer, hc_view_word(tracer, object, at->heap_type_slots));
    uint64_t keys = cached_keys(tracer, object);
    if (keys)
        hold_shared_names(tracer, keys);
}

static void relate_shared_names(struct hc_relater *relater, uint64_t address)
{
    struct hc_tracer *tracer = relater->tracer;
    struct hc_dict_keys keys;
    if (!hc_dict_keys_read(tracer->runtime, &tracer->reader, address, &keys) ||
        !hc_trace_afford(tracer, keys.count))
        return;
    for (uint64_t i = 0; i < keys.count; i++)
        hc_relate_named(
            relater, HC_LINK_INTERNAL,
            hc_load_word(&tracer->reader.target, keys.entries + i * keys.entry_size + keys.key_offset),
            "ht_cached_keys");
}

static void type_relate(struct hc_relater *relater, const struct hc_object_view *object)
{
    struct hc_tracer *tracer = relater->tracer;
    const struct hc_offsets *at = tracer->at;
    hc_relate_member(relater, object, at->type_mro, HC_LINK_ATTRIBUTE, "__mro__");
    hc_relate_member(relater, object, at->type_bases, HC_LINK_ATTRIBUTE, "__bases__");
    hc_relate_member(relater, object, at->type_base, HC_LINK_ATTRIBUTE, "__base__");
    hc_relate_member(relater, object, at->type_cache, HC_LINK_INTERNAL, "tp_cache");
    hc_relate_member(relater, object, at->type_subclasses, HC_LINK_INTERNAL, "tp_subclasses");
    if (is_heap_type(tracer, object)) {
        hc_relate_member(relater, object, at->heap_type_name, HC_LINK_ATTRIBUTE, "__name__");
        hc_relate_member(relater, object, at->heap_type_qualname, HC_LINK_ATTRIBUTE, "__qualname__");
        hc_relate_member(relater, object, at->heap_type_slots, HC_LINK_ATTRIBUTE, "__slots__");
        hc_relate_member(relater, object, at->heap_type_module, HC_LINK_INTERNAL, "ht_module");
        relate_shared_names(relater, cached_keys(tracer, object));
        return;
    }
    const struct hc_static_type_vector *all = &tracer->runtime->static_types;
    const struct hc_static_type *entry = hc_runtime_find_static_type(tracer->runtime, object->address);
    for (; entry && entry < all->items + all->count && entry->type == object->address; entry++) {
        if (entry->dict != tracer->references.dict)
            hc_relate_named(relater, HC_LINK_ATTRIBUTE, entry->dict, "__dict__");
        hc_relate_named(relater, HC_LINK_INTERNAL, entry->subclasses, "tp_subclasses");
    }
}

// type___sizeof___impl(), Objects/typeobject.c.
static uint64_t type_size(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    if (!is_heap_type(tracer, object))
        return tracer->at->sizeof_type;
    struct hc_dict_keys keys;
    uint64_t address = cached_keys(tracer, object);
    bool has_keys = address && hc_dict_keys_read(tracer->runtime, &tracer->reader, address, &keys);
    tracer->size_is_exact &= has_keys || !address;
    return tracer->at->sizeof_heap_type + (has_keys ? keys.size : 0);
}

// The function that traverses a module's state, and the size of that: in its definition up to 3.14.
static bool find_module_state(struct hc_tracer *tracer, const struct hc_object_view *object,
                              uint64_t *ret_traverse, uint64_t *ret_size)
{
    const struct hc_offsets *at = tracer->at;
    if (hc_is_present(at->module_state_traverse) && hc_is_present(at->module_state_size)) {
        *ret_traverse = hc_view_word(tracer, object, at->module_state_traverse);
        *ret_size = hc_view_word(tracer, object, at->module_state_size);
        return true;
    }
    uint64_t def = hc_is_present(at->module_def) ? hc_view_word(tracer, object, at->module_def) : 0;
    return def && hc_reader_word(&tracer->reader, def + at->module_def_traverse, ret_traverse) &&
           hc_reader_word(&tracer->reader, def + at->module_def_size, ret_size);
}

// module_traverse(), Objects/moduleobject.c, calls the module's own m_traverse.
static bool module_has_own_code(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    uint64_t traverse, size;
    return find_module_state(tracer, object, &traverse, &size) && traverse;
}

static void module_traverse(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    hc_trace_buffer(tracer, hc_view_word(tracer, object, tracer->at->module_state));
}

// Its state, as pointer words.
static void module_guess(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    const struct hc_target *target = &tracer->reader.target;
    uint64_t state = hc_view_word(tracer, object, at->module_state);
    uint64_t traverse, size;
    if (!state || !find_module_state(tracer, object, &traverse, &size) || !traverse ||
        !hc_trace_afford(tracer, size / target->word_size))
        return;
    struct hc_object_view referent;
    for (uint64_t offset = 0; offset + target->word_size <= size && size < 1 << 20;
         offset += target->word_size) {
        uint64_t address;
        if (hc_reader_word(&tracer->reader, state + offset, &address) && address &&
            hc_tracer_view(tracer, address, &referent))
            hc_trace_visit(tracer, address);
    }
}

// What its state holds is often in its dict, too.
static void module_relate(struct hc_relater *relater, const struct hc_object_view *object)
{
    if (hc_view_word(relater->tracer, object, relater->tracer->at->module_state))
        hc_relate_attributes(relater);
}

const struct hc_type_row hc_class_types[] = {
    {.names = "type", .traverse = type_traverse, .relate = type_relate, .size = type_size},
    {.names = "module",
     .structure = "PyModuleObject",
     .unit = "Objects/moduleobject.c",
     .visits = "md_dict=__dict__",
     .holds = "md_name=__name__",
     .traverse = module_traverse,
     .own_code = module_has_own_code,
     .guess = module_guess,
     .relate = module_relate},
    {.names = "moduledef",
     .structure = "PyModuleDef",
     .unit = "Objects/moduleobject.c",
     .holds = "m_base.m_copy"},
    {0},
};
