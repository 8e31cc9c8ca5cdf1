// tuple, list, set, frozenset, dict, range, slice.
#include "python/value_write.h"

#include "python/keys.h"

#include <string.h>

// False if the object is being written already: a cycle, or too deep.
static bool enter(struct hc_value_writer *writer, const struct hc_object_view *object, const char *cycle)
{
    for (unsigned i = 0; i < writer->depth; i++) {
        if (writer->containers[i] == object->address) {
            hc_value_put(writer, cycle);
            return false;
        }
    }
    if (writer->depth == HC_VALUE_DEPTH) {
        hc_value_put(writer, "…");
        return false;
    }
    writer->containers[writer->depth++] = object->address;
    return true;
}

// May another slot be looked at, or does the text end here? Then it says so.
static bool proceed(struct hc_value_writer *writer, bool is_first)
{
    if (writer->steps && !hc_value_is_full(writer)) {
        writer->steps--;
        return true;
    }
    hc_value_put(writer, is_first ? "…" : ", …");
    return false;
}

static void write_item(struct hc_value_writer *writer, uint64_t address, bool is_first)
{
    hc_value_put(writer, is_first ? "" : ", ");
    hc_value_write(writer, address);
}

static void write_sequence(struct hc_value_writer *writer, uint64_t items, int64_t count)
{
    unsigned word = writer->tracer->reader.target.word_size;
    for (int64_t i = 0; i < count && proceed(writer, !i); i++) {
        uint64_t item;
        if (!hc_reader_word(&writer->tracer->reader, items + (uint64_t)i * word, &item)) {
            hc_value_put(writer, i ? ", …" : "…");
            return;
        }
        write_item(writer, item, !i);
    }
}

static void write_list(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = writer->tracer->at;
    if (!enter(writer, object, "[...]"))
        return;
    hc_value_put(writer, "[");
    write_sequence(writer, hc_view_word(writer->tracer, object, at->list_items),
                   hc_view_signed(writer->tracer, object, at->var_size));
    hc_value_put(writer, "]");
    writer->depth--;
}

static void write_tuple(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = writer->tracer->at;
    int64_t count = hc_view_signed(writer->tracer, object, at->var_size);
    if (!enter(writer, object, "(...)"))
        return;
    hc_value_put(writer, "(");
    write_sequence(writer, object->address + at->tuple_items, count);
    hc_value_put(writer, count == 1 ? ",)" : ")");
    writer->depth--;
}

static void write_members(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = writer->tracer->at;
    struct hc_tracer *tracer = writer->tracer;
    const struct hc_target *target = &tracer->reader.target;
    uint64_t slots = hc_view_word(tracer, object, at->set_mask) + 1, available;
    const uint8_t *entry =
        hc_reader_span(&tracer->reader, hc_view_word(tracer, object, at->set_table), &available);
    bool is_first = true;
    for (uint64_t left = entry ? available / at->sizeof_set_entry : 0; left && slots; left--, slots--) {
        uint64_t key = hc_load_word(target, entry + at->set_entry_key);
        bool is_live = key && hc_load_signed_word(target, entry + at->set_entry_hash) != -1;
        entry += at->sizeof_set_entry;
        if (!proceed(writer, is_first))
            return;
        if (!is_live)
            continue;
        write_item(writer, key, is_first);
        is_first = false;
    }
}

static void write_set(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    bool is_frozen = !strcmp(object->type->name, "frozenset");
    if (!enter(writer, object, is_frozen ? "frozenset(...)" : "set(...)"))
        return;
    hc_value_put(writer, is_frozen ? "frozenset({" : "{");
    size_t before = writer->text.count;
    write_members(writer, object);
    if (writer->text.count == before && !writer->out_of_memory) {
        writer->text.count -= is_frozen ? 2 : 1;
        hc_value_put(writer, is_frozen ? "()" : "set()");
    } else {
        hc_value_put(writer, is_frozen ? "})" : "}");
    }
    writer->depth--;
}

// The values of a split dict, in the order in which they were put there.
struct split_values {
    uint64_t items;
    const uint8_t *order; // NULL: that of the keys
    int step;             // from one byte of the order to the next
    uint64_t count;
};

// Since 3.11 (bpo-45340) values keep their own order: bytes that stand in front of them, downwards, behind
// their number (Include/internal/pycore_dict.h); since 3.13 behind them, upwards.
static bool find_values(struct hc_tracer *tracer, uint64_t values, const struct hc_dict_keys *keys,
                        struct split_values *ret)
{
    const struct hc_offsets *at = tracer->at;
    struct hc_reader *reader = &tracer->reader;
    unsigned word = reader->target.word_size;
    *ret = (struct split_values){.items = values, .count = keys->count};
    if (hc_is_present(at->values_items))
        ret->items += at->values_items;
    if (!hc_runtime_since(tracer->runtime, 3, 11))
        return true;
    if (hc_is_present(at->values_capacity) && hc_is_present(at->values_size)) {
        const uint8_t *capacity = hc_reader_view(reader, values + at->values_capacity, 1);
        const uint8_t *size = hc_reader_view(reader, values + at->values_size, 1);
        if (!capacity || !size)
            return false;
        ret->count = *size;
        ret->step = 1;
        ret->order = hc_reader_view(reader, ret->items + (uint64_t)*capacity * word, *size + 1ull);
        return ret->order != NULL;
    }
    const uint8_t *size = hc_reader_view(reader, values - 2, 1);
    if (!size || !hc_reader_view(reader, values - 2 - *size, *size + 1ull))
        return false;
    ret->count = *size;
    ret->step = -1;
    ret->order = size - 1;
    return true;
}

static bool write_entry(struct hc_value_writer *writer, uint64_t key, uint64_t value, bool is_first)
{
    if (!key || !value)
        return is_first;
    write_item(writer, key, is_first);
    hc_value_put(writer, ": ");
    hc_value_write(writer, value);
    return false;
}

void hc_value_write_split(struct hc_value_writer *writer, const struct hc_dict_keys *keys, uint64_t address)
{
    struct hc_reader *reader = &writer->tracer->reader;
    struct split_values values;
    bool is_first = true;
    if (!find_values(writer->tracer, address, keys, &values)) {
        hc_value_put(writer, "…");
        return;
    }
    for (uint64_t i = 0; i < values.count && proceed(writer, is_first); i++) {
        uint64_t index = values.order ? values.order[(int64_t)i * values.step] : i, value;
        if (index >= keys->count ||
            !hc_reader_word(reader, values.items + index * reader->target.word_size, &value))
            continue;
        uint64_t key =
            hc_load_word(&reader->target, keys->entries + index * keys->entry_size + keys->key_offset);
        is_first = write_entry(writer, key, value, is_first);
    }
}

static void write_entries(struct hc_value_writer *writer, const struct hc_dict_keys *keys)
{
    const struct hc_target *target = &writer->tracer->reader.target;
    const uint8_t *entry = keys->entries;
    bool is_first = true;
    for (uint64_t i = 0; i < keys->count && proceed(writer, is_first); i++, entry += keys->entry_size)
        is_first = write_entry(writer, hc_load_word(target, entry + keys->key_offset),
                               hc_load_word(target, entry + keys->value_offset), is_first);
}

static void write_dict(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    struct hc_tracer *tracer = writer->tracer;
    struct hc_dict_keys keys;
    uint64_t values = hc_view_word(tracer, object, tracer->at->dict_values);
    if (!enter(writer, object, "{...}"))
        return;
    hc_value_put(writer, "{");
    if (!hc_dict_keys_read(tracer->runtime, &tracer->reader,
                           hc_view_word(tracer, object, tracer->at->dict_keys), &keys))
        hc_value_put(writer, "…");
    else if (values)
        hc_value_write_split(writer, &keys, values);
    else
        write_entries(writer, &keys);
    hc_value_put(writer, "}");
    writer->depth--;
}

// Since 3.15.
static void write_frozendict(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    hc_value_put(writer, "frozendict(");
    if (hc_view_word(writer->tracer, object, writer->tracer->at->dict_used))
        write_dict(writer, object);
    hc_value_put(writer, ")");
}

// One of three ends, which are objects.
static void write_part(struct hc_value_writer *writer, const struct hc_object_view *object, uint32_t offset,
                       const char *after)
{
    uint64_t part = hc_is_present(offset) ? hc_view_word(writer->tracer, object, offset) : 0;
    hc_value_write(writer, part);
    hc_value_put(writer, after);
}

static void write_range(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = writer->tracer->at;
    int64_t step;
    bool is_plain =
        hc_is_present(at->range_step) &&
        hc_value_integer(writer->tracer, hc_view_word(writer->tracer, object, at->range_step), &step) &&
        step == 1;
    hc_value_put(writer, "range(");
    write_part(writer, object, at->range_start, ", ");
    write_part(writer, object, at->range_stop, is_plain ? ")" : ", ");
    if (!is_plain)
        write_part(writer, object, at->range_step, ")");
}

static void write_slice(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = writer->tracer->at;
    if (!enter(writer, object, "slice(...)"))
        return;
    hc_value_put(writer, "slice(");
    write_part(writer, object, at->slice_start, ", ");
    write_part(writer, object, at->slice_stop, ", ");
    write_part(writer, object, at->slice_step, ")");
    writer->depth--;
}

const struct hc_value_row hc_value_containers[] = {
    {.type = "list", .write = write_list},
    {.type = "tuple", .write = write_tuple},
    {.type = "set", .write = write_set},
    {.type = "frozenset", .write = write_set},
    {.type = "dict", .write = write_dict},
    {.type = "frozendict", .write = write_frozendict},
    {.type = "range", .write = write_range},
    {.type = "slice", .write = write_slice},
    {0},
};
