// Where each object was allocated, as tracemalloc noted it in the process: lines of source code, numbered.
#pragma once

#include "base/address_map.h"
#include "base/vector.h"
#include "python/allocations.h"
#include "sets/set.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HC_PRODUCER_UNKNOWN = 0, // the number of the producer of what was not traced
    HC_ANY_FILE = UINT32_MAX,
};

// A line, or a pattern of lines.
struct hc_producer {
    uint32_t file; // number of its name, or HC_ANY_FILE
    uint32_t line;
    bool any_line;
};

struct hc_producer_traceback {
    uint64_t address;
    uint32_t producer;
};

HC_DEFINE_VECTOR(hc_producer_vector, struct hc_producer)
HC_DEFINE_VECTOR(hc_producer_traceback_vector, struct hc_producer_traceback)
HC_DEFINE_VECTOR(hc_file_vector, char *)

struct hc_producers {
    struct hc_allocations allocations;
    struct hc_producer_vector items; // by number; the first stands for HC_PRODUCER_UNKNOWN
    struct hc_address_map numbers;   // of lines and patterns
    struct hc_file_vector files;
    uint32_t *file_buckets; // number + 1, open addressing
    size_t file_bucket_count;
    struct hc_address_map filenames; // address of a str → number of a file
    struct hc_producer_traceback_vector tracebacks;
    struct hc_address_map traceback_numbers; // by address
    uint32_t *object_tracebacks;             // by object, + 1; 0: none
};

// universe->producers, made when they are first asked for.
struct hc_error *hc_universe_producers(struct hc_universe *universe, struct hc_producers **ret);
void hc_producers_destroy(struct hc_producers *producers);
HC_DEFINE_POINTER_CLEANUP(hc_producers_destroy, struct hc_producers)

static inline uint32_t hc_producers_of(const struct hc_producers *producers, uint32_t object)
{
    uint32_t traceback = producers->object_tracebacks[object];
    return traceback ? producers->tracebacks.items[traceback - 1].producer : HC_PRODUCER_UNKNOWN;
}

// The number of a line or a pattern. `file` NULL: any.
struct hc_error *hc_producers_intern(struct hc_producers *producers, const char *file, uint32_t line,
                                     bool any_line, uint32_t *ret);
// "file:line", "unknown". Free it; NULL: out of memory.
char *hc_producers_name(const struct hc_producers *producers, uint32_t producer);
// heapy's order: the name of the file begins with the other's, and the line is not beyond the other's; what
// is any on one side does not count. The unknown is within the unknown only.
bool hc_producers_is_within(const struct hc_producers *producers, uint32_t producer, uint32_t other);
