// dict, its views and iterators, mappingproxy, SimpleNamespace.
#include "python/keys.h"
#include "python/types/families.h"

static uint64_t values_of(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    return hc_view_word(tracer, object, tracer->at->dict_values);
}

// 3.13: the values stand in the instance, which visits them (PyObject_VisitManagedDict(), dict_traverse()).
static bool values_are_embedded(struct hc_tracer *tracer, uint64_t values)
{
    uint32_t embedded = tracer->at->values_embedded;
    const uint8_t *byte =
        hc_is_present(embedded) ? hc_reader_view(&tracer->reader, values + embedded, 1) : NULL;
    return byte && *byte;
}

static void trace_entries(struct hc_tracer *tracer, const struct hc_dict_keys *keys)
{
    const struct hc_target *target = &tracer->reader.target;
    const uint8_t *entry = keys->entries;
    for (uint64_t i = 0; i < keys->count; i++, entry += keys->entry_size) {
        uint64_t key = hc_load_word(target, entry + keys->key_offset);
        uint64_t value = hc_load_word(target, entry + keys->value_offset);
        if (keys->is_unicode) {
            hc_trace_hold(tracer, key);
            hc_trace_visit(tracer, value);
        } else if (value) {
            hc_trace_visit(tracer, value);
            hc_trace_visit(tracer, key);
        }
    }
}

static void trace_split(struct hc_tracer *tracer, const struct hc_dict_keys *keys, uint64_t values)
{
    const struct hc_target *target = &tracer->reader.target;
    for (uint64_t i = 0; i < keys->count; i++)
        hc_trace_hold(tracer, hc_load_word(target, keys->entries + i * keys->entry_size + keys->key_offset));
    uint64_t items = values + (hc_is_present(tracer->at->values_items) ? tracer->at->values_items : 0);
    if (!values_are_embedded(tracer, values)) {
        hc_trace_buffer(tracer, items);
        hc_trace_visit_array(tracer, items, keys->count);
        return;
    }
    for (uint64_t i = 0; i < keys->count; i++) {
        uint64_t value;
        if (hc_reader_word(&tracer->reader, items + i * target->word_size, &value))
            hc_trace_hold(tracer, value);
    }
}

static void dict_traverse(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    struct hc_dict_keys keys;
    uint64_t keys_address = hc_view_word(tracer, object, tracer->at->dict_keys);
    hc_trace_buffer(tracer, keys_address);
    if (!hc_dict_keys_read(tracer->runtime, &tracer->reader, keys_address, &keys)) {
        tracer->unreadable++;
        return;
    }
    if (!hc_trace_afford(tracer, keys.count))
        return;
    uint64_t values = values_of(tracer, object);
    if (values)
        trace_split(tracer, &keys, values);
    else
        trace_entries(tracer, &keys);
}

// _PyDict_SizeOf(), Objects/dictobject.c: split keys are the class's.
static uint64_t dict_size(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    struct hc_dict_keys keys;
    uint64_t size = object->type->basicsize;
    if (!hc_dict_keys_read(tracer->runtime, &tracer->reader,
                           hc_view_word(tracer, object, tracer->at->dict_keys), &keys))
        return size;
    unsigned word = tracer->reader.target.word_size;
    if (values_of(tracer, object)) {
        bool has_shared_size = hc_is_present(tracer->at->keys_log2_size);
        size += (has_shared_size ? keys.count + keys.usable : (keys.index_size << 1) / 3) * word;
    }
    return keys.refcnt == 1 ? size + keys.size : size;
}

const struct hc_type_row hc_dict_types[] = {
    {.names = "dict", .traverse = dict_traverse, .size = dict_size},
    {.names = "dict_keys|dict_values|dict_items",
     .structure = "_PyDictViewObject",
     .unit = "Objects/dictobject.c",
     .visits = "dv_dict"},
    {.names = "dict_keyiterator|dict_valueiterator|dict_itemiterator|dict_reversekeyiterator|"
              "dict_reversevalueiterator|dict_reverseitemiterator",
     .structure = "dictiterobject",
     .unit = "Objects/dictobject.c",
     .visits = "di_dict di_result"},
    {.names = "mappingproxy",
     .structure = "mappingproxyobject",
     .unit = "Objects/descrobject.c",
     .visits = "mapping"},
    {.names = "types.SimpleNamespace",
     .structure = "_PyNamespaceObject",
     .unit = "Objects/namespaceobject.c",
     .visits = "ns_dict"},
    {0},
};
