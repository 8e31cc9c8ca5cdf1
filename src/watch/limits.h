// How near to its death by memory a process is: what it and the groups around it use, and what they may use.
//
// Pages of files that the kernel can drop are not counted as used: a group full of them is far from its end.
// Swap is counted, as used and as room.
#pragma once

#include "watch/group.h"

#include <stdint.h>

// What is captured at: a share of whatever limit is nearest, or bytes.
struct hc_mark {
    unsigned percent; // 0: `bytes` counts
    uint64_t bytes;
};

struct hc_limits {
    const char *proc; // where /proc is
    pid_t pid;        // 0: all of the group
    const struct hc_group *group;
    struct hc_mark mark;
};

// One of the limits, or the use alone where there is none.
struct hc_reading {
    char what[64];    // "memory.max", "address space"
    const char *path; // of the group, or NULL; belongs to the group
    uint64_t used;
    uint64_t limit; // HC_NO_BOUND: none
    uint64_t mark;  // `used` at which to capture
};

// The one that is nearest to its mark. False if nothing can be read: the process or the group is gone.
bool hc_limits_read(const struct hc_limits *limits, struct hc_reading *ret);
static inline bool hc_reading_is_reached(const struct hc_reading *reading)
{
    return reading->used >= reading->mark;
}
// How often the kernel found the group's memory exhausted (oom events), over all its levels.
uint64_t hc_limits_count_exhaustions(const struct hc_group *group);
// Bytes in the process's resident pages; 0 if it is gone.
uint64_t hc_resident_bytes(const char *proc, pid_t pid);
