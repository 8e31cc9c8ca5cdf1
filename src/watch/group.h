// The control group of a process, with the groups around it: each may limit its memory. Versions 1 and 2.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { HC_GROUP_LEVELS = 32 };

struct hc_group_level {
    char *path;
    int folder;
    bool is_old; // version 1
};

// From the innermost outwards, as far as they can be seen from here. A zeroed one is empty.
struct hc_group {
    struct hc_group_level levels[HC_GROUP_LEVELS];
    size_t count; // 0: none
};

// `proc` is where /proc is. The group at `path`: a folder, or a name below the mounted groups.
struct hc_error *hc_group_open(const char *proc, const char *path, struct hc_group *ret);
// Of a process. No group is no error: there may be none on this machine, or none that can be seen.
struct hc_error *hc_group_of_process(const char *proc, pid_t pid, struct hc_group *ret);
void hc_group_deinit(struct hc_group *group);

bool hc_group_is_gone(const struct hc_group *group);
// Whether a level of `outer` is one of `inner`'s.
bool hc_group_contains(const struct hc_group_level *outer, const struct hc_group *inner);
