// Disjoint ranges out of claims that overlap: the stronger claim wins, byte by byte.
#pragma once

#include "base/vector.h"

#include <stdint.h>

struct hc_claim {
    uint64_t start, end;
    uint32_t rank;  // of two that overlap the lower one wins; of equals the one that begins first
    uint32_t index; // into the owner's tables
};

HC_DEFINE_VECTOR(hc_claim_vector, struct hc_claim)

// A piece of a claim, and of what it lies in.
typedef struct hc_error *hc_sweep_fn(void *argument, const struct hc_claim *claim, uint64_t start,
                                     uint64_t end);

// Cuts `claims`, which are reordered, into disjoint pieces, and calls back for each part of these that lies
// in one of `bounds`: sorted and disjoint ranges. What no claim covers comes with NULL. So the pieces add up
// to the bounds exactly, whatever the claims are.
struct hc_error *hc_sweep(struct hc_claim_vector *claims, const struct hc_claim_vector *bounds,
                          hc_sweep_fn *callback, void *argument);
