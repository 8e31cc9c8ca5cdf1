// tracemalloc's table in the shapes of each version, whole and damaged.
#include "support.h"

#include "python/allocations.h"

enum { TABLE = MEMORY + 0x100, BUCKETS = MEMORY + 0x200, ENTRIES = MEMORY + 0x1000, BLOCKS = 0x40000000 };
enum { TRACEBACK = MEMORY + 0x8000, MOST = 1 << 17 };

struct found {
    size_t count;
    uint64_t blocks, tracebacks; // sums
};

static struct hc_error *take(void *argument, uint64_t block, uint64_t traceback)
{
    struct found *found = argument;
    found->count++;
    found->blocks += block;
    found->tracebacks += traceback;
    return found->count < MOST ? NULL : hc_error_create("a walk without end");
}

// Since 3.9: next, hash, key, pointer to the trace. Up to 3.8: next, hash, key, size, traceback.
static void make(struct hc_allocations *allocations, const struct hc_runtime *runtime, bool is_old)
{
    *allocations = (struct hc_allocations){.runtime = runtime, .tracing = HC_TRACING_ON, .traces = TABLE};
    allocations->at.bucket_count = 8, allocations->at.buckets = 16;
    allocations->at.key_size = is_old ? 24 : HC_ABSENT;
    allocations->at.key = is_old ? HC_ABSENT : 16, allocations->at.value = is_old ? HC_ABSENT : 24;
    allocations->at.sizeof_entry = is_old ? 16 : 32;
    allocations->at.trace_traceback = 8;
    allocations->at.frame_count = 8, allocations->at.frames = 12, allocations->at.sizeof_frame = 12;
    allocations->at.filename = 0, allocations->at.line = 8;
    allocations->at.sizeof_frame_count = 2, allocations->at.sizeof_line = 4;
}

static void put_table(uint64_t buckets, uint64_t count, uint64_t key_size)
{
    put_word(TABLE + 8, count);
    put_word(TABLE + 16, buckets);
    put_word(TABLE + 24, key_size);
}

static uint64_t entry_at(unsigned number)
{
    return ENTRIES + 64ull * number;
}

static void put_new_entry(unsigned number, uint64_t next, uint64_t block)
{
    put_word(entry_at(number), next);
    put_word(entry_at(number) + 16, block);
    put_word(entry_at(number) + 24, entry_at(number) + 40);
    put_word(entry_at(number) + 48, TRACEBACK + number);
}

static struct found walk_sized(bool is_old, uint64_t image_size)
{
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_memory(image_size);
    struct hc_runtime runtime;
    struct hc_allocations allocations;
    struct found found = {0};
    make_runtime(&runtime, image, 0x030b0000);
    make(&allocations, &runtime, is_old);
    expect_success(hc_allocations_each(&allocations, take, &found));
    return found;
}

static struct found walk(bool is_old)
{
    return walk_sized(is_old, MEMORY_SIZE);
}

static void test_every_chain_is_walked_to_its_end(void **state)
{
    (void)state;
    put_table(BUCKETS, 4, 0);
    put_word(BUCKETS, entry_at(0));
    put_word(BUCKETS + 16, entry_at(1));
    put_new_entry(0, 0, BLOCKS);
    put_new_entry(1, entry_at(2), BLOCKS + 1);
    put_new_entry(2, entry_at(3), BLOCKS + 2);
    put_new_entry(3, 0, BLOCKS + 3);
    struct found found = walk(false);
    assert_int_equal(found.count, 4);
    assert_int_equal(found.blocks, 4 * (uint64_t)BLOCKS + 6);
    assert_int_equal(found.tracebacks, 4 * (uint64_t)TRACEBACK + 6);
}

static void test_a_chain_that_is_a_ring_ends(void **state)
{
    (void)state;
    for (unsigned length = 1; length < 40; length++)
        for (unsigned back = 0; back < length; back += 1 + back / 3) {
            put_table(BUCKETS, 2, 0);
            put_word(BUCKETS, entry_at(0));
            for (unsigned i = 0; i < length; i++)
                put_new_entry(i, entry_at(i + 1 < length ? i + 1 : back), BLOCKS);
            struct found found = walk(false);
            assert_true(found.count >= length && found.count <= 4 * length);
        }
}

static void test_chains_that_meet_are_bounded_by_the_image(void **state)
{
    (void)state;
    enum { LENGTH = 1000 };
    uint64_t heads = (MEMORY_SIZE - 0x80000) / 8;
    put_table(MEMORY + 0x80000, UINT64_MAX, 0);
    for (unsigned i = 0; i < LENGTH; i++)
        put_new_entry(i, i + 1 < LENGTH ? entry_at(i + 1) : 0, BLOCKS);
    for (uint64_t i = 0; i < heads; i++)
        put_word(MEMORY + 0x80000 + 8 * i, entry_at(0));
    assert_in_range(walk(false).count, LENGTH, MEMORY_SIZE);
}

static void test_counts_and_pointers_that_lead_nowhere_end_the_walk(void **state)
{
    (void)state;
    const uint64_t nowhere[] = {0, 1, 0xdead0000, UINT64_MAX, UINT64_MAX - 7, MEMORY + MEMORY_SIZE - 4};
    for (size_t i = 0; i < sizeof(nowhere) / sizeof(*nowhere); i++) {
        put_table(nowhere[i], UINT64_MAX, 0);
        assert_int_equal(walk(false).count, 0);
        put_table(BUCKETS, 2, 0);
        put_word(BUCKETS, entry_at(0));
        put_new_entry(0, nowhere[i], BLOCKS);
        assert_int_equal(walk(false).count, 1);
        put_word(entry_at(0) + 24, nowhere[i]);
        assert_true(walk(false).count <= 1);
        put_word(BUCKETS, nowhere[i]);
        assert_int_equal(walk(false).count, 0);
    }
    put_table(BUCKETS, 2, 0);
    assert_int_equal(walk_sized(false, 0x100).count, 0);
}

static void put_old_entry(unsigned number, uint64_t next, uint64_t block, uint64_t key_size, uint32_t domain)
{
    put_word(entry_at(number), next);
    put_word(entry_at(number) + 16, block);
    if (key_size > 8)
        put(entry_at(number) + 24, domain, 4);
    put_word(entry_at(number) + 16 + key_size + 8, TRACEBACK + number);
}

static void test_up_to_3_8_a_key_may_have_its_domain_with_it(void **state)
{
    (void)state;
    for (uint64_t key_size = 8; key_size <= 12; key_size += 4) {
        put_table(BUCKETS, 1, key_size);
        put_word(BUCKETS, entry_at(0));
        put_old_entry(0, entry_at(1), BLOCKS, key_size, 0);
        put_old_entry(1, entry_at(2), BLOCKS + 1, key_size, 7);
        put_old_entry(2, 0, BLOCKS + 2, key_size, 0);
        struct found found = walk(true);
        assert_int_equal(found.count, key_size == 8 ? 3 : 2);
        assert_int_equal(found.blocks, key_size == 8 ? 3 * (uint64_t)BLOCKS + 3 : 2 * (uint64_t)BLOCKS + 2);
        assert_int_equal(found.tracebacks,
                         key_size == 8 ? 3 * (uint64_t)TRACEBACK + 3 : 2 * (uint64_t)TRACEBACK + 2);
    }
    const uint64_t odd[] = {0, 7, 65, UINT64_MAX};
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
        put_table(BUCKETS, 1, odd[i]);
        assert_int_equal(walk(true).count, 0);
    }
}

static void test_frames_are_read_up_to_the_end_of_the_memory(void **state)
{
    (void)state;
    uint64_t last = MEMORY + MEMORY_SIZE - 12 - 2 * 12;
    put(last + 8, 9, 2);
    put(last + 12, MEMORY + 0x10, 8);
    put(last + 20, 77, 4);
    put(last + 24, MEMORY + 0x20, 8);
    put(last + 32, 78, 4);
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_memory(MEMORY_SIZE);
    struct hc_runtime runtime;
    struct hc_allocations allocations;
    struct hc_allocation_frame frame;
    struct hc_reader reader;
    make_runtime(&runtime, image, 0x030b0000);
    make(&allocations, &runtime, false);
    hc_reader_init(&reader, image);
    assert_int_equal(hc_traceback_length(&allocations, &reader, last), 9);
    assert_true(hc_traceback_frame(&allocations, &reader, last, 0, &frame));
    assert_int_equal(frame.filename, MEMORY + 0x10);
    assert_int_equal(frame.line, 77);
    assert_true(hc_traceback_frame(&allocations, &reader, last, 1, &frame));
    assert_int_equal(frame.line, 78);
    assert_false(hc_traceback_frame(&allocations, &reader, last, 2, &frame));
    assert_int_equal(hc_traceback_length(&allocations, &reader, 0xdead0000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_every_chain_is_walked_to_its_end, clear_memory),
        cmocka_unit_test_setup(test_a_chain_that_is_a_ring_ends, clear_memory),
        cmocka_unit_test_setup(test_chains_that_meet_are_bounded_by_the_image, clear_memory),
        cmocka_unit_test_setup(test_counts_and_pointers_that_lead_nowhere_end_the_walk, clear_memory),
        cmocka_unit_test_setup(test_up_to_3_8_a_key_may_have_its_domain_with_it, clear_memory),
        cmocka_unit_test_setup(test_frames_are_read_up_to_the_end_of_the_memory, clear_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
