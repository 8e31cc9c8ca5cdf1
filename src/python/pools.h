// The pools of pymalloc, in address order: which blocks are in use, and which of them are objects.
// A slot is a block of a pool; slots are numbered in address order, each pool's from a multiple of 64 on.
#pragma once

#include "python/runtime.h"
#include "python/types.h"

#include <stdbool.h>
#include <stdint.h>

struct hc_pool {
    uint64_t address;
    const uint8_t *bytes;
    uint32_t first_word; // of its slots
    uint32_t reciprocal; // 2^32 / block_size, rounded up: divides by a multiply
    uint16_t block_size;
    uint16_t block_count; // blocks ever handed out
};

// 64 slots.
struct hc_slot_word {
    uint64_t objects;      // slot holds an object
    uint64_t gc;           // … with a GC head before it
    uint64_t pre_header;   // … and a pre-header before that
    uint32_t first_object; // number of objects in the words before this one
    uint32_t pool;
};

// A piece of memory that pymalloc cuts into pools: the first begins at the first multiple of their size.
struct hc_arena {
    uint64_t address;
    uint32_t pools; // that fit into it
};

HC_DEFINE_VECTOR(hc_arena_vector, struct hc_arena)

struct hc_arena_list {
    uint64_t arenas; // address of an arena_object[]
    uint64_t count;
};

HC_DEFINE_VECTOR(hc_arena_list_vector, struct hc_arena_list)

struct hc_pools {
    struct hc_arena_list_vector arena_lists; // one an allocator: interpreters may share one
    struct hc_arena_vector arena_ranges;     // as these lists have them; damaged ones are left out
    struct hc_pool *pools;                   // by address, those with blocks in use
    size_t count;
    struct hc_slot_word *words;
    size_t word_count;
    uint64_t object_count;
    uint32_t *landmarks;  // words of the objects 0, HC_LANDMARK, 2 * HC_LANDMARK …; the last word
    unsigned pool_bits;   // log2 of the pool size; 0: no pools
    uint32_t **directory; // address >> 30 → (address >> pool_bits) → pool number + 1
    uint32_t header_size; // pool header
    uint8_t alignment;    // of blocks: their sizes are multiples of it
    uint8_t gc_head_size, pre_header_size;
    uint8_t debug_header; // of every block, with PYTHONMALLOC=debug, -X dev and Py_DEBUG; else 0
    // For the report.
    uint64_t arenas, used_blocks, free_blocks, damaged_pools, unreadable_pools;
};

enum {
    HC_POOL_MOST_BLOCKS = 1 << 11, // of 8 bytes in 16 KiB
    HC_LANDMARK = 256,             // objects
};

enum { HC_DIRECTORY_SHIFT = 30, HC_DIRECTORY_SIZE = 1 << 17 };

// Lists arenas and pools of every interpreter.
struct hc_error *hc_pools_init(struct hc_pools *pools, const struct hc_runtime *runtime);
void hc_pools_deinit(struct hc_pools *pools);
// Tells objects from other blocks, on `threads` threads; numbers them.
struct hc_error *hc_pools_scan(struct hc_pools *pools, struct hc_type_table *types, unsigned threads);
// Numbers the objects that the words have.
struct hc_error *hc_pools_number(struct hc_pools *pools);

static inline const struct hc_pool *hc_pools_find(const struct hc_pools *pools, uint64_t address)
{
    uint64_t high = address >> HC_DIRECTORY_SHIFT;
    if (high >= HC_DIRECTORY_SIZE || !pools->directory || !pools->directory[high])
        return NULL;
    uint64_t low = (address & ((1u << HC_DIRECTORY_SHIFT) - 1)) >> pools->pool_bits;
    uint32_t number = pools->directory[high][low];
    return number ? &pools->pools[number - 1] : NULL;
}

// The block that holds `address`, as an index into the pool; UINT32_MAX for the pool header and what was
// never handed out.
static inline uint32_t hc_pool_block(const struct hc_pools *pools, const struct hc_pool *pool,
                                     uint64_t address)
{
    uint64_t offset = address - pool->address;
    if (offset < pools->header_size)
        return UINT32_MAX;
    uint32_t block = (uint32_t)((offset - pools->header_size) * pool->reciprocal >> 32);
    return block < pool->block_count ? block : UINT32_MAX;
}

static inline uint64_t hc_pool_block_address(const struct hc_pools *pools, const struct hc_pool *pool,
                                             uint32_t block)
{
    return pool->address + pools->header_size + (uint64_t)block * pool->block_size;
}

// From the start of the block to the object in it.
static inline uint32_t hc_slot_header(const struct hc_pools *pools, const struct hc_slot_word *word,
                                      unsigned bit)
{
    return pools->debug_header + (word->gc >> bit & 1 ? pools->gc_head_size : 0u) +
           (word->pre_header >> bit & 1 ? pools->pre_header_size : 0u);
}

// The number of the object that starts at `address` in `pool`; false if none does.
static inline bool hc_pool_object(const struct hc_pools *pools, const struct hc_pool *pool, uint64_t address,
                                  uint32_t *ret)
{
    uint32_t block = hc_pool_block(pools, pool, address);
    if (block == UINT32_MAX)
        return false;
    const struct hc_slot_word *word = &pools->words[pool->first_word + block / 64];
    unsigned bit = block % 64;
    if (!(word->objects >> bit & 1) ||
        hc_pool_block_address(pools, pool, block) + hc_slot_header(pools, word, bit) != address)
        return false;
    *ret = word->first_object + (uint32_t)__builtin_popcountll(word->objects & ((1ull << bit) - 1));
    return true;
}

// Marks the blocks on the pool's list of free ones, HC_POOL_MOST_BLOCKS bits; false if the list leaves the
// pool or runs in a circle.
bool hc_pool_mark_free(const struct hc_pools *pools, const struct hc_runtime *runtime,
                       const struct hc_pool *pool, uint64_t *free_blocks, uint64_t *count);
// Where in a used block of `size` bytes an object starts, behind the headers that its type asks for; false if
// there is none.
bool hc_block_find_object(const struct hc_pools *pools, struct hc_tracer *tracer, const uint8_t *block,
                          uint32_t size, uint32_t *ret);
// The object number of whatever object starts anywhere in the block whose user got `address`; false if none
// does.
bool hc_pools_block_object(const struct hc_pools *pools, uint64_t address, uint32_t *ret);
// The address of object `number` (below object_count).
uint64_t hc_pools_object_address(const struct hc_pools *pools, uint32_t number);
