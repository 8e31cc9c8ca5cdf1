// pymalloc's arenas, pool by pool and block by block.
#include "memory/account.h"

#include "base/interrupt.h"
#include "base/parallel.h"

#include <string.h>

enum { CLASSES = 64 + 1 }; // 512 bytes in steps of 8

struct HC_ALONE tally {
    struct hc_memory_kind *kinds; // by type
    struct hc_memory_class classes[CLASSES];
};

struct walk {
    struct hc_account *account;
    const struct hc_pools *pools;
    struct hc_arena *arenas; // by address, disjoint
    size_t arena_count;
    struct hc_parts *parts;          // one an arena
    struct hc_memory_arena *results; // one an arena
    struct tally *tallies;           // one a worker
    struct hc_reader *readers;       // one a worker
    unsigned threads;
};

static void walk_deinit(struct walk *walk)
{
    for (unsigned i = 0; walk->tallies && i < walk->threads; i++)
        free(walk->tallies[i].kinds);
    free(walk->arenas);
    free(walk->parts);
    free(walk->results);
    free(walk->tallies);
    free(walk->readers);
}

static uint64_t pool_size(const struct walk *walk)
{
    return 1ull << walk->pools->pool_bits;
}

static uint64_t first_pool(const struct walk *walk, const struct hc_arena *arena)
{
    return (arena->address + pool_size(walk) - 1) & ~(pool_size(walk) - 1);
}

// An arena that does not begin where a pool may has room for one less.
static uint64_t arena_end(const struct walk *walk, const struct hc_arena *arena)
{
    bool is_aligned = arena->address == first_pool(walk, arena);
    return arena->address + (arena->pools + (is_aligned ? 0 : 1)) * pool_size(walk);
}

// 64 slots; `ret_objects` = those that are objects.
static void count_objects(const struct walk *walk, struct tally *tally, struct hc_parts *parts,
                          const struct hc_slot_word *word, uint32_t size, uint64_t *ret_objects)
{
    const struct hc_graph *graph = walk->account->graph;
    uint32_t number = word->first_object;
    for (uint64_t left = word->objects; left; left &= left - 1, number++) {
        if (graph->states[number] == HC_STATE_NONE)
            continue;
        struct hc_memory_kind *kind = &tally->kinds[graph->type_indexes[number]];
        kind->count++;
        kind->bytes += size;
        hc_parts_add(parts, hc_account_object_category(walk->account, number), size, 1);
        *ret_objects |= left & -left;
    }
}

static uint64_t mask_of(uint32_t bits)
{
    return bits >= 64 ? UINT64_MAX : (1ull << bits) - 1;
}

static void add_blocks(struct hc_parts *parts, enum hc_memory_category category, uint64_t bits, uint32_t size)
{
    uint64_t count = (unsigned)__builtin_popcountll(bits);
    hc_parts_add(parts, category, count * size, count);
}

static void account_pool(const struct walk *walk, struct tally *tally, struct hc_parts *parts,
                         const struct hc_pool *pool)
{
    const struct hc_account *account = walk->account;
    uint64_t marks[HC_POOL_MOST_BLOCKS / 64], marked, used = 0;
    uint32_t size = pool->block_size;
    uint64_t room = (pool_size(walk) - walk->pools->header_size) / size;
    hc_pool_mark_free(walk->pools, account->runtime, pool, marks, &marked);
    for (uint32_t first = 0; first < pool->block_count; first += 64) {
        uint32_t index = pool->first_word + first / 64;
        uint64_t all = mask_of(pool->block_count - first), objects = 0;
        count_objects(walk, tally, parts, &walk->pools->words[index], size, &objects);
        uint64_t buffers = account->buffer_slots[index] & all & ~objects;
        uint64_t data = account->data_slots[index] & buffers;
        uint64_t unused = marks[first / 64] & all & ~objects & ~buffers;
        add_blocks(parts, HC_MEMORY_BUFFERS, buffers & ~data, size);
        add_blocks(parts, HC_MEMORY_DATA, data, size);
        add_blocks(parts, HC_MEMORY_PYMALLOC_FREE, unused, size);
        add_blocks(parts, HC_MEMORY_PYMALLOC_OTHER, all & ~objects & ~buffers & ~unused, size);
        used += (unsigned)__builtin_popcountll(all & ~unused);
    }
    uint64_t fresh = room - pool->block_count;
    hc_parts_add(parts, HC_MEMORY_PYMALLOC_FREE, fresh * size, fresh);
    hc_parts_add(parts, HC_MEMORY_PYMALLOC_OVERHEAD, pool_size(walk) - room * size, 1);
    struct hc_memory_class *class = &tally->classes[size / 8];
    class->size = size;
    class->pools++;
    class->used += used;
    class->free += room - used;
}

// Pools with blocks in use are known; of the others only the count of such blocks tells an empty one from one
// whose header is damaged.
static void account_other_pool(const struct walk *walk, struct hc_reader *reader, struct hc_parts *parts,
                               uint64_t address)
{
    const uint8_t *bytes = hc_reader_view(reader, address, pool_size(walk));
    bool is_empty =
        bytes && !hc_load_u32(&reader->target, bytes + walk->account->runtime->layouts.at.pool_count);
    hc_parts_add(parts, is_empty ? HC_MEMORY_PYMALLOC_EMPTY : HC_MEMORY_PYMALLOC_NOT_WALKED, pool_size(walk),
                 1);
}

// The first pool in use from `address` on.
static size_t find_pool(const struct hc_pools *pools, uint64_t address)
{
    size_t low = 0, high = pools->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pools->pools[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint64_t in_use(const struct hc_parts *parts)
{
    uint64_t sum = 0;
    for (int category = HC_MEMORY_OBJECTS; category <= HC_MEMORY_PYMALLOC_OTHER; category++)
        sum += parts->bytes[category];
    return sum;
}

static struct hc_error *account_arena(void *argument, unsigned worker, size_t task)
{
    struct walk *walk = argument;
    const struct hc_arena *arena = &walk->arenas[task];
    struct hc_parts *parts = &walk->parts[task];
    uint64_t address = first_pool(walk, arena), start = arena->address, end = arena_end(walk, arena);
    if (!hc_account_holds(walk->account, start, end))
        return NULL;
    size_t pool = find_pool(walk->pools, address);
    for (uint32_t i = 0; i < arena->pools; i++, address += pool_size(walk)) {
        if (pool < walk->pools->count && walk->pools->pools[pool].address == address)
            account_pool(walk, &walk->tallies[worker], parts, &walk->pools->pools[pool++]);
        else
            account_other_pool(walk, &walk->readers[worker], parts, address);
    }
    hc_parts_add(parts, HC_MEMORY_PYMALLOC_OVERHEAD, end - start - arena->pools * pool_size(walk), 0);
    walk->results[task] = (struct hc_memory_arena){
        .address = start,
        .size = end - start,
        .pools = arena->pools,
        .empty_pools = (uint32_t)parts->count[HC_MEMORY_PYMALLOC_EMPTY],
        .used = in_use(parts),
        .free = parts->bytes[HC_MEMORY_PYMALLOC_FREE] + parts->bytes[HC_MEMORY_PYMALLOC_EMPTY],
    };
    return NULL;
}

static int by_address(const void *a, const void *b)
{
    const struct hc_arena *left = a, *right = b;
    if (left->address != right->address)
        return left->address < right->address ? -1 : 1;
    return (left->pools > right->pools) - (left->pools < right->pools);
}

// Damaged lists name an arena twice, or one that overlaps another.
static struct hc_error *list_arenas(struct walk *walk)
{
    const struct hc_arena_vector *found = &walk->pools->arena_ranges;
    walk->arenas = calloc(found->count + 1, sizeof(*walk->arenas));
    if (!walk->arenas)
        return hc_error_out_of_memory();
    if (found->count)
        memcpy(walk->arenas, found->items, found->count * sizeof(*walk->arenas));
    qsort(walk->arenas, found->count, sizeof(*walk->arenas), by_address);
    uint64_t end = 0;
    for (size_t i = 0; i < found->count; i++) {
        const struct hc_arena *arena = &walk->arenas[i];
        if (arena->address < end || arena_end(walk, arena) <= arena->address ||
            !hc_account_touches(walk->account, arena->address, arena_end(walk, arena)))
            continue;
        end = arena_end(walk, arena);
        walk->arenas[walk->arena_count++] = *arena;
    }
    return NULL;
}

static struct hc_error *prepare(struct walk *walk)
{
    size_t types = walk->account->kind_count;
    walk->parts = calloc(walk->arena_count + 1, sizeof(*walk->parts));
    walk->results = calloc(walk->arena_count + 1, sizeof(*walk->results));
    walk->tallies = hc_calloc_alone(walk->threads, sizeof(*walk->tallies));
    walk->readers = calloc(walk->threads, sizeof(*walk->readers));
    if (!walk->parts || !walk->results || !walk->tallies || !walk->readers)
        return hc_error_out_of_memory();
    for (unsigned i = 0; i < walk->threads; i++) {
        hc_reader_init(&walk->readers[i], walk->account->image);
        walk->tallies[i].kinds = calloc(types + 1, sizeof(*walk->tallies[i].kinds));
        if (!walk->tallies[i].kinds)
            return hc_error_out_of_memory();
    }
    return NULL;
}

// What is not all in the core is walked pool by pool.
static struct hc_error *settle_cut_arena(struct walk *walk, const struct hc_arena *arena)
{
    struct hc_account *account = walk->account;
    uint64_t address = first_pool(walk, arena), size = pool_size(walk);
    for (uint32_t i = 0; i < arena->pools; i++, address += size) {
        struct hc_parts parts = {0};
        if (!hc_account_holds(account, address, address + size))
            continue;
        size_t pool = find_pool(walk->pools, address);
        if (pool < walk->pools->count && walk->pools->pools[pool].address == address)
            account_pool(walk, &walk->tallies[0], &parts, &walk->pools->pools[pool]);
        else
            account_other_pool(walk, &account->reader, &parts, address);
        HC_TRY(hc_account_settle(account, address, address + size, HC_MEMORY_PYMALLOC_NOT_WALKED, &parts));
    }
    return hc_account_claim(account, arena->address, arena_end(walk, arena), HC_RANK_BROKEN,
                            hc_record_of(HC_MEMORY_PYMALLOC_NOT_WALKED));
}

static struct hc_error *settle(struct walk *walk)
{
    struct hc_account *account = walk->account;
    for (size_t i = 0; i < walk->arena_count; i++) {
        const struct hc_arena *arena = &walk->arenas[i];
        if (!walk->results[i].size) {
            HC_TRY(settle_cut_arena(walk, arena));
            continue;
        }
        HC_TRY(hc_account_settle(account, arena->address, arena_end(walk, arena),
                                 HC_MEMORY_PYMALLOC_NOT_WALKED, &walk->parts[i]));
        if (!hc_memory_arena_vector_push(&account->memory->arenas, walk->results[i]))
            return hc_error_out_of_memory();
    }
    return NULL;
}

static struct hc_error *collect(struct walk *walk)
{
    struct hc_account *account = walk->account;
    for (size_t size = 0; size < CLASSES; size++) {
        struct hc_memory_class sum = {0};
        for (unsigned i = 0; i < walk->threads; i++) {
            const struct hc_memory_class *class = &walk->tallies[i].classes[size];
            sum.size = class->pools ? class->size : sum.size;
            sum.pools += class->pools;
            sum.used += class->used;
            sum.free += class->free;
        }
        if (sum.pools && !hc_memory_class_vector_push(&account->memory->classes, sum))
            return hc_error_out_of_memory();
    }
    for (unsigned i = 0; i < walk->threads; i++)
        for (size_t type = 0; type < account->kind_count; type++) {
            account->kinds[type].count += walk->tallies[i].kinds[type].count;
            account->kinds[type].bytes += walk->tallies[i].kinds[type].bytes;
        }
    return NULL;
}

struct hc_error *hc_account_pymalloc(struct hc_account *account)
{
    _cleanup_(walk_deinit) struct walk walk = {
        .account = account, .pools = &account->graph->pools, .threads = account->threads};
    if (!walk.pools->pool_bits)
        return NULL;
    HC_TRY(list_arenas(&walk));
    HC_TRY(prepare(&walk));
    HC_TRY(hc_parallel_run(walk.threads, walk.arena_count, account_arena, &walk));
    HC_TRY(settle(&walk));
    return collect(&walk);
}
