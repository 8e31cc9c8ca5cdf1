// The largest of what keeps memory alive: objects, kinds and variables by retained size.
#pragma once

#include "graph/dominators.h"
#include "sets/set.h"

struct hc_retained_object {
    uint64_t retained;
    uint32_t object;
    uint32_t holder; // of a variable: the dict that has the object as a value
};

struct hc_retained_kind {
    uint32_t kind; // as hc_universe_kind() says
    uint64_t count;
    uint64_t size; // bytes of its objects alone
    // Bytes that its topmost objects retain, those that none of the kind dominates. Approximation: what two
    // of them hold together, and nobody else, is left out; `domisize` of the kind counts it.
    uint64_t retained;
};

HC_DEFINE_VECTOR(hc_retained_object_vector, struct hc_retained_object)
HC_DEFINE_VECTOR(hc_retained_kind_vector, struct hc_retained_kind)

struct hc_retained {
    struct hc_retained_object_vector objects;
    struct hc_retained_kind_vector kinds;
    // Values in the dicts of modules and classes that would go with the variable: nothing but the variable,
    // and what it keeps alive itself, leads to them.
    struct hc_retained_object_vector variables;
};

// Largest first, at most `most` of each.
struct hc_error *hc_retained_find(struct hc_universe *universe, size_t most, struct hc_retained *ret);
// The kinds of a set's members, as far as the roots reach them: topmost are those that no other member of the
// kind dominates. Largest first, all of them.
struct hc_error *hc_retained_find_kinds(const struct hc_set *set, struct hc_retained_kind_vector *ret);
void hc_retained_deinit(struct hc_retained *retained);
