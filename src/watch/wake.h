// What wakes a watcher before its nap is over: the end of the process, a signal, and what the kernel tells of
// a group's memory (pressure, events, thresholds). Every one of them may be missing: naps are enough.
#pragma once

#include "watch/limits.h"

#include <poll.h>

enum { HC_WAKE_SOURCES = 2 + 2 * HC_GROUP_LEVELS };

struct hc_wake {
    struct pollfd sources[HC_WAKE_SOURCES];
    bool is_counter[HC_WAKE_SOURCES]; // an eventfd, which is read to be quiet again
    size_t count;
    size_t first_of_group;
    int process; // index of the process's end in `sources`, -1: not watched
};

// `stop`: a signalfd that asks to end, owned by `wake` from here on; it is the first source.
void hc_wake_init(struct hc_wake *wake, int stop, const struct hc_limits *limits);
void hc_wake_deinit(struct hc_wake *wake);
// How many of the kernel's means are in use, besides the process's end.
size_t hc_wake_count_of_group(const struct hc_wake *wake);

enum hc_wake_reason { HC_WAKE_TIME, HC_WAKE_GROUP, HC_WAKE_STOP, HC_WAKE_ENDED };
enum hc_wake_reason hc_wake_wait(struct hc_wake *wake, unsigned milliseconds);
