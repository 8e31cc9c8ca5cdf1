// What `heapcore collect` does with one crash.
#pragma once

#include "watch/kept.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Strings belong to argv.
struct hc_collect_wishes {
    const char *folder;
    bool keeps_capture;
    bool keeps_core;
    size_t most_crashes;
    uint64_t most_bytes; // of all that is kept, and of the file that the core goes through
    unsigned seconds;
    pid_t pid;             // as the host knows it; 0: not known
    const char *inner_pid; // as the process knew it, in its container
    const char *signal;
    time_t when;
    const char *program;
    char **otherwise;  // command for a program that is not Python; NULL: none
    hc_kept_name name; // of the files, without their endings
};

// Reads the core from standard input, which it closes as early as it can. Writes one line for the log; none
// for a program that it leaves to others. False: it could not be done.
bool hc_collect(const struct hc_collect_wishes *wishes, char *line, size_t size);
// What a killed hc_collect() may have left.
void hc_collect_remove_partial(const struct hc_collect_wishes *wishes);
