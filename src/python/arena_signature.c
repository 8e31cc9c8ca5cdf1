#include "python/arena_signature.h"

#include "python/signature.h"

// Objects/obmalloc.c: the table begins with 16 entries and is doubled when it is full. Pools have 4 KiB, or
// 16 since 3.10.
enum {
    FIRST_ENTRIES = 16,
    MAX_ENTRIES = 1 << 22,
    MAX_POOLS = 256,
    POOL = 4096,
    LARGE_POOL = 4 * POOL,
    MAX_ARENA = 1 << 20,
    MAX_CLASSES = 64
};

struct arena_search {
    const struct hc_runtime *runtime;
    struct hc_reader reader;
    uint64_t found, count;
};

struct arena {
    uint64_t address, pool_address, next;
    uint32_t free_pools, pools;
};

static bool read_arena(struct arena_search *search, uint64_t table, uint64_t index, struct arena *ret)
{
    const struct hc_offsets *at = &search->runtime->layouts.at;
    const struct hc_target *target = &search->reader.target;
    const uint8_t *bytes =
        hc_reader_view(&search->reader, table + index * at->sizeof_arena, at->sizeof_arena);
    if (!bytes)
        return false;
    ret->address = hc_load_word(target, bytes + at->arena_address);
    ret->pool_address = hc_load_word(target, bytes + at->arena_pool_address);
    ret->next = hc_load_word(target, bytes + at->arena_next);
    ret->free_pools = hc_load_u32(target, bytes + at->arena_free_pools);
    ret->pools = hc_load_u32(target, bytes + at->arena_total_pools);
    return true;
}

// Entries without memory are linked among each other.
static bool is_arena(struct arena_search *search, uint64_t table, uint64_t index, uint64_t count)
{
    uint64_t size = search->runtime->layouts.at.sizeof_arena;
    struct arena arena;
    if (!read_arena(search, table, index, &arena))
        return false;
    if (!arena.address)
        return !arena.next || (arena.next - table < count * size && (arena.next - table) % size == 0);
    return arena.pools && arena.pools <= MAX_POOLS && arena.free_pools <= arena.pools &&
           arena.pool_address - arena.address <= MAX_ARENA && arena.pool_address % POOL == 0;
}

static bool is_pool(struct arena_search *search, uint64_t pool, uint64_t arena)
{
    const struct hc_offsets *at = &search->runtime->layouts.at;
    const struct hc_target *target = &search->reader.target;
    const uint8_t *bytes = hc_reader_view(&search->reader, pool, at->sizeof_pool);
    if (!bytes || hc_load_u32(target, bytes + at->pool_arena) != arena)
        return false;
    uint32_t end = hc_load_u32(target, bytes + at->pool_max_next_offset);
    return end && end <= LARGE_POOL && hc_load_u32(target, bytes + at->pool_size_index) < MAX_CLASSES;
}

// Every pool knows the number of its arena; the first pool is the first to be used. Pools begin at multiples
// of their size, which 3.10 made larger (bpo-37448).
static bool pools_agree(struct arena_search *search, uint64_t table)
{
    uint64_t size = hc_runtime_since(search->runtime, 3, 10) ? LARGE_POOL : POOL;
    unsigned agreeing = 0;
    for (uint64_t i = 0; i < FIRST_ENTRIES; i++) {
        struct arena arena;
        if (!read_arena(search, table, i, &arena) || !arena.address || arena.free_pools == arena.pools)
            continue;
        if (!is_pool(search, (arena.address + size - 1) & ~(size - 1), i))
            return false;
        agreeing++;
    }
    return agreeing;
}

static uint64_t count_entries(struct arena_search *search, uint64_t table)
{
    uint64_t count = FIRST_ENTRIES;
    for (uint64_t i = count; i < MAX_ENTRIES && is_arena(search, table, i, MAX_ENTRIES); i++)
        if (i + 1 == 2 * count)
            count *= 2;
    return count;
}

// What the table was before it grew may still stand in free memory: the longest is the one.
static bool see_arenas(void *argument, uint64_t address, uint64_t table)
{
    struct arena_search *search = argument;
    (void)address;
    if (!table || table % search->reader.target.word_size || !is_arena(search, table, 0, FIRST_ENTRIES))
        return true;
    for (uint64_t i = 1; i < FIRST_ENTRIES; i++)
        // Until the table has grown, the last entry's link leads to none.
        if (!is_arena(search, table, i, MAX_ENTRIES))
            return true;
    uint64_t count = pools_agree(search, table) ? count_entries(search, table) : 0;
    if (count > search->count) {
        search->found = table;
        search->count = count;
    }
    return true;
}

bool hc_signature_find_arenas(const struct hc_runtime *runtime, uint64_t *ret_arenas, uint64_t *ret_count)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    struct arena_search search = {.runtime = runtime};
    if (!hc_is_present(at->arena_next) || !hc_is_present(at->arena_free_pools) ||
        !hc_is_present(at->pool_arena))
        return false;
    hc_reader_init(&search.reader, runtime->image);
    hc_signature_scan(runtime, see_arenas, &search);
    if (!search.found)
        return false;
    *ret_arenas = search.found;
    *ret_count = search.count;
    return true;
}
