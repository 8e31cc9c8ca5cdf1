// A heap of glibc's as it lies in memory, whole and damaged: heap_info, malloc_state, chunks.
#include "support.h"

#include "memory/account.h"
#include "memory/chunk_sizes.h"

enum {
    IMAGE_SIZE = 0x10000,
    STATE = MEMORY + 0x30,
    BINS = STATE + 112,
    BEHIND_BINS = BINS + 127 * 16 + 16,
    FIRST = MEMORY + 0x8d0, // chunk
    IN_USE = 1,
};

struct outcome {
    uint64_t bytes[HC_MEMORY_COUNT];
    uint64_t nobodys;
    struct hc_memory_heap heap;
    const struct hc_account *account;
};

static void put_chunk(uint64_t chunk, uint64_t size, unsigned flags)
{
    put_word(chunk + 8, size | flags);
}

// Four chunks, the third of which is free, and the top.
static void make_heap(void)
{
    const uint64_t info[] = {STATE, 0, IMAGE_SIZE, IMAGE_SIZE, 4096};
    for (size_t i = 0; i < sizeof(info) / sizeof(*info); i++)
        put_word(MEMORY + i * 8, info[i]);
    for (uint64_t bin = 0; bin < 127; bin++) {
        put_word(BINS + bin * 16, BINS + bin * 16 - 16);
        put_word(BINS + bin * 16 + 8, BINS + bin * 16 - 16);
    }
    put_word(BINS - 16, FIRST + 0x2000); // top
    put_word(BEHIND_BINS + 24, IMAGE_SIZE);
    put_word(BEHIND_BINS + 32, IMAGE_SIZE);
    put_chunk(FIRST, 0x1000, IN_USE);
    put_chunk(FIRST + 0x1000, 0x500, IN_USE);
    put_chunk(FIRST + 0x1500, 0x100, IN_USE);
    put_chunk(FIRST + 0x1600, 0xa00, 0);
    put_chunk(FIRST + 0x2000, MEMORY + IMAGE_SIZE - FIRST - 0x2000, IN_USE);
}

static struct hc_error *add(void *argument, const struct hc_claim *claim, uint64_t start, uint64_t end)
{
    struct outcome *outcome = argument;
    if (!claim) {
        outcome->nobodys += end - start;
        return NULL;
    }
    const struct hc_record *record = &outcome->account->records.items[claim->index];
    if (record->parts == HC_NOTHING || start != claim->start || end != claim->end) {
        outcome->bytes[record->category] += end - start;
        return NULL;
    }
    for (int category = 0; category < HC_MEMORY_COUNT; category++)
        outcome->bytes[category] += outcome->account->parts.items[record->parts].bytes[category];
    return NULL;
}

// Without a single object.
static struct outcome walk(void)
{
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_memory(IMAGE_SIZE);
    _cleanup_(hc_chunk_sizes_deinit) struct hc_chunk_sizes others = {0};
    static const struct hc_graph no_graph;
    struct hc_memory result = {0};
    struct hc_account account = {
        .graph = &no_graph, .image = image, .memory = &result, .page_size = 4096, .threads = 1};
    struct hc_claim bound = {.start = MEMORY, .end = MEMORY + IMAGE_SIZE};
    assert_true(hc_claim_vector_push(&account.bounds, bound));
    hc_reader_init(&account.reader, image);
    expect_success(hc_account_heaps(&account, &others));
    struct outcome outcome = {.account = &account};
    expect_success(hc_sweep(&account.claims, &account.bounds, add, &outcome));
    if (result.heaps.count)
        outcome.heap = result.heaps.items[0];
    hc_memory_deinit(&result);
    hc_claim_vector_deinit(&account.bounds);
    hc_claim_vector_deinit(&account.taken);
    hc_claim_vector_deinit(&account.claims);
    hc_record_vector_deinit(&account.records);
    hc_parts_vector_deinit(&account.parts);
    outcome.account = NULL;
    return outcome;
}

static uint64_t sum(const struct outcome *outcome)
{
    uint64_t bytes = outcome->nobodys;
    for (int category = 0; category < HC_MEMORY_COUNT; category++)
        bytes += outcome->bytes[category];
    return bytes;
}

static void test_a_heap_is_walked_chunk_by_chunk(void **state)
{
    (void)state;
    make_heap();
    struct outcome outcome = walk();
    assert_int_equal(sum(&outcome), IMAGE_SIZE);
    assert_int_equal(outcome.nobodys, 0);
    assert_int_equal(outcome.bytes[HC_MEMORY_MALLOC_FREE], 0x100);
    assert_int_equal(outcome.bytes[HC_MEMORY_MALLOC_TOP], MEMORY + IMAGE_SIZE - FIRST - 0x2000);
    assert_int_equal(outcome.bytes[HC_MEMORY_MALLOC_OTHER], 0x1000 + 0x500 + 0xa00 - 3 * 8);
    assert_int_equal(outcome.bytes[HC_MEMORY_MALLOC_OVERHEAD], FIRST - MEMORY + 3 * 8);
    assert_int_equal(outcome.heap.other_count, 3);
    assert_int_equal(outcome.heap.size, IMAGE_SIZE);
}

static void test_chunks_on_a_fast_list_are_not_in_use(void **state)
{
    (void)state;
    make_heap();
    put_chunk(FIRST, 0x20, IN_USE); // two that are free, linked to each other
    put_chunk(FIRST + 0x20, 0x20, IN_USE);
    put_chunk(FIRST + 0x40, 0xfc0, IN_USE);
    put_word(BINS - 16 - 80, FIRST);
    put_word(FIRST + 0x10, (FIRST + 0x20) ^ (FIRST + 0x10) >> 12); // masked since 2.32
    put_word(FIRST + 0x30, (FIRST + 0x30) >> 12);
    struct outcome masked = walk();
    assert_int_equal(masked.bytes[HC_MEMORY_MALLOC_CACHED], 0x40);
    put_word(FIRST + 0x10, FIRST + 0x20);
    put_word(FIRST + 0x30, 0);
    struct outcome plain = walk();
    assert_int_equal(plain.bytes[HC_MEMORY_MALLOC_CACHED], 0x40);
    put_word(FIRST + 0x30, FIRST); // a circle
    struct outcome circle = walk();
    assert_int_equal(sum(&circle), IMAGE_SIZE);
    assert_int_equal(circle.bytes[HC_MEMORY_MALLOC_CACHED], 0x40);
}

static void test_behind_a_damaged_size_nothing_is_walked(void **state)
{
    (void)state;
    const uint64_t sizes[] = {0, 8, 0x28, 0xffffffffffffffff, 0x8000000000000000, IMAGE_SIZE * 2, 0x20};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        make_heap();
        put_word(FIRST + 0x1008, sizes[i] | IN_USE);
        struct outcome outcome = walk();
        assert_int_equal(sum(&outcome), IMAGE_SIZE);
        // The chunk before it is in doubt, too, where no chunk follows.
        uint64_t rest = MEMORY + IMAGE_SIZE - FIRST;
        assert_in_range(outcome.bytes[HC_MEMORY_MALLOC_NOT_WALKED], rest - 0x1000, rest);
    }
}

static void test_whatever_is_damaged_the_sum_holds(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int round = 0; round < 300; round++) {
        clear_memory(NULL);
        make_heap();
        for (int i = 0; i < 4; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            uint64_t place = (seed >> 33) % (0x2a00 / 8) * 8, value = seed;
            if (seed >> 60 < 8) // what may be a size or an address
                value = seed >> 60 < 4 ? seed >> 40 & 0x3ff1 : MEMORY + (seed >> 30 & 0xfff0);
            put_word(MEMORY + place, value);
        }
        struct outcome outcome = walk();
        assert_int_equal(sum(&outcome), IMAGE_SIZE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_heap_is_walked_chunk_by_chunk, clear_memory),
        cmocka_unit_test_setup(test_chunks_on_a_fast_list_are_not_in_use, clear_memory),
        cmocka_unit_test_setup(test_behind_a_damaged_size_nothing_is_walked, clear_memory),
        cmocka_unit_test_setup(test_whatever_is_damaged_the_sum_holds, clear_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
