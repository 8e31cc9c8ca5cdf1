// What a value stack's slots beyond its depth still name: an object that has long gone elsewhere would seem
// to be held by the frame, and by nothing that it really hangs on.
#include "graph/build.h"

#include <stdlib.h>
#include <string.h>

// References that an object's count should have.
struct reckoning {
    const struct hc_graph *graph;
    struct hc_id_vector objects; // ascending, each once
    uint64_t *bits;              // by object number: is among them
    uint64_t *found;             // references, by index
};

static void reckoning_deinit(struct reckoning *reckoning)
{
    hc_id_vector_deinit(&reckoning->objects);
    free(reckoning->bits);
    free(reckoning->found);
}

static int by_number(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static bool is_marked(const struct hc_graph *graph, uint32_t object)
{
    return (graph->states[object] & ~(HC_TRACKED_FLAG | HC_REMAINS_FLAG)) == HC_STATE_REACHABLE;
}

static struct hc_error *add_objects(struct reckoning *reckoning, const struct hc_word_vector *addresses)
{
    for (size_t i = 0; i < addresses->count; i++) {
        hc_object_id object;
        if (!hc_graph_find(reckoning->graph, addresses->items[i], &object) ||
            !is_marked(reckoning->graph, object.i) || reckoning->bits[object.i / 64] >> (object.i % 64) & 1)
            continue;
        reckoning->bits[object.i / 64] |= 1ull << (object.i % 64);
        if (!hc_id_vector_push(&reckoning->objects, object.i))
            return hc_error_out_of_memory();
    }
    if (reckoning->objects.count)
        qsort(reckoning->objects.items, reckoning->objects.count, sizeof(uint32_t), by_number);
    reckoning->found = calloc(reckoning->objects.count + 1, sizeof(*reckoning->found));
    return reckoning->found ? NULL : hc_error_out_of_memory();
}

// NULL: it is not among them.
static uint64_t *found_of(const struct reckoning *reckoning, uint32_t object)
{
    if (!(reckoning->bits[object / 64] >> (object % 64) & 1))
        return NULL;
    const struct hc_id_vector *objects = &reckoning->objects;
    const uint32_t *place = bsearch(&object, objects->items, objects->count, sizeof(object), by_number);
    return &reckoning->found[place - objects->items];
}

static void count_references(struct reckoning *reckoning, const struct hc_word_vector *certain)
{
    const struct hc_graph *graph = reckoning->graph;
    hc_object_id root;
    uint64_t *found;
    for (size_t i = 0; i < certain->count; i++)
        if (hc_graph_find(graph, certain->items[i], &root) && (found = found_of(reckoning, root.i)))
            ++*found;
    for (uint32_t source = 0; source < graph->count; source++)
        for (uint32_t edge = graph->edge_starts[source]; edge < graph->edge_starts[source + 1]; edge++)
            if ((found = found_of(reckoning, graph->edges[edge])) && is_marked(graph, source))
                ++*found;
}

struct hc_error *hc_graph_drop_stale(const struct hc_graph *graph, struct hc_tracer *tracer,
                                     const struct hc_word_vector *certain, struct hc_word_vector *doubtful)
{
    _cleanup_(reckoning_deinit) struct reckoning reckoning = {.graph = graph};
    size_t kept = 0;
    if (!doubtful->count)
        return NULL;
    reckoning.bits = calloc(graph->count / 64 + 1, sizeof(*reckoning.bits));
    if (!reckoning.bits)
        return hc_error_out_of_memory();
    HC_TRY(add_objects(&reckoning, doubtful));
    count_references(&reckoning, certain);
    for (size_t i = 0; i < doubtful->count; i++) {
        struct hc_object_view view;
        hc_object_id object;
        const uint64_t *found =
            hc_graph_find(graph, doubtful->items[i], &object) ? found_of(&reckoning, object.i) : NULL;
        bool is_stale = found && hc_tracer_view(tracer, doubtful->items[i], &view) &&
                        hc_tracer_refcount(tracer, &view) <= *found;
        if (!is_stale)
            doubtful->items[kept++] = doubtful->items[i];
    }
    doubtful->count = kept;
    return NULL;
}
