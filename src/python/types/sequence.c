// tuple, list, range, slice and the iterators over them.
#include "base/min_max.h"
#include "python/bounds.h"
#include "python/types/families.h"

// The items that a list says that it has, or has room for where it says nonsense. While it is sorted, it is
// empty, and -1 stands for what is allocated.
static uint64_t list_length(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    int64_t count = hc_view_signed(tracer, object, tracer->at->var_size);
    uint64_t allocated = hc_view_word(tracer, object, tracer->at->list_allocated);
    if (count == 0 || (count > 0 && (uint64_t)count <= allocated))
        return (uint64_t)count;
    tracer->is_contradictory = true;
    return allocated;
}

// The items that stand in a tuple; what its block has room for where it says that there are more.
static uint64_t tuple_length(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    uint64_t word = tracer->reader.target.word_size, items = tracer->at->tuple_items;
    uint64_t count = hc_view_word(tracer, object, tracer->at->var_size);
    if (!count || items > object->available)
        return 0;
    uint64_t readable = (object->available - items) / word;
    uint64_t start = object->type->header_size + items;
    uint64_t end = start + hc_min(count, readable) * word;
    uint64_t room = hc_count_bound(tracer, object->address - object->type->header_size, end, 1);
    if (room < end)
        return room > start ? (room - start) / word : 0;
    tracer->unreadable += count > readable;
    return hc_min(count, readable);
}

static void tuple_traverse(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_target *target = &tracer->object_reader.target;
    uint64_t count = tuple_length(tracer, object);
    if (!hc_trace_afford(tracer, count))
        return;
    for (uint64_t i = 0; i < count; i++)
        hc_trace_visit(tracer,
                       hc_load_word(target, object->bytes + tracer->at->tuple_items + i * target->word_size));
}

static void list_traverse(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    uint64_t items = hc_view_word(tracer, object, tracer->at->list_items);
    hc_trace_buffer(tracer, items);
    hc_trace_visit_array(tracer, items, list_length(tracer, object));
}

static void tuple_relate(struct hc_relater *relater, const struct hc_object_view *object)
{
    hc_relate_items(relater, object->address + relater->tracer->at->tuple_items,
                    tuple_length(relater->tracer, object));
}

static void list_relate(struct hc_relater *relater, const struct hc_object_view *object)
{
    uint64_t items = hc_view_word(relater->tracer, object, relater->tracer->at->list_items);
    hc_relate_items(relater, items, list_length(relater->tracer, object));
}

static uint64_t list_size(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    return object->type->basicsize +
           hc_view_word(tracer, object, tracer->at->list_allocated) * tracer->reader.target.word_size;
}

const struct hc_type_row hc_sequence_types[] = {
    {.names = "tuple", .traverse = tuple_traverse, .relate = tuple_relate, .fits_blocks = true},
    {.names = "list",
     .traverse = list_traverse,
     .relate = list_relate,
     .size = list_size,
     .fits_blocks = true},
    {.names = "tuple_iterator",
     .structure = "tupleiterobject|_PyTupleIterObject",
     .unit = "Objects/tupleobject.c",
     .visits = "it_seq"},
    {.names = "list_iterator",
     .structure = "listiterobject|_PyListIterObject",
     .unit = "Objects/listobject.c",
     .visits = "it_seq"},
    {.names = "list_reverseiterator",
     .structure = "listreviterobject",
     .unit = "Objects/listobject.c",
     .visits = "it_seq"},
    {.names = "range",
     .structure = "rangeobject",
     .unit = "Objects/rangeobject.c",
     .holds = "start= stop= step= length"},
    {.names = "range_iterator"},
    {.names = "longrange_iterator",
     .structure = "longrangeiterobject",
     .unit = "Objects/rangeobject.c",
     .holds = "index start step len"},
    {.names = "slice",
     .structure = "PySliceObject",
     .unit = "Objects/sliceobject.c",
     .visits = "start= stop= step="},
    {.names = "iterator", .structure = "seqiterobject", .unit = "Objects/iterobject.c", .visits = "it_seq"},
    {.names = "callable_iterator",
     .structure = "calliterobject",
     .unit = "Objects/iterobject.c",
     .visits = "it_callable it_sentinel"},
    {.names = "enumerate",
     .structure = "enumobject",
     .unit = "Objects/enumobject.c",
     .visits = "en_sit en_result en_longindex"},
    {.names = "reversed", .structure = "reversedobject", .unit = "Objects/enumobject.c", .visits = "seq"},
    {0},
};
