// heapy's findex(): objects divided by the first of some kinds that they are of.
#pragma once

#include "sets/kind.h"

// Its number as a relation is HC_RELATION_COUNT + its place among the universe's.
struct hc_findex {
    struct hc_kind **kinds;
    char **names;
    size_t count;
    unsigned depth; // of findexes within
    unsigned parts; // of the kinds and the findexes within
};

// Keeps the kinds and copies the names. `*ret`: the relation.
struct hc_error *hc_universe_add_findex(struct hc_universe *universe, struct hc_kind *const *kinds,
                                        const char *const *names, size_t count, uint16_t *ret);
void hc_findex_deinit(struct hc_findex *findex);
