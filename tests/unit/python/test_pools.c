// Pools of pymalloc: found through forged and honest arena tables, scanned, numbered, and looked up in.
#include "support.h"

#include "python/pools.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
    INTERPRETER = MEMORY + 0x2000,
    OBMALLOC = 0x40, // in the interpreter
    ARENAS = MEMORY + 0x2800,
    ARENA_SIZE = 24, // address, pool_address, ntotalpools
    MOST_ARENAS = 8,
    POOLS = MEMORY + 0x10000,
    HEADER = 48,
    SMALL_POOL = 1 << 12,
    LARGE_POOL = 1 << 14,
    PLAIN_TYPE = FIRST_TYPE,
    GC_TYPE = FIRST_TYPE + TYPE_ROOM,
    BYTES_TYPE = FIRST_TYPE + 2 * TYPE_ROOM,
};

struct heap {
    struct hc_image *image;
    struct hc_runtime runtime;
    struct hc_type_table types;
    struct hc_pools pools;
};

static void make_pool_runtime(struct hc_runtime *runtime, const struct hc_image *image)
{
    static struct hc_type_row bytes = {.names = "bytes"};
    static struct hc_row_layout rows[] = {{.row = &bytes}, {0}};
    make_runtime(runtime, image, 0x030c0000);
    runtime->layouts.rows = rows;
    struct hc_offsets *at = &runtime->layouts.at;
    at->interpreter_obmalloc = OBMALLOC, at->obmalloc_arenas = 0, at->obmalloc_max_arenas = 8;
    at->arena_address = 0, at->arena_pool_address = 8, at->arena_total_pools = 16;
    at->sizeof_arena = ARENA_SIZE;
    at->pool_count = 0, at->pool_free_block = 8, at->pool_size_index = 36;
    at->pool_next_offset = 40, at->pool_max_next_offset = 44, at->sizeof_pool = HEADER;
    static uint64_t interpreters[] = {INTERPRETER};
    runtime->interpreters = (struct hc_word_vector){interpreters, 1, 1};
}

static void heap_deinit(struct heap *heap)
{
    hc_pools_deinit(&heap->pools);
    hc_type_table_deinit(&heap->types);
    hc_image_destroy(heap->image);
}

static void open_heap(struct heap *heap)
{
    *heap = (struct heap){.image = open_memory(MEMORY_SIZE)};
    make_pool_runtime(&heap->runtime, heap->image);
    expect_success(hc_type_table_init(&heap->types, &heap->runtime));
    expect_success(hc_pools_init(&heap->pools, &heap->runtime));
    expect_success(hc_pools_scan(&heap->pools, &heap->types, 2));
}

static void put_arena(unsigned index, uint64_t address, uint64_t carved_to, uint32_t total)
{
    put_word(INTERPRETER + OBMALLOC, ARENAS);
    put(INTERPRETER + OBMALLOC + 8, MOST_ARENAS, 4);
    put_word(ARENAS + index * ARENA_SIZE, address);
    put_word(ARENAS + index * ARENA_SIZE + 8, carved_to);
    put(ARENAS + index * ARENA_SIZE + 16, total, 4);
}

// A pool with `count` blocks of `size` handed out and none on the free list.
static void put_pool(uint64_t address, unsigned pool_size, unsigned size, unsigned count)
{
    put(address, count, 4);
    put_word(address + 8, 0);
    put(address + 36, size / 16 - 1, 4);
    put(address + 40, HEADER + count * size, 4);
    put(address + 44, pool_size - size, 4);
}

static uint64_t block_at(uint64_t pool, unsigned size, unsigned index)
{
    return pool + HEADER + (uint64_t)index * size;
}

static void put_object(uint64_t address, uint64_t type)
{
    put_word(address, 1);
    put_word(address + 8, type);
}

static int prepare(void **state)
{
    clear_memory(state);
    put_type_and_object();
    put_type(PLAIN_TYPE, "plain",
             &(struct type_fields){.metatype = TYPE_TYPE, .base = OBJECT_TYPE, .basicsize = 32});
    put_type(GC_TYPE, "collected",
             &(struct type_fields){
                 .metatype = TYPE_TYPE, .base = OBJECT_TYPE, .basicsize = 16, .flags = HC_TYPE_HAVE_GC});
    put_type(
        BYTES_TYPE, "bytes",
        &(struct type_fields){.metatype = TYPE_TYPE, .base = OBJECT_TYPE, .basicsize = 33, .itemsize = 1});
    return 0;
}

static bool is_object(const struct heap *heap, uint64_t address)
{
    uint32_t number;
    const struct hc_pool *pool = hc_pools_find(&heap->pools, address);
    return pool && hc_pool_object(&heap->pools, pool, address, &number);
}

static void test_pools_of_both_sizes_are_known_by_their_headers(void **state)
{
    (void)state;
    static const unsigned sizes[] = {SMALL_POOL, LARGE_POOL};
    for (size_t i = 0; i < 2; i++) {
        prepare(state);
        put_arena(0, POOLS, POOLS + 4 * sizes[i], 4);
        for (unsigned p = 0; p < 3; p++)
            put_pool(POOLS + p * sizes[i], sizes[i], 64, 5 + p);
        _cleanup_(heap_deinit) struct heap heap;
        open_heap(&heap);
        assert_int_equal(1u << heap.pools.pool_bits, sizes[i]);
        assert_int_equal(heap.pools.count, 3); // the fourth is empty
        assert_int_equal(heap.pools.pools[2].block_count, 7);
        assert_int_equal(heap.pools.used_blocks, 5 + 6 + 7);
        assert_int_equal(heap.pools.damaged_pools, 0);
    }
}

static void test_an_arena_that_is_not_aligned_starts_at_its_first_whole_pool(void **state)
{
    (void)state;
    put_arena(0, POOLS + 0x10, POOLS + 2 * LARGE_POOL, 1);
    put_pool(POOLS + LARGE_POOL, LARGE_POOL, 32, 9);
    _cleanup_(heap_deinit) struct heap heap;
    open_heap(&heap);
    assert_int_equal(heap.pools.count, 1);
    assert_int_equal(heap.pools.pools[0].address, POOLS + LARGE_POOL);
}

static void test_pools_that_were_never_carved_off_are_not_looked_at(void **state)
{
    (void)state;
    put_arena(0, POOLS, POOLS + LARGE_POOL, 4);
    put_pool(POOLS, LARGE_POOL, 32, 9);
    put_pool(POOLS + LARGE_POOL, LARGE_POOL, 32, 9);
    _cleanup_(heap_deinit) struct heap heap;
    open_heap(&heap);
    assert_int_equal(heap.pools.count, 1);
}

static void test_objects_are_told_from_free_blocks_and_from_buffers(void **state)
{
    (void)state;
    put_arena(0, POOLS, POOLS + SMALL_POOL, 1);
    put_pool(POOLS, SMALL_POOL, 64, 5);
    for (unsigned i = 0; i < 4; i++)
        put_object(block_at(POOLS, 64, i), PLAIN_TYPE);
    put_object(block_at(POOLS, 64, 4) + 16, GC_TYPE);
    // Blocks 3 and 1 were freed, in this order, and kept the type; 2 is a buffer.
    put_word(POOLS + 8, block_at(POOLS, 64, 1));
    put_word(block_at(POOLS, 64, 1), block_at(POOLS, 64, 3));
    put_word(block_at(POOLS, 64, 3), 0);
    put_word(block_at(POOLS, 64, 2) + 8, MEMORY + 0x8000);
    _cleanup_(heap_deinit) struct heap heap;
    open_heap(&heap);
    assert_int_equal(heap.pools.object_count, 2);
    assert_int_equal(heap.pools.free_blocks, 2);
    assert_int_equal(heap.pools.used_blocks, 3);
    assert_true(is_object(&heap, block_at(POOLS, 64, 0)));
    assert_true(is_object(&heap, block_at(POOLS, 64, 4) + 16));
    assert_false(is_object(&heap, block_at(POOLS, 64, 4)));
}

static void test_a_header_of_another_length_than_the_type_wants_is_no_object(void **state)
{
    (void)state;
    put_arena(0, POOLS, POOLS + SMALL_POOL, 1);
    put_pool(POOLS, SMALL_POOL, 64, 2);
    put_object(block_at(POOLS, 64, 0), GC_TYPE);
    put_object(block_at(POOLS, 64, 1) + 16, PLAIN_TYPE);
    _cleanup_(heap_deinit) struct heap heap;
    open_heap(&heap);
    assert_int_equal(heap.pools.object_count, 0);
}

static void test_items_must_fit_into_the_block(void **state)
{
    (void)state;
    static const int64_t lengths[] = {0, 31, 32, -1, 1ll << 40, INT64_MAX, INT64_MIN};
    put_arena(0, POOLS, POOLS + SMALL_POOL, 1);
    put_pool(POOLS, SMALL_POOL, 64, 7);
    for (unsigned i = 0; i < 7; i++) {
        put_object(block_at(POOLS, 64, i), BYTES_TYPE);
        put_word(block_at(POOLS, 64, i) + 16, (uint64_t)lengths[i]);
    }
    _cleanup_(heap_deinit) struct heap heap;
    open_heap(&heap);
    for (unsigned i = 0; i < 7; i++)
        assert_int_equal(is_object(&heap, block_at(POOLS, 64, i)), i < 2);
}

// The last block of 16 bytes ends with the pool: the item count of what claims to have items would lie
// behind.
static void test_nothing_behind_the_last_pool_is_read(void **state)
{
    (void)state;
    put_arena(0, POOLS, POOLS + LARGE_POOL, 1);
    put_pool(POOLS, LARGE_POOL, 16, (LARGE_POOL - HEADER) / 16);
    put_object(POOLS + LARGE_POOL - 16, BYTES_TYPE);
    _cleanup_(heap_deinit) struct heap heap;
    open_heap(&heap);
    uint8_t *guarded = mmap(NULL, 2 * LARGE_POOL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(guarded, MAP_FAILED);
    memcpy(guarded, heap.pools.pools[0].bytes, LARGE_POOL);
    assert_int_equal(mprotect(guarded + LARGE_POOL, LARGE_POOL, PROT_NONE), 0);
    heap.pools.pools[0].bytes = guarded;
    expect_success(hc_pools_scan(&heap.pools, &heap.types, 1));
    assert_int_equal(heap.pools.object_count, 0);
    munmap(guarded, 2 * LARGE_POOL);
}

static void check_damaged_free_list(uint64_t first, uint64_t second)
{
    prepare(NULL);
    put_arena(0, POOLS, POOLS + SMALL_POOL, 1);
    put_pool(POOLS, SMALL_POOL, 64, 4);
    put_word(POOLS + 8, first);
    put_word(block_at(POOLS, 64, 1), second);
    put_object(block_at(POOLS, 64, 3), PLAIN_TYPE);
    _cleanup_(heap_deinit) struct heap heap;
    open_heap(&heap);
    assert_int_equal(heap.pools.damaged_pools, 1);
    assert_int_equal(heap.pools.used_blocks + heap.pools.free_blocks, 4);
    assert_true(is_object(&heap, block_at(POOLS, 64, 3)));
}

static void test_a_free_list_that_runs_in_a_circle_ends_and_is_counted(void **state)
{
    (void)state;
    check_damaged_free_list(block_at(POOLS, 64, 1), block_at(POOLS, 64, 1));
}

static void test_a_free_list_that_leaves_the_pool_ends_and_is_counted(void **state)
{
    (void)state;
    check_damaged_free_list(block_at(POOLS, 64, 1), POOLS + SMALL_POOL + HEADER);
    check_damaged_free_list(POOLS - 64, 0);
    check_damaged_free_list(UINT64_MAX, 0);
}

static void test_a_free_list_into_the_header_or_the_middle_of_a_block_is_counted(void **state)
{
    (void)state;
    check_damaged_free_list(POOLS + 8, 0);
    check_damaged_free_list(block_at(POOLS, 64, 1) + 8, 0);
    check_damaged_free_list(block_at(POOLS, 64, 1), block_at(POOLS, 64, 4)); // never handed out
}

static void check_damaged_header(unsigned offset, uint32_t value)
{
    prepare(NULL);
    put_arena(0, POOLS, POOLS + 2 * SMALL_POOL, 2);
    put_pool(POOLS, SMALL_POOL, 64, 4);
    put_pool(POOLS + SMALL_POOL, SMALL_POOL, 64, 4);
    put(POOLS + SMALL_POOL + offset, value, 4);
    _cleanup_(heap_deinit) struct heap heap;
    open_heap(&heap);
    assert_int_equal(heap.pools.count, 1);
    assert_int_equal(heap.pools.damaged_pools, 1);
}

static void test_a_pool_with_a_damaged_header_is_counted_and_left_out(void **state)
{
    (void)state;
    check_damaged_header(36, 32);
    check_damaged_header(36, UINT32_MAX);
    check_damaged_header(40, 0);
    check_damaged_header(40, HEADER - 1);
    check_damaged_header(40, SMALL_POOL + 1);
    check_damaged_header(40, UINT32_MAX);
}

static void test_arenas_that_name_the_same_pools_count_them_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MOST_ARENAS; i++)
        put_arena(i, POOLS, POOLS + 2 * SMALL_POOL, 2);
    put_pool(POOLS, SMALL_POOL, 64, 4);
    put_pool(POOLS + SMALL_POOL, SMALL_POOL, 64, 4);
    put_object(POOLS + HEADER, PLAIN_TYPE);
    _cleanup_(heap_deinit) struct heap heap;
    open_heap(&heap);
    assert_int_equal(heap.pools.count, 2);
    assert_int_equal(heap.pools.object_count, 1);
}

static void test_forged_arenas_are_counted_and_left_out(void **state)
{
    (void)state;
    put_arena(0, POOLS, POOLS + SMALL_POOL, 1);
    put_pool(POOLS, SMALL_POOL, 64, 4);
    put_arena(1, POOLS + 2 * SMALL_POOL, UINT64_MAX, 257);
    put_arena(2, UINT64_MAX - 100, UINT64_MAX, 256);
    put_arena(3, MEMORY + MEMORY_SIZE, UINT64_MAX, 2);
    put_arena(4, 0xffffffffff600000, UINT64_MAX, 1);
    _cleanup_(heap_deinit) struct heap heap;
    open_heap(&heap);
    assert_int_equal(heap.pools.count, 1);
    assert_true(heap.pools.damaged_pools >= 2);
    assert_true(heap.pools.unreadable_pools >= 2);
}

static void test_a_pool_where_no_process_has_memory_is_damage_and_no_reason_to_give_up(void **state)
{
    (void)state;
    put_arena(0, POOLS, POOLS + SMALL_POOL, 1);
    put_pool(POOLS, SMALL_POOL, 64, 4);
    twin_address = 0xffffffffff600000; // where the kernel has a page of its own
    twin_offset = POOLS - MEMORY;
    put_arena(1, twin_address, UINT64_MAX, 1);
    _cleanup_(heap_deinit) struct heap heap;
    open_heap(&heap);
    assert_int_equal(heap.pools.count, 1);
    assert_int_equal(heap.pools.damaged_pools, 1);
}

static void test_an_arena_table_that_runs_out_of_memory_ends_there(void **state)
{
    (void)state;
    put_word(INTERPRETER + OBMALLOC, MEMORY + MEMORY_SIZE - 2 * ARENA_SIZE);
    put(INTERPRETER + OBMALLOC + 8, UINT32_MAX, 4);
    _cleanup_(heap_deinit) struct heap heap;
    open_heap(&heap);
    assert_int_equal(heap.pools.count, 0);
    assert_int_equal(heap.pools.unreadable_pools, 1);
    assert_null(hc_pools_find(&heap.pools, POOLS));
}

// Every block, header length and address of random pools against the plain reading of their bitmaps.
static void check_lookup(const struct hc_pools *pools)
{
    uint32_t expected = 0;
    for (size_t p = 0; p < pools->count; p++) {
        const struct hc_pool *pool = &pools->pools[p];
        for (uint64_t address = pool->address; address < pool->address + LARGE_POOL; address += 8) {
            uint32_t found = UINT32_MAX;
            uint64_t offset = address - pool->address;
            uint64_t block = offset < HEADER ? UINT64_MAX : (offset - HEADER) / pool->block_size;
            uint64_t inside = offset < HEADER ? 0 : (offset - HEADER) % pool->block_size;
            bool has_object = false;
            uint64_t header = 0;
            if (block < pool->block_count) {
                assert_int_equal(hc_pool_block(pools, pool, address), block);
                const struct hc_slot_word *word = &pools->words[pool->first_word + block / 64];
                has_object = word->objects >> block % 64 & 1;
                header = (word->gc >> block % 64 & 1) * 16 + (word->pre_header >> block % 64 & 1) * 16;
            } else {
                assert_int_equal(hc_pool_block(pools, pool, address), UINT32_MAX);
            }
            assert_int_equal(hc_pools_block_object(pools, address, &found), has_object && inside == 0);
            if (has_object && inside == 0)
                assert_int_equal(found, expected);
            assert_ptr_equal(hc_pools_find(pools, address), pool);
            if (!has_object || inside != header) {
                assert_false(hc_pool_object(pools, pool, address, &found));
                continue;
            }
            assert_true(hc_pool_object(pools, pool, address, &found));
            assert_int_equal(found, expected);
            assert_int_equal(hc_pools_object_address(pools, found), address);
            expected++;
        }
    }
    assert_int_equal(expected, pools->object_count);
}

static void put_random_block(uint64_t block, unsigned size)
{
    switch (rand() % 4) {
    case 0:
        put_object(block, PLAIN_TYPE);
        break;
    case 1:
        if (size >= 32)
            put_object(block + 16, GC_TYPE);
        break;
    default:
        break; // a buffer
    }
}

static void test_lookup_agrees_with_a_plain_reading_of_random_pools(void **state)
{
    (void)state;
    srand(1);
    put_arena(0, POOLS, POOLS + 40 * LARGE_POOL, 40);
    for (unsigned p = 0; p < 40; p++) {
        uint64_t pool = POOLS + p * LARGE_POOL;
        unsigned size = p < 32 ? 16 * (p + 1) : 16 * (1 + (unsigned)rand() % 32);
        unsigned most = (LARGE_POOL - HEADER) / size;
        unsigned count = p % 3 ? most : 1 + (unsigned)rand() % most;
        put_pool(pool, LARGE_POOL, size, count);
        for (unsigned block = 0; block < count; block++)
            put_random_block(block_at(pool, size, block), size);
    }
    _cleanup_(heap_deinit) struct heap heap;
    open_heap(&heap);
    assert_int_equal(heap.pools.count, 40);
    assert_true(heap.pools.object_count > 1000);
    check_lookup(&heap.pools);
}

static void test_no_address_outside_of_the_pools_is_found_in_one(void **state)
{
    (void)state;
    put_arena(0, POOLS, POOLS + LARGE_POOL, 1);
    put_pool(POOLS, LARGE_POOL, 64, 3);
    _cleanup_(heap_deinit) struct heap heap;
    open_heap(&heap);
    static const uint64_t outside[] = {0,          8,          POOLS - 1,  POOLS + LARGE_POOL,
                                       1ull << 46, 1ull << 47, 1ull << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof(outside) / sizeof(*outside); i++)
        assert_null(hc_pools_find(&heap.pools, outside[i]));
}

#define TEST(function) cmocka_unit_test_setup(function, prepare)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_pools_of_both_sizes_are_known_by_their_headers),
        TEST(test_an_arena_that_is_not_aligned_starts_at_its_first_whole_pool),
        TEST(test_pools_that_were_never_carved_off_are_not_looked_at),
        TEST(test_objects_are_told_from_free_blocks_and_from_buffers),
        TEST(test_a_header_of_another_length_than_the_type_wants_is_no_object),
        TEST(test_items_must_fit_into_the_block),
        TEST(test_nothing_behind_the_last_pool_is_read),
        TEST(test_a_free_list_that_runs_in_a_circle_ends_and_is_counted),
        TEST(test_a_free_list_that_leaves_the_pool_ends_and_is_counted),
        TEST(test_a_free_list_into_the_header_or_the_middle_of_a_block_is_counted),
        TEST(test_a_pool_with_a_damaged_header_is_counted_and_left_out),
        TEST(test_arenas_that_name_the_same_pools_count_them_once),
        TEST(test_forged_arenas_are_counted_and_left_out),
        TEST(test_a_pool_where_no_process_has_memory_is_damage_and_no_reason_to_give_up),
        TEST(test_an_arena_table_that_runs_out_of_memory_ends_there),
        TEST(test_lookup_agrees_with_a_plain_reading_of_random_pools),
        TEST(test_no_address_outside_of_the_pools_is_found_in_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
