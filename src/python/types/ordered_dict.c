// collections.OrderedDict: a dict and a list of its keys. Objects/odictobject.c.
#include "python/types/families.h"

// odict_traverse(): each key a second time, in order.
static void ordered_dict_traverse(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t node = hc_view_word(tracer, object, at->odict_first);
    uint64_t left = hc_view_word(tracer, object, at->dict_used);
    hc_trace_buffer(tracer, hc_view_word(tracer, object, at->odict_fast_nodes));
    for (uint64_t i = 0; node && i < left && (i || hc_trace_afford(tracer, left)); i++) {
        const uint8_t *bytes = hc_reader_view(&tracer->reader, node, at->sizeof_odict_node);
        if (!bytes) {
            tracer->unreadable++;
            break;
        }
        hc_trace_buffer(tracer, node);
        hc_trace_visit(tracer, hc_load_word(&tracer->reader.target, bytes + at->odict_node_key));
        node = hc_load_word(&tracer->reader.target, bytes + at->odict_node_next);
    }
    hc_dict_traverse(tracer, object);
}

// odict_sizeof()
static uint64_t ordered_dict_size(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t size = hc_dict_size(tracer, object);
    size += hc_view_word(tracer, object, at->odict_fast_nodes_size) * tracer->reader.target.word_size;
    if (hc_view_word(tracer, object, at->odict_first))
        size += hc_view_word(tracer, object, at->dict_used) * at->sizeof_odict_node;
    return size;
}

const struct hc_type_row hc_ordered_dict_types[] = {
    {.names = "collections.OrderedDict",
     .structure = "_odictobject",
     .unit = "Objects/odictobject.c",
     .visits = "od_inst_dict=__dict__",
     .traverse = ordered_dict_traverse,
     .relate = hc_dict_relate,
     .size = ordered_dict_size,
     .fits_blocks = true,
     .has_shared_values = true},
    {.names = "odict_iterator",
     .structure = "odictiterobject",
     .unit = "Objects/odictobject.c",
     .visits = "di_odict di_current di_result"},
    {0},
};
