#include "python/pools.h"

#include "base/address_map.h"
#include "base/parallel.h"
#include "python/arena_signature.h"
#include "python/trace.h"

#include <string.h>

// Objects/obmalloc.c: requests of 1 to 512 bytes; pools of 4 KiB, 16 KiB since 3.10 where addresses are wide.
enum { MAX_BLOCK = 512, MIN_POOL_BITS = 12, MAX_POOL_BITS = 14, MAX_ARENA_POOLS = 256 };

HC_DEFINE_VECTOR(pool_vector, struct hc_pool)

struct pool_reader {
    struct hc_pools *pools;
    const struct hc_runtime *runtime;
    struct hc_reader reader;
    struct pool_vector found;
};

static uint32_t load_u32_at(struct pool_reader *reader, const uint8_t *bytes, uint32_t offset)
{
    return hc_load_u32(&reader->reader.target, bytes + offset);
}

static bool read_static_arenas(struct pool_reader *reader, struct hc_arena_list *ret)
{
    const struct hc_runtime *runtime = reader->runtime;
    uint64_t arenas, max_arenas, size;
    *ret = (struct hc_arena_list){0};
    if (!hc_debug_info_find_symbol(runtime->debug_info, "arenas", "Objects/obmalloc.c", &arenas, &size) ||
        !hc_debug_info_find_symbol(runtime->debug_info, "maxarenas", "Objects/obmalloc.c", &max_arenas,
                                   &size)) {
        hc_signature_find_arenas(runtime, &ret->arenas, &ret->count);
        return true;
    }
    const uint8_t *count = hc_reader_view(&reader->reader, max_arenas, 4);
    if (!count || !hc_reader_word(&reader->reader, arenas, &ret->arenas))
        return false;
    ret->count = load_u32_at(reader, count, 0);
    return true;
}

// Since 3.12 each interpreter has its own state, or points to that of the main one (since 3.13 always a
// pointer).
static bool read_interpreter_arenas(struct pool_reader *reader, uint64_t interpreter,
                                    struct hc_arena_list *ret)
{
    const struct hc_layouts *layouts = &reader->runtime->layouts;
    const struct hc_offsets *at = &layouts->at;
    uint64_t state = interpreter + at->interpreter_obmalloc;
    *ret = (struct hc_arena_list){0};
    if (layouts->fields[HC_FIELD_interpreter_obmalloc].kind == HC_FIELD_POINTER) {
        if (!hc_reader_word(&reader->reader, state, &state))
            return false;
        if (!state)
            return true; // it begins
    }
    const uint8_t *count = hc_reader_view(&reader->reader, state + at->obmalloc_max_arenas, 4);
    if (!count || !hc_reader_word(&reader->reader, state + at->obmalloc_arenas, &ret->arenas))
        return false;
    ret->count = load_u32_at(reader, count, 0);
    return true;
}

// The pool header's own numbers tell the pool size and the alignment of blocks (two words; one up to 3.7.3,
// bpo-27987): maxnextoffset is the last offset at which a block fits.
static void guess_sizes(struct pool_reader *reader, uint64_t arena)
{
    const struct hc_offsets *at = &reader->runtime->layouts.at;
    unsigned word = reader->reader.target.word_size;
    for (unsigned bits = MIN_POOL_BITS; bits <= MAX_POOL_BITS; bits += 2) {
        const uint8_t *header =
            hc_reader_view(&reader->reader, (arena + (1u << bits) - 1) >> bits << bits, at->sizeof_pool);
        if (!header)
            continue;
        uint32_t index = load_u32_at(reader, header, at->pool_size_index);
        uint32_t max_next = load_u32_at(reader, header, at->pool_max_next_offset);
        for (unsigned alignment = word; alignment <= 2 * word; alignment += word)
            if (index < MAX_BLOCK / alignment && max_next == (1u << bits) - (index + 1) * alignment) {
                reader->pools->pool_bits = bits;
                reader->pools->alignment = (uint8_t)alignment;
                return;
            }
    }
}

static struct hc_error *add_pool(struct pool_reader *reader, uint64_t address)
{
    const struct hc_offsets *at = &reader->runtime->layouts.at;
    struct hc_pools *pools = reader->pools;
    uint32_t pool_size = 1u << pools->pool_bits;
    if (address >> HC_DIRECTORY_SHIFT >= HC_DIRECTORY_SIZE) { // outside of any process's memory
        pools->damaged_pools++;
        return NULL;
    }
    const uint8_t *bytes = hc_reader_view(&reader->reader, address, pool_size);
    if (!bytes) {
        pools->unreadable_pools++;
        return NULL;
    }
    if (!load_u32_at(reader, bytes, at->pool_count))
        return NULL; // empty, on the arena's list of free pools
    uint32_t index = load_u32_at(reader, bytes, at->pool_size_index);
    uint32_t next = load_u32_at(reader, bytes, at->pool_next_offset);
    uint32_t size = (index + 1) * pools->alignment;
    if (index >= MAX_BLOCK / pools->alignment || next < pools->header_size || next > pool_size) {
        pools->damaged_pools++;
        return NULL;
    }
    struct hc_pool pool = {
        .address = address,
        .bytes = bytes,
        .reciprocal = (uint32_t)(((1ull << 32) + size - 1) / size),
        .block_size = (uint16_t)size,
        .block_count = (uint16_t)((next - pools->header_size) / size),
    };
    // A forged list that names the same pools over and over ends here.
    if (reader->found.count > hc_image_size(reader->runtime->image) >> MIN_POOL_BITS) {
        pools->damaged_pools++;
        return NULL;
    }
    return pool_vector_push(&reader->found, pool) ? NULL : hc_error_out_of_memory();
}

static struct hc_error *add_arena(struct pool_reader *reader, const uint8_t *arena)
{
    const struct hc_offsets *at = &reader->runtime->layouts.at;
    const struct hc_target *target = &reader->reader.target;
    struct hc_pools *pools = reader->pools;
    uint64_t address = hc_load_word(target, arena + at->arena_address);
    uint64_t carved_to = hc_load_word(target, arena + at->arena_pool_address);
    uint32_t total = load_u32_at(reader, arena, at->arena_total_pools);
    if (!address)
        return NULL; // not in use
    pools->arenas++;
    if (total > MAX_ARENA_POOLS) {
        pools->damaged_pools++;
        return NULL;
    }
    if (!pools->pool_bits)
        guess_sizes(reader, address);
    if (!pools->pool_bits) {
        pools->unreadable_pools += total;
        return NULL;
    }
    if (!hc_arena_vector_push(&pools->arena_ranges, (struct hc_arena){address, total}))
        return hc_error_out_of_memory();
    uint64_t pool_size = 1ull << pools->pool_bits;
    uint64_t pool = (address + pool_size - 1) / pool_size * pool_size;
    for (uint32_t i = 0; i < total && pool < carved_to; i++, pool += pool_size)
        HC_TRY(add_pool(reader, pool));
    return NULL;
}

static struct hc_error *add_arenas(struct pool_reader *reader, struct hc_arena_list list)
{
    const struct hc_offsets *at = &reader->runtime->layouts.at;
    struct hc_reader entries = reader->reader;
    if (list.count && !hc_arena_list_vector_push(&reader->pools->arena_lists, list))
        return hc_error_out_of_memory();
    for (uint64_t i = 0; i < list.count; i++) {
        const uint8_t *arena = hc_reader_view(&entries, list.arenas + i * at->sizeof_arena, at->sizeof_arena);
        if (!arena) {
            reader->pools->unreadable_pools++;
            break;
        }
        HC_TRY(add_arena(reader, arena));
    }
    return NULL;
}

static int by_address(const void *a, const void *b)
{
    const struct hc_pool *left = a, *right = b;
    return (left->address > right->address) - (left->address < right->address);
}

// A damaged arena list may name a pool twice.
static void remove_duplicates(struct pool_vector *pools)
{
    size_t kept = 0;
    for (size_t i = 0; i < pools->count; i++)
        if (!kept || pools->items[kept - 1].address != pools->items[i].address)
            pools->items[kept++] = pools->items[i];
    pools->count = kept;
}

static struct hc_error *build_directory(struct hc_pools *pools)
{
    pools->directory = calloc(HC_DIRECTORY_SIZE, sizeof(*pools->directory));
    if (!pools->directory)
        return hc_error_out_of_memory();
    size_t leaf_size = (size_t)1 << (HC_DIRECTORY_SHIFT - pools->pool_bits);
    uint64_t words = 0;
    for (size_t i = 0; i < pools->count; i++) {
        struct hc_pool *pool = &pools->pools[i];
        uint64_t high = pool->address >> HC_DIRECTORY_SHIFT;
        if (!pools->directory[high] && !(pools->directory[high] = calloc(leaf_size, sizeof(uint32_t))))
            return hc_error_out_of_memory();
        uint64_t low = (pool->address & ((1u << HC_DIRECTORY_SHIFT) - 1)) >> pools->pool_bits;
        pools->directory[high][low] = (uint32_t)i + 1;
        pool->first_word = (uint32_t)words;
        words += (pool->block_count + 63) / 64;
    }
    pools->words = calloc(words + 1, sizeof(*pools->words));
    if (!pools->words)
        return hc_error_out_of_memory();
    pools->word_count = words;
    for (size_t i = 0; i < pools->count; i++)
        for (uint32_t word = 0; word < (pools->pools[i].block_count + 63u) / 64; word++)
            pools->words[pools->pools[i].first_word + word].pool = (uint32_t)i;
    return NULL;
}

static struct hc_error *add_static_arenas(struct pool_reader *reader)
{
    struct hc_arena_list list;
    if (!read_static_arenas(reader, &list))
        reader->pools->unreadable_pools++; // at least
    return add_arenas(reader, list);
}

// Interpreters may share one array: since 3.13 all that do not ask for their own allocator have the main
// one's.
static struct hc_error *add_interpreters_arenas(struct pool_reader *reader)
{
    _cleanup_(hc_address_map_deinit) struct hc_address_map walked = {0};
    for (size_t i = 0; i < reader->runtime->interpreters.count; i++) {
        struct hc_arena_list list;
        bool is_new = false;
        if (!read_interpreter_arenas(reader, reader->runtime->interpreters.items[i], &list))
            reader->pools->unreadable_pools++; // at least
        if (list.arenas && !hc_address_map_insert(&walked, list.arenas, 0, &is_new))
            return hc_error_out_of_memory();
        if (is_new)
            HC_TRY(add_arenas(reader, list));
    }
    return NULL;
}

struct hc_error *hc_pools_init(struct hc_pools *pools, const struct hc_runtime *runtime)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    struct pool_reader reader = {.pools = pools, .runtime = runtime};
    hc_reader_init(&reader.reader, runtime->image);
    unsigned word = reader.reader.target.word_size;
    *pools = (struct hc_pools){
        .header_size = (at->sizeof_pool + 2 * word - 1) / (2 * word) * (2 * word),
        .gc_head_size = (uint8_t)at->sizeof_gc_head,
        .pre_header_size = (uint8_t)(2 * word),
    };
    struct hc_error *error = NULL;
    if (hc_is_present(at->interpreter_obmalloc))
        error = add_interpreters_arenas(&reader);
    else
        error = add_static_arenas(&reader);
    if (error) {
        pool_vector_deinit(&reader.found);
        return error;
    }
    if (reader.found.count)
        qsort(reader.found.items, reader.found.count, sizeof(*reader.found.items), by_address);
    remove_duplicates(&reader.found);
    pools->pools = reader.found.items;
    pools->count = reader.found.count;
    return build_directory(pools);
}

void hc_pools_deinit(struct hc_pools *pools)
{
    for (size_t i = 0; pools->directory && i < HC_DIRECTORY_SIZE; i++)
        free(pools->directory[i]);
    free(pools->directory);
    free(pools->pools);
    free(pools->words);
    free(pools->landmarks);
    hc_arena_vector_deinit(&pools->arena_ranges);
    hc_arena_list_vector_deinit(&pools->arena_lists);
    *pools = (struct hc_pools){0};
}

bool hc_pools_block_object(const struct hc_pools *pools, uint64_t address, uint32_t *ret)
{
    const struct hc_pool *pool = hc_pools_find(pools, address);
    uint32_t block = pool ? hc_pool_block(pools, pool, address) : UINT32_MAX;
    if (block == UINT32_MAX || hc_pool_block_address(pools, pool, block) + pools->debug_header != address)
        return false;
    const struct hc_slot_word *word = &pools->words[pool->first_word + block / 64];
    return hc_pool_object(pools, pool,
                          address - pools->debug_header + hc_slot_header(pools, word, block % 64), ret);
}

uint64_t hc_pools_object_address(const struct hc_pools *pools, uint32_t number)
{
    const uint32_t *landmark = &pools->landmarks[number / HC_LANDMARK];
    size_t low = landmark[0], high = landmark[1] + 1ull;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (pools->words[middle].first_object <= number)
            low = middle;
        else
            high = middle;
    }
    const struct hc_slot_word *word = &pools->words[low];
    uint64_t objects = word->objects;
    for (uint32_t rest = number - word->first_object; rest; rest--)
        objects &= objects - 1;
    unsigned bit = (unsigned)__builtin_ctzll(objects);
    const struct hc_pool *pool = &pools->pools[word->pool];
    uint32_t block = (uint32_t)(low - pool->first_word) * 64 + bit;
    return hc_pool_block_address(pools, pool, block) + hc_slot_header(pools, word, bit);
}
