// The working state of hc_graph_build(): what the parts of the builder hand to each other.
//
// Objects in pools have their final numbers from the start. What is found elsewhere, and virtual dicts, get
// theirs at the end; until then an edge names them by a tag and a local number.
#pragma once

#include "base/address_map.h"
#include "base/parallel.h"
#include "base/stream.h"
#include "graph/graph.h"

enum {
    HC_TAG_SHIFT = 30,
    HC_TAG_OBJECT = 0,  // the number of an object in a pool
    HC_TAG_FOREIGN = 1, // an index into the finder's foreign addresses
    HC_TAG_VIRTUAL = 2, // an index into the finder's virtual dicts
    HC_TAG_MASK = (1 << HC_TAG_SHIFT) - 1,
    HC_NO_FOREIGN = 0x3fffffff, // an address outside of the pools where no object is
};

// Until the graph is marked, these are in an object's state.
enum {
    HC_TRACKED_FLAG = 0x80, // the collector tracks it,
    HC_REMAINS_FLAG = 0x40, // or did, before its block became something else's
};

static inline uint32_t hc_tagged(unsigned tag, uint32_t number)
{
    return (uint32_t)tag << HC_TAG_SHIFT | number;
}

struct hc_owned_dict {
    uint32_t owner, dict; // tagged
};

// A block that looks like an object, but is a buffer of `owner`: settled when it is known which of the two
// lives.
struct hc_lookalike {
    uint32_t owner;  // tagged
    uint32_t object; // in a pool
};

struct hc_virtual_dict {
    uint32_t owner; // tagged
    uint32_t edges;
    uint64_t size;
};

HC_DEFINE_VECTOR(hc_owned_dict_vector, struct hc_owned_dict)
HC_DEFINE_VECTOR(hc_lookalike_vector, struct hc_lookalike)
HC_DEFINE_VECTOR(hc_virtual_dict_vector, struct hc_virtual_dict)
HC_DEFINE_VECTOR(hc_large_size_vector, struct hc_large_size)

// What tracing a run of objects found.
struct HC_ALONE hc_finding {
    struct hc_stream edges;         // tagged, of the run's objects in order
    struct hc_stream virtual_edges; // of its virtual dicts
    struct hc_virtual_dict_vector virtual_dicts;
    struct hc_owned_dict_vector owned_dicts;
    struct hc_lookalike_vector lookalikes;
    struct hc_large_size_vector large_sizes; // .object tagged
    struct hc_address_map foreign;           // address → local number or HC_NO_FOREIGN
    struct hc_word_vector foreign_addresses; // by local number
    struct hc_word_vector foreign_buffers;   // of the objects, outside of the pools
    struct hc_address_map dangling;          // where objects should be that somebody refers to
    struct hc_word_vector unreadable_types;  // objects of a metatype that make no sense as types
    struct hc_graph_tally tally;
};

void hc_finding_deinit(struct hc_finding *finding);

// What is known of one object, as it is traced.
struct hc_object_record {
    uint32_t type_index;
    uint32_t edge_count;
    uint16_t size;
    uint8_t state; // HC_TRACKED_FLAG or 0
};

// Traces `object`, whose tagged number is `number`, into `finding`.
struct hc_error *hc_finding_add(struct hc_finding *finding, const struct hc_pools *pools,
                                struct hc_tracer *tracer, const struct hc_object_view *object,
                                uint32_t number, struct hc_object_record *ret);
// The local number of the object at `address`, which is in no pool; HC_NO_FOREIGN if there is none.
struct hc_error *hc_finding_foreign(struct hc_finding *finding, struct hc_tracer *tracer, uint64_t address,
                                    uint32_t *ret);

// Objects outside of the pools, from every finding, by global number.
struct hc_others {
    struct hc_finding finding; // its foreign numbers are the global ones
    struct hc_object_record *records;
    size_t record_capacity;
    size_t traced; // objects with records
};

void hc_others_deinit(struct hc_others *others);
// Adds the object at `address` unless it is known or none is there.
struct hc_error *hc_others_add(struct hc_others *others, const struct hc_pools *pools,
                               struct hc_tracer *tracer, uint64_t address);
// Traces every one that is not traced yet, and those that this finds.
struct hc_error *hc_others_trace(struct hc_others *others, const struct hc_pools *pools,
                                 struct hc_tracer *tracer);

// Adds what lies in the C library's blocks and is neither known nor a buffer of what is known.
// Approximation: a buffer of a stray that holds an old object's header is taken for a stray.
struct hc_error *hc_others_find_strays(struct hc_others *others, const struct hc_pools *pools,
                                       struct hc_tracer *tracer, const struct hc_finding *findings,
                                       size_t count);

// What the references to nowhere tell of: fills the rest of `ret`.
struct hc_error *hc_graph_find_damage(const struct hc_pools *pools, struct hc_tracer *tracer,
                                      const struct hc_finding *const *findings, size_t count,
                                      struct hc_damage *ret);

// Puts everything into the graph's flat arrays, numbers settled; empties the findings' edges on the way. The
// lookalikes come out with final numbers. `dict_type` is the index of dict, the type of virtual dicts.
struct hc_error *hc_graph_merge(struct hc_graph *graph, struct hc_finding *findings, size_t count,
                                struct hc_others *others, uint32_t dict_type,
                                struct hc_lookalike_vector *ret_lookalikes);
// Marks what the roots reach, and adds them to graph->roots; `roots` are addresses.
struct hc_error *hc_graph_mark_reachable(struct hc_graph *graph, const struct hc_word_vector *roots);
// Of `doubtful`, drops the objects that are marked and whose reference count says that marked objects and the
// `certain` roots are all that refer to them.
struct hc_error *hc_graph_drop_stale(const struct hc_graph *graph, struct hc_tracer *tracer,
                                     const struct hc_word_vector *certain, struct hc_word_vector *doubtful);
// Then what tracked objects and C data reach, and settles the lookalikes and with them all states.
struct hc_error *hc_graph_mark_rest(struct hc_graph *graph, const struct hc_word_vector *static_roots,
                                    const struct hc_lookalike_vector *lookalikes);
