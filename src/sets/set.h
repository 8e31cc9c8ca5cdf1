// Sets of objects, and the world they are made over. A set is immutable once made, and counted: whoever keeps
// one holds a reference.
#pragma once

#include "base/address_map.h"
#include "base/error.h"
#include "graph/graph.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Sorted numbers, each once: of kinds, or of links.
struct hc_number_list {
    uint32_t *numbers;
    uint32_t count;
};

HC_DEFINE_VECTOR(hc_number_list_vector, struct hc_number_list)

struct hc_findex;
struct hc_links;
struct hc_numbered_classes;
struct hc_producers;

struct hc_findex_vector {
    struct hc_findex *items;
    size_t count, capacity;
};

// A graph, and what sets over it share. The graph belongs to the session.
struct hc_universe {
    struct hc_graph *graph;
    unsigned threads;
    uint8_t *is_dict; // by type index
    uint32_t type_count;
    struct hc_number_list_vector lists; // every set of kinds or links met so far, by number
    uint32_t *list_buckets;             // number + 1, open addressing
    size_t list_bucket_count;
    struct hc_tracer
        *tracer; // reads objects again, where the graph does not say enough; NULL until asked for
    _Atomic uint64_t allowance;
    struct hc_roots *roots;              // sets/roots.h; NULL until asked for
    struct hc_findex_vector findexes;    // sets/findex.h
    struct hc_numbered_classes *classes; // sets/derived.h; NULL until asked for
    struct hc_links *links;              // sets/links.h; NULL until asked for
    uint32_t *vias;                      // sets/via.h, by object; 0: not known yet; NULL until asked for
    struct hc_producers *producers;      // sets/producers.h; NULL until asked for
    struct hc_address_map virtual_dicts; // by address; empty until one is asked for
    bool virtual_dicts_known;
};

struct hc_error *hc_universe_init(struct hc_universe *universe, struct hc_graph *graph, unsigned threads);
void hc_universe_deinit(struct hc_universe *universe);
// universe->tracer, made when it is first asked for. What it may read is bounded anew each time.
struct hc_error *hc_universe_tracer(struct hc_universe *universe, struct hc_tracer **ret);
// The number of a set of numbers, which it sorts and rids of duplicates.
struct hc_error *hc_universe_intern_list(struct hc_universe *universe, uint32_t *numbers, uint32_t count,
                                         uint32_t *ret);

// The kind of an object by class or dict owner: a type index, or type_count + the type index of a dict's
// owner.
static inline uint32_t hc_universe_kind(const struct hc_universe *universe, uint32_t object)
{
    uint32_t type = universe->graph->type_indexes[object];
    hc_object_id owner;
    if (!universe->is_dict[type] || !hc_graph_dict_owner(universe->graph, (hc_object_id){object}, &owner))
        return type;
    return universe->type_count + universe->graph->type_indexes[owner.i];
}

// Among the kinds of referrers: the interpreter itself.
static inline uint32_t hc_universe_root_kind(const struct hc_universe *universe)
{
    return 2 * universe->type_count;
}

struct hc_set {
    unsigned references;
    struct hc_universe *universe;
    uint64_t count;
    uint64_t size; // bytes
    size_t words;
    uint64_t bits[]; // by object number
};

struct hc_set *hc_set_keep(struct hc_set *set);
void hc_set_release(struct hc_set *set);
HC_DEFINE_POINTER_CLEANUP(hc_set_release, struct hc_set)

// An empty set to be filled with hc_set_put(), then counted once with hc_set_seal(). NULL: out of memory.
struct hc_set *hc_set_create(struct hc_universe *universe);
void hc_set_seal(struct hc_set *set);

static inline void hc_set_put(struct hc_set *set, uint32_t object)
{
    set->bits[object / 64] |= 1ull << (object % 64);
}

static inline bool hc_set_has(const struct hc_set *set, uint32_t object)
{
    return set->bits[object / 64] >> (object % 64) & 1;
}

// The first member from `object` on; the number of all objects if there is none.
uint32_t hc_set_next(const struct hc_set *set, uint32_t object);

// The member with `rank` members before it; the number of all objects if there are not so many.
uint32_t hc_set_nth(const struct hc_set *set, uint64_t rank);

enum hc_set_operation {
    HC_SET_AND,
    HC_SET_OR,
    HC_SET_MINUS,
    HC_SET_XOR,
};

struct hc_error *hc_set_combine(const struct hc_set *left, const struct hc_set *right,
                                enum hc_set_operation operation, struct hc_set **ret);
// Is every member of `left` in `right`?
bool hc_set_is_within(const struct hc_set *left, const struct hc_set *right);
// Every object in one of the states (bits 1 << enum hc_state).
struct hc_error *hc_set_of_states(struct hc_universe *universe, unsigned states, struct hc_set **ret);

// Relations between sets. A referrer counts if it is reachable, or if what it refers to is not either.
struct hc_error *hc_set_referents(const struct hc_set *set, struct hc_set **ret);
struct hc_error *hc_set_referrers(const struct hc_set *set, struct hc_set **ret);
// What would go if the set went: it, and all that the roots reach only through it.
struct hc_error *hc_set_dominos(const struct hc_set *set, struct hc_set **ret);
// The referrers that the roots reach without passing another referrer.
struct hc_error *hc_set_immediate_dominators(const struct hc_set *set, struct hc_set **ret);
// The objects whose __dict__ is in the set; the dicts of the objects in it.
struct hc_error *hc_set_owners(const struct hc_set *set, struct hc_set **ret);
struct hc_error *hc_set_dicts(const struct hc_set *set, struct hc_set **ret);

bool hc_is_referrer(const struct hc_graph *graph, uint32_t referrer, uint32_t object);
