// Objects in the C library's blocks that nothing known refers to.
#include "graph/build.h"
#include "python/allocators.h"
#include "python/chunks.h"

#include <stdlib.h>

struct search {
    struct hc_others *others;
    const struct hc_pools *pools;
    struct hc_tracer *tracer;
    struct hc_reader reader;
    struct hc_address_map buffers; // of known objects
    struct hc_word_vector anchors;
    uint32_t header;      // what debug hooks put before an object's block
    uint64_t least_block; // smaller ones hold no object
};

static void search_deinit(struct search *search)
{
    hc_address_map_deinit(&search->buffers);
    hc_word_vector_deinit(&search->anchors);
}

static struct hc_error *add_buffers(struct search *search, const struct hc_finding *finding)
{
    bool inserted;
    for (size_t i = 0; i < finding->foreign_buffers.count; i++)
        if (!hc_address_map_insert(&search->buffers, finding->foreign_buffers.items[i], 0, &inserted))
            return hc_error_out_of_memory();
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

// Known objects outside of binaries show where the heaps are.
static struct hc_error *find_anchors(struct search *search)
{
    const struct hc_word_vector *addresses = &search->others->finding.foreign_addresses;
    for (size_t i = 0; i < addresses->count; i++) {
        struct hc_object_view object;
        if (hc_image_find_module(search->tracer->runtime->image, addresses->items[i]) ||
            !hc_tracer_view(search->tracer, addresses->items[i], &object))
            continue;
        uint64_t block = addresses->items[i] - object.type->header_size - search->header;
        if (!hc_word_vector_push(&search->anchors, block))
            return hc_error_out_of_memory();
    }
    if (search->anchors.count)
        qsort(search->anchors.items, search->anchors.count, sizeof(*search->anchors.items), by_value);
    return NULL;
}

// A freed block on one of malloc's lists for small sizes has a link in its first word, that of the reference
// count of what has no GC head; since glibc 2.32 masked with its own address: where the heap lies low, that
// looks like a reference count.
static bool is_on_free_list(const struct search *search, uint64_t block, uint64_t word)
{
    enum { MASK_SHIFT = 12, ALIGNMENT = 16 };
    const uint64_t links[] = {word, word ^ block >> MASK_SHIFT};
    for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
        if (!links[i] || (links[i] % ALIGNMENT == 0 && links[i] >= search->anchors.items[0]))
            return true;
    return false;
}

static struct hc_error *add_block(void *argument, uint64_t address, uint64_t size)
{
    struct search *search = argument;
    uint32_t unused, start, room;
    if (size < search->least_block || size <= search->header)
        return NULL;
    size -= search->header;
    room = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
    const uint8_t *block = hc_reader_view(&search->reader, address, search->header + size);
    unsigned word = search->reader.target.word_size;
    if (!block)
        return NULL;
    block += search->header;
    // What the hooks' realloc() moves leaves its old self behind, but for this.
    if (search->header && !hc_hooks_stand_before(block - 2 * word, word))
        return NULL;
    if (!hc_block_find_object(search->pools, search->tracer, block, room, &start) ||
        hc_address_map_find(&search->buffers, address + search->header, &unused) ||
        (start ? !hc_tracer_has_sound_head(search->tracer, address + search->header + start)
               : is_on_free_list(search, address, hc_load_word(&search->reader.target, block))))
        return NULL;
    return hc_others_add(search->others, search->pools, search->tracer, address + search->header + start);
}

struct hc_error *hc_others_find_strays(struct hc_others *others, const struct hc_pools *pools,
                                       struct hc_tracer *tracer, const struct hc_finding *findings,
                                       size_t count)
{
    enum { LARGEST_POOL_BLOCK = 512 }; // SMALL_REQUEST_THRESHOLD, Objects/obmalloc.c
    _cleanup_(search_deinit) struct search search = {.others = others, .pools = pools, .tracer = tracer};
    struct hc_allocators allocators;
    hc_reader_init(&search.reader, tracer->runtime->image);
    hc_allocators_read(tracer->runtime, &allocators);
    if (allocators.objects == HC_ALLOCATOR_UNKNOWN)
        return NULL;
    search.header = allocators.has_hooks ? 2 * search.reader.target.word_size : 0;
    if (allocators.objects == HC_ALLOCATOR_PYMALLOC) {
        search.least_block = LARGEST_POOL_BLOCK;
        search.header *= 2; // pymalloc asks the raw allocator, which has hooks of its own
    }
    for (size_t i = 0; i < count; i++)
        HC_TRY(add_buffers(&search, &findings[i]));
    HC_TRY(add_buffers(&search, &others->finding));
    HC_TRY(find_anchors(&search));
    return hc_chunks_each(tracer->runtime->image, &search.anchors, add_block, &search);
}
