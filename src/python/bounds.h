// How large an object can be at most: what its block and those of its buffers have room for. A size that was
// overwritten may say anything.
#pragma once

#include "python/trace.h"

// `size` of `object`, which has been traced, or less where it cannot be true.
uint64_t hc_size_bound(struct hc_tracer *tracer, const struct hc_object_view *object, uint64_t size);
// As many of `count` elements from `address` on as its block has room for; what is more is a contradiction.
uint64_t hc_count_bound(struct hc_tracer *tracer, uint64_t address, uint64_t count, uint64_t element_size);
