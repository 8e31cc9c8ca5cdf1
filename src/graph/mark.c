// Which objects live, and why.
#include "graph/build.h"

#include <stdlib.h>

const char *hc_state_name(enum hc_state state)
{
    static const char *const names[] = {
        [HC_STATE_NONE] = "none",
        [HC_STATE_REACHABLE] = "reachable",
        [HC_STATE_TRACKED] = "tracked",
        [HC_STATE_STRAY] = "stray",
    };
    return names[state];
}

// Beside the states, until they are final.
enum {
    BUFFER = HC_STATE_COUNT, // a lookalike that is no object
    MARKS = 0xff & ~(HC_TRACKED_FLAG | HC_REMAINS_FLAG),
};

// Marks `seed` and all that it reaches and that has no mark yet; `stack` is working space.
static struct hc_error *mark_from(struct hc_graph *graph, uint32_t seed, enum hc_state state,
                                  struct hc_id_vector *stack)
{
    uint8_t *states = graph->states;
    states[seed] |= state;
    stack->count = 0;
    if (!hc_id_vector_push(stack, seed))
        return hc_error_out_of_memory();
    while (stack->count) {
        uint32_t object = stack->items[--stack->count];
        uint32_t end = graph->edge_starts[object + 1];
        for (uint32_t edge = graph->edge_starts[object]; edge < end; edge++) {
            uint32_t referent = graph->edges[edge];
            if (states[referent] & MARKS)
                continue;
            states[referent] |= state;
            __builtin_prefetch(&graph->edge_starts[referent]);
            if (!hc_id_vector_push(stack, referent))
                return hc_error_out_of_memory();
        }
    }
    return NULL;
}

static struct hc_error *mark_addresses(struct hc_graph *graph, const struct hc_word_vector *addresses,
                                       enum hc_state state, struct hc_id_vector *stack,
                                       struct hc_id_vector *ret_objects)
{
    for (size_t i = 0; i < addresses->count; i++) {
        hc_object_id object;
        if (!hc_graph_find(graph, addresses->items[i], &object))
            continue;
        if (ret_objects && !hc_id_vector_push(ret_objects, object.i))
            return hc_error_out_of_memory();
        if (!(graph->states[object.i] & MARKS))
            HC_TRY(mark_from(graph, object.i, state, stack));
    }
    return NULL;
}

// A buffer of a living object is no object, whatever old header stands in it.
static void settle_lookalikes(uint8_t *states, const struct hc_lookalike_vector *lookalikes)
{
    for (size_t i = 0; i < lookalikes->count; i++) {
        const struct hc_lookalike *lookalike = &lookalikes->items[i];
        uint8_t owner = states[lookalike->owner] & MARKS;
        if (!(states[lookalike->object] & MARKS) && owner && owner != BUFFER)
            states[lookalike->object] |= BUFFER;
    }
}

static void settle_states(struct hc_graph *graph)
{
    static const uint8_t final[] = {
        [0] = HC_STATE_STRAY,
        [HC_STATE_REACHABLE] = HC_STATE_REACHABLE,
        [HC_STATE_TRACKED] = HC_STATE_TRACKED,
        [HC_STATE_STRAY] = HC_STATE_STRAY,
        [BUFFER] = HC_STATE_NONE,
    };
    for (uint32_t i = 0; i < graph->real_count; i++)
        graph->states[i] =
            graph->states[i] == HC_REMAINS_FLAG ? HC_STATE_NONE : final[graph->states[i] & MARKS];
    for (uint32_t i = graph->real_count; i < graph->count; i++)
        graph->states[i] = graph->states[graph->virtual_owners[i - graph->real_count]];
    // Neighbours have the same state as a rule: four counters a state keep one increment from waiting for the
    // last.
    uint64_t counts[4][HC_STATE_COUNT] = {0};
    for (uint32_t i = 0; i < graph->count; i++)
        counts[i % 4][graph->states[i]]++;
    for (size_t state = 0; state < HC_STATE_COUNT; state++)
        graph->tally.states[state] =
            counts[0][state] + counts[1][state] + counts[2][state] + counts[3][state];
}

struct hc_error *hc_graph_mark_reachable(struct hc_graph *graph, const struct hc_word_vector *roots)
{
    _cleanup_(hc_id_vector_deinit) struct hc_id_vector stack = {0};
    return mark_addresses(graph, roots, HC_STATE_REACHABLE, &stack, &graph->roots);
}

struct hc_error *hc_graph_mark_rest(struct hc_graph *graph, const struct hc_word_vector *static_roots,
                                    const struct hc_lookalike_vector *lookalikes)
{
    _cleanup_(hc_id_vector_deinit) struct hc_id_vector stack = {0};
    for (uint32_t i = 0; i < graph->real_count; i++)
        if (graph->states[i] == HC_TRACKED_FLAG)
            HC_TRY(mark_from(graph, i, HC_STATE_TRACKED, &stack));
    HC_TRY(mark_addresses(graph, static_roots, HC_STATE_TRACKED, &stack, NULL));
    settle_lookalikes(graph->states, lookalikes);
    settle_states(graph);
    return NULL;
}
