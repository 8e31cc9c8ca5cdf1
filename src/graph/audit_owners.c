// Which of the words found belong to an object: its items, its keys. And which to nobody: what stands in
// freed memory is no reference.
#include "base/address_map.h"
#include "graph/audit_parts.h"
#include "python/chunks.h"

#include <stdlib.h>

struct HC_ALONE buffers {
    struct hc_word_vector addresses; // outside of the pools
};

struct ownership {
    struct hc_audit_walk *walk;
    struct hc_address_map blocks; // of pools, by the address where they start → index into owned
    _Atomic uint8_t *owned;       // by number of the block
    bool has_chunks;
    struct buffers *buffers; // one a worker
    uint64_t last_block;     // asked for, and the answer: words of a block follow one another
    bool is_last_dead;
    struct hc_word_vector sorted;
};

static void ownership_deinit(struct ownership *ownership)
{
    for (unsigned i = 0; ownership->buffers && i < ownership->walk->threads; i++)
        hc_word_vector_deinit(&ownership->buffers[i].addresses);
    free(ownership->buffers);
    free(ownership->owned);
    hc_address_map_deinit(&ownership->blocks);
    hc_word_vector_deinit(&ownership->sorted);
}

// Where the pool's block that holds `address` begins; 0: no pool is there.
static uint64_t block_of(const struct hc_pools *pools, uint64_t address)
{
    const struct hc_pool *pool = hc_pools_find(pools, address);
    uint32_t block = pool ? hc_pool_block(pools, pool, address) : UINT32_MAX;
    return block == UINT32_MAX ? 0 : hc_pool_block_address(pools, pool, block);
}

static struct hc_error *find_owner(void *argument, unsigned worker, size_t task, uint32_t object,
                                   const struct hc_object_view *view)
{
    struct ownership *ownership = argument;
    struct hc_tracer *tracer = &ownership->walk->tracers[worker];
    const struct hc_pools *pools = &ownership->walk->graph->pools;
    (void)task;
    (void)object;
    if (view->type->is_leaf)
        return NULL;
    hc_tracer_trace(tracer, view);
    for (size_t i = 0; i < tracer->references.buffers.count; i++) {
        uint64_t buffer = tracer->references.buffers.items[i], block = block_of(pools, buffer);
        uint32_t number;
        if (block && hc_address_map_find(&ownership->blocks, block, &number))
            atomic_store_explicit(&ownership->owned[number], 1, memory_order_relaxed);
        else if (!block && ownership->has_chunks &&
                 !hc_word_vector_push(&ownership->buffers[worker].addresses, buffer))
            return hc_error_out_of_memory();
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static struct hc_error *sort_buffers(struct ownership *ownership)
{
    for (unsigned i = 0; i < ownership->walk->threads; i++) {
        const struct hc_word_vector *from = &ownership->buffers[i].addresses;
        for (size_t k = 0; k < from->count; k++)
            if (!hc_word_vector_push(&ownership->sorted, from->items[k]))
                return hc_error_out_of_memory();
    }
    if (ownership->sorted.count)
        qsort(ownership->sorted.items, ownership->sorted.count, sizeof(*ownership->sorted.items), by_value);
    return NULL;
}

static bool is_in_buffer(struct ownership *ownership, uint64_t address)
{
    size_t low = 0, high = ownership->sorted.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ownership->sorted.items[middle] <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low)
        return false;
    uint64_t buffer = ownership->sorted.items[low - 1];
    return address - buffer < hc_block_size(&ownership->walk->tracers[0], buffer);
}

static bool is_dead(struct ownership *ownership, uint64_t block)
{
    if (block != ownership->last_block)
        ownership->is_last_dead =
            hc_block_is_dead(&ownership->walk->tracers[0], &ownership->walk->graph->pools, block);
    ownership->last_block = block;
    return ownership->is_last_dead;
}

static bool is_owned(struct ownership *ownership, const struct hc_holder *holder)
{
    const struct hc_pools *pools = &ownership->walk->graph->pools;
    uint32_t number;
    if (holder->kind == HC_HOLDER_BLOCK) {
        uint64_t block = block_of(pools, holder->address);
        return !block ||
               (hc_address_map_find(&ownership->blocks, block, &number) && ownership->owned[number]) ||
               is_dead(ownership, block);
    }
    return holder->kind == HC_HOLDER_CHUNK && is_in_buffer(ownership, holder->address);
}

static struct hc_error *list_blocks(struct ownership *ownership, const struct hc_holder_vector *holders)
{
    const struct hc_pools *pools = &ownership->walk->graph->pools;
    for (size_t i = 0; i < holders->count; i++) {
        bool inserted;
        uint64_t block =
            holders->items[i].kind == HC_HOLDER_BLOCK ? block_of(pools, holders->items[i].address) : 0;
        ownership->has_chunks |= holders->items[i].kind == HC_HOLDER_CHUNK;
        if (block &&
            !hc_address_map_insert(&ownership->blocks, block, (uint32_t)ownership->blocks.count, &inserted))
            return hc_error_out_of_memory();
    }
    ownership->owned = calloc(ownership->blocks.count + 1, sizeof(*ownership->owned));
    ownership->buffers = hc_calloc_alone(ownership->walk->threads, sizeof(*ownership->buffers));
    return ownership->owned && ownership->buffers ? NULL : hc_error_out_of_memory();
}

// A walk over the blocks in use beside the words found, both by address.
struct chunk_walk {
    struct hc_holder_vector *holders;
    size_t next, kept;
    uint64_t free_start, free_end; // of memory that nobody uses
    struct hc_tracer *tracer;
    const struct hc_pools *pools;
};

// Keeps what lies before `address`, but for what is free.
static void pass(struct chunk_walk *walk, uint64_t address)
{
    struct hc_holder *items = walk->holders->items;
    for (; walk->next < walk->holders->count && items[walk->next].address < address; walk->next++) {
        const struct hc_holder *holder = &items[walk->next];
        if (holder->kind != HC_HOLDER_CHUNK ||
            holder->address - walk->free_start >= walk->free_end - walk->free_start)
            items[walk->kept++] = *holder;
    }
}

static struct hc_error *pass_chunk(void *argument, uint64_t address, uint64_t size)
{
    struct chunk_walk *walk = argument;
    unsigned word = walk->tracer->reader.target.word_size;
    pass(walk, address);
    uint32_t hooks = 2 * walk->pools->debug_header; // of the object allocator and of the one below it
    bool is_dead = walk->next < walk->holders->count &&
                   walk->holders->items[walk->next].address < address + size &&
                   hc_memory_is_dead(walk->tracer, walk->pools, address + hooks, size);
    walk->free_start = walk->free_end = address;
    if (is_dead)
        walk->free_end += size;
    pass(walk, address + size);
    walk->free_start = address + size + word; // a size stands between them
    walk->free_end = walk->free_start + hc_block_size(walk->tracer, walk->free_start);
    return NULL;
}

static int by_address(const void *a, const void *b)
{
    const struct hc_holder *left = a, *right = b;
    return (left->address > right->address) - (left->address < right->address);
}

static struct hc_error *drop_free_chunks(struct ownership *ownership, struct hc_holder_vector *holders)
{
    const struct hc_graph *graph = ownership->walk->graph;
    struct chunk_walk walk = {
        .holders = holders, .tracer = &ownership->walk->tracers[0], .pools = &graph->pools};
    _cleanup_(hc_word_vector_deinit) struct hc_word_vector anchors = {0};
    for (uint32_t i = graph->pool_count; i < graph->real_count; i++) {
        uint64_t address = graph->others[i - graph->pool_count];
        const struct hc_type *type = hc_graph_type(graph, (hc_object_id){i});
        if (!hc_image_find_module(graph->types.runtime->image, address) &&
            !hc_word_vector_push(&anchors, address - type->header_size - 2 * graph->pools.debug_header))
            return hc_error_out_of_memory();
    }
    if (anchors.count)
        qsort(anchors.items, anchors.count, sizeof(*anchors.items), by_value);
    if (holders->count)
        qsort(holders->items, holders->count, sizeof(*holders->items), by_address);
    HC_TRY(hc_chunks_each(graph->types.runtime->image, &anchors, pass_chunk, &walk));
    pass(&walk, UINT64_MAX);
    holders->count = walk.kept;
    return NULL;
}

struct hc_error *hc_audit_drop_owned(struct hc_audit_walk *walk, struct hc_holder_vector *holders)
{
    _cleanup_(ownership_deinit) struct ownership ownership = {.walk = walk};
    HC_TRY(list_blocks(&ownership, holders));
    if (!ownership.has_chunks && !ownership.blocks.count)
        return NULL;
    HC_TRY(hc_audit_walk_run(walk, find_owner, &ownership));
    HC_TRY(sort_buffers(&ownership));
    size_t kept = 0;
    for (size_t i = 0; i < holders->count; i++)
        if (!is_owned(&ownership, &holders->items[i]))
            holders->items[kept++] = holders->items[i];
    holders->count = kept;
    return ownership.has_chunks ? drop_free_chunks(&ownership, holders) : NULL;
}
