// Which of the references to objects whose counts are too low may be borrowed.
#include "base/interrupt.h"
#include "graph/audit_parts.h"

#include <stdlib.h>

struct doubt {
    const struct hc_graph *graph;
    struct hc_tracer tracer;
    struct hc_audit_item_vector *low;
    uint64_t *is_low;                   // bitmap over the objects
    struct hc_id_vector found, certain; // one object's references to those
    _Atomic uint64_t allowance;
};

static void doubt_deinit(struct doubt *doubt)
{
    hc_tracer_deinit(&doubt->tracer);
    free(doubt->is_low);
    hc_id_vector_deinit(&doubt->found);
    hc_id_vector_deinit(&doubt->certain);
}

static bool is_low(const struct doubt *doubt, uint32_t object)
{
    return doubt->is_low[object / 64] >> (object % 64) & 1;
}

static bool add_low(const struct doubt *doubt, struct hc_id_vector *ids, uint32_t object)
{
    return !is_low(doubt, object) || hc_id_vector_push(ids, object);
}

static bool add_all(const struct doubt *doubt, struct hc_id_vector *ids, const struct hc_word_vector *words)
{
    hc_object_id object;
    for (size_t i = 0; i < words->count; i++)
        if (hc_graph_find(doubt->graph, words->items[i], &object) && !add_low(doubt, ids, object.i))
            return false;
    return true;
}

// tp_traverse visits what is owned; of what else stands in an object, or of one whose layout is a guess,
// nobody knows. Nor of what nothing refers to: it may be what is left of a freed object.
static bool find_certain(struct doubt *doubt, uint32_t object)
{
    struct hc_object_view view;
    struct hc_references *references = &doubt->tracer.references;
    if (hc_graph_state(doubt->graph, (hc_object_id){object}) == HC_STATE_STRAY ||
        !hc_tracer_view(&doubt->tracer, hc_graph_address(doubt->graph, (hc_object_id){object}), &view))
        return true;
    hc_tracer_trace(&doubt->tracer, &view);
    bool is_certain = references->how == HC_HOW_DECODER || references->how == HC_HOW_DEFINITION;
    is_certain &= !hc_references_may_be_stale(&doubt->tracer, &view);
    if (!is_certain && references->how != HC_HOW_EMULATED)
        return true;
    return add_all(doubt, &doubt->certain, &references->visited) &&
           (!is_certain || add_all(doubt, &doubt->certain, &references->held));
}

static int compare(const void *one, const void *other)
{
    uint32_t left = *(const uint32_t *)one, right = *(const uint32_t *)other;
    return (left > right) - (left < right);
}

static void sort(struct hc_id_vector *ids)
{
    if (ids->count > 1)
        qsort(ids->items, ids->count, sizeof(*ids->items), compare);
}

// Every reference of `object` that is not certain.
static struct hc_error *add_doubtful(struct doubt *doubt, uint32_t object)
{
    const struct hc_graph *graph = doubt->graph;
    struct hc_id_vector *found = &doubt->found, *certain = &doubt->certain;
    found->count = certain->count = 0;
    for (uint32_t edge = graph->edge_starts[object]; edge < graph->edge_starts[object + 1]; edge++)
        if (!add_low(doubt, found, graph->edges[edge]))
            return hc_error_out_of_memory();
    if (!found->count)
        return NULL;
    if (!find_certain(doubt, object))
        return hc_error_out_of_memory();
    sort(found);
    sort(certain);
    for (size_t i = 0, j = 0; i < found->count; i++) {
        while (j < certain->count && certain->items[j] < found->items[i])
            j++;
        if (j < certain->count && certain->items[j] == found->items[i]) {
            j++;
            continue;
        }
        struct hc_audit_item *item = hc_audit_find(doubt->low, found->items[i]);
        if (item && item->doubtful < item->found)
            item->doubtful++;
    }
    return NULL;
}

static struct hc_error *prepare(struct doubt *doubt)
{
    doubt->is_low = calloc(doubt->graph->count / 64 + 1ull, sizeof(*doubt->is_low));
    if (!doubt->is_low)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < doubt->low->count; i++)
        doubt->is_low[doubt->low->items[i].object / 64] |= 1ull << (doubt->low->items[i].object % 64);
    HC_TRY(hc_tracer_init(&doubt->tracer, (struct hc_type_table *)&doubt->graph->types));
    atomic_init(&doubt->allowance, hc_tracer_allowance(doubt->graph->types.runtime->image));
    doubt->tracer.allowance = &doubt->allowance;
    return NULL;
}

struct hc_error *hc_audit_doubt(const struct hc_audit_walk *walk, struct hc_audit_item_vector *low)
{
    enum { MANY = 10000 }; // this is damage: not worth running types' code a second time
    const struct hc_graph *graph = walk->graph;
    _cleanup_(doubt_deinit) struct doubt doubt = {.graph = graph, .low = low};
    if (!low->count)
        return NULL;
    HC_TRY(prepare(&doubt));
    if (low->count > MANY)
        doubt.tracer.runtime = &walk->runtime;
    for (uint32_t i = 0; i < graph->real_count; i++) {
        if (i % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (graph->states[i] != HC_STATE_NONE)
            HC_TRY(add_doubtful(&doubt, i));
    }
    return doubt.tracer.out_of_memory ? hc_error_out_of_memory() : NULL;
}
