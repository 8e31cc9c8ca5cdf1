// How the interpreters lead to objects: heapy's Root and its relations.
#pragma once

#include "python/relate.h"
#include "python/roots.h"
#include "sets/set.h"

#include <stdbool.h>
#include <stdint.h>

struct hc_root_link {
    uint32_t object;
    enum hc_root_rank rank;
    struct hc_link link; // HC_LINK_ROOT
};

// Lives as long as the universe.
struct hc_roots {
    struct hc_root_link *links; // by object, then rank, then name; none twice
    size_t count;
    uint64_t *bits; // by object number: has a link?
    struct hc_named_roots names;
};

// Made when it is first asked for.
struct hc_error *hc_universe_roots(struct hc_universe *universe, const struct hc_roots **ret);
void hc_roots_destroy(struct hc_roots *roots);

// The links that lead to `object`, `*ret_count` of them.
const struct hc_root_link *hc_roots_of(const struct hc_roots *roots, uint32_t object, size_t *ret_count);

// Is it a frame's that runs: a variable, or what its value stack has? Else the interpreter has the object.
bool hc_root_link_is_frames(const struct hc_root_link *link);

static inline bool hc_roots_has(const struct hc_roots *roots, uint32_t object)
{
    return roots->bits[object / 64] >> (object % 64) & 1;
}
