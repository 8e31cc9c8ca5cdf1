// A core that comes through a pipe, as the kernel sends one: looked at from its beginning, and kept in a file
// that takes no room for pages of zeros. Takes little memory, however long the core is.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The part before the memory: headers and notes.
struct hc_core_stream {
    int input; // owned by the caller
    uint8_t *head;
    size_t head_size;
    size_t head_capacity;
};

// Reads the head. What is no core of a 64-bit machine has one that is cut short: nothing is known of it.
struct hc_error *hc_core_stream_init(int input, struct hc_core_stream *ret);
void hc_core_stream_deinit(struct hc_core_stream *stream);

bool hc_core_stream_is_core(const struct hc_core_stream *stream);
// Whether a file that the process had mapped shows that it ran Python.
bool hc_core_stream_shows_python(const struct hc_core_stream *stream);

struct hc_core_copy {
    int compact;         // the file to write; -1: none
    int compressed;      // a file for all of it, compressed by zstd; -1: none
    uint64_t most_bytes; // that the compact file may take on disk
};

struct hc_core_copy_result {
    uint64_t received;    // bytes of the core
    uint64_t written;     // bytes of the compact file
    uint64_t left_out;    // bytes that the compact file left out, zeros not counted
    bool is_cut;          // the disk was full, or `most_bytes` were written: the compact file ends there
    bool lost_compressed; // the disk was full: the compressed file is of no use
};

// Copies the head and all that follows. The compact copy has the same offsets, but neither code, which the
// program's files have, nor memory that is shared with other processes: no Python object lies there.
struct hc_error *hc_core_stream_copy(const struct hc_core_stream *stream, const struct hc_core_copy *copy,
                                     struct hc_core_copy_result *ret);
// Copies everything as it comes. A reader who leaves ends it.
void hc_core_stream_forward(const struct hc_core_stream *stream, int output);
