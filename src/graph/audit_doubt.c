// Which of the references to objects whose counts are too low may be borrowed.
#include "base/interrupt.h"
#include "graph/audit_parts.h"

#include <stdlib.h>

struct doubt {
    const struct hc_graph *graph;
    struct hc_tracer tracer;
    struct hc_audit_item_vector *low;
    uint64_t *is_low; // bitmap over the objects
    _Atomic uint64_t allowance;
};

static void doubt_deinit(struct doubt *doubt)
{
    hc_tracer_deinit(&doubt->tracer);
    free(doubt->is_low);
}

static bool is_low(const struct doubt *doubt, uint32_t object)
{
    return doubt->is_low[object / 64] >> (object % 64) & 1;
}

static void add(struct doubt *doubt, uint64_t address)
{
    hc_object_id object;
    if (!hc_graph_find(doubt->graph, address, &object) || !is_low(doubt, object.i))
        return;
    struct hc_audit_item *item = hc_audit_find(doubt->low, object.i);
    if (item && item->doubtful < item->found)
        item->doubtful++;
}

// tp_traverse visits what is owned; of what else stands in an object, or of one whose layout is a guess,
// nobody knows.
static void add_doubtful(struct doubt *doubt, uint32_t object)
{
    struct hc_object_view view;
    const struct hc_references *references = &doubt->tracer.references;
    if (!hc_tracer_view(&doubt->tracer, hc_graph_address(doubt->graph, (hc_object_id){object}), &view))
        return;
    hc_tracer_trace(&doubt->tracer, &view);
    bool is_certain = references->how == HC_HOW_DECODER || references->how == HC_HOW_DEFINITION;
    is_certain &= !hc_references_may_be_stale(&doubt->tracer, &view);
    // What nothing refers to may be what is left of a freed object.
    bool is_stray = hc_graph_state(doubt->graph, (hc_object_id){object}) == HC_STATE_STRAY;
    is_certain &= !is_stray;
    for (size_t i = 0; !is_certain && i < references->held.count; i++)
        add(doubt, references->held.items[i]);
    bool is_visited = is_certain || (references->how == HC_HOW_EMULATED && !is_stray);
    for (size_t i = 0; !is_visited && i < references->visited.count; i++)
        add(doubt, references->visited.items[i]);
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
    enum { MANY = 1000 }; // this is damage: not worth running types' code a second time
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
        bool refers = false;
        for (uint32_t edge = graph->edge_starts[i]; edge < graph->edge_starts[i + 1] && !refers; edge++)
            refers = is_low(&doubt, graph->edges[edge]);
        if (refers && graph->states[i] != HC_STATE_NONE)
            add_doubtful(&doubt, i);
    }
    return doubt.tracer.out_of_memory ? hc_error_out_of_memory() : NULL;
}
