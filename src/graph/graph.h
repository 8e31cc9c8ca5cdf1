// The objects of the process, numbered, and what refers to what: flat arrays of 32-bit numbers.
//
// Numbers run in address order in three ranges: objects in pymalloc's pools, then the others (large, static,
// or from another allocator), then virtual dicts: attributes that live in an instance's inline values and
// never were made a dict. A virtual dict stands between its owner and the values: owner → virtual dict →
// values.
#pragma once

#include "base/error.h"
#include "base/vector.h"
#include "python/pools.h"
#include "python/trace.h"
#include "python/types.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t i;
} hc_object_id;

enum hc_state {
    HC_STATE_NONE,      // not an object after all: a buffer with an old header in it
    HC_STATE_REACHABLE, // from an interpreter's roots
    HC_STATE_TRACKED,   // known to the garbage collector or to C data, or held by such an object, though no
                        // root reaches it
    HC_STATE_STRAY,     // a used block with an object's header that nothing known refers to
    HC_STATE_COUNT
};

const char *hc_state_name(enum hc_state state);

HC_DEFINE_VECTOR(hc_id_vector, uint32_t)

// Stands in `sizes` for what does not fit there: few objects are that large.
enum { HC_LARGE = UINT16_MAX };

// What was overwritten, or caught in the middle of a change.
struct hc_damage {
    uint64_t bounded_sizes;     // objects that claimed more than their blocks have room for
    uint64_t contradictory;     // containers whose counts are not those of their contents
    uint64_t collector_breaks;  // places where a collector's list does not lead back
    uint64_t being_collected;   // objects that carry a collector's counts: it was at work
    uint64_t freed_referents;   // blocks that were given back though objects refer to them
    uint64_t damaged_referents; // blocks in use that objects refer to, and that have no object's header
    uint64_t unreadable_types;
    uint64_t untyped_objects; // instances of those: they are not among the objects
};

struct hc_graph_tally {
    uint64_t how[HC_HOW_COUNT];             // objects each way of knowing served
    uint64_t emulation[HC_EMULATION_COUNT]; // objects whose tp_traverse could not be emulated, by cause
    uint64_t inexact_sizes;                 // objects sized by less than their own __sizeof__
    uint64_t dangling;                      // references to where no object is
    uint64_t unreadable;                    // pointers into holes
    uint64_t states[HC_STATE_COUNT];        // objects, virtual dicts included
    struct hc_damage damage;
};

struct hc_dominators;

struct hc_graph {
    struct hc_type_table types;
    struct hc_pools pools;
    uint32_t count;           // of all objects
    uint32_t pool_count;      // numbers below are in pools
    uint32_t real_count;      // numbers from here on are virtual dicts
    uint64_t *others;         // addresses of objects pool_count … real_count - 1, ascending
    uint32_t *virtual_owners; // of objects real_count … count - 1
    uint32_t *edge_starts;    // count + 1: the referents of object i are edges[edge_starts[i]] …
                              // edges[edge_starts[i + 1] - 1]
    uint32_t *edges;
    // The edges turned round, NULL until hc_graph_find_referrers(): the referrers of object i are
    // referrers[referrer_starts[i]] … referrers[referrer_starts[i + 1] - 1], ascending; one that refers twice
    // stands there twice.
    uint32_t *referrer_starts;
    uint32_t *referrers;
    struct hc_dominators *dominators;  // graph/dominators.h; NULL until hc_graph_find_dominators()
    uint32_t *type_indexes;            // into types; a virtual dict's is that of dict
    uint16_t *sizes;                   // bytes; HC_LARGE: see large_sizes
    uint8_t *states;                   // enum hc_state
    struct hc_large_size *large_sizes; // by object, ascending
    size_t large_count;
    uint64_t *owned_dicts;     // bitmap over the real objects: is the __dict__ of another
    uint32_t *owned_ranks;     // owned dicts before each 64
    uint32_t *dict_owners;     // by rank among the owned dicts
    struct hc_id_vector roots; // what the interpreters refer to; some twice
    struct hc_graph_tally tally;
};

struct hc_large_size {
    uint32_t object;
    bool is_bounded; // it claims to be larger
    uint64_t size;
};

// Finds every object and edge, marks what the roots reach. `threads`: 0 for one per processor.
struct hc_error *hc_graph_build(const struct hc_runtime *runtime, unsigned threads, struct hc_graph **ret);
void hc_graph_destroy(struct hc_graph *graph);
HC_DEFINE_POINTER_CLEANUP(hc_graph_destroy, struct hc_graph)

// Makes graph->referrers, unless it is there. `threads`: 0 for one per processor.
struct hc_error *hc_graph_find_referrers(struct hc_graph *graph, unsigned threads);

static inline bool hc_graph_is_virtual(const struct hc_graph *graph, hc_object_id object)
{
    return object.i >= graph->real_count;
}

static inline enum hc_state hc_graph_state(const struct hc_graph *graph, hc_object_id object)
{
    return graph->states[object.i];
}

static inline const struct hc_type *hc_graph_type(const struct hc_graph *graph, hc_object_id object)
{
    return graph->types.types.items[graph->type_indexes[object.i]];
}

// sys.getsizeof(), or the bytes that a virtual dict's values take.
uint64_t hc_graph_size(const struct hc_graph *graph, hc_object_id object);
// It claims to be larger than its blocks: its size is what these have room for.
bool hc_graph_size_is_bounded(const struct hc_graph *graph, hc_object_id object);
// Of a real object; a virtual dict has the address of its values, which only tracing its owner tells.
uint64_t hc_graph_address(const struct hc_graph *graph, hc_object_id object);
// The object that starts at `address`; false if there is none.
bool hc_graph_find(const struct hc_graph *graph, uint64_t address, hc_object_id *ret);
// The object whose __dict__ `dict` (real or virtual) is; false if it is nobody's.
bool hc_graph_dict_owner(const struct hc_graph *graph, hc_object_id dict, hc_object_id *ret);
