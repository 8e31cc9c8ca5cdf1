// Writes a live process as an ELF core. Knows nothing of Python.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct hc_capture_options {
    pid_t pid;
    const char *path; // of the core; a name that ends in ".zst" asks for compression
    bool heap_only;   // leave out what no analysis reads: docs/capture.md says what that is
    // Stop the process before the first byte is copied, not after the most of it: the pause is longer, but
    // the process cannot grow, or be killed for it, while it is being copied.
    bool at_once;
};

struct hc_capture_result {
    uint64_t threads;
    uint64_t memory_bytes;   // of the process's memory in the core, pages of zeros included
    uint64_t left_out_bytes; // by heap_only
    uint64_t file_size;
    uint64_t disk_bytes; // that the file takes: zeros take none
    uint64_t pause;      // how long the process stood still, in nanoseconds
    uint64_t total;      // from the first look to the finished file, in nanoseconds
};

// Writes PATH.partial, and renames it when it is whole: there is never half a core at `path`. An interrupt
// (base/interrupt.h) ends it: the process runs on, and the partial file is removed. The process is never
// written to. Takes 8 bytes of memory for each page that is copied, and a few MiB.
struct hc_error *hc_capture_process(const struct hc_capture_options *options, struct hc_capture_result *ret);
