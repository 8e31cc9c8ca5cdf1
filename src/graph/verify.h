// How well what heapcore knows of types agrees with their own code: objects of every type are traversed a
// second time, by the tp_traverse of the type, emulated.
#pragma once

#include "graph/graph.h"

struct hc_verified_type {
    const struct hc_type *type;
    enum hc_how how;           // of the first object
    uint32_t sampled;          // objects whose tp_traverse was run
    uint32_t agreeing;         // … and visits what heapcore says, as a multiset
    uint32_t failed;           // objects whose tp_traverse could not be run
    enum hc_emulation failure; // why, the last time
    uint64_t example;          // address of the first that does not agree, or 0
    size_t expected, found;    // visits of the example: by its tp_traverse, by heapcore
};

HC_DEFINE_VECTOR(hc_verified_type_vector, struct hc_verified_type)

// All types that objects are known of by other ways than words, those that do not agree first, then by
// samples.
struct hc_error *hc_graph_verify(const struct hc_graph *graph, struct hc_verified_type_vector *ret);
