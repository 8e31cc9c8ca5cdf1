// Which process of a group to capture.
#pragma once

#include "watch/group.h"

#include <stdbool.h>
#include <stdint.h>

// Whether a file mapped by a process shows that it runs Python: the program, its library, an extension.
bool hc_path_shows_python(const char *path);
bool hc_process_is_python(const char *proc, pid_t pid);

struct hc_choice {
    pid_t pid; // 0: there is no process in the group
    uint64_t resident;
    bool is_python;
    size_t processes; // in the group and the groups below it
};

// The Python process with the most resident memory; where there is none, the process with the most.
struct hc_choice hc_choose_process(const char *proc, const struct hc_group_level *level);
