// Chunks as glibc's malloc lays them out: two words of header each, of which the first belongs to the block
// before while that is in use.
#include "support.h"

#include "python/chunks.h"

enum { IN_USE = 1, MMAPPED = 2, HEAP = MEMORY + 0x1000, MOST = 64, IMAGE_SIZE = 0x10000 };

struct blocks {
    size_t count;
    uint64_t addresses[MOST], sizes[MOST];
};

static struct hc_error *note(void *argument, uint64_t address, uint64_t size)
{
    struct blocks *blocks = argument;
    assert_in_range(blocks->count, 0, MOST - 1);
    blocks->addresses[blocks->count] = address;
    blocks->sizes[blocks->count++] = size;
    return NULL;
}

static void put_chunk(uint64_t chunk, uint64_t size, unsigned flags)
{
    put_word(chunk + 8, size | flags);
}

static struct blocks walk(size_t count, const uint64_t *anchors)
{
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_memory(IMAGE_SIZE);
    const struct hc_word_vector vector = {.items = (uint64_t *)anchors, .count = count};
    struct blocks blocks = {0};
    assert_null(hc_chunks_each(image, &vector, note, &blocks));
    return blocks;
}

// Three blocks, the second of which is free, and the rest of the heap.
static void make_heap(void)
{
    put_chunk(HEAP, 0x20, IN_USE);
    put_chunk(HEAP + 0x20, 0x90, IN_USE);
    put_chunk(HEAP + 0xb0, 0x40, 0);
    put_chunk(HEAP + 0xf0, MEMORY + IMAGE_SIZE - (HEAP + 0xf0), IN_USE);
}

static void test_blocks_in_use_are_found_from_an_anchor_on(void **state)
{
    (void)state;
    make_heap();
    struct blocks blocks = walk(1, (const uint64_t[]){HEAP + 0x10});
    assert_int_equal(blocks.count, 2);
    assert_int_equal(blocks.addresses[0], HEAP + 0x10);
    assert_int_equal(blocks.sizes[0], 0x18);
    assert_int_equal(blocks.addresses[1], HEAP + 0xc0);
    assert_int_equal(blocks.sizes[1], 0x38);
}

static void test_anchors_within_a_walked_heap_begin_no_walk_of_their_own(void **state)
{
    (void)state;
    make_heap();
    struct blocks blocks = walk(3, (const uint64_t[]){HEAP + 0x10, HEAP + 0x50, HEAP + 0xc0});
    assert_int_equal(blocks.count, 2);
}

static void test_a_later_heap_is_found_by_its_own_anchor(void **state)
{
    (void)state;
    make_heap();
    put_chunk(HEAP + 0xf0, 0, 0); // damaged
    put_chunk(HEAP + 0x4000, 0x30, IN_USE);
    put_chunk(HEAP + 0x4030, 0x100, IN_USE);
    struct blocks blocks = walk(2, (const uint64_t[]){HEAP + 0x10, HEAP + 0x4010});
    assert_int_equal(blocks.count, 2); // what is before the damage is in doubt
    assert_int_equal(blocks.addresses[0], HEAP + 0x10);
    assert_int_equal(blocks.addresses[1], HEAP + 0x4010);
}

static void test_what_is_no_chunk_is_passed_by(void **state)
{
    (void)state;
    put_chunk(HEAP, 0x10, IN_USE);                   // smaller than any
    put_chunk(HEAP + 0x100, 0x28, IN_USE);           // no multiple of two words
    put_chunk(HEAP + 0x200, 0x40, MMAPPED);          // alone
    put_chunk(HEAP + 0x300, UINT64_MAX - 7, IN_USE); // beyond all memory
    struct blocks blocks = walk(
        6, (const uint64_t[]){8, HEAP + 0x10, HEAP + 0x110, HEAP + 0x210, HEAP + 0x310, UINT64_MAX - 15});
    assert_int_equal(blocks.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_blocks_in_use_are_found_from_an_anchor_on, clear_memory),
        cmocka_unit_test_setup(test_anchors_within_a_walked_heap_begin_no_walk_of_their_own, clear_memory),
        cmocka_unit_test_setup(test_a_later_heap_is_found_by_its_own_anchor, clear_memory),
        cmocka_unit_test_setup(test_what_is_no_chunk_is_passed_by, clear_memory),
    };
    return cmocka_run_group_tests_name("chunks", tests, NULL, NULL);
}
