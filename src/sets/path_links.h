// How an object refers to others, as far as containers and dicts tell.
#pragma once

#include "python/relate.h"
#include "sets/set.h"

// relater->links = the references of `object` whose names are known.
struct hc_path_relater {
    struct hc_tracer *tracer; // belongs to the caller
    struct hc_link_vector links;
    bool out_of_memory;
};

void hc_path_relate(struct hc_path_relater *relater, const struct hc_object_view *object);
