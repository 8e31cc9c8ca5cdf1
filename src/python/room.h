// How much room a container has, and how much what is in it would need.
#pragma once

#include "python/trace.h"

enum hc_container {
    HC_CONTAINER_NONE,
    HC_CONTAINER_DICT,
    HC_CONTAINER_LIST,
    HC_CONTAINER_SET,
    HC_CONTAINER_BYTEARRAY,
    HC_CONTAINER_COUNT,
};

struct hc_room {
    uint64_t bytes;  // that its table or array takes
    uint64_t needed; // that the smallest table or array for its contents would take
    uint64_t items;  // in it
};

// Of the types themselves, not of classes made from them.
enum hc_container hc_container_of(const struct hc_tracer *tracer, const struct hc_type *type);
const char *hc_container_name(enum hc_container container);
// False for what cannot be read, and for a dict that shares its keys. A set does not say how many members it
// has in a word that is known: `referents` are these.
bool hc_container_room(struct hc_tracer *tracer, enum hc_container container,
                       const struct hc_object_view *object, uint64_t referents, struct hc_room *ret);
