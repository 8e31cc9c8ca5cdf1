#include "graph/audit_parts.h"

#include <stdlib.h>

enum {
    TASKS_PER_THREAD = 8,
    PREFETCH = 512, // bytes ahead
};

struct run {
    struct hc_audit_walk *walk;
    hc_audit_object_fn *callback;
    void *argument;
};

struct hc_error *hc_audit_walk_init(struct hc_audit_walk *walk, const struct hc_graph *graph,
                                    unsigned threads)
{
    walk->graph = graph;
    walk->runtime = *graph->types.runtime;
    walk->runtime.no_emulation = true;
    walk->threads = hc_parallel_threads(threads);
    walk->task_count = 2 * (size_t)walk->threads * TASKS_PER_THREAD;
    walk->tracers = hc_calloc_alone(walk->threads, sizeof(*walk->tracers));
    if (!walk->tracers)
        return hc_error_out_of_memory();
    atomic_init(&walk->allowance, 0);
    for (unsigned i = 0; i < walk->threads; i++) {
        HC_TRY(hc_tracer_init(&walk->tracers[i], (struct hc_type_table *)&graph->types));
        walk->tracers[i].runtime = &walk->runtime;
        walk->tracers[i].allowance = &walk->allowance;
    }
    return NULL;
}

void hc_audit_walk_deinit(struct hc_audit_walk *walk)
{
    for (unsigned i = 0; walk->tracers && i < walk->threads; i++)
        hc_tracer_deinit(&walk->tracers[i]);
    free(walk->tracers);
    *walk = (struct hc_audit_walk){0};
}

static const struct hc_type *type_of(const struct hc_graph *graph, uint32_t object)
{
    return graph->types.types.items[graph->type_indexes[object]];
}

static struct hc_error *walk_word(const struct run *run, unsigned worker, size_t task, size_t index)
{
    const struct hc_graph *graph = run->walk->graph;
    const struct hc_slot_word *word = &graph->pools.words[index];
    const struct hc_pool *pool = &graph->pools.pools[word->pool];
    uint32_t number = word->first_object;
    for (uint64_t left = word->objects; left; left &= left - 1, number++) {
        if (graph->states[number] == HC_STATE_NONE)
            continue;
        unsigned bit = (unsigned)__builtin_ctzll(left);
        uint32_t block = (uint32_t)(index - pool->first_word) * 64 + bit;
        uint64_t address =
            hc_pool_block_address(&graph->pools, pool, block) + hc_slot_header(&graph->pools, word, bit);
        uint64_t offset = address - pool->address;
        __builtin_prefetch(pool->bytes + offset + PREFETCH);
        struct hc_object_view view = {type_of(graph, number), address, pool->bytes + offset,
                                      (1ull << graph->pools.pool_bits) - offset};
        HC_TRY(run->callback(run->argument, worker, task, number, &view));
    }
    return NULL;
}

static struct hc_error *walk_other(const struct run *run, unsigned worker, size_t task, uint32_t number)
{
    const struct hc_graph *graph = run->walk->graph;
    struct hc_tracer *tracer = &run->walk->tracers[worker];
    struct hc_object_view view;
    if (graph->states[number] == HC_STATE_NONE ||
        !hc_tracer_view(tracer, graph->others[number - graph->pool_count], &view))
        return NULL;
    return run->callback(run->argument, worker, task, number, &view);
}

// The first half of the tasks is for the pools, the second for what lies outside of them.
static struct hc_error *run_task(void *argument, unsigned worker, size_t task)
{
    const struct run *run = argument;
    const struct hc_graph *graph = run->walk->graph;
    size_t half = run->walk->task_count / 2, part = task % half;
    size_t count = task < half ? graph->pools.word_count : graph->real_count - graph->pool_count;
    size_t end = count * (part + 1) / half;
    for (size_t i = count * part / half; i < end; i++)
        HC_TRY(task < half ? walk_word(run, worker, task, i)
                           : walk_other(run, worker, task, graph->pool_count + (uint32_t)i));
    return run->walk->tracers[worker].out_of_memory ? hc_error_out_of_memory() : NULL;
}

struct hc_error *hc_audit_walk_run(struct hc_audit_walk *walk, hc_audit_object_fn *callback, void *argument)
{
    struct run run = {walk, callback, argument};
    atomic_store(&walk->allowance, hc_tracer_allowance(walk->graph->types.runtime->image));
    return hc_parallel_run(walk->threads, walk->task_count, run_task, &run);
}
