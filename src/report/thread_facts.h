// What is known of a process's threads, read once for every report that tells of them.
#pragma once

#include "base/address_map.h"
#include "graph/session.h"
#include "layout/native.h"
#include "python/tasks.h"
#include "python/threads.h"
#include "report/thread_frames.h"

// All that is told of one thread.
struct hc_thread_facts {
    const struct hc_thread *thread;
    struct hc_frame_vector frames;
    enum hc_frames_end end;
    struct hc_exception handled, raised;
    struct hc_native_frame_vector native;
    char *abort_message; // of the C library, in the thread that aborted; mostly NULL
};

struct hc_thread_report {
    const struct hc_session *session;
    struct hc_type_table types;
    struct hc_tracer tracer;
    struct hc_sources sources;
    struct hc_frames_report frames;
    struct hc_thread_vector threads;
    bool is_cut;
    struct hc_thread_facts *facts; // of each
    size_t frames_left;
    uint64_t variables_left;
    struct hc_task_vector tasks;
    struct hc_address_map tasks_by_address;
    struct hc_graph *graph; // owned; NULL: the session has one, or nobody needs it
    struct hc_holds holds;
};

// `report` is what its frames are told to. No thread's facts are gathered yet.
struct hc_error *hc_thread_report_init(struct hc_thread_report *work, const struct hc_session *session,
                                       struct hc_report *report, bool with_locals);
void hc_thread_report_deinit(struct hc_thread_report *work);
struct hc_error *hc_thread_report_gather(struct hc_thread_report *work, size_t index);
// Finds what variables, frames and threads retain. That takes a look at all objects.
struct hc_error *hc_thread_report_find_holds(struct hc_thread_report *work);
// Bytes that the thread's frames alone keep.
uint64_t hc_thread_report_retained(const struct hc_thread_report *work, const struct hc_thread *thread);
