// The arenas and heaps of glibc's malloc, found by their structure: its symbols are mostly stripped, and its
// structs change with its versions.
#pragma once

#include "memory/account.h"

// A malloc_state.
struct hc_malloc_state {
    uint64_t address; // of the struct; of the main one, of its list of bins
    uint64_t bins;    // address of bins[]
    uint64_t top;     // chunk at the end of its newest heap
    uint64_t system_memory;
    uint64_t end; // of the struct
    bool is_main;
};

// A stretch of chunks.
struct hc_malloc_heap {
    uint64_t start, first, end; // all of it, from where on there are chunks, where they end
    uint64_t top;               // 0: not known, or in another heap of its arena
    uint32_t state;             // index; HC_NOTHING: not known
};

HC_DEFINE_VECTOR(hc_malloc_state_vector, struct hc_malloc_state)
HC_DEFINE_VECTOR(hc_malloc_heap_vector, struct hc_malloc_heap)

struct hc_malloc_map {
    struct hc_malloc_state_vector states;
    struct hc_malloc_heap_vector heaps; // by address
};

void hc_malloc_map_deinit(struct hc_malloc_map *map);
struct hc_error *hc_malloc_map_find(struct hc_account *account, struct hc_malloc_map *ret);
