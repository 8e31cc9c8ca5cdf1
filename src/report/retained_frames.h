// Of the report on retained size: what variables of frames and the frames of threads keep.
#pragma once

#include "graph/holds.h"
#include "python/threads.h"
#include "report/report.h"
#include "sets/set.h"

struct hc_retained_local {
    uint64_t retained;
    uint32_t object;
    size_t thread; // index into hc_retained_frames.threads
    size_t number; // of the frame, from the innermost outwards
    uint64_t code;
    char *name; // owned
};

HC_DEFINE_VECTOR(hc_retained_local_vector, struct hc_retained_local)

struct hc_retained_frames {
    struct hc_universe *universe;
    struct hc_thread_vector threads;
    struct hc_holds holds;
    struct hc_retained_local_vector locals; // the largest
    size_t most;
};

void hc_retained_frames_deinit(struct hc_retained_frames *frames);
// Finds at most `most` variables. Uses the universe's tracer.
struct hc_error *hc_retained_frames_find(struct hc_universe *universe, size_t most,
                                         struct hc_retained_frames *ret);
// `whole`: bytes of all that is reachable.
struct hc_error *hc_report_retained_frames(const struct hc_retained_frames *frames, uint64_t whole,
                                           struct hc_report *report);
