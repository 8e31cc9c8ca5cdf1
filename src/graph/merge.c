// Puts what the parts of the builder found into flat arrays, every number settled.
#include "graph/build.h"

#include <stdlib.h>
#include <string.h>

// How one finding's local numbers translate.
struct translation {
    uint32_t *foreign; // local → number
    uint32_t first_virtual;
};

struct merge {
    struct hc_graph *graph;
    struct hc_finding *findings;
    size_t finding_count;
    struct hc_others *others;
    uint32_t *global_numbers; // of the others: discovery order → number
    uint32_t *order;          // of the others: number - pool_count → discovery order
    uint32_t next_edge;
};

// The pools' findings in order, then that of the others.
static struct hc_finding *finding_of(const struct merge *merge, size_t index)
{
    return index < merge->finding_count ? &merge->findings[index] : &merge->others->finding;
}

static int by_address(const void *a, const void *b, void *argument)
{
    const uint64_t *addresses = argument;
    uint64_t left = addresses[*(const uint32_t *)a], right = addresses[*(const uint32_t *)b];
    return (left > right) - (left < right);
}

static struct hc_error *number_others(struct merge *merge)
{
    struct hc_graph *graph = merge->graph;
    const struct hc_word_vector *addresses = &merge->others->finding.foreign_addresses;
    uint32_t count = (uint32_t)addresses->count;
    merge->order = calloc(count + 1u, sizeof(*merge->order));
    merge->global_numbers = calloc(count + 1u, sizeof(*merge->global_numbers));
    graph->others = calloc(count + 1u, sizeof(*graph->others));
    if (!merge->order || !merge->global_numbers || !graph->others)
        return hc_error_out_of_memory();
    for (uint32_t i = 0; i < count; i++)
        merge->order[i] = i;
    qsort_r(merge->order, count, sizeof(*merge->order), by_address, addresses->items);
    for (uint32_t i = 0; i < count; i++) {
        merge->global_numbers[merge->order[i]] = graph->pool_count + i;
        graph->others[i] = addresses->items[merge->order[i]];
    }
    graph->real_count = graph->pool_count + count;
    return NULL;
}

static uint32_t translate(const struct translation *translation, uint32_t tagged)
{
    uint32_t number = tagged & HC_TAG_MASK;
    switch (tagged >> HC_TAG_SHIFT) {
    case HC_TAG_FOREIGN:
        return translation->foreign[number];
    case HC_TAG_VIRTUAL:
        return translation->first_virtual + number;
    default:
        return number;
    }
}

// Arrays that were as long as the pools have objects become as long as there are objects.
static struct hc_error *extend_arrays(struct hc_graph *graph, uint64_t count, uint64_t edges)
{
    if (count >= HC_TAG_MASK || edges > UINT32_MAX)
        return hc_error_create("%lu objects with %lu references are more than heapcore numbers", (long)count,
                               (long)edges);
    void *starts = realloc(graph->edge_starts, (count + 1) * sizeof(*graph->edge_starts));
    graph->edge_starts = starts ? starts : graph->edge_starts;
    void *types = realloc(graph->type_indexes, (count + 1) * sizeof(*graph->type_indexes));
    graph->type_indexes = types ? types : graph->type_indexes;
    void *sizes = realloc(graph->sizes, (count + 1) * sizeof(*graph->sizes));
    graph->sizes = sizes ? sizes : graph->sizes;
    void *states = realloc(graph->states, count + 1);
    graph->states = states ? states : graph->states;
    graph->virtual_owners = calloc(count - graph->real_count + 1, sizeof(*graph->virtual_owners));
    graph->edges = malloc((edges + 1) * sizeof(*graph->edges));
    if (!starts || !types || !sizes || !states || !graph->virtual_owners || !graph->edges)
        return hc_error_out_of_memory();
    graph->count = (uint32_t)count;
    return NULL;
}

static void put_object(struct merge *merge, uint32_t number, const struct hc_object_record *record)
{
    struct hc_graph *graph = merge->graph;
    graph->type_indexes[number] = record->type_index;
    graph->sizes[number] = record->size;
    graph->states[number] = record->state;
    graph->edge_starts[number + 1] = record->edge_count;
}

static void put_edges(struct merge *merge, struct hc_stream *stream, const struct translation *translation)
{
    uint32_t *next = merge->graph->edges + merge->next_edge;
    for (uint64_t left = stream->count; left; left--)
        *next++ = translate(translation, hc_stream_take(stream));
    merge->next_edge = (uint32_t)(next - merge->graph->edges);
}

// The others' edges stand in discovery order and are wanted in address order.
static struct hc_error *put_others(struct merge *merge, const struct translation *translation)
{
    struct hc_others *others = merge->others;
    struct hc_stream *stream = &others->finding.edges;
    _cleanup_(hc_freep) uint32_t *flat = malloc((stream->count + 1) * sizeof(*flat));
    _cleanup_(hc_freep) uint64_t *starts = malloc((others->traced + 1) * sizeof(*starts));
    if (!flat || !starts)
        return hc_error_out_of_memory();
    uint64_t count = stream->count, start = 0;
    for (uint64_t i = 0; i < count; i++)
        flat[i] = translate(translation, hc_stream_take(stream));
    for (size_t i = 0; i < others->traced; i++) {
        starts[i] = start;
        start += others->records[i].edge_count;
    }
    for (uint32_t i = 0; i < others->traced; i++) {
        const struct hc_object_record *record = &others->records[merge->order[i]];
        put_object(merge, merge->graph->pool_count + i, record);
        memcpy(merge->graph->edges + merge->next_edge, flat + starts[merge->order[i]],
               record->edge_count * sizeof(*flat));
        merge->next_edge += record->edge_count;
    }
    return NULL;
}

static void put_virtual_dicts(struct merge *merge, struct hc_finding *finding,
                              const struct translation *translation, uint32_t dict_type)
{
    struct hc_graph *graph = merge->graph;
    for (size_t i = 0; i < finding->virtual_dicts.count; i++) {
        const struct hc_virtual_dict *dict = &finding->virtual_dicts.items[i];
        uint32_t number = translation->first_virtual + (uint32_t)i;
        graph->virtual_owners[number - graph->real_count] = translate(translation, dict->owner);
        put_object(merge, number,
                   &(struct hc_object_record){.type_index = dict_type,
                                              .size = dict->size < HC_LARGE ? (uint16_t)dict->size : HC_LARGE,
                                              .edge_count = dict->edges});
    }
    put_edges(merge, &finding->virtual_edges, translation);
}

static void accumulate_starts(struct hc_graph *graph)
{
    graph->edge_starts[0] = 0;
    for (uint32_t i = 0; i < graph->count; i++)
        graph->edge_starts[i + 1] += graph->edge_starts[i];
}

static uint64_t owned_rank(const struct hc_graph *graph, uint32_t dict)
{
    uint64_t before = graph->owned_dicts[dict / 64] & ((1ull << (dict % 64)) - 1);
    return graph->owned_ranks[dict / 64] + (unsigned)__builtin_popcountll(before);
}

// heapy: of several owners the one with the lowest address counts.
static bool is_lower(const struct hc_graph *graph, uint32_t left, uint32_t right)
{
    return right == UINT32_MAX ||
           hc_graph_address(graph, (hc_object_id){left}) < hc_graph_address(graph, (hc_object_id){right});
}

static bool is_exact_dict(const struct hc_graph *graph, uint32_t number)
{
    return number < graph->real_count && hc_graph_type(graph, (hc_object_id){number})->is_dict;
}

typedef void owned_dict_fn(struct hc_graph *graph, uint32_t dict, uint32_t owner);

static void each_owned_dict(struct merge *merge, const struct translation *translations,
                            owned_dict_fn *callback)
{
    for (size_t f = 0; f <= merge->finding_count; f++) {
        const struct hc_owned_dict_vector *owned = &finding_of(merge, f)->owned_dicts;
        for (size_t i = 0; i < owned->count; i++) {
            uint32_t dict = translate(&translations[f], owned->items[i].dict);
            if (is_exact_dict(merge->graph, dict))
                callback(merge->graph, dict, translate(&translations[f], owned->items[i].owner));
        }
    }
}

static void mark_owned(struct hc_graph *graph, uint32_t dict, uint32_t owner)
{
    (void)owner;
    graph->owned_dicts[dict / 64] |= 1ull << (dict % 64);
}

static void choose_owner(struct hc_graph *graph, uint32_t dict, uint32_t owner)
{
    uint32_t *slot = &graph->dict_owners[owned_rank(graph, dict)];
    if (is_lower(graph, owner, *slot))
        *slot = owner;
}

static struct hc_error *put_owners(struct merge *merge, const struct translation *translations)
{
    struct hc_graph *graph = merge->graph;
    size_t words = graph->real_count / 64 + 1;
    graph->owned_dicts = calloc(words, sizeof(*graph->owned_dicts));
    graph->owned_ranks = calloc(words + 1, sizeof(*graph->owned_ranks));
    if (!graph->owned_dicts || !graph->owned_ranks)
        return hc_error_out_of_memory();
    each_owned_dict(merge, translations, mark_owned);
    for (size_t i = 0; i < words; i++)
        graph->owned_ranks[i + 1] =
            graph->owned_ranks[i] + (uint32_t)__builtin_popcountll(graph->owned_dicts[i]);
    size_t size = (graph->owned_ranks[words] + 1u) * sizeof(*graph->dict_owners);
    graph->dict_owners = malloc(size);
    if (!graph->dict_owners)
        return hc_error_out_of_memory();
    memset(graph->dict_owners, 0xff, size);
    each_owned_dict(merge, translations, choose_owner);
    return NULL;
}

static int by_object(const void *a, const void *b)
{
    uint32_t left = ((const struct hc_large_size *)a)->object,
             right = ((const struct hc_large_size *)b)->object;
    return (left > right) - (left < right);
}

static struct hc_error *put_large_sizes(struct merge *merge, const struct translation *translations)
{
    struct hc_large_size_vector all = {0};
    for (size_t f = 0; f <= merge->finding_count; f++) {
        struct hc_finding *finding = finding_of(merge, f);
        for (size_t i = 0; i < finding->large_sizes.count; i++) {
            struct hc_large_size large = finding->large_sizes.items[i];
            large.object = translate(&translations[f], large.object);
            if (!hc_large_size_vector_push(&all, large)) {
                hc_large_size_vector_deinit(&all);
                return hc_error_out_of_memory();
            }
        }
    }
    if (all.count)
        qsort(all.items, all.count, sizeof(*all.items), by_object);
    merge->graph->large_sizes = all.items;
    merge->graph->large_count = all.count;
    return NULL;
}

static void translations_destroy(struct translation *translations)
{
    for (struct translation *t = translations; t->foreign; t++)
        free(t->foreign);
    free(translations);
}

HC_DEFINE_POINTER_CLEANUP(translations_destroy, struct translation)

static struct hc_error *build_translations(struct merge *merge, struct translation **ret)
{
    _cleanup_(translations_destroyp) struct translation *translations =
        calloc(merge->finding_count + 2, sizeof(*translations));
    if (!translations)
        return hc_error_out_of_memory();
    uint64_t next_virtual = merge->graph->real_count;
    for (size_t f = 0; f <= merge->finding_count; f++) {
        struct hc_finding *finding = finding_of(merge, f);
        const struct hc_word_vector *addresses = &finding->foreign_addresses;
        struct translation *translation = &translations[f];
        translation->foreign = malloc((addresses->count + 1) * sizeof(*translation->foreign));
        if (!translation->foreign)
            return hc_error_out_of_memory();
        for (size_t i = 0; i < addresses->count; i++) {
            uint32_t global;
            if (!hc_address_map_find(&merge->others->finding.foreign, addresses->items[i], &global) ||
                global == HC_NO_FOREIGN)
                return hc_error_create("the image changed while it was read");
            translation->foreign[i] = merge->global_numbers[global];
        }
        translation->first_virtual = (uint32_t)next_virtual;
        next_virtual += finding->virtual_dicts.count;
    }
    *ret = hc_take(translations);
    return NULL;
}

static struct hc_error *put_lookalikes(struct merge *merge, const struct translation *translations,
                                       struct hc_lookalike_vector *ret)
{
    for (size_t f = 0; f <= merge->finding_count; f++) {
        const struct hc_lookalike_vector *lookalikes = &finding_of(merge, f)->lookalikes;
        for (size_t i = 0; i < lookalikes->count; i++) {
            struct hc_lookalike lookalike = lookalikes->items[i];
            lookalike.owner = translate(&translations[f], lookalike.owner);
            if (!hc_lookalike_vector_push(ret, lookalike))
                return hc_error_out_of_memory();
        }
    }
    return NULL;
}

static struct hc_error *merge_all(struct merge *merge, uint32_t dict_type,
                                  struct hc_lookalike_vector *ret_lookalikes)
{
    struct hc_graph *graph = merge->graph;
    HC_TRY(number_others(merge));
    uint64_t count = graph->real_count, edges = 0;
    for (size_t f = 0; f <= merge->finding_count; f++) {
        const struct hc_finding *finding = finding_of(merge, f);
        count += finding->virtual_dicts.count;
        edges += finding->edges.count + finding->virtual_edges.count;
    }
    HC_TRY(extend_arrays(graph, count, edges));
    _cleanup_(translations_destroyp) struct translation *translations = NULL;
    HC_TRY(build_translations(merge, &translations));
    for (size_t f = 0; f < merge->finding_count; f++)
        put_edges(merge, &merge->findings[f].edges, &translations[f]);
    HC_TRY(put_others(merge, &translations[merge->finding_count]));
    for (size_t f = 0; f <= merge->finding_count; f++)
        put_virtual_dicts(merge, finding_of(merge, f), &translations[f], dict_type);
    accumulate_starts(graph);
    HC_TRY(put_owners(merge, translations));
    HC_TRY(put_large_sizes(merge, translations));
    return put_lookalikes(merge, translations, ret_lookalikes);
}

struct hc_error *hc_graph_merge(struct hc_graph *graph, struct hc_finding *findings, size_t count,
                                struct hc_others *others, uint32_t dict_type,
                                struct hc_lookalike_vector *ret_lookalikes)
{
    struct merge merge = {.graph = graph, .findings = findings, .finding_count = count, .others = others};
    struct hc_error *error = merge_all(&merge, dict_type, ret_lookalikes);
    free(merge.order);
    free(merge.global_numbers);
    return error;
}
