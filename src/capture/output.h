// The file that a capture writes: under another name until it is whole.
#pragma once

#include "base/error.h"

#include <stdint.h>

struct hc_output {
    const char *path; // belongs to the caller
    char *partial;    // owned; NULL: no file is there
    int fd;
};

// Whether a file can be written there, as far as that can be told without doing it.
struct hc_error *hc_output_check(const char *path);
// Refuses a directory, a device and a pipe at `path`.
struct hc_error *hc_output_open(struct hc_output *output, const char *path);
// Writes it anew, compressed: takes the disk of both for a while.
struct hc_error *hc_output_compress(struct hc_output *output, uint64_t size, unsigned threads);
// It is on the disk, and has its name.
struct hc_error *hc_output_finish(struct hc_output *output);
// Removes what hc_output_finish() did not finish.
void hc_output_deinit(struct hc_output *output);
