// How many chunks there are of each size.
#pragma once

#include "memory/memory.h"

HC_DEFINE_VECTOR(hc_chunk_size_vector, struct hc_memory_chunks)

struct hc_chunk_sizes {
    struct hc_memory_chunks *small; // by size in steps of 8; NULL until the first
    struct hc_chunk_size_vector large;
};

void hc_chunk_sizes_deinit(struct hc_chunk_sizes *sizes);
struct hc_error *hc_chunk_sizes_add(struct hc_chunk_sizes *sizes, uint64_t size, uint64_t address);
// Those sizes that take most bytes, most first.
struct hc_error *hc_chunk_sizes_list(struct hc_chunk_sizes *sizes, struct hc_memory_chunks_vector *ret);
