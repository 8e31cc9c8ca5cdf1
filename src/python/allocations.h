// tracemalloc's table of the process under study: where each block of memory was allocated. Knows blocks and
// lines of code; knows nothing of objects.
#pragma once

#include "python/runtime.h"

#include <stdbool.h>
#include <stdint.h>

enum hc_tracing {
    HC_TRACING_UNKNOWN, // tracemalloc's variables are not in the debug information or not in the image
    HC_TRACING_OFF,
    HC_TRACING_ON,
};

// Offsets and addresses; resolved when they are first needed, for few processes trace.
struct hc_allocations {
    const struct hc_runtime *runtime;
    enum hc_tracing tracing;
    uint64_t traces; // the hash table of the blocks; 0: none
    struct {
        uint32_t buckets, bucket_count, key_size; // of a hash table; key_size up to 3.8
        uint32_t key, value, sizeof_entry;        // of its entries; key and value since 3.9
        uint32_t trace_traceback;
        uint32_t frame_count, frames; // of a traceback
        uint32_t filename, line, sizeof_frame;
        uint8_t sizeof_frame_count, sizeof_line; // bytes of the numbers
    } at;
};

// One call of a traced block's stack.
struct hc_allocation_frame {
    uint64_t filename; // a str; since 3.15 a C string
    uint32_t line;
};

struct hc_error *hc_allocations_init(struct hc_allocations *allocations, const struct hc_runtime *runtime);

// Calls back for each traced block of the domain of Python's objects; tracebacks are shared by blocks. A
// damaged table is read as far as it makes sense.
typedef struct hc_error *hc_allocation_fn(void *argument, uint64_t block, uint64_t traceback);
struct hc_error *hc_allocations_each(const struct hc_allocations *allocations, hc_allocation_fn *callback,
                                     void *argument);

// The file of a frame; NULL if it cannot be read. Free it.
char *hc_allocation_filename(const struct hc_allocations *allocations, struct hc_reader *reader,
                             uint64_t filename);

// How many frames were kept of the traceback at an address.
uint32_t hc_traceback_length(const struct hc_allocations *allocations, struct hc_reader *reader,
                             uint64_t traceback);
// Frame 0 is the most recent call: the line of the allocation. False for a hole.
bool hc_traceback_frame(const struct hc_allocations *allocations, struct hc_reader *reader,
                        uint64_t traceback, uint32_t index, struct hc_allocation_frame *ret);
