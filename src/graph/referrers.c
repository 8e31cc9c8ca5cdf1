// Who refers to an object: the edges turned round, by counting.
#include "base/interrupt.h"
#include "base/parallel.h"
#include "graph/graph.h"

#include <stdlib.h>

// Each task owns a range of targets and reads all edges, so that no two write to the same place and the
// referrers of an object come out in ascending order.
struct turn {
    struct hc_graph *graph;
    size_t ranges;
    uint32_t *next; // by target: first its number of referrers, then where the next one goes
};

static bool is_object(const struct hc_graph *graph, uint32_t object)
{
    return graph->states[object] != HC_STATE_NONE;
}

// Counts, as long as graph->referrers is not there; then fills it.
static struct hc_error *turn_task(void *argument, unsigned worker, size_t task)
{
    (void)worker;
    struct turn *turn = argument;
    const struct hc_graph *graph = turn->graph;
    uint32_t first = (uint32_t)((uint64_t)graph->count * task / turn->ranges);
    uint32_t length = (uint32_t)((uint64_t)graph->count * (task + 1) / turn->ranges) - first;
    for (uint32_t source = 0; source < graph->count; source++) {
        if (source % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        for (uint32_t edge = graph->edge_starts[source]; edge < graph->edge_starts[source + 1]; edge++) {
            uint32_t target = graph->edges[edge];
            if (target - first >= length || !is_object(graph, source))
                continue;
            uint32_t at = turn->next[target]++;
            if (graph->referrers)
                graph->referrers[at] = source;
        }
    }
    return NULL;
}

struct hc_error *hc_graph_find_referrers(struct hc_graph *graph, unsigned threads)
{
    if (graph->referrers)
        return NULL;
    threads = hc_parallel_threads(threads);
    _cleanup_(hc_freep) uint32_t *next = calloc(graph->count + 1u, sizeof(*next));
    _cleanup_(hc_freep) uint32_t *starts = malloc((graph->count + 1u) * sizeof(*starts));
    if (!next || !starts)
        return hc_error_out_of_memory();
    struct turn turn = {.graph = graph, .ranges = threads, .next = next};
    HC_TRY(hc_parallel_run(threads, threads, turn_task, &turn));
    uint32_t sum = 0;
    for (uint32_t target = 0; target < graph->count; target++) {
        starts[target] = sum;
        sum += next[target];
        next[target] = starts[target];
    }
    starts[graph->count] = sum;
    graph->referrers = malloc((sum + 1ull) * sizeof(*graph->referrers));
    if (!graph->referrers)
        return hc_error_out_of_memory();
    struct hc_error *error = hc_parallel_run(threads, threads, turn_task, &turn);
    if (error) { // half of the edges are worse than none
        free(graph->referrers);
        graph->referrers = NULL;
        return error;
    }
    graph->referrer_starts = hc_take(starts);
    return NULL;
}
