#include "graph/build.h"

#include "base/parallel.h"
#include "python/roots.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    TASKS_PER_THREAD = 8,
    PREFETCH = 512, // bytes ahead
};

struct builder {
    const struct hc_runtime *runtime;
    struct hc_graph *graph;
    unsigned threads;
    struct hc_tracer *tracers;   // one a worker
    struct hc_finding *findings; // one a task
    size_t task_count;
    _Atomic uint64_t allowance; // of the tracers
    struct hc_others others;
    size_t types_added; // to the others
    struct hc_found_roots roots;
    struct hc_word_vector static_roots;
    struct hc_lookalike_vector lookalikes;
};

static void builder_deinit(struct builder *builder)
{
    for (unsigned i = 0; builder->tracers && i < builder->threads; i++)
        hc_tracer_deinit(&builder->tracers[i]);
    for (size_t i = 0; builder->findings && i < builder->task_count; i++)
        hc_finding_deinit(&builder->findings[i]);
    free(builder->tracers);
    free(builder->findings);
    hc_others_deinit(&builder->others);
    hc_found_roots_deinit(&builder->roots);
    hc_word_vector_deinit(&builder->static_roots);
    hc_lookalike_vector_deinit(&builder->lookalikes);
}

// The object `header` bytes into `block`.
static struct hc_error *trace_block(struct builder *builder, struct hc_tracer *tracer,
                                    struct hc_finding *finding, const struct hc_pool *pool, uint64_t block,
                                    uint32_t header, uint32_t number)
{
    struct hc_graph *graph = builder->graph;
    uint64_t address = block + header, available = pool->block_size - header;
    const uint8_t *bytes = pool->bytes + (address - pool->address);
    __builtin_prefetch(bytes + PREFETCH);
    const struct hc_type *type =
        hc_tracer_find_type(tracer, hc_load_word(&tracer->reader.target, bytes + tracer->at->object_type));
    struct hc_object_view object = {type, address, bytes, available};
    struct hc_object_record record;
    HC_TRY(
        hc_finding_add(finding, &graph->pools, tracer, &object, hc_tagged(HC_TAG_OBJECT, number), &record));
    graph->type_indexes[number] = record.type_index;
    graph->sizes[number] = record.size;
    graph->states[number] = record.state;
    graph->edge_starts[number + 1] = record.edge_count;
    return NULL;
}

static struct hc_error *trace_word(struct builder *builder, struct hc_tracer *tracer,
                                   struct hc_finding *finding, size_t index)
{
    const struct hc_pools *pools = &builder->graph->pools;
    const struct hc_slot_word *word = &pools->words[index];
    const struct hc_pool *pool = &pools->pools[word->pool];
    uint32_t number = word->first_object;
    for (uint64_t left = word->objects; left; left &= left - 1, number++) {
        unsigned bit = (unsigned)__builtin_ctzll(left);
        uint32_t block = (uint32_t)(index - pool->first_word) * 64 + bit;
        HC_TRY(trace_block(builder, tracer, finding, pool, hc_pool_block_address(pools, pool, block),
                           hc_slot_header(pools, word, bit), number));
    }
    return NULL;
}

static struct hc_error *trace_task(void *argument, unsigned worker, size_t task)
{
    struct builder *builder = argument;
    size_t words = builder->graph->pools.word_count;
    size_t end = words * (task + 1) / builder->task_count;
    for (size_t i = words * task / builder->task_count; i < end; i++)
        HC_TRY(trace_word(builder, &builder->tracers[worker], &builder->findings[task], i));
    return NULL;
}

static struct hc_error *prepare(struct builder *builder)
{
    struct hc_graph *graph = builder->graph;
    if (graph->pools.object_count > HC_TAG_MASK)
        return hc_error_create("more than a billion objects: this is beyond heapcore");
    graph->pool_count = (uint32_t)graph->pools.object_count;
    builder->task_count = (size_t)builder->threads * TASKS_PER_THREAD;
    builder->findings = hc_calloc_alone(builder->task_count, sizeof(*builder->findings));
    builder->tracers = hc_calloc_alone(builder->threads, sizeof(*builder->tracers));
    graph->edge_starts = malloc((graph->pool_count + 1ull) * sizeof(*graph->edge_starts));
    graph->type_indexes = malloc((graph->pool_count + 1ull) * sizeof(*graph->type_indexes));
    graph->sizes = malloc((graph->pool_count + 1ull) * sizeof(*graph->sizes));
    graph->states = malloc(graph->pool_count + 1ull);
    if (!builder->findings || !builder->tracers || !graph->edge_starts || !graph->type_indexes ||
        !graph->sizes || !graph->states)
        return hc_error_out_of_memory();
    atomic_init(&builder->allowance, hc_tracer_allowance(builder->runtime->image));
    for (unsigned i = 0; i < builder->threads; i++) {
        HC_TRY(hc_tracer_init(&builder->tracers[i], &graph->types));
        builder->tracers[i].allowance = &builder->allowance;
    }
    return NULL;
}

static struct hc_error *add_all(struct builder *builder, const struct hc_word_vector *addresses)
{
    for (size_t i = 0; i < addresses->count; i++)
        HC_TRY(hc_others_add(&builder->others, &builder->graph->pools, &builder->tracers[0],
                             addresses->items[i]));
    return NULL;
}

// Tracing finds types, and types are objects.
static struct hc_error *trace_known(struct builder *builder)
{
    struct hc_tracer *tracer = &builder->tracers[0];
    const struct hc_pools *pools = &builder->graph->pools;
    const struct hc_type_vector *types = &builder->graph->types.types;
    do {
        for (; builder->types_added < types->count; builder->types_added++)
            HC_TRY(
                hc_others_add(&builder->others, pools, tracer, types->items[builder->types_added]->address));
        HC_TRY(hc_others_trace(&builder->others, pools, tracer));
    } while (builder->types_added < types->count);
    return NULL;
}

// Large and static objects: what the pools' objects, the roots and C data point to, and every type.
static struct hc_error *trace_others(struct builder *builder)
{
    struct hc_tracer *tracer = &builder->tracers[0];
    const struct hc_pools *pools = &builder->graph->pools;
    HC_TRY(hc_roots_find(builder->runtime, tracer, &builder->roots));
    HC_TRY(hc_roots_find_static(builder->runtime, tracer, &builder->static_roots));
    HC_TRY(add_all(builder, &builder->roots.certain));
    HC_TRY(add_all(builder, &builder->roots.doubtful));
    HC_TRY(add_all(builder, &builder->static_roots));
    for (size_t i = 0; i < builder->task_count; i++)
        HC_TRY(add_all(builder, &builder->findings[i].foreign_addresses));
    HC_TRY(trace_known(builder));
    HC_TRY(hc_others_find_strays(&builder->others, pools, tracer, builder->findings, builder->task_count));
    return trace_known(builder);
}

static void add_tallies(struct builder *builder)
{
    struct hc_graph_tally *sum = &builder->graph->tally;
    for (size_t i = 0; i <= builder->task_count; i++) {
        const struct hc_graph_tally *tally =
            i < builder->task_count ? &builder->findings[i].tally : &builder->others.finding.tally;
        for (size_t how = 0; how < HC_HOW_COUNT; how++)
            sum->how[how] += tally->how[how];
        for (size_t cause = 0; cause < HC_EMULATION_COUNT; cause++)
            sum->emulation[cause] += tally->emulation[cause];
        sum->inexact_sizes += tally->inexact_sizes;
        sum->dangling += tally->dangling;
        sum->damage.bounded_sizes += tally->damage.bounded_sizes;
        sum->damage.collector_breaks += tally->damage.collector_breaks;
        sum->damage.being_collected += tally->damage.being_collected;
        sum->damage.contradictory += tally->damage.contradictory;
    }
    for (unsigned i = 0; i < builder->threads; i++)
        sum->unreadable += builder->tracers[i].unreadable;
}

static struct hc_error *find_damage(struct builder *builder)
{
    size_t count = builder->task_count;
    _cleanup_(hc_freep) const struct hc_finding **findings = calloc(count + 1, sizeof(*findings));
    if (!findings)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < count; i++)
        findings[i] = &builder->findings[i];
    findings[count] = &builder->others.finding;
    return hc_graph_find_damage(&builder->graph->pools, &builder->tracers[0], findings, count + 1,
                                &builder->graph->tally.damage);
}

// A buffer that nobody knows may have a dead object's type in it. What no root reaches is only held to be an
// object if its neighbours in the collector's list know it, too.
static void find_remains(struct hc_graph *graph, struct hc_tracer *tracer)
{
    for (uint32_t i = 0; i < graph->real_count; i++)
        if (graph->states[i] == HC_TRACKED_FLAG &&
            !hc_tracer_is_linked(tracer, hc_graph_address(graph, (hc_object_id){i})))
            graph->states[i] = HC_REMAINS_FLAG;
}

static struct hc_error *build(struct builder *builder)
{
    struct hc_graph *graph = builder->graph;
    HC_TRY(hc_type_table_init(&graph->types, builder->runtime));
    HC_TRY(hc_pools_init(&graph->pools, builder->runtime));
    HC_TRY(hc_pools_scan(&graph->pools, &graph->types, builder->threads));
    graph->types.pools = &graph->pools;
    HC_TRY(prepare(builder));
    HC_TRY(hc_parallel_run(builder->threads, builder->task_count, trace_task, builder));
    HC_TRY(trace_others(builder));
    add_tallies(builder);
    HC_TRY(find_damage(builder));
    const struct hc_type *dict = hc_tracer_find_type(&builder->tracers[0], builder->runtime->dict_type);
    if (!dict)
        return hc_error_create("the type dict of %s cannot be read", hc_image_path(builder->runtime->image));
    HC_TRY(hc_graph_merge(graph, builder->findings, builder->task_count, &builder->others, dict->index,
                          &builder->lookalikes));
    HC_TRY(hc_graph_mark_reachable(graph, &builder->roots.certain));
    HC_TRY(
        hc_graph_drop_stale(graph, &builder->tracers[0], &builder->roots.certain, &builder->roots.doubtful));
    HC_TRY(hc_graph_mark_reachable(graph, &builder->roots.doubtful));
    find_remains(graph, &builder->tracers[0]);
    return hc_graph_mark_rest(graph, &builder->static_roots, &builder->lookalikes);
}

struct hc_error *hc_graph_build(const struct hc_runtime *runtime, unsigned threads, struct hc_graph **ret)
{
    _cleanup_(hc_graph_destroyp) struct hc_graph *graph = calloc(1, sizeof(*graph));
    if (!graph)
        return hc_error_out_of_memory();
    threads = hc_parallel_threads(threads);
    _cleanup_(builder_deinit) struct builder builder = {
        .runtime = runtime, .graph = graph, .threads = threads};
    HC_TRY(build(&builder));
    *ret = hc_take(graph);
    return NULL;
}
