// Shortest paths from the roots, or from a set, to the nearest objects of another set.
//
// All of them: every edge that lies on one is kept, so there may be far more paths than memory would hold;
// they are counted without being made, and made one by one.
#pragma once

#include "python/relate.h"
#include "sets/roots.h"
#include "sets/set.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { HC_PATH_ROOT = UINT32_MAX }; // stands for the roots where an edge begins

// Edges to be avoided, sorted.
struct hc_path_edge {
    uint32_t from; // object number or HC_PATH_ROOT
    uint32_t to;
};

HC_DEFINE_VECTOR(hc_path_edge_vector, struct hc_path_edge)

// Sorts, and rids of duplicates.
void hc_path_edges_seal(struct hc_path_edge_vector *edges);
bool hc_path_edges_have(const struct hc_path_edge_vector *edges, uint32_t from, uint32_t to);

struct hc_path_request {
    struct hc_universe *universe;
    const struct hc_set *targets;
    const struct hc_set *sources;                  // NULL: the roots. A target that is a source is none.
    const struct hc_set *avoid_nodes;              // NULL: none
    const struct hc_path_edge_vector *avoid_edges; // NULL: none
};

// Where a path may begin: a root's link, or a source as it is.
struct hc_path_start {
    uint32_t node;
    const struct hc_root_link *link; // NULL: of a source
};

// The objects on shortest paths, by column: an edge leads from one column to the next.
struct hc_paths {
    struct hc_universe *universe;
    bool from_roots;
    uint64_t length;              // of every path, in edges
    struct hc_path_start *starts; // in heapy's order
    size_t start_count;
    struct hc_id_vector objects;         // of the nodes: by column, in a column by number
    struct hc_word_vector column_starts; // one more than there are columns
    struct hc_word_vector edge_starts;   // one more than there are nodes
    struct hc_id_vector edges;           // nodes of the next column, ascending; none twice
    uint64_t *counts; // paths from each node on, UINT64_MAX: at least that many; NULL until asked for
};

// No path: start_count is 0. Between a root and a variable of a frame heapy has a frame object, which counts.
struct hc_error *hc_paths_find(const struct hc_path_request *request, struct hc_paths **ret);
void hc_paths_destroy(struct hc_paths *paths);
HC_DEFINE_POINTER_CLEANUP(hc_paths_destroy, struct hc_paths)

// How many there are; UINT64_MAX: at least that many.
struct hc_error *hc_paths_count(struct hc_paths *paths, uint64_t *ret);
// The edges number `index` of all the paths, added to `edges`: 0 are those from the roots or sources. False
// if paths are not that long.
struct hc_error *hc_paths_edges_at(const struct hc_paths *paths, uint64_t index,
                                   struct hc_path_edge_vector *edges, bool *ret_found);
// The objects that are `index` edges from the start. Between the roots and the rest there are none.
struct hc_error *hc_paths_column(const struct hc_paths *paths, uint64_t index, struct hc_set **ret);

// An edge with a name.
struct hc_path_link {
    struct hc_link link; // owns its name
    uint32_t node;       // where it leads
    uint64_t key_type;   // address of the key's type
};

struct hc_path_fork {
    struct hc_path_link *links; // in heapy's order
    size_t count, chosen;
};

HC_DEFINE_VECTOR(hc_path_fork_vector, struct hc_path_fork)

// Goes through the paths in heapy's order.
struct hc_path_walk {
    struct hc_paths *paths;
    struct hc_relater relater;
    size_t start;                     // its place among the starts
    struct hc_path_fork_vector forks; // the links that the path takes from its first object on
    uint64_t index;
    bool is_at_end;
};

// Stands on path number `index`; is_at_end if there is none.
struct hc_error *hc_path_walk_init(struct hc_path_walk *walk, struct hc_paths *paths, uint64_t index);
void hc_path_walk_deinit(struct hc_path_walk *walk);
struct hc_error *hc_path_walk_next(struct hc_path_walk *walk);
// The path as heapy writes it: `hp.Root.i0_modules['m'].__dict__['x']`. `source`: what sources are called.
// Free it.
struct hc_error *hc_path_walk_text(struct hc_path_walk *walk, const char *source, char **ret);
// One link: ".x", "['x']" …
struct hc_error *hc_path_write_link(FILE *file, struct hc_tracer *tracer, const struct hc_link *link);
// The objects on the path.
size_t hc_path_walk_count(const struct hc_path_walk *walk);
uint32_t hc_path_walk_object(const struct hc_path_walk *walk, size_t index);
// The first of the shortest paths from the roots to an object, as `shpaths` shows it, or, if it is long, only
// how long it is; NULL in `*ret` if none has a name. Free it.
struct hc_error *hc_path_to(struct hc_universe *universe, uint32_t object, char **ret);
