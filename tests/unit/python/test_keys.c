// Dict keys in the shape of each version.
#include "support.h"

#include "python/keys.h"

enum { KEYS = MEMORY + 0x1000, LOOKDICT = 0x7000, LOOKDICT_UNICODE = 0x7100 };

// dk_refcnt, dk_size, dk_lookup, dk_usable, dk_nentries, indices.
static void make_old(struct hc_runtime *runtime, const struct hc_image *image)
{
    make_runtime(runtime, image, 0x03080000);
    struct hc_offsets *at = &runtime->layouts.at;
    at->keys_refcnt = 0, at->keys_size = 8, at->keys_lookup = 16, at->keys_usable = 24;
    at->keys_nentries = 32, at->keys_indices = 40, at->sizeof_keys = 40;
    at->entry_key = 8, at->entry_value = 16, at->sizeof_entry = 24;
    runtime->general_lookup = LOOKDICT;
}

// dk_refcnt, dk_log2_size, dk_log2_index_bytes, dk_kind, dk_version, dk_usable, dk_nentries, indices.
static void make_new(struct hc_runtime *runtime, const struct hc_image *image)
{
    make_runtime(runtime, image, 0x030b0000);
    struct hc_offsets *at = &runtime->layouts.at;
    at->keys_refcnt = 0, at->keys_log2_size = 8, at->keys_log2_index_bytes = 9, at->keys_kind = 10;
    at->keys_usable = 16, at->keys_nentries = 24, at->keys_indices = 32, at->sizeof_keys = 32;
    at->entry_key = 8, at->entry_value = 16, at->sizeof_entry = 24;
    at->unicode_entry_key = 0, at->unicode_entry_value = 8, at->sizeof_unicode_entry = 16;
}

static void put_old(uint64_t size, uint64_t lookup, uint64_t usable, uint64_t entries)
{
    const uint64_t words[] = {3, size, lookup, usable, entries};
    for (size_t i = 0; i < 5; i++)
        put_word(KEYS + 8 * i, words[i]);
}

static void put_new(unsigned log2_size, unsigned log2_bytes, unsigned kind, uint64_t usable, uint64_t entries)
{
    put_word(KEYS, 1);
    put(KEYS + 8, log2_size, 1);
    put(KEYS + 9, log2_bytes, 1);
    put(KEYS + 10, kind, 1);
    put_word(KEYS + 16, usable);
    put_word(KEYS + 24, entries);
}

typedef void make_fn(struct hc_runtime *runtime, const struct hc_image *image);

static bool read_sized(make_fn *make, uint64_t image_size, struct hc_dict_keys *ret, uint64_t *ret_entries)
{
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_memory(image_size);
    struct hc_runtime runtime;
    make(&runtime, image);
    struct hc_reader reader;
    hc_reader_init(&reader, image);
    if (!hc_dict_keys_read(&runtime, &reader, KEYS, ret))
        return false;
    *ret_entries = (uint64_t)(ret->entries - hc_reader_view(&reader, KEYS, 1));
    assert_true(ret->count * ret->entry_size <= image_size - (KEYS - MEMORY) - *ret_entries);
    return true;
}

static void test_keys_of_3_8_number_their_slots_by_as_many_bytes_as_needed(void **state)
{
    (void)state;
    static const struct {
        uint64_t size, indices;
    } cases[] = {{8, 8}, {128, 128}, {256, 512}, {1024, 2048}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct hc_dict_keys keys;
        uint64_t entries;
        put_old(cases[i].size, LOOKDICT_UNICODE, 2, 3);
        assert_true(read_sized(make_old, MEMORY_SIZE, &keys, &entries));
        assert_int_equal(entries, 40 + cases[i].indices);
        assert_int_equal(keys.size, 40 + cases[i].indices + cases[i].size * 2 / 3 * 24);
        assert_int_equal(keys.index_size, cases[i].size);
        assert_int_equal(keys.count, 3);
        assert_int_equal(keys.usable, 2);
        assert_int_equal(keys.refcnt, 3);
        assert_true(keys.is_unicode);
    }
}

static void test_keys_of_3_8_tell_by_their_lookup_whether_all_are_str(void **state)
{
    (void)state;
    struct hc_dict_keys keys;
    uint64_t entries;
    put_old(8, LOOKDICT, 2, 3);
    assert_true(read_sized(make_old, MEMORY_SIZE, &keys, &entries));
    assert_false(keys.is_unicode);
}

static void test_keys_of_3_11_with_str_only_have_entries_without_hash(void **state)
{
    (void)state;
    struct hc_dict_keys keys;
    uint64_t entries;
    put_new(3, 3, 1, 2, 3);
    assert_true(read_sized(make_new, MEMORY_SIZE, &keys, &entries));
    assert_true(keys.is_unicode);
    assert_int_equal(keys.entry_size, 16);
    assert_int_equal(keys.key_offset, 0);
    assert_int_equal(keys.value_offset, 8);
    assert_int_equal(entries, 40);
    assert_int_equal(keys.size, 32 + 8 + 5 * 16);
}

static void test_keys_of_3_11_of_any_kind_have_entries_with_hash(void **state)
{
    (void)state;
    struct hc_dict_keys keys;
    uint64_t entries;
    put_new(9, 10, 0, 2, 300);
    assert_true(read_sized(make_new, MEMORY_SIZE, &keys, &entries));
    assert_false(keys.is_unicode);
    assert_int_equal(keys.entry_size, 24);
    assert_int_equal(keys.key_offset, 8);
    assert_int_equal(keys.count, 300);
    assert_int_equal(keys.size, 32 + 1024 + 341 * 24);
}

static void test_more_entries_than_the_table_has_room_for_are_not_believed(void **state)
{
    (void)state;
    struct hc_dict_keys keys;
    uint64_t entries;
    put_new(3, 3, 1, 0, 1ull << 40);
    assert_true(read_sized(make_new, MEMORY_SIZE, &keys, &entries));
    assert_int_equal(keys.count, 5);
    put_new(3, 3, 1, 0, UINT64_MAX);
    assert_true(read_sized(make_new, MEMORY_SIZE, &keys, &entries));
    assert_int_equal(keys.count, 5);
}

static void test_entries_end_where_the_memory_ends(void **state)
{
    (void)state;
    struct hc_dict_keys keys;
    uint64_t entries;
    put_new(10, 11, 1, 0, 600);
    assert_true(read_sized(make_new, 0x2000, &keys, &entries));
    assert_int_equal(keys.count, (0x1000 - 32 - 2048) / 16);
}

static void test_forged_table_sizes_are_refused(void **state)
{
    (void)state;
    struct hc_dict_keys keys;
    uint64_t entries;
    static const unsigned logarithms[] = {40, 41, 63, 64, 255};
    for (size_t i = 0; i < sizeof(logarithms) / sizeof(*logarithms); i++) {
        put_new(logarithms[i], logarithms[i], 1, 0, 5);
        assert_false(read_sized(make_new, MEMORY_SIZE, &keys, &entries));
    }
    static const uint64_t sizes[] = {1ull << 40, 1ull << 62, UINT64_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        put_old(sizes[i], LOOKDICT, 0, 5);
        assert_false(read_sized(make_old, MEMORY_SIZE, &keys, &entries));
    }
}

static void test_of_two_sizes_that_disagree_the_one_is_believed_that_adds_up(void **state)
{
    (void)state;
    struct hc_dict_keys keys;
    uint64_t entries;
    static const struct {
        unsigned size, indices;
    } tables[] = {{10, 11}, {0, 11}, {3, 11},  {9, 11},  {11, 11}, {40, 11}, {255, 11},
                  {10, 0},  {10, 3}, {10, 10}, {10, 12}, {10, 44}, {10, 255}};
    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
        put_new(tables[i].size, tables[i].indices, 1, 82, 600);
        assert_true(read_sized(make_new, MEMORY_SIZE, &keys, &entries));
        assert_int_equal(keys.index_size, 1 << 10);
        assert_int_equal(entries, 32 + (1 << 11));
        assert_int_equal(keys.count, 600);
        assert_int_equal(keys.is_contradictory, i != 0);
    }
    put_new(3, 11, 1, 5, 600);
    assert_false(read_sized(make_new, MEMORY_SIZE, &keys, &entries));
}

static void test_a_header_cut_by_the_end_of_memory_is_refused(void **state)
{
    (void)state;
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_memory(MEMORY_SIZE);
    struct hc_runtime runtime;
    make_new(&runtime, image);
    struct hc_reader reader;
    hc_reader_init(&reader, image);
    struct hc_dict_keys keys;
    assert_false(hc_dict_keys_read(&runtime, &reader, MEMORY + MEMORY_SIZE - 31, &keys));
    assert_false(hc_dict_keys_read(&runtime, &reader, MEMORY + MEMORY_SIZE, &keys));
    assert_false(hc_dict_keys_read(&runtime, &reader, 0, &keys));
    assert_false(hc_dict_keys_read(&runtime, &reader, UINT64_MAX, &keys));
}

#define TEST(function) cmocka_unit_test_setup(function, clear_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_keys_of_3_8_number_their_slots_by_as_many_bytes_as_needed),
        TEST(test_keys_of_3_8_tell_by_their_lookup_whether_all_are_str),
        TEST(test_keys_of_3_11_with_str_only_have_entries_without_hash),
        TEST(test_keys_of_3_11_of_any_kind_have_entries_with_hash),
        TEST(test_more_entries_than_the_table_has_room_for_are_not_believed),
        TEST(test_entries_end_where_the_memory_ends),
        TEST(test_forged_table_sizes_are_refused),
        TEST(test_of_two_sizes_that_disagree_the_one_is_believed_that_adds_up),
        TEST(test_a_header_cut_by_the_end_of_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
