#include "sets/derived.h"
#include "sets/findex.h"
#include "sets/links.h"
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
    for (size_t i = 0; i < universe->lists.count; i++)
        free(universe->lists.items[i].numbers);
    hc_number_list_vector_deinit(&universe->lists);
    free(universe->list_buckets);
    free(universe->is_dict);
    hc_address_map_deinit(&universe->virtual_dicts);
    for (size_t i = 0; i < universe->findexes.count; i++)
        hc_findex_deinit(&universe->findexes.items[i]);
    free(universe->findexes.items);
    hc_numbered_classes_destroy(universe->classes);
    free(universe->vias);
    hc_links_destroy(universe->links);
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

static uint32_t sort_unique(uint32_t *numbers, uint32_t count)
{
    if (count > 1)
        qsort(numbers, count, sizeof(*numbers), by_number);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!kept || numbers[kept - 1] != numbers[i])
            numbers[kept++] = numbers[i];
    return kept;
}

static bool is_list(const struct hc_number_list *list, const uint32_t *numbers, uint32_t count)
{
    return list->count == count && (!count || !memcmp(list->numbers, numbers, count * sizeof(*numbers)));
}

static size_t find_bucket(const struct hc_universe *universe, const uint32_t *numbers, uint32_t count)
{
    uint64_t hash = count;
    for (uint32_t i = 0; i < count; i++)
        hash = (hash ^ numbers[i]) * 0x9e3779b97f4a7c15u;
    size_t mask = universe->list_bucket_count - 1;
    size_t bucket = (hash >> 32) & mask;
    while (universe->list_buckets[bucket] &&
           !is_list(&universe->lists.items[universe->list_buckets[bucket] - 1], numbers, count))
        bucket = (bucket + 1) & mask;
    return bucket;
}

static bool grow_buckets(struct hc_universe *universe)
{
    size_t grown = universe->list_bucket_count ? universe->list_bucket_count * 2 : 256;
    uint32_t *buckets = calloc(grown, sizeof(*buckets));
    if (!buckets)
        return false;
    free(universe->list_buckets);
    universe->list_buckets = buckets;
    universe->list_bucket_count = grown;
    for (size_t i = 0; i < universe->lists.count; i++) {
        const struct hc_number_list *list = &universe->lists.items[i];
        buckets[find_bucket(universe, list->numbers, list->count)] = (uint32_t)i + 1;
    }
    return true;
}

struct hc_error *hc_universe_intern_list(struct hc_universe *universe, uint32_t *numbers, uint32_t count,
                                         uint32_t *ret)
{
    count = sort_unique(numbers, count);
    if (universe->lists.count * 2 >= universe->list_bucket_count && !grow_buckets(universe))
        return hc_error_out_of_memory();
    size_t bucket = find_bucket(universe, numbers, count);
    if (!universe->list_buckets[bucket]) {
        struct hc_number_list list = {.numbers = malloc((count + 1u) * sizeof(*numbers)), .count = count};
        if (!list.numbers || !hc_number_list_vector_push(&universe->lists, list)) {
            free(list.numbers);
            return hc_error_out_of_memory();
        }
        if (count)
            memcpy(list.numbers, numbers, count * sizeof(*numbers));
        universe->list_buckets[bucket] = (uint32_t)universe->lists.count;
    }
    *ret = universe->list_buckets[bucket] - 1;
    return NULL;
}
