// Where the memory is: every byte of it that the core holds belongs to one category, and all categories
// together are the core's memory exactly.
#pragma once

#include "base/vector.h"
#include "graph/session.h"

#include <stdbool.h>
#include <stdint.h>

// In the order of reports. Python's own, the allocators' rest, everything else.
enum hc_memory_category {
    HC_MEMORY_OBJECTS,             // reachable objects: their blocks, with what the allocator rounds up
    HC_MEMORY_TRACKED,             // objects that no root reaches: garbage, or held from C
    HC_MEMORY_STRAY,               // what looks like an object, and nothing known refers to it
    HC_MEMORY_BUFFERS,             // keys of dicts, items of lists … of CPython's own types
    HC_MEMORY_DATA,                // what objects of extensions own: arrays, buffers, handles of libraries
    HC_MEMORY_INTERPRETER,         // _PyRuntime, states of interpreters and threads, stacks of frames …
    HC_MEMORY_PYMALLOC_OTHER,      // blocks in use that are no object, nor known to belong to one
    HC_MEMORY_PYMALLOC_FREE,       // free blocks in pools that have others in use
    HC_MEMORY_PYMALLOC_EMPTY,      // pools without a block in use
    HC_MEMORY_PYMALLOC_OVERHEAD,   // pool headers, pools' ends, what aligns arenas
    HC_MEMORY_PYMALLOC_NOT_WALKED, // damaged pools, and those that are here in part
    HC_MEMORY_MALLOC_OTHER,        // chunks in use that nothing known to Python owns
    HC_MEMORY_MALLOC_MAPPED,       // … that have a mapping of their own
    HC_MEMORY_MALLOC_CACHED,       // freed, kept for the next of their size (tcache, fast bins)
    HC_MEMORY_MALLOC_FREE,         // free chunks between those in use
    HC_MEMORY_MALLOC_TOP,          // the free ends of heaps
    HC_MEMORY_MALLOC_OVERHEAD,     // headers of chunks and heaps, malloc's own tables
    HC_MEMORY_MALLOC_NOT_WALKED,   // of heaps, behind damage
    HC_MEMORY_OTHER_ALLOCATOR,     // what would be unknown, where malloc is another, which is not walked
    HC_MEMORY_STACK_USED,          // of threads
    HC_MEMORY_STACK_UNUSED,
    HC_MEMORY_MODULE_DATA, // writable data of binaries
    HC_MEMORY_MODULE_CODE, // code and constants of binaries
    HC_MEMORY_FILES,       // other mapped files
    HC_MEMORY_SHARED,      // shared memory
    HC_MEMORY_KERNEL,      // vdso and the like
    HC_MEMORY_UNKNOWN,
    HC_MEMORY_COUNT
};

struct hc_memory_sum {
    uint64_t bytes;
    uint64_t count; // objects, blocks, chunks, pools, threads: what the category is made of
    uint64_t zero;  // of the bytes, those in pages of zeros: mostly never touched, and not resident
};

// Of one type.
struct hc_memory_kind {
    const struct hc_type *type;
    uint64_t count;
    uint64_t bytes;   // of its objects
    uint64_t buffers; // what these own
};

// Pools with blocks of one size.
struct hc_memory_class {
    uint32_t size;
    uint64_t pools;
    uint64_t used, free; // blocks; those never handed out are free
};

// An arena of pymalloc.
struct hc_memory_arena {
    uint64_t address;
    uint64_t size;
    uint32_t pools, empty_pools;
    uint64_t used, free; // bytes in blocks; empty pools count as free
};

// An arena of glibc's malloc.
struct hc_memory_heap {
    uint64_t address; // of its malloc_state; 0: not known
    bool is_main;
    uint64_t heaps; // pieces of memory that it is made of
    uint64_t size;
    uint64_t owned, other, cached, free, top, overhead, not_walked; // sum up to the size
    uint64_t other_count;
};

// Chunks in use that nothing known owns, of one size.
struct hc_memory_chunks {
    uint64_t size;
    uint64_t count;
    uint64_t example; // address that malloc gave for one of them
};

// A module, a file, a thread's stack, or a range that nothing is known of.
struct hc_memory_place {
    enum hc_memory_category category;
    uint64_t address;
    const char *path; // belongs to the image; NULL: none
    uint64_t tid;     // of stacks
    uint64_t bytes, zero;
};

HC_DEFINE_VECTOR(hc_memory_kind_vector, struct hc_memory_kind)
HC_DEFINE_VECTOR(hc_memory_class_vector, struct hc_memory_class)
HC_DEFINE_VECTOR(hc_memory_arena_vector, struct hc_memory_arena)
HC_DEFINE_VECTOR(hc_memory_heap_vector, struct hc_memory_heap)
HC_DEFINE_VECTOR(hc_memory_chunks_vector, struct hc_memory_chunks)
HC_DEFINE_VECTOR(hc_memory_place_vector, struct hc_memory_place)

struct hc_memory {
    // Bytes of memory that the core holds: of its PT_LOAD segments, what is in the file. Of a live process,
    // what a core of it would hold.
    uint64_t total;
    uint64_t mapped; // what the process had mapped in all; the rest is not in the core
    struct hc_memory_sum sums[HC_MEMORY_COUNT]; // their bytes add up to the total
    struct hc_memory_kind_vector kinds;         // most bytes first
    struct hc_memory_class_vector classes;      // by size
    struct hc_memory_arena_vector arenas;       // by address
    struct hc_memory_heap_vector heaps;         // the main one first
    struct hc_memory_chunks_vector chunks;      // most bytes first
    struct hc_memory_place_vector places;       // by category, most bytes first
    const char *allocator;                      // "glibc", "jemalloc" …; what malloc seems to be; static
};

// `ret` is complete only on success.
struct hc_error *hc_memory_account(const struct hc_session *session, struct hc_memory *ret);
void hc_memory_deinit(struct hc_memory *memory);

// "free blocks of pymalloc": for people; "pymalloc_free": for programs.
const char *hc_memory_category_name(enum hc_memory_category category);
const char *hc_memory_category_key(enum hc_memory_category category);
