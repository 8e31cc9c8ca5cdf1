// Every leaf of a struct: the members that are no structs themselves, those of nested ones included. Knows C
// types; knows nothing of what they are for.
#pragma once

#include "layout/types.h"

#define HC_LEAF_PATH 512

struct hc_leaf {
    const char *path; // dotted; elements of arrays of structs by index: "entries[2].key"
    uint64_t offset;  // in the outermost struct
    uint64_t count;   // of an array; 1 for all else; 0 for an open one
    Dwarf_Die type;   // peeled; of an array's elements
    bool is_array;
    bool in_union;
};

// Is it of the sort that is looked for?
typedef bool hc_leaf_fn(void *argument, const struct hc_leaf *leaf);

// The caller sets what stands above the line. Paths and elements are bounded, and so are the walk's steps.
struct hc_leaf_walk {
    struct hc_type_walk walk;
    bool enters_unions;
    bool opens_base; // what a struct begins with, as C has bases: its members are the struct's own
    hc_leaf_fn *callback;
    void *argument;
    // ---
    unsigned elements; // of nested arrays of structs, in all
    unsigned unions;   // around the leaf
    size_t found;
    char path[HC_LEAF_PATH];
};

// The elements of an array are all of one type: if the first has no leaf of the sort, the others are not
// asked.
void hc_type_each_leaf(struct hc_leaf_walk *walk, const struct hc_type_place *whole);
