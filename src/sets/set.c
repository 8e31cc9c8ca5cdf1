#include "sets/set.h"

#include <stdlib.h>
#include <string.h>

struct hc_set *hc_set_keep(struct hc_set *set)
{
    set->references++;
    return set;
}

void hc_set_release(struct hc_set *set)
{
    if (set && !--set->references)
        free(set);
}

struct hc_set *hc_set_create(struct hc_universe *universe)
{
    size_t words = universe->graph->count / 64 + 1;
    struct hc_set *set = calloc(1, sizeof(*set) + words * sizeof(*set->bits));
    if (!set)
        return NULL;
    set->references = 1;
    set->universe = universe;
    set->words = words;
    return set;
}

void hc_set_seal(struct hc_set *set)
{
    const struct hc_graph *graph = set->universe->graph;
    set->count = set->size = 0;
    for (size_t word = 0; word < set->words; word++)
        for (uint64_t bits = set->bits[word]; bits; bits &= bits - 1) {
            uint32_t object = (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(bits);
            set->count++;
            set->size += hc_graph_size(graph, (hc_object_id){object});
        }
}

uint32_t hc_set_nth(const struct hc_set *set, uint64_t rank)
{
    for (size_t word = 0; word < set->words; word++) {
        uint64_t bits = set->bits[word];
        unsigned members = (unsigned)__builtin_popcountll(bits);
        if (rank >= members) {
            rank -= members;
            continue;
        }
        while (rank--)
            bits &= bits - 1;
        return (uint32_t)(word * 64 + (unsigned)__builtin_ctzll(bits));
    }
    return set->universe->graph->count;
}

uint32_t hc_set_next(const struct hc_set *set, uint32_t object)
{
    uint32_t end = set->universe->graph->count;
    if (object >= end)
        return end;
    size_t word = object / 64;
    uint64_t bits = set->bits[word] >> (object % 64) << (object % 64);
    while (!bits && ++word < set->words)
        bits = set->bits[word];
    return bits ? (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(bits) : end;
}

static uint64_t combine(uint64_t left, uint64_t right, enum hc_set_operation operation)
{
    switch (operation) {
    case HC_SET_AND:
        return left & right;
    case HC_SET_OR:
        return left | right;
    case HC_SET_MINUS:
        return left & ~right;
    case HC_SET_XOR:
        return left ^ right;
    }
    return 0;
}

struct hc_error *hc_set_combine(const struct hc_set *left, const struct hc_set *right,
                                enum hc_set_operation operation, struct hc_set **ret)
{
    struct hc_set *set = hc_set_create(left->universe);
    if (!set)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < set->words; i++)
        set->bits[i] = combine(left->bits[i], right->bits[i], operation);
    hc_set_seal(set);
    *ret = set;
    return NULL;
}

bool hc_set_is_within(const struct hc_set *left, const struct hc_set *right)
{
    for (size_t i = 0; i < left->words; i++)
        if (left->bits[i] & ~right->bits[i])
            return false;
    return true;
}

struct hc_error *hc_set_of_states(struct hc_universe *universe, unsigned states, struct hc_set **ret)
{
    struct hc_set *set = hc_set_create(universe);
    if (!set)
        return hc_error_out_of_memory();
    for (uint32_t object = 0; object < universe->graph->count; object++)
        if (states >> universe->graph->states[object] & 1)
            hc_set_put(set, object);
    hc_set_seal(set);
    *ret = set;
    return NULL;
}
