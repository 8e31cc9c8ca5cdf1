// How an object refers to others, as far as the names of attributes, items and members tell.
#pragma once

#include "python/relate.h"
#include "sets/set.h"

HC_DEFINE_VECTOR(hc_path_names, char *)

struct hc_path_relater {
    struct hc_tracer *tracer; // belongs to the caller
    struct hc_link_vector links;
    struct hc_path_names names; // of the links
    bool out_of_memory;
};

void hc_path_relater_deinit(struct hc_path_relater *relater);
// relater->links = the references of `object` whose names are known.
void hc_path_relate(struct hc_path_relater *relater, const struct hc_object_view *object);

// Whether `object` leads to `class` as to its type.
bool hc_path_is_class_of(const struct hc_graph *graph, uint32_t class, uint32_t object);
