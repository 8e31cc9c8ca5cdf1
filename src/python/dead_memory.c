// Memory that is allocated, and yet nobody's: what stands in it is left from before.
#include "python/allocators.h"
#include "python/keys.h"
#include "python/ownership.h"

// Python/pystate.c, push_chunk(): a chunk begins with the address of the one before it, its size, and how
// many words of it are in use.
bool hc_data_stack_chunk(struct hc_tracer *tracer, uint64_t address, uint64_t *ret_start, uint64_t *ret_end)
{
    enum { PAGE = 1 << 12, LEAST_SIZE = 1 << 14, PAGES = 256 };
    unsigned word = tracer->reader.target.word_size;
    uint64_t start = address & ~(uint64_t)(PAGE - 1), previous, size, top;
    if (!hc_runtime_since(tracer->runtime, 3, 11))
        return false;
    for (unsigned i = 0; i < PAGES && start; i++, start -= PAGE) {
        if (!hc_reader_word(&tracer->reader, start, &previous) ||
            !hc_reader_word(&tracer->reader, start + word, &size) ||
            !hc_reader_word(&tracer->reader, start + 2 * word, &top))
            return false;
        if (previous % PAGE || size < LEAST_SIZE || size & (size - 1) || address - start >= size ||
            top > size / word)
            continue;
        *ret_start = start;
        *ret_end = start + size;
        return true;
    }
    return false;
}

static bool is_on_free_list(struct hc_tracer *tracer, const struct hc_pool *pool, uint64_t address)
{
    const struct hc_target *target = &tracer->reader.target;
    uint64_t block = hc_load_word(target, pool->bytes + tracer->at->pool_free_block);
    for (uint32_t i = 0; block && i < pool->block_count; i++) {
        if (block == address)
            return true;
        if (!hc_reader_word(&tracer->reader, block, &block))
            return false;
    }
    return false;
}

// Objects and keys that wait on a list of the interpreter's to be used again have a count of 0. So has the
// frame that code keeps for its next call, up to 3.10.
bool hc_memory_is_dead(struct hc_tracer *tracer, const struct hc_pools *pools, uint64_t address,
                       uint64_t size)
{
    const uint32_t starts[] = {0, pools->gc_head_size, pools->gc_head_size + pools->pre_header_size};
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
        uint64_t count, type, object = address + starts[i];
        if (starts[i] + 2u * tracer->reader.target.word_size <= size &&
            hc_reader_word(&tracer->reader, object + tracer->at->object_refcnt, &count) && !count &&
            hc_reader_word(&tracer->reader, object + tracer->at->object_type, &type) && type &&
            hc_tracer_find_type(tracer, type))
            return true;
    }
    enum { LEAST_TABLE = 8 }; // PyDict_MINSIZE, Objects/dictobject.c: not what zeros look like
    struct hc_dict_keys keys;
    return hc_dict_keys_read(tracer->runtime, &tracer->reader, address, &keys) && !keys.refcnt &&
           keys.index_size >= LEAST_TABLE;
}

bool hc_block_is_dead(struct hc_tracer *tracer, const struct hc_pools *pools, uint64_t address)
{
    const struct hc_pool *pool = hc_pools_find(pools, address);
    return !pool || is_on_free_list(tracer, pool, address) ||
           hc_memory_is_dead(tracer, pools, address + pools->debug_header, pool->block_size);
}

// The debug hooks' header begins with the size, its bytes in the network's order; malloc's ends with it.
uint64_t hc_block_size(struct hc_tracer *tracer, uint64_t address)
{
    enum { MALLOC_FLAGS = 7 };
    const struct hc_target *target = &tracer->reader.target;
    unsigned word = target->word_size;
    const uint8_t *header = hc_reader_view(&tracer->reader, address - 2 * word, 2 * word);
    if (!header)
        return 0;
    uint64_t size = 0;
    if (hc_hooks_stand_before(header, word)) {
        for (unsigned i = 0; i < word; i++)
            size = size << 8 | header[i];
    } else {
        size = hc_load_word(target, header + word) & ~(uint64_t)MALLOC_FLAGS;
        size -= size >= word ? word : size;
    }
    return size <= hc_image_size(tracer->runtime->image) ? size : 0;
}
