// Reference points: which objects were there at an earlier moment of the same process. An object is the same
// if its address and its type are: the type's address and name.
//
// It holds no object numbers, so that it outlives the graph that it was made from.
#pragma once

#include "base/vector.h"
#include "graph/session.h"
#include "sets/set.h"

#include <stdbool.h>
#include <stdint.h>

// Which of the objects of a reference are meant.
enum hc_reference_part {
    HC_REFERENCE_REACHED,   // those that the roots reached then: what heap() leaves out
    HC_REFERENCE_UNREACHED, // those that they did not reach: what heapu() leaves out
    HC_REFERENCE_PART_COUNT
};

struct hc_reference_type {
    uint64_t address;
    char *name;
};

HC_DEFINE_VECTOR(hc_reference_type_vector, struct hc_reference_type)

// Immutable and counted, like sets.
struct hc_reference {
    unsigned references;
    uint64_t interpreter; // address of _PyRuntime
    uint8_t build_id[64];
    size_t build_id_length;
    struct hc_word_vector libraries; // of each: a hash of its path, and where it starts
    size_t count;
    uint64_t *addresses; // ascending
    uint32_t *kinds;     // type number and what is known of the object: see reference.c
    struct hc_reference_type_vector types;
};

struct hc_reference *hc_reference_keep(struct hc_reference *reference);
void hc_reference_release(struct hc_reference *reference);
HC_DEFINE_POINTER_CLEANUP(hc_reference_release, struct hc_reference)

// All objects of a graph, each in the part that it belongs to.
struct hc_error *hc_reference_of_graph(const struct hc_graph *graph, struct hc_reference **ret);
// The members of a set, in every part.
struct hc_error *hc_reference_of_set(const struct hc_set *set, struct hc_reference **ret);
// The objects of a core, which is opened with the files of `options`, and closed again.
struct hc_error *hc_reference_read(const char *core, const struct hc_session_options *options,
                                   struct hc_reference **ret);
// An error if the graph is of another process, as far as that shows.
struct hc_error *hc_reference_check(const struct hc_reference *reference, const struct hc_graph *graph);

// The objects that are there now and are in a part of the reference, whatever their state is now.
struct hc_error *hc_reference_members(const struct hc_reference *reference, enum hc_reference_part part,
                                      struct hc_universe *universe, struct hc_set **ret);
// How many objects a part has.
uint64_t hc_reference_count(const struct hc_reference *reference, enum hc_reference_part part);
// How many of them each of the graph's types had, by type index, virtual dicts left out: `counts` has room
// for all types.
struct hc_error *hc_reference_count_types(const struct hc_reference *reference, enum hc_reference_part part,
                                          const struct hc_graph *graph, uint64_t *counts);
