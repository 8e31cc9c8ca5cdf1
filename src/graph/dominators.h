// Who keeps what alive: every object's immediate dominator, the nearest object that all ways from the roots
// lead through. They are a tree; what lies under an object in it goes when the object goes.
#pragma once

#include "graph/graph.h"

// Stand in place of an object.
enum {
    HC_DOMINATOR_ROOTS = UINT32_MAX,    // no one object keeps it alive: the tree's root
    HC_DOMINATOR_NONE = UINT32_MAX - 1, // the roots do not reach it
};

struct hc_dominators {
    uint32_t *parents; // by object
    uint64_t *inner;   // bitmap over the objects: dominates another. These are numbered by rank:
    uint32_t *ranks;   // inner objects before each 64
    uint32_t inner_count;
    uint64_t *held_once, *held_more; // bitmaps, see hc_dominators_holders()
    uint64_t *retained;              // by rank: bytes of the object and all below it
    // NULL until hc_graph_find_dominated(): what the inner object of rank i dominates immediately is
    // children[child_starts[i]] … children[child_starts[i + 1] - 1], ascending; those of the roots come last.
    uint32_t *child_starts, *children;
};

// Makes graph->dominators, unless it is there. Keeps 4 bytes an object, and 8 for each that dominates
// another.
struct hc_error *hc_graph_find_dominators(struct hc_graph *graph);
// The tree from above: makes the lists of children, too.
struct hc_error *hc_graph_find_dominated(struct hc_graph *graph);
// Forgets the tree, and gives its memory back.
void hc_graph_forget_dominators(struct hc_graph *graph);
void hc_dominators_destroy(struct hc_dominators *dominators);
HC_DEFINE_POINTER_CLEANUP(hc_dominators_destroy, struct hc_dominators)

static inline bool hc_dominators_is_inner(const struct hc_dominators *dominators, uint32_t object)
{
    return dominators->inner[object / 64] >> (object % 64) & 1;
}

static inline uint32_t hc_dominators_rank(const struct hc_dominators *dominators, uint32_t object)
{
    uint64_t below = dominators->inner[object / 64] & ((1ull << (object % 64)) - 1);
    return dominators->ranks[object / 64] + (uint32_t)__builtin_popcountll(below);
}

// How many references lead to the object from others that do not live on it themselves: none, one, or two for
// more. The roots' are not counted.
unsigned hc_dominators_holders(const struct hc_dominators *dominators, uint32_t object);

// The bytes that would be freed if the object went, its own included; 0 for one that the roots do not reach.
uint64_t hc_graph_retained(const struct hc_graph *graph, hc_object_id object);
// What an object, or HC_DOMINATOR_ROOTS, dominates immediately: `*ret_count` objects.
const uint32_t *hc_dominators_children(const struct hc_dominators *dominators, uint32_t object,
                                       uint32_t *ret_count);
