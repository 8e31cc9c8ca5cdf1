// What it takes to find dominators, and no more. An object that one other alone refers to is dominated by
// that one: nothing is to be found out. What is left are the joints, to which several others or the roots
// refer. To find their dominators it is enough to know them and the forks: objects, each with one referrer,
// from which two or more references lead on to joints. All else is either on the only way from one of these
// to the next, or leads to no joint.
#pragma once

#include "graph/graph.h"

struct hc_joints {
    const struct hc_graph *graph;
    uint32_t *parents; // by object: its referrer; of a joint, one of them; HC_DOMINATOR_NONE: it has none
    // Bitmaps over the objects:
    uint64_t *joints;
    uint64_t *rooted;  // joints to which a root refers: nothing else matters for them
    uint64_t *leading; // a reference leads on to a joint that is not rooted
    uint64_t *nodes;   // joints and forks
    uint64_t *twice;   // no joint, but its referrer refers to it more than once
    uint32_t *ranks;   // nodes before each 64
    uint32_t count;    // nodes; they have numbers from 1, the roots have 0
};

void hc_joints_deinit(struct hc_joints *joints);
struct hc_error *hc_joints_find(const struct hc_graph *graph, struct hc_joints *ret);

static inline bool hc_joints_bit(const uint64_t *bits, uint32_t object)
{
    return bits[object / 64] >> (object % 64) & 1;
}

static inline void hc_joints_set(uint64_t *bits, uint32_t object)
{
    bits[object / 64] |= 1ull << (object % 64);
}

// The number of the node that `object` is, or that it is reached through. All climbing together takes one
// step for each object, as only one reference leads on from what is no node.
static inline uint32_t hc_joints_node(const struct hc_joints *joints, uint32_t object)
{
    while (!hc_joints_bit(joints->nodes, object))
        object = joints->parents[object];
    uint64_t below = joints->nodes[object / 64] & ((1ull << (object % 64)) - 1);
    return joints->ranks[object / 64] + (uint32_t)__builtin_popcountll(below) + 1;
}

// By numbers of nodes.
typedef void hc_joints_edge_fn(void *argument, uint32_t from, uint32_t to);
// Every way from a node to another that has no node between. What refers to itself is left out.
struct hc_error *hc_joints_each_edge(const struct hc_joints *joints, hc_joints_edge_fn *visit,
                                     void *argument);
