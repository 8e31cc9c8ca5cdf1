// The garbage collector's own state, an interpreter at a time. Modules/gcmodule.c, Python/gc.c; the struct
// stands in _PyRuntime up to 3.8, then in each interpreter's state. 3.6 has variables without a name that is
// known.
#pragma once

#include "python/trace.h"

#include <stdbool.h>
#include <stdint.h>

struct hc_collector {
    bool is_known;
    bool is_enabled; // gc.isenabled()
    uint32_t debug;  // gc.get_debug()
};

enum { HC_DEBUG_SAVEALL = 1 << 5 }; // gc.DEBUG_SAVEALL: nothing is freed, all goes to gc.garbage

// `interpreter` is one of runtime->interpreters.
struct hc_collector hc_collector_read(struct hc_tracer *tracer, uint64_t interpreter);
// The list gc.garbage of the interpreter; 0 if there is none.
uint64_t hc_collector_garbage(struct hc_tracer *tracer, uint64_t interpreter);
