// What references to nowhere tell of: blocks given back too early, headers overwritten, types that are none.
#include "graph/build.h"

#include "base/interrupt.h"

#include <stdlib.h>

enum { FREE_WORDS = HC_POOL_MOST_BLOCKS / 64 };

struct damage_search {
    const struct hc_pools *pools;
    struct hc_tracer *tracer;
    struct hc_damage *damage;
    struct hc_word_vector dangling; // ascending, each once
    struct hc_address_map types;    // addresses that may have been types → place in `instances`
    struct hc_word_vector instances;
};

static void damage_search_deinit(struct damage_search *search)
{
    hc_word_vector_deinit(&search->dangling);
    hc_address_map_deinit(&search->types);
    hc_word_vector_deinit(&search->instances);
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static struct hc_error *add_dangling(struct damage_search *search, const struct hc_finding *finding)
{
    for (size_t i = 0; i < finding->dangling.capacity; i++)
        if (finding->dangling.slots[i].address &&
            !hc_word_vector_push(&search->dangling, finding->dangling.slots[i].address))
            return hc_error_out_of_memory();
    return NULL;
}

static void sort_dangling(struct hc_word_vector *dangling)
{
    size_t kept = 0;
    if (dangling->count)
        qsort(dangling->items, dangling->count, sizeof(*dangling->items), by_value);
    for (size_t i = 0; i < dangling->count; i++)
        if (!kept || dangling->items[kept - 1] != dangling->items[i])
            dangling->items[kept++] = dangling->items[i];
    dangling->count = kept;
}

static struct hc_error *add_type(struct damage_search *search, uint64_t address)
{
    bool is_new;
    if (address % search->tracer->reader.target.word_size)
        return NULL;
    if (!hc_address_map_insert(&search->types, address, (uint32_t)search->instances.count, &is_new) ||
        (is_new && !hc_word_vector_push(&search->instances, 0)))
        return hc_error_out_of_memory();
    return NULL;
}

// Could an object start there, if the block had one?
static bool is_start(const struct hc_pools *pools, const struct hc_pool *pool, uint32_t block,
                     uint64_t address)
{
    uint64_t header = address - hc_pool_block_address(pools, pool, block) - pools->debug_header;
    return !header || header == pools->gc_head_size || header == pools->gc_head_size + pools->pre_header_size;
}

// The place among the types of what no object was found in, if it is an instance of one that cannot be read.
static bool find_type(const struct damage_search *search, const struct hc_pool *pool, uint32_t block,
                      uint32_t *ret)
{
    const struct hc_pools *pools = search->pools;
    const struct hc_tracer *tracer = search->tracer;
    const struct hc_target *target = &tracer->reader.target;
    const uint8_t *bytes = pool->bytes + (hc_pool_block_address(pools, pool, block) - pool->address);
    const uint32_t starts[] = {0, pools->gc_head_size, pools->gc_head_size + pools->pre_header_size};
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
        uint32_t start = starts[i] + pools->debug_header;
        if (start + tracer->at->object_type + target->word_size > pool->block_size)
            return false;
        uint64_t type = hc_load_word(target, bytes + start + tracer->at->object_type);
        if (hc_address_map_find(&search->types, type, ret) &&
            hc_tracer_refcount_is_plausible(hc_tracer_load_refcount(tracer, bytes + start)))
            return true;
    }
    return false;
}

static struct hc_error *count_instances(struct damage_search *search)
{
    const struct hc_pools *pools = search->pools;
    for (size_t i = 0; i < pools->count && search->types.count; i++) {
        if (i % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        const struct hc_pool *pool = &pools->pools[i];
        uint32_t place;
        for (uint32_t block = 0; block < pool->block_count; block++)
            if (!(pools->words[pool->first_word + block / 64].objects >> (block % 64) & 1) &&
                find_type(search, pool, block, &place))
                search->instances.items[place]++;
    }
    return NULL;
}

static struct hc_error *find_types(struct damage_search *search, const struct hc_finding *const *findings,
                                   size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < findings[i]->unreadable_types.count; k++) {
            search->damage->unreadable_types++;
            HC_TRY(add_type(search, findings[i]->unreadable_types.items[k]));
        }
    size_t certain = search->instances.count;
    // Type objects are larger than the blocks of pools.
    for (size_t i = 0; i < search->dangling.count; i++)
        if (!hc_pools_find(search->pools, search->dangling.items[i]))
            HC_TRY(add_type(search, search->dangling.items[i]));
    HC_TRY(count_instances(search));
    for (size_t i = 0; i < search->instances.count; i++) {
        search->damage->untyped_objects += search->instances.items[i];
        search->damage->unreadable_types += i >= certain && search->instances.items[i];
    }
    return NULL;
}

static void judge_blocks(struct damage_search *search)
{
    const struct hc_pools *pools = search->pools;
    const struct hc_pool *last = NULL;
    uint64_t free_blocks[FREE_WORDS];
    uint32_t place;
    for (size_t i = 0; i < search->dangling.count; i++) {
        uint64_t count, address = search->dangling.items[i];
        const struct hc_pool *pool = hc_pools_find(pools, address);
        uint32_t block = pool ? hc_pool_block(pools, pool, address) : UINT32_MAX;
        if (block == UINT32_MAX || !is_start(pools, pool, block, address) ||
            pools->words[pool->first_word + block / 64].objects >> (block % 64) & 1)
            continue;
        if (pool != last)
            hc_pool_mark_free(pools, search->tracer->runtime, pool, free_blocks, &count);
        last = pool;
        if (free_blocks[block / 64] >> (block % 64) & 1)
            search->damage->freed_referents++;
        else if (!find_type(search, pool, block, &place))
            search->damage->damaged_referents++;
    }
}

struct hc_error *hc_graph_find_damage(const struct hc_pools *pools, struct hc_tracer *tracer,
                                      const struct hc_finding *const *findings, size_t count,
                                      struct hc_damage *ret)
{
    _cleanup_(damage_search_deinit) struct damage_search search = {
        .pools = pools, .tracer = tracer, .damage = ret};
    for (size_t i = 0; i < count; i++)
        HC_TRY(add_dangling(&search, findings[i]));
    sort_dangling(&search.dangling);
    HC_TRY(find_types(&search, findings, count));
    judge_blocks(&search);
    return NULL;
}
