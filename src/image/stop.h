// Stops every thread of a process through ptrace, and lets them run on.
#pragma once

#include "base/vector.h"
#include "image/image.h"

struct hc_stopped_thread {
    pid_t tid;
    bool stopped; // false for one that waits in the kernel and cannot be interrupted
    bool gone;
    int signal; // that was on its way when it stopped; delivered when it goes on
};

HC_DEFINE_VECTOR(hc_stopped_thread_vector, struct hc_stopped_thread)

struct hc_stop {
    pid_t pid;
    struct hc_stopped_thread_vector threads;
};

// Call both from one thread, and end that thread afterwards: what hc_stop_deinit() could not let go, a
// thread that would not stop, the kernel lets go when its tracer ends.
struct hc_error *hc_stop_init(struct hc_stop *stop, pid_t pid);
void hc_stop_deinit(struct hc_stop *stop);
// Also true of one that is not there.
bool hc_thread_has_ended(pid_t tid);
