#include "sets/producers.h"
#include "sets/roots.h"

#include <stdlib.h>
#include <string.h>

struct hc_error *hc_universe_init(struct hc_universe *universe, struct hc_graph *graph, unsigned threads)
{
    const struct hc_type_vector *types = &graph->types.types;
    *universe =
        (struct hc_universe){.graph = graph, .threads = threads, .type_count = (uint32_t)types->count};
    universe->is_dict = calloc(types->count + 1, 1);
    if (!universe->is_dict)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < types->count; i++)
        universe->is_dict[i] = types->items[i]->is_dict;
    return NULL;
}

void hc_universe_deinit(struct hc_universe *universe)
{
    for (size_t i = 0; i < universe->kind_lists.count; i++)
        free(universe->kind_lists.items[i].kinds);
    hc_kind_list_vector_deinit(&universe->kind_lists);
    free(universe->kind_list_buckets);
    free(universe->is_dict);
    hc_address_map_deinit(&universe->virtual_dicts);
    hc_roots_destroy(universe->roots);
    hc_producers_destroy(universe->producers);
    if (universe->tracer)
        hc_tracer_deinit(universe->tracer);
    free(universe->tracer);
    *universe = (struct hc_universe){0};
}

struct hc_error *hc_universe_tracer(struct hc_universe *universe, struct hc_tracer **ret)
{
    struct hc_type_table *types = &universe->graph->types;
    if (!universe->tracer) {
        struct hc_tracer *tracer = hc_calloc_alone(1, sizeof(*tracer));
        struct hc_error *error = tracer ? hc_tracer_init(tracer, types) : hc_error_out_of_memory();
        if (error) {
            free(tracer);
            return error;
        }
        universe->tracer = tracer;
    }
    universe->allowance = hc_tracer_allowance(types->runtime->image);
    universe->tracer->allowance = &universe->allowance;
    *ret = universe->tracer;
    return NULL;
}

static int by_number(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static uint32_t sort_unique(uint32_t *kinds, uint32_t count)
{
    if (count > 1)
        qsort(kinds, count, sizeof(*kinds), by_number);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!kept || kinds[kept - 1] != kinds[i])
            kinds[kept++] = kinds[i];
    return kept;
}

static bool is_list(const struct hc_kind_list *list, const uint32_t *kinds, uint32_t count)
{
    return list->count == count && (!count || !memcmp(list->kinds, kinds, count * sizeof(*kinds)));
}

static size_t find_bucket(const struct hc_universe *universe, const uint32_t *kinds, uint32_t count)
{
    uint64_t hash = count;
    for (uint32_t i = 0; i < count; i++)
        hash = (hash ^ kinds[i]) * 0x9e3779b97f4a7c15u;
    size_t mask = universe->kind_list_bucket_count - 1;
    size_t bucket = (hash >> 32) & mask;
    while (universe->kind_list_buckets[bucket] &&
           !is_list(&universe->kind_lists.items[universe->kind_list_buckets[bucket] - 1], kinds, count))
        bucket = (bucket + 1) & mask;
    return bucket;
}

static bool grow_buckets(struct hc_universe *universe)
{
    size_t grown = universe->kind_list_bucket_count ? universe->kind_list_bucket_count * 2 : 256;
    uint32_t *buckets = calloc(grown, sizeof(*buckets));
    if (!buckets)
        return false;
    free(universe->kind_list_buckets);
    universe->kind_list_buckets = buckets;
    universe->kind_list_bucket_count = grown;
    for (size_t i = 0; i < universe->kind_lists.count; i++) {
        const struct hc_kind_list *list = &universe->kind_lists.items[i];
        buckets[find_bucket(universe, list->kinds, list->count)] = (uint32_t)i + 1;
    }
    return true;
}

struct hc_error *hc_universe_intern_kinds(struct hc_universe *universe, uint32_t *kinds, uint32_t count,
                                          uint32_t *ret)
{
    count = sort_unique(kinds, count);
    if (universe->kind_lists.count * 2 >= universe->kind_list_bucket_count && !grow_buckets(universe))
        return hc_error_out_of_memory();
    size_t bucket = find_bucket(universe, kinds, count);
    if (!universe->kind_list_buckets[bucket]) {
        struct hc_kind_list list = {.kinds = malloc((count + 1u) * sizeof(*kinds)), .count = count};
        if (!list.kinds || !hc_kind_list_vector_push(&universe->kind_lists, list)) {
            free(list.kinds);
            return hc_error_out_of_memory();
        }
        if (count)
            memcpy(list.kinds, kinds, count * sizeof(*kinds));
        universe->kind_list_buckets[bucket] = (uint32_t)universe->kind_lists.count;
    }
    *ret = universe->kind_list_buckets[bucket] - 1;
    return NULL;
}
