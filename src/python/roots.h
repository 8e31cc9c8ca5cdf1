// Where reachability starts: what the interpreters and their threads hold, and what C data holds.
#pragma once

#include "base/vector.h"
#include "python/trace.h"

#include <stdint.h>

// Every object that an interpreter's state or a thread's state or frames refer to, over all interpreters and
// threads (not only heapy's current one). Addresses may repeat and are checked for an object there.
struct hc_error *hc_roots_find(const struct hc_runtime *runtime, struct hc_tracer *tracer,
                               struct hc_word_vector *ret);
// What C data refers to: every word in the binaries' writable data and in the interpreters' own structs that
// points to a plausible object outside of the binaries.
struct hc_error *hc_roots_find_static(const struct hc_runtime *runtime, struct hc_tracer *tracer,
                                      struct hc_word_vector *ret);
