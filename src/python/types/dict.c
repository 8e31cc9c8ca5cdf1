// dict, frozendict, their views and iterators, mappingproxy, SimpleNamespace.
#include "python/bounds.h"
#include "python/keys.h"
#include "python/types/families.h"

static uint64_t values_of(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    return hc_view_word(tracer, object, tracer->at->dict_values);
}

// 3.13: the values stand in the instance (PyObject_VisitManagedDict(), dict_traverse()).
bool hc_dict_values_are_embedded(struct hc_tracer *tracer, uint64_t values)
{
    uint32_t embedded = tracer->at->values_embedded;
    const uint8_t *byte =
        hc_is_present(embedded) ? hc_reader_view(&tracer->reader, values + embedded, 1) : NULL;
    return byte && *byte;
}

// `used`: how many entries there should be.
static void trace_entries(struct hc_tracer *tracer, const struct hc_dict_keys *keys, uint64_t used)
{
    const struct hc_target *target = &tracer->reader.target;
    const uint8_t *entry = keys->entries;
    for (uint64_t i = 0; i < keys->count; i++, entry += keys->entry_size) {
        uint64_t key = hc_load_word(target, entry + keys->key_offset);
        uint64_t value = hc_load_word(target, entry + keys->value_offset);
        used -= value != 0;
        if (keys->is_unicode) {
            hc_trace_hold(tracer, key);
            hc_trace_visit(tracer, value);
        } else if (value) {
            hc_trace_visit(tracer, value);
            hc_trace_visit(tracer, key);
        }
    }
    tracer->is_contradictory |= used != 0;
}

static void trace_split(struct hc_tracer *tracer, const struct hc_dict_keys *keys, uint64_t values)
{
    const struct hc_target *target = &tracer->reader.target;
    for (uint64_t i = 0; i < keys->count; i++)
        hc_trace_hold(tracer, hc_load_word(target, keys->entries + i * keys->entry_size + keys->key_offset));
    uint64_t items = values + (hc_is_present(tracer->at->values_items) ? tracer->at->values_items : 0);
    bool is_embedded = hc_dict_values_are_embedded(tracer, values);
    if (!is_embedded)
        hc_trace_buffer(tracer, items);
    if (!is_embedded || tracer->runtime->dict_visits_inline_values) {
        hc_trace_visit_array(tracer, items, keys->count);
        return;
    }
    for (uint64_t i = 0; i < keys->count; i++) {
        uint64_t value;
        if (hc_reader_word(&tracer->reader, items + i * target->word_size, &value))
            hc_trace_hold(tracer, value);
    }
}

void hc_dict_traverse(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    struct hc_dict_keys keys;
    uint64_t keys_address = hc_view_word(tracer, object, tracer->at->dict_keys);
    hc_trace_buffer(tracer, keys_address);
    if (!hc_dict_keys_read(tracer->runtime, &tracer->reader, keys_address, &keys)) {
        tracer->unreadable++;
        return;
    }
    tracer->is_contradictory |= keys.is_contradictory;
    uint64_t end = keys.start + keys.count * keys.entry_size;
    uint64_t room = hc_count_bound(tracer, keys_address, end, 1);
    if (room < end)
        keys.count = room > keys.start ? (room - keys.start) / keys.entry_size : 0;
    if (!hc_trace_afford(tracer, keys.count))
        return;
    uint64_t values = values_of(tracer, object);
    if (values)
        trace_split(tracer, &keys, values);
    else
        trace_entries(tracer, &keys, hc_view_word(tracer, object, tracer->at->dict_used));
}

// The order in which the values of a split dict were put: numbers of values, one byte each, from `first` on
// in steps of `step`. Up to 3.10 it was the order of the keys.
struct order {
    const uint8_t *first;
    int step;
    uint64_t count;
};

static bool find_order(struct hc_tracer *tracer, uint64_t values, struct order *ret)
{
    const struct hc_offsets *at = tracer->at;
    if (hc_is_present(at->values_size) && hc_is_present(at->values_capacity)) {
        // 3.13: behind the values, get_insertion_order_array(), Objects/dictobject.c
        uint64_t available, word = tracer->reader.target.word_size;
        const uint8_t *bytes = hc_reader_span(&tracer->reader, values, &available);
        if (!bytes || available < at->values_items)
            return false;
        uint64_t start = at->values_items + bytes[at->values_capacity] * word;
        *ret = (struct order){bytes + start, 1, bytes[at->values_size]};
        return start + ret->count <= available;
    }
    enum { PREFIX_SIZE = -1, COUNT = -2, FIRST = -3 };
    const uint8_t *size = hc_reader_view(&tracer->reader, values + PREFIX_SIZE, 1);
    const uint8_t *prefix = size ? hc_reader_view(&tracer->reader, values - *size, *size) : NULL;
    if (!prefix || *size < 2 || prefix[*size + COUNT] > *size - 2)
        return false;
    *ret = (struct order){prefix + *size + FIRST, -1, prefix[*size + COUNT]};
    return true;
}

static void relate_split(struct hc_relater *relater, const struct hc_dict_keys *keys, uint64_t values,
                         enum hc_link_kind key_kind, enum hc_link_kind value_kind)
{
    struct hc_tracer *tracer = relater->tracer;
    const struct hc_target *target = &tracer->reader.target;
    bool is_ordered = hc_is_present(tracer->at->values_items);
    struct order order = {.count = keys->count};
    if (is_ordered && !find_order(tracer, values, &order))
        return;
    uint64_t number = 0, items = values + (is_ordered ? tracer->at->values_items : 0);
    for (uint64_t i = 0; i < order.count; i++) {
        uint64_t value, index = is_ordered ? order.first[(int64_t)i * order.step] : i;
        if (index >= keys->count ||
            !hc_reader_word(&tracer->reader, items + index * target->word_size, &value) || !value)
            continue;
        uint64_t key = hc_load_word(target, keys->entries + index * keys->entry_size + keys->key_offset);
        hc_relate_keyed(relater, value_kind, value, key);
        hc_relate_numbered(relater, key_kind, key, number++);
    }
}

// Keys that the dict shares with others, and has no value for.
static void relate_spare_keys(struct hc_relater *relater, const struct hc_dict_keys *keys, uint64_t values)
{
    struct hc_tracer *tracer = relater->tracer;
    const struct hc_target *target = &tracer->reader.target;
    uint64_t items = values + (hc_is_present(tracer->at->values_items) ? tracer->at->values_items : 0);
    for (uint64_t i = 0; i < keys->count; i++) {
        uint64_t value;
        if (hc_reader_word(&tracer->reader, items + i * target->word_size, &value) && !value)
            hc_relate_named(relater, HC_LINK_INTERNAL,
                            hc_load_word(target, keys->entries + i * keys->entry_size + keys->key_offset),
                            "ma_keys");
    }
}

static bool read_keys(struct hc_tracer *tracer, uint64_t dict, struct hc_dict_keys *ret, uint64_t *ret_values)
{
    uint64_t keys;
    return hc_reader_word(&tracer->reader, dict + tracer->at->dict_keys, &keys) &&
           hc_reader_word(&tracer->reader, dict + tracer->at->dict_values, ret_values) &&
           hc_dict_keys_read(tracer->runtime, &tracer->reader, keys, ret) &&
           hc_trace_afford(tracer, ret->count);
}

void hc_relate_mapping(struct hc_relater *relater, uint64_t dict, enum hc_link_kind key_kind,
                       enum hc_link_kind value_kind)
{
    const struct hc_target *target = &relater->tracer->reader.target;
    struct hc_dict_keys keys;
    uint64_t values, number = 0;
    if (!read_keys(relater->tracer, dict, &keys, &values))
        return;
    if (values) {
        relate_split(relater, &keys, values, key_kind, value_kind);
        return;
    }
    const uint8_t *entry = keys.entries;
    for (uint64_t i = 0; i < keys.count; i++, entry += keys.entry_size) {
        uint64_t key = hc_load_word(target, entry + keys.key_offset);
        uint64_t value = hc_load_word(target, entry + keys.value_offset);
        if (!key || !value)
            continue;
        hc_relate_keyed(relater, value_kind, value, key);
        hc_relate_numbered(relater, key_kind, key, number++);
    }
}

void hc_dict_relate(struct hc_relater *relater, const struct hc_object_view *object)
{
    struct hc_dict_keys keys;
    uint64_t values;
    hc_relate_mapping(relater, object->address, HC_LINK_KEY, HC_LINK_VALUE);
    if (read_keys(relater->tracer, object->address, &keys, &values) && values)
        relate_spare_keys(relater, &keys, values);
}

// _PyDict_SizeOf(), Objects/dictobject.c: split keys are the class's.
uint64_t hc_dict_size(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    struct hc_dict_keys keys;
    uint64_t size = object->type->basicsize;
    if (!hc_dict_keys_read(tracer->runtime, &tracer->reader,
                           hc_view_word(tracer, object, tracer->at->dict_keys), &keys)) {
        tracer->size_is_exact = false;
        return size;
    }
    unsigned word = tracer->reader.target.word_size;
    if (values_of(tracer, object)) {
        bool has_shared_size = hc_is_present(tracer->at->keys_log2_size);
        size += (has_shared_size ? keys.count + keys.usable : (keys.index_size << 1) / 3) * word;
    }
    return keys.refcnt == 1 ? size + keys.size : size;
}

const struct hc_type_row hc_dict_types[] = {
    {.names = "dict",
     .traverse = hc_dict_traverse,
     .relate = hc_dict_relate,
     .size = hc_dict_size,
     .fits_blocks = true,
     .has_shared_values = true},
    {.names = "frozendict",
     .traverse = hc_dict_traverse,
     .relate = hc_dict_relate,
     .size = hc_dict_size,
     .fits_blocks = true,
     .has_shared_values = true},
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
     .visits = "ns_dict=__dict__"},
    {0},
};
