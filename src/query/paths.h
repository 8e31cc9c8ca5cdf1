// Values around shortest paths: the paths of a set, one path, edges to avoid, the root.
#pragma once

#include "query/answer.h"
#include "sets/paths.h"

// What paths were asked for, and what was found. Counted.
struct hc_path_search {
    unsigned references;
    struct hc_paths *paths;
    struct hc_set *sources;     // NULL: the roots
    struct hc_set *avoid_nodes; // NULL: none
    struct hc_path_edge_vector avoid_edges;
};

struct hc_path_search *hc_path_search_keep(struct hc_path_search *search);
void hc_path_search_release(struct hc_path_search *search);
HC_DEFINE_POINTER_CLEANUP(hc_path_search_release, struct hc_path_search)

// The paths from the roots, or from `sources`, to `targets`; takes avoid_edges' items.
struct hc_error *hc_answer_paths(struct hc_set *targets, struct hc_set *sources, struct hc_set *avoid_nodes,
                                 struct hc_path_edge_vector *avoid_edges, struct hc_answer *ret);
// One path.
struct hc_error *hc_answer_path(struct hc_path_search *search, struct hc_path_walk *walk,
                                struct hc_answer *ret);
// The edges number by number, or the objects between them.
struct hc_error *hc_answer_path_steps(struct hc_path_search *search, bool are_edges, struct hc_answer *ret);
// Takes the edges' items.
struct hc_error *hc_answer_path_edges(struct hc_path_edge_vector *edges, struct hc_answer *ret);
// The roots, as a value.
struct hc_error *hc_answer_root(struct hc_answer *ret);

// NULL if the answer is something else.
const struct hc_path_edge_vector *hc_answer_get_path_edges(const struct hc_answer *answer);
bool hc_answer_is_root(const struct hc_answer *answer);

// A line for a path: what it begins with, and how it goes on. Free it.
struct hc_error *hc_path_line(const struct hc_path_search *search, struct hc_path_walk *walk, char **ret);
