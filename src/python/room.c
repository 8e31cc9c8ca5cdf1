#include "python/room.h"

#include "python/keys.h"
#include "python/value_write.h"

static const char *const names[HC_CONTAINER_COUNT] = {
    [HC_CONTAINER_DICT] = "dict",
    [HC_CONTAINER_LIST] = "list",
    [HC_CONTAINER_SET] = "set",
    [HC_CONTAINER_BYTEARRAY] = "bytearray",
};

const char *hc_container_name(enum hc_container container)
{
    return names[container];
}

enum hc_container hc_container_of(const struct hc_tracer *tracer, const struct hc_type *type)
{
    for (int container = HC_CONTAINER_NONE + 1; container < HC_CONTAINER_COUNT; container++)
        if (hc_value_is_exact(tracer, type, names[container]))
            return (enum hc_container)container;
    return HC_CONTAINER_NONE;
}

// Objects/dictobject.c: a table of a power of two of indexes, two thirds of which may be in use, and that
// many entries.
static uint64_t least_dict(uint64_t items, unsigned entry_size)
{
    uint64_t slots = 8;
    while (slots / 3 * 2 + slots % 3 * 2 / 3 < items && slots < 1ull << 40)
        slots *= 2;
    unsigned index_size = slots <= 1 << 7 ? 1 : slots <= 1 << 15 ? 2 : 4;
    return items ? slots * index_size + slots * 2 / 3 * entry_size : 0;
}

// Objects/setobject.c: three fifths of a power of two; up to eight slots stand in the set itself.
static uint64_t least_set(uint64_t items, unsigned entry_size)
{
    uint64_t slots = 8;
    while (slots * 3 < items * 5 && slots < 1ull << 40)
        slots *= 2;
    return slots > 8 ? slots * entry_size : 0;
}

static bool dict_room(struct hc_tracer *tracer, const struct hc_object_view *object, struct hc_room *ret)
{
    struct hc_dict_keys keys;
    if (hc_view_word(tracer, object, tracer->at->dict_values) ||
        !hc_dict_keys_read(tracer->runtime, &tracer->reader,
                           hc_view_word(tracer, object, tracer->at->dict_keys), &keys) ||
        keys.refcnt != 1)
        return false;
    ret->items = hc_view_word(tracer, object, tracer->at->dict_used);
    ret->bytes = keys.size;
    ret->needed = least_dict(ret->items, keys.entry_size);
    return true;
}

static bool set_room(struct hc_tracer *tracer, const struct hc_object_view *object, uint64_t members,
                     struct hc_room *ret)
{
    const struct hc_offsets *at = tracer->at;
    bool is_small = hc_view_word(tracer, object, at->set_table) == object->address + at->set_smalltable;
    ret->items = members;
    ret->bytes = is_small ? 0 : (hc_view_word(tracer, object, at->set_mask) + 1) * at->sizeof_set_entry;
    ret->needed = least_set(members, at->sizeof_set_entry);
    return true;
}

bool hc_container_room(struct hc_tracer *tracer, enum hc_container container,
                       const struct hc_object_view *object, uint64_t referents, struct hc_room *ret)
{
    const struct hc_offsets *at = tracer->at;
    unsigned word = tracer->reader.target.word_size;
    *ret = (struct hc_room){.items = hc_view_word(tracer, object, at->var_size)};
    switch (container) {
    case HC_CONTAINER_DICT:
        return dict_room(tracer, object, ret);
    case HC_CONTAINER_LIST:
        ret->bytes = hc_view_word(tracer, object, at->list_allocated) * word;
        ret->needed = ret->items * word;
        return true;
    case HC_CONTAINER_SET:
        return set_room(tracer, object, referents, ret);
    case HC_CONTAINER_BYTEARRAY:
        ret->bytes = hc_view_word(tracer, object, at->bytearray_alloc);
        ret->needed = ret->items;
        return true;
    case HC_CONTAINER_NONE:
    case HC_CONTAINER_COUNT:
        break;
    }
    return false;
}
