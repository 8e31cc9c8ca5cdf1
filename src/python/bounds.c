#include "python/bounds.h"

#include "python/pools.h"

// What a chunk of glibc's has room for, by its own header and that of the next; UINT64_MAX where these make
// no sense: other allocators, static data. malloc/malloc.c, struct malloc_chunk.
static uint64_t chunk_room(struct hc_tracer *tracer, uint64_t block)
{
    enum { IN_USE_BEFORE = 1, IS_MMAPPED = 2, FLAGS = 7, ALIGNMENT = 16, PAGE = 4096 };
    unsigned word = tracer->reader.target.word_size;
    uint64_t size, next, header = block - word;
    if (block % ALIGNMENT || !hc_reader_word(&tracer->reader, header, &size))
        return UINT64_MAX;
    uint64_t length = size & ~(uint64_t)FLAGS;
    if (size & IS_MMAPPED)
        return (block - 2 * word) % PAGE || length % PAGE || !length ? UINT64_MAX : length - 2 * word;
    if (length < 4 * word || length % ALIGNMENT || length > UINT64_MAX - header ||
        !hc_reader_word(&tracer->reader, header + length, &next) || !(next & IN_USE_BEFORE) ||
        next < 4 * word || (next & ~(uint64_t)FLAGS) % ALIGNMENT)
        return UINT64_MAX;
    return length - word;
}

static uint64_t room_at(struct hc_tracer *tracer, uint64_t block)
{
    const struct hc_pools *pools = tracer->types->pools;
    const struct hc_pool *pool = hc_pools_find(pools, block);
    if (pool)
        return pool->block_size;
    uint64_t available;
    if (!hc_reader_span(&tracer->reader, block, &available))
        available = 0;
    if (hc_image_losses(tracer->runtime->image)->truncated) // what was cut off had room for anything
        available += hc_image_size(tracer->runtime->image);
    if (pools->debug_header || hc_image_find_module(tracer->runtime->image, block))
        return available;
    if (pools->unreadable_pools) // the block may stand in one of them
        return available;
    uint64_t room = chunk_room(tracer, block);
    return room == UINT64_MAX ? available : hc_reader_extent(&tracer->reader, block, room);
}

static uint64_t room_of(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    return room_at(tracer, object->address - object->type->header_size);
}

// Values that stand in an instance count for its dict, too.
static bool exceeds(uint64_t size, uint64_t room, const struct hc_object_view *object)
{
    enum { VALUES = 256 * sizeof(uint64_t) };
    return size > room && (size - room > VALUES || !object->type->layout->row->has_shared_values);
}

uint64_t hc_size_bound(struct hc_tracer *tracer, const struct hc_object_view *object, uint64_t size)
{
    const struct hc_type *type = object->type;
    const struct hc_word_vector *buffers = &tracer->references.buffers;
    if (type->how != HC_HOW_DECODER || !type->layout || !type->layout->row->fits_blocks ||
        type->has_own_sizeof) {
        const struct hc_image *image = tracer->runtime->image;
        bool is_possible =
            size <= hc_image_size(image) || size - hc_image_size(image) <= hc_image_left_out(image);
        return is_possible ? size : room_of(tracer, object);
    }
    if (size <= object->available && hc_pools_find(tracer->types->pools, object->address))
        return size;
    uint64_t room = room_of(tracer, object);
    for (size_t i = 0; !type->is_leaf && i < buffers->count && exceeds(size, room, object); i++)
        room += room_at(tracer, buffers->items[i]);
    return exceeds(size, room, object) ? room : size;
}

uint64_t hc_count_bound(struct hc_tracer *tracer, uint64_t address, uint64_t count, uint64_t element_size)
{
    enum { LARGEST_POOL_BLOCK = 512 };
    const struct hc_pools *pools = tracer->types->pools;
    const struct hc_pool *pool = pools ? hc_pools_find(pools, address) : NULL;
    uint64_t room;
    if (pool) {
        uint32_t block = hc_pool_block(pools, pool, address);
        if (block == UINT32_MAX)
            return count;
        room = hc_pool_block_address(pools, pool, block) + pool->block_size - address;
    } else {
        if (!pools || count <= LARGEST_POOL_BLOCK / element_size || pools->debug_header ||
            hc_image_find_module(tracer->runtime->image, address))
            return count;
        room = chunk_room(tracer, address);
    }
    if (count <= room / element_size)
        return count;
    tracer->is_contradictory = true;
    return room / element_size;
}
