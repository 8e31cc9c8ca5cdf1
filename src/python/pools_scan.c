// Tells the objects in pymalloc's pools from free blocks and from buffers, in memory order.
#include "python/pools.h"

#include "base/parallel.h"
#include "python/allocators.h"
#include "python/trace.h"

#include <string.h>

enum {
    POOLS_PER_TASK = 512,
    PREFETCH = 512, // bytes ahead
};

struct scan_tally {
    uint64_t used, free, damaged;
};

struct scan {
    struct hc_pools *pools;
    const struct hc_runtime *runtime;
    struct hc_tracer *tracers;  // one a worker
    struct scan_tally *tallies; // one a task
};

bool hc_pool_mark_free(const struct hc_pools *pools, const struct hc_runtime *runtime,
                       const struct hc_pool *pool, uint64_t *free_blocks, uint64_t *count)
{
    const struct hc_target *target = hc_image_target(runtime->image);
    uint64_t block = hc_load_word(target, pool->bytes + runtime->layouts.at.pool_free_block);
    memset(free_blocks, 0, HC_POOL_MOST_BLOCKS / 8);
    *count = 0;
    while (block) {
        uint64_t offset = block - pool->address;
        if (offset >= 1u << pools->pool_bits)
            return false;
        uint32_t index = hc_pool_block(pools, pool, block);
        if (index == UINT32_MAX || hc_pool_block_address(pools, pool, index) != block ||
            free_blocks[index / 64] >> (index % 64) & 1)
            return false;
        free_blocks[index / 64] |= 1ull << (index % 64);
        ++*count;
        block = hc_load_word(target, pool->bytes + offset);
    }
    return true;
}

// An object ends where its block does.
static bool fits(const struct hc_tracer *tracer, const struct hc_type *type, const uint8_t *object,
                 uint64_t room)
{
    if (type->least_size > room)
        return false;
    if (!type->has_items || !type->itemsize)
        return true;
    if (tracer->at->var_size + tracer->object_reader.target.word_size > room)
        return false;
    int64_t items = hc_load_signed_word(&tracer->object_reader.target, object + tracer->at->var_size);
    return type->basicsize <= room && items >= 0 &&
           (uint64_t)items <= (room - type->basicsize) / type->itemsize;
}

// What stands on a list of free objects keeps its type, behind a link in place of its count: an int does
// since 3.14, and its digits may well be the address of a type. That is no GC head, whose second word never
// points to a type.
static bool is_free_object(const struct hc_pools *pools, struct hc_tracer *tracer, const uint8_t *block)
{
    if (!hc_runtime_since(tracer->runtime, 3, 14))
        return false;
    uint64_t word = hc_load_word(&tracer->object_reader.target, block + tracer->at->object_type);
    return word && !hc_pools_find(pools, word) && hc_tracer_find_type(tracer, word);
}

// Is there an object `header` bytes into the block? Its type says how long the header before it must be.
static bool is_object_at(const struct hc_pools *pools, struct hc_tracer *tracer, const uint8_t *block,
                         unsigned header, unsigned block_size)
{
    const struct hc_offsets *at = tracer->at;
    const struct hc_target *target = &tracer->object_reader.target;
    if (header + at->object_type + target->word_size > block_size)
        return false;
    if (!hc_tracer_refcount_is_plausible(hc_tracer_load_refcount(tracer, block + header)))
        return false;
    uint64_t address = hc_load_word(target, block + header + at->object_type);
    // Type objects are larger than any block of a pool, and what is asked most often is in a pool.
    if (!address || address % target->word_size || hc_pools_find(pools, address))
        return false;
    const struct hc_type *type = hc_tracer_find_type(tracer, address);
    return type && type->header_size == header &&
           !hc_tracer_refcount_is_pointer(tracer, hc_tracer_load_refcount(tracer, block + header)) &&
           fits(tracer, type, block + header, block_size - header) &&
           !(header && is_free_object(pools, tracer, block));
}

bool hc_block_find_object(const struct hc_pools *pools, struct hc_tracer *tracer, const uint8_t *block,
                          uint32_t size, uint32_t *ret)
{
    const uint32_t starts[] = {0, pools->gc_head_size, pools->gc_head_size + pools->pre_header_size};
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
        if (is_object_at(pools, tracer, block, starts[i], size)) {
            *ret = starts[i];
            return true;
        }
    return false;
}

static void mark_block(const struct scan *scan, struct hc_tracer *tracer, const struct hc_pool *pool,
                       uint32_t index)
{
    const uint8_t *block = pool->bytes + (hc_pool_block_address(scan->pools, pool, index) - pool->address);
    struct hc_slot_word *word = &scan->pools->words[pool->first_word + index / 64];
    __builtin_prefetch(block + PREFETCH);
    unsigned block_size = pool->block_size, debug = scan->pools->debug_header;
    uint32_t start;
    if (!hc_block_find_object(scan->pools, tracer, block + debug, block_size > debug ? block_size - debug : 0,
                              &start))
        return;
    uint64_t bit = 1ull << (index % 64);
    word->objects |= bit;
    word->gc |= start ? bit : 0;
    word->pre_header |= start > scan->pools->gc_head_size ? bit : 0;
}

static void scan_pool(const struct scan *scan, struct hc_tracer *tracer, const struct hc_pool *pool,
                      struct scan_tally *tally)
{
    uint64_t free_blocks[HC_POOL_MOST_BLOCKS / 64];
    uint64_t free_count;
    if (!hc_pool_mark_free(scan->pools, scan->runtime, pool, free_blocks, &free_count))
        tally->damaged++; // what was marked until there counts as free, the rest is judged by its header
    tally->free += free_count;
    tally->used += pool->block_count - free_count;
    for (uint32_t i = 0; i < pool->block_count; i++)
        if (!(free_blocks[i / 64] >> (i % 64) & 1))
            mark_block(scan, tracer, pool, i);
}

static struct hc_error *scan_task(void *argument, unsigned worker, size_t task)
{
    struct scan *scan = argument;
    size_t end = (task + 1) * POOLS_PER_TASK;
    for (size_t i = task * POOLS_PER_TASK; i < end && i < scan->pools->count; i++)
        scan_pool(scan, &scan->tracers[worker], &scan->pools->pools[i], &scan->tallies[task]);
    return NULL;
}

// Where the table of allocators does not tell: all blocks have the header, or none has, so that a few pools
// do.
static bool guess_hooks(const struct hc_pools *pools, unsigned word)
{
    enum { POOLS_ASKED = 64 };
    size_t with = 0, without = 0;
    for (size_t i = 0; i < pools->count && i < POOLS_ASKED; i++)
        for (uint32_t block = 0; block < pools->pools[i].block_count; block++) {
            const struct hc_pool *pool = &pools->pools[i];
            uint64_t offset = hc_pool_block_address(pools, pool, block) - pool->address;
            if (pool->block_size > 2 * word && hc_hooks_stand_before(pool->bytes + offset, word))
                with++;
            else
                without++;
        }
    // Freed blocks have lost theirs.
    return with > without / 8;
}

struct hc_error *hc_pools_number(struct hc_pools *pools)
{
    uint64_t count = 0;
    for (size_t i = 0; i < pools->word_count; i++) {
        pools->words[i].first_object = (uint32_t)count;
        count += (unsigned)__builtin_popcountll(pools->words[i].objects);
    }
    pools->object_count = count;
    free(pools->landmarks);
    pools->landmarks = malloc((count / HC_LANDMARK + 2) * sizeof(*pools->landmarks));
    if (!pools->landmarks)
        return hc_error_out_of_memory();
    size_t landmark = 0;
    for (size_t i = 0; i < pools->word_count; i++) {
        uint64_t end = i + 1 < pools->word_count ? pools->words[i + 1].first_object : count;
        for (; landmark * HC_LANDMARK < end; landmark++)
            pools->landmarks[landmark] = (uint32_t)i;
    }
    pools->landmarks[landmark] = pools->word_count ? (uint32_t)pools->word_count - 1 : 0;
    return NULL;
}

struct hc_error *hc_pools_scan(struct hc_pools *pools, struct hc_type_table *types, unsigned threads)
{
    size_t tasks = (pools->count + POOLS_PER_TASK - 1) / POOLS_PER_TASK;
    _cleanup_(hc_freep) struct hc_tracer *tracers = hc_calloc_alone(threads, sizeof(*tracers));
    _cleanup_(hc_freep) struct scan_tally *tallies = calloc(tasks + 1, sizeof(*tallies));
    if (!tracers || !tallies)
        return hc_error_out_of_memory();
    struct scan scan = {pools, types->runtime, tracers, tallies};
    unsigned word = hc_image_target(types->runtime->image)->word_size;
    struct hc_allocators allocators;
    hc_allocators_read(types->runtime, &allocators);
    bool has_hooks =
        allocators.objects == HC_ALLOCATOR_UNKNOWN ? guess_hooks(pools, word) : allocators.has_hooks;
    pools->debug_header = has_hooks ? (uint8_t)(2 * word) : 0;
    struct hc_error *error = NULL;
    for (unsigned i = 0; i < threads && !error; i++)
        error = hc_tracer_init(&tracers[i], types);
    if (!error)
        error = hc_parallel_run(threads, tasks, scan_task, &scan);
    for (unsigned i = 0; i < threads; i++)
        hc_tracer_deinit(&tracers[i]);
    for (size_t i = 0; i < tasks; i++) {
        pools->used_blocks += tallies[i].used;
        pools->free_blocks += tallies[i].free;
        pools->damaged_pools += tallies[i].damaged;
    }
    return error ? error : hc_pools_number(pools);
}
