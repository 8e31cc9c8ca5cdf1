// Coroutines, generators, asynchronous generators: where they stand, and what they wait for.
#pragma once

#include "python/frames.h"

enum hc_coroutine_state {
    HC_COROUTINE_CREATED,
    HC_COROUTINE_SUSPENDED,
    HC_COROUTINE_RUNNING,
    HC_COROUTINE_FINISHED, // has no frame any more
};

struct hc_coroutine {
    enum hc_coroutine_state state;
    struct hc_frame frame; // unless it is finished
    uint64_t awaited;      // what it waits for with `await` or `yield from`, or 0
};

// Is there one at `address`?
bool hc_coroutine_is(struct hc_tracer *tracer, uint64_t address);
// False if there is none, or it cannot be read.
bool hc_coroutine_read(struct hc_tracer *tracer, uint64_t address, struct hc_coroutine *ret);
// What stands behind the objects that `await` puts between: the coroutine, asynchronous generator or future
// that is really waited for; `address` itself if it is none of these.
uint64_t hc_coroutine_behind(struct hc_tracer *tracer, uint64_t address);
