#include "graph/graph.h"

#include "graph/dominators.h"

#include <stdlib.h>

void hc_graph_destroy(struct hc_graph *graph)
{
    if (!graph)
        return;
    hc_type_table_deinit(&graph->types);
    hc_pools_deinit(&graph->pools);
    hc_id_vector_deinit(&graph->roots);
    free(graph->others);
    free(graph->virtual_owners);
    free(graph->edge_starts);
    free(graph->edges);
    free(graph->referrer_starts);
    free(graph->referrers);
    hc_dominators_destroy(graph->dominators);
    free(graph->type_indexes);
    free(graph->sizes);
    free(graph->states);
    free(graph->large_sizes);
    free(graph->owned_dicts);
    free(graph->owned_ranks);
    free(graph->dict_owners);
    free(graph);
}

static const struct hc_large_size *find_large(const struct hc_graph *graph, hc_object_id object)
{
    size_t low = 0, high = graph->large_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (graph->large_sizes[middle].object < object.i)
            low = middle + 1;
        else
            high = middle;
    }
    return low < graph->large_count ? &graph->large_sizes[low] : NULL;
}

uint64_t hc_graph_size(const struct hc_graph *graph, hc_object_id object)
{
    if (graph->sizes[object.i] != HC_LARGE)
        return graph->sizes[object.i];
    const struct hc_large_size *large = find_large(graph, object);
    return large ? large->size : HC_LARGE;
}

bool hc_graph_size_is_bounded(const struct hc_graph *graph, hc_object_id object)
{
    if (graph->sizes[object.i] != HC_LARGE)
        return false;
    const struct hc_large_size *large = find_large(graph, object);
    return large && large->is_bounded;
}

uint64_t hc_graph_address(const struct hc_graph *graph, hc_object_id object)
{
    if (object.i < graph->pool_count)
        return hc_pools_object_address(&graph->pools, object.i);
    return object.i < graph->real_count ? graph->others[object.i - graph->pool_count] : 0;
}

bool hc_graph_find(const struct hc_graph *graph, uint64_t address, hc_object_id *ret)
{
    const struct hc_pool *pool = hc_pools_find(&graph->pools, address);
    if (pool)
        return hc_pool_object(&graph->pools, pool, address, &ret->i);
    uint32_t low = 0, high = graph->real_count - graph->pool_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (graph->others[middle] < address)
            low = middle + 1;
        else
            high = middle;
    }
    ret->i = graph->pool_count + low;
    return ret->i < graph->real_count && graph->others[low] == address;
}

bool hc_graph_dict_owner(const struct hc_graph *graph, hc_object_id dict, hc_object_id *ret)
{
    if (hc_graph_is_virtual(graph, dict)) {
        ret->i = graph->virtual_owners[dict.i - graph->real_count];
        return true;
    }
    uint64_t word = graph->owned_dicts[dict.i / 64], bit = 1ull << (dict.i % 64);
    if (!(word & bit))
        return false;
    ret->i =
        graph
            ->dict_owners[graph->owned_ranks[dict.i / 64] + (unsigned)__builtin_popcountll(word & (bit - 1))];
    return true;
}
