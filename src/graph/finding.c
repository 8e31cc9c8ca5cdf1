#include "graph/build.h"

#include "python/bounds.h"

void hc_finding_deinit(struct hc_finding *finding)
{
    hc_stream_deinit(&finding->edges);
    hc_stream_deinit(&finding->virtual_edges);
    hc_virtual_dict_vector_deinit(&finding->virtual_dicts);
    hc_owned_dict_vector_deinit(&finding->owned_dicts);
    hc_lookalike_vector_deinit(&finding->lookalikes);
    hc_large_size_vector_deinit(&finding->large_sizes);
    hc_address_map_deinit(&finding->foreign);
    hc_word_vector_deinit(&finding->foreign_addresses);
    hc_word_vector_deinit(&finding->foreign_buffers);
    hc_address_map_deinit(&finding->dangling);
    hc_word_vector_deinit(&finding->unreadable_types);
}

// The length of a tuple and its first item, if that is a class, look like an object within the tuple.
static bool is_length_of_tuple(struct hc_tracer *tracer, uint64_t address)
{
    struct hc_object_view object;
    return hc_tracer_view(tracer, address - tracer->at->var_size, &object) && object.type->has_items &&
           object.type->itemsize == tracer->object_reader.target.word_size;
}

struct hc_error *hc_finding_foreign(struct hc_finding *finding, struct hc_tracer *tracer, uint64_t address,
                                    uint32_t *ret)
{
    bool inserted;
    if (!address) {
        *ret = HC_NO_FOREIGN;
        return NULL;
    }
    struct hc_address_slot *slot =
        hc_address_map_insert(&finding->foreign, address, HC_NO_FOREIGN, &inserted);
    if (!slot)
        return hc_error_out_of_memory();
    if (!inserted) {
        *ret = slot->value;
        return NULL;
    }
    struct hc_object_view object;
    struct hc_reader kept = tracer->object_reader;
    if (hc_tracer_view(tracer, address, &object) && !is_length_of_tuple(tracer, address)) {
        if (finding->foreign_addresses.count >= HC_NO_FOREIGN)
            return hc_error_create(
                "more than a billion objects outside of pymalloc's pools: this is beyond heapcore");
        slot->value = (uint32_t)finding->foreign_addresses.count;
        if (!hc_word_vector_push(&finding->foreign_addresses, address))
            return hc_error_out_of_memory();
    }
    tracer->object_reader = kept;
    *ret = slot->value;
    return NULL;
}

// `*ret` = the tagged number of the object at `address`; false in `*found` if there is none.
static struct hc_error *resolve(struct hc_finding *finding, const struct hc_pools *pools,
                                struct hc_tracer *tracer, uint64_t address, uint32_t *ret, bool *found)
{
    const struct hc_pool *pool = hc_pools_find(pools, address);
    if (pool) {
        *found = hc_pool_object(pools, pool, address, ret);
        return NULL;
    }
    uint32_t number = HC_NO_FOREIGN;
    HC_TRY(hc_finding_foreign(finding, tracer, address, &number));
    *found = number != HC_NO_FOREIGN;
    *ret = hc_tagged(HC_TAG_FOREIGN, number);
    return NULL;
}

static struct hc_error *note_dangling(struct hc_finding *finding, uint64_t address)
{
    enum { MOST = 1 << 20 }; // more of them tell nothing new
    bool inserted;
    finding->tally.dangling++;
    if (finding->dangling.count < MOST && !hc_address_map_insert(&finding->dangling, address, 0, &inserted))
        return hc_error_out_of_memory();
    return NULL;
}

// Adds the edges to `addresses`; counts those that lead to an object.
static struct hc_error *add_edges(struct hc_finding *finding, const struct hc_pools *pools,
                                  struct hc_tracer *tracer, struct hc_stream *stream,
                                  const uint64_t *addresses, size_t count, uint32_t *edges)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t number;
        bool found;
        HC_TRY(resolve(finding, pools, tracer, addresses[i], &number, &found));
        if (!found) {
            HC_TRY(note_dangling(finding, addresses[i]));
            continue;
        }
        if (!hc_stream_push(stream, number))
            return hc_error_out_of_memory();
        ++*edges;
    }
    return NULL;
}

static struct hc_error *add_virtual_dict(struct hc_finding *finding, const struct hc_pools *pools,
                                         struct hc_tracer *tracer, uint32_t owner, uint32_t *edges)
{
    const struct hc_references *references = &tracer->references;
    struct hc_virtual_dict dict = {.owner = owner, .size = references->values_size};
    HC_TRY(add_edges(finding, pools, tracer, &finding->virtual_edges,
                     references->visited.items + references->values_first, references->values_count,
                     &dict.edges));
    uint32_t number = (uint32_t)finding->virtual_dicts.count;
    if (number > HC_TAG_MASK || !hc_virtual_dict_vector_push(&finding->virtual_dicts, dict) ||
        !hc_stream_push(&finding->edges, hc_tagged(HC_TAG_VIRTUAL, number)))
        return hc_error_out_of_memory();
    ++*edges;
    return NULL;
}

static struct hc_error *add_referents(struct hc_finding *finding, const struct hc_pools *pools,
                                      struct hc_tracer *tracer, uint32_t number, uint32_t *edges)
{
    const struct hc_references *references = &tracer->references;
    size_t values_end = references->values_first + references->values_count;
    if (!references->values_address) {
        HC_TRY(add_edges(finding, pools, tracer, &finding->edges, references->visited.items,
                         references->visited.count, edges));
    } else {
        HC_TRY(add_virtual_dict(finding, pools, tracer, number, edges));
        HC_TRY(add_edges(finding, pools, tracer, &finding->edges, references->visited.items,
                         references->values_first, edges));
        HC_TRY(add_edges(finding, pools, tracer, &finding->edges, references->visited.items + values_end,
                         references->visited.count - values_end, edges));
    }
    return add_edges(finding, pools, tracer, &finding->edges, references->held.items, references->held.count,
                     edges);
}

static struct hc_error *add_owned_dict(struct hc_finding *finding, const struct hc_pools *pools,
                                       struct hc_tracer *tracer, uint32_t owner)
{
    uint32_t dict;
    bool found;
    HC_TRY(resolve(finding, pools, tracer, tracer->references.dict, &dict, &found));
    if (found && !hc_owned_dict_vector_push(&finding->owned_dicts, (struct hc_owned_dict){owner, dict}))
        return hc_error_out_of_memory();
    return NULL;
}

static struct hc_error *add_lookalikes(struct hc_finding *finding, const struct hc_pools *pools,
                                       const struct hc_word_vector *buffers, uint32_t owner)
{
    for (size_t i = 0; i < buffers->count; i++) {
        uint32_t object;
        if (!hc_pools_find(pools, buffers->items[i])) {
            if (!hc_word_vector_push(&finding->foreign_buffers, buffers->items[i]))
                return hc_error_out_of_memory();
        } else if (hc_pools_block_object(pools, buffers->items[i], &object) &&
                   !hc_lookalike_vector_push(&finding->lookalikes, (struct hc_lookalike){owner, object}))
            return hc_error_out_of_memory();
    }
    return NULL;
}

// Each object's link forward should lead to one whose link back leads to it. While it collects, the collector
// keeps counts in the place of links back, and flags that.
static void check_links(struct hc_finding *finding, struct hc_tracer *tracer, uint64_t head, uint64_t next)
{
    enum { COLLECTING = 2 };
    const struct hc_offsets *at = tracer->at;
    uint64_t own, back;
    bool has_counts = !hc_is_present(at->gc_refs);
    if (has_counts && hc_reader_word(&tracer->object_reader, head + at->gc_prev, &own) && own & COLLECTING)
        finding->tally.damage.being_collected++;
    if (!hc_reader_word(&tracer->reader, (next & ~(uint64_t)HC_LINK_FLAGS) + at->gc_prev, &back))
        finding->tally.damage.collector_breaks += !hc_image_losses(tracer->runtime->image)->truncated;
    else if ((back & ~(uint64_t)HC_LINK_FLAGS) != head && !(has_counts && back & COLLECTING))
        finding->tally.damage.collector_breaks++;
}

// The collector's lists lead to tracked objects outside of the pools: each such run of neighbours has one
// inside, or a list head, at its ends.
static struct hc_error *add_neighbours(struct hc_finding *finding, const struct hc_pools *pools,
                                       struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    const uint32_t links[] = {at->gc_next, at->gc_prev};
    for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
        uint64_t head, address = object->address - at->sizeof_gc_head + links[i];
        if (!hc_reader_word(&tracer->object_reader, address, &head))
            continue;
        if (i == 0)
            check_links(finding, tracer, object->address - at->sizeof_gc_head, head);
        head &= ~(uint64_t)3; // flags of the collector
        if ((head ^ object->address) >> pools->pool_bits == 0)
            continue; // the next one in the same pool, as often as not
        uint32_t number;
        uint64_t neighbour = head + at->sizeof_gc_head;
        if (head && !hc_pools_find(pools, neighbour))
            HC_TRY(hc_finding_foreign(finding, tracer, neighbour, &number));
    }
    return NULL;
}

static struct hc_error *put_size(struct hc_finding *finding, uint32_t number, uint64_t size, uint64_t bound,
                                 struct hc_object_record *ret)
{
    bool is_bounded = bound < size;
    if (bound < HC_LARGE && !is_bounded) {
        ret->size = (uint16_t)bound;
        return NULL;
    }
    ret->size = HC_LARGE;
    finding->tally.damage.bounded_sizes += is_bounded;
    struct hc_large_size large = {.object = number, .is_bounded = is_bounded, .size = bound};
    return hc_large_size_vector_push(&finding->large_sizes, large) ? NULL : hc_error_out_of_memory();
}

static struct hc_error *add_traced(struct hc_finding *finding, const struct hc_pools *pools,
                                   struct hc_tracer *tracer, const struct hc_object_view *object,
                                   uint32_t number, struct hc_object_record *ret)
{
    hc_tracer_trace(tracer, object);
    finding->tally.how[tracer->references.how]++;
    finding->tally.damage.contradictory += tracer->is_contradictory;
    if (tracer->references.emulation != HC_EMULATION_DONE)
        finding->tally.emulation[tracer->references.emulation]++;
    HC_TRY(add_referents(finding, pools, tracer, number, &ret->edge_count));
    if (tracer->references.dict)
        HC_TRY(add_owned_dict(finding, pools, tracer, number));
    if (tracer->references.buffers.count)
        HC_TRY(add_lookalikes(finding, pools, &tracer->references.buffers, number));
    bool is_unreadable_type =
        object->type->flags & HC_TYPE_TYPE_SUBCLASS && !hc_tracer_find_type(tracer, object->address);
    if (is_unreadable_type && !hc_word_vector_push(&finding->unreadable_types, object->address))
        return hc_error_out_of_memory();
    return tracer->out_of_memory ? hc_error_out_of_memory() : NULL;
}

struct hc_error *hc_finding_add(struct hc_finding *finding, const struct hc_pools *pools,
                                struct hc_tracer *tracer, const struct hc_object_view *object,
                                uint32_t number, struct hc_object_record *ret)
{
    uint64_t size = hc_tracer_size(tracer, object);
    finding->tally.inexact_sizes += !tracer->size_is_exact;
    *ret = (struct hc_object_record){
        .type_index = object->type->index,
        .state = hc_tracer_is_tracked(tracer, object) ? HC_TRACKED_FLAG : 0,
    };
    if (ret->state)
        HC_TRY(add_neighbours(finding, pools, tracer, object));
    if (object->type->is_leaf)
        finding->tally.how[HC_HOW_DECODER]++;
    else
        HC_TRY(add_traced(finding, pools, tracer, object, number, ret));
    return put_size(finding, number, size, hc_size_bound(tracer, object, size), ret);
}
