// Copies spans of a process's memory into a file, again and again: a later pass writes only what has changed
// since the one before, so that the last one, while the process stands still, is short.
#pragma once

#include "image/maps.h"

// To be copied. Whole pages; sorted, without overlap.
struct hc_span {
    uint64_t start;
    uint64_t end;
    enum hc_map_plan plan;
};

// Where in the file a part of the address space stands.
struct hc_area {
    uint64_t start;
    uint64_t end;
    uint64_t offset;
    uint64_t *digests; // of the pages as they are in the file: 0 for zeros; NULL: all of it is zeros
};

HC_DEFINE_VECTOR(hc_span_vector, struct hc_span)
HC_DEFINE_VECTOR(hc_area_vector, struct hc_area)

struct hc_copy {
    int fd;
    const char *path; // for messages
    unsigned threads;
    bool has_one_pass;               // no digests are kept
    uint64_t next_offset;            // for the next area
    struct hc_area_vector areas;     // sorted by start
    struct hc_omission_vector holes; // of the last pass: what could not be read
};

// What was not there to read is in hc_copy.holes. `*ret_written`: bytes.
struct hc_error *hc_copy_pass(struct hc_copy *copy, const struct hc_copier *copier,
                              const struct hc_span_vector *spans, uint64_t *ret_written);
void hc_copy_deinit(struct hc_copy *copy);
// The first area that ends after `address`, or NULL.
const struct hc_area *hc_copy_find_area(const struct hc_copy *copy, uint64_t address);
// All of it, or an error that says why not.
struct hc_error *hc_write_at(int fd, const char *path, const void *bytes, uint64_t length, uint64_t offset);
struct hc_error *hc_process_is_gone(pid_t pid);
