// Waits until a process, or a control group, is about to run out of memory, and captures a process then:
// once.
#pragma once

#include "watch/choose.h"
#include "watch/limits.h"

struct hc_watch_options {
    pid_t pid;         // 0: `group`
    const char *group; // path of a control group
    struct hc_mark mark;
    // Captures; called again if it fails and the process is still there.
    struct hc_error *(*capture)(void *argument, pid_t pid);
    // One line for people, without an end of line.
    void (*tell)(void *argument, const char *line);
    void *argument;
};

enum hc_watch_end {
    HC_WATCH_CAPTURED,
    HC_WATCH_ENDED,   // the process, or the group, was gone first
    HC_WATCH_STOPPED, // by SIGTERM or SIGINT
};

// Blocks SIGTERM, SIGINT and SIGHUP from then on: one of them ends the waiting, none a capture. Keeps its own
// memory in place and asks the kernel not to kill it first, as far as it may.
struct hc_error *hc_watch(const struct hc_watch_options *options, enum hc_watch_end *ret);
