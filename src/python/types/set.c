// set and frozenset.
#include "base/min_max.h"
#include "python/bounds.h"
#include "python/types/families.h"

// No more slots than any memory holds, so that what is counted with them does not wrap around to a few.
static uint64_t set_table(struct hc_tracer *tracer, const struct hc_object_view *object, uint64_t *slots)
{
    const uint64_t most = UINT64_C(1) << 40;
    *slots = hc_min(hc_view_word(tracer, object, tracer->at->set_mask), most) + 1;
    return hc_view_word(tracer, object, tracer->at->set_table);
}

static bool is_small(struct hc_tracer *tracer, const struct hc_object_view *object, uint64_t table)
{
    return table == object->address + tracer->at->set_smalltable;
}

static void set_traverse(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    const struct hc_target *target = &tracer->reader.target;
    uint64_t slots, available;
    uint64_t table = set_table(tracer, object, &slots);
    if (!is_small(tracer, object, table))
        hc_trace_buffer(tracer, table);
    slots = hc_count_bound(tracer, table, slots, at->sizeof_set_entry);
    const uint8_t *bytes = hc_reader_span(&tracer->reader, table, &available);
    uint64_t readable = bytes ? available / at->sizeof_set_entry : 0;
    if (slots > readable) {
        tracer->unreadable++;
        slots = readable;
    }
    if (!hc_trace_afford(tracer, slots))
        return;
    // Deleted entries have the key `dummy` and the hash -1, which no object has (Objects/setobject.c).
    for (uint64_t i = 0; i < slots; i++, bytes += at->sizeof_set_entry)
        if (hc_load_signed_word(target, bytes + at->set_entry_hash) != -1)
            hc_trace_visit(tracer, hc_load_word(target, bytes + at->set_entry_key));
}

// Iteration goes through the table, too.
static void set_relate(struct hc_relater *relater, const struct hc_object_view *object)
{
    (void)object;
    const struct hc_references *references = &relater->tracer->references;
    for (size_t i = 0; i < references->items_count; i++)
        hc_relate_numbered(relater, HC_LINK_MEMBER, references->visited.items[references->items_first + i],
                           i);
}

static uint64_t set_size(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    uint64_t slots;
    uint64_t table = set_table(tracer, object, &slots);
    return object->type->basicsize +
           (is_small(tracer, object, table) ? 0 : slots * tracer->at->sizeof_set_entry);
}

const struct hc_type_row hc_set_types[] = {
    {.names = "set", .traverse = set_traverse, .relate = set_relate, .size = set_size, .fits_blocks = true},
    {.names = "frozenset",
     .traverse = set_traverse,
     .relate = set_relate,
     .size = set_size,
     .fits_blocks = true},
    {.names = "set_iterator",
     .structure = "setiterobject",
     .unit = "Objects/setobject.c",
     .visits = "si_set"},
    {0},
};
