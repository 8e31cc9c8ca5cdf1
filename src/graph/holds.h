// What would go with a frame of a thread, with all frames of a thread, or with one variable of a frame. All
// of it is about references: frames are no objects since 3.11, and before that whoever keeps a frame object
// is not what keeps its variables in use.
#pragma once

#include "graph/dominators.h"
#include "python/roots.h"

struct hc_hold {
    uint64_t thread; // address of its PyThreadState
    uint64_t frame;  // address; 0: all frames of the thread
    uint64_t count;  // objects that only references from there lead to
    uint64_t size;   // and their bytes
};

HC_DEFINE_VECTOR(hc_hold_vector, struct hc_hold)

// A reference of the roots to an object.
struct hc_mention {
    uint32_t object;
    uint32_t frame; // index of the running frame, or HC_NO_FRAME
    enum hc_frame_part part;
};

HC_DEFINE_VECTOR(hc_mention_vector, struct hc_mention)

struct hc_holds {
    const struct hc_graph *graph;
    struct hc_tracer *tracer;
    struct hc_running_frame_vector running;
    struct hc_hold_vector frames;      // by index of the running frame
    struct hc_hold_vector threads;     // in the order of the frames
    struct hc_mention_vector mentions; // by object, then frame
};

void hc_holds_deinit(struct hc_holds *holds);
// Finds the dominator tree, too. `tracer` is used as long as `ret` is.
struct hc_error *hc_holds_find(struct hc_graph *graph, struct hc_tracer *tracer, struct hc_holds *ret);

// NULL: not known, it has no frames.
const struct hc_hold *hc_holds_of_thread(const struct hc_holds *holds, uint64_t thread);
// Bytes that would go if the frame at address `frame`, running or suspended, lost the variable.
uint64_t hc_holds_of_variable(const struct hc_holds *holds, uint64_t frame, uint64_t holder, uint64_t value);
