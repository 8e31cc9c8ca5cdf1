// str objects as UTF-8, and dicts looked up by name.
#include "support.h"

#include "python/strings.h"

enum { STRING = MEMORY + 0x1000 };

static char *read_at(uint64_t address)
{
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_memory(MEMORY_SIZE);
    struct hc_runtime runtime;
    make_runtime(&runtime, image, 0x030b0000);
    struct hc_reader reader;
    hc_reader_init(&reader, image);
    return hc_string_read(&runtime, &reader, address);
}

static void expect_text(const char *expected)
{
    _cleanup_(hc_freep) char *string = read_at(STRING);
    assert_non_null(string);
    assert_string_equal(string, expected);
}

static void test_ascii_is_read_as_it_is(void **state)
{
    (void)state;
    put_string(STRING, "spam", 4, 1, true);
    expect_text("spam");
}

static void test_the_empty_string_is_read(void **state)
{
    (void)state;
    put_string(STRING, "", 0, 1, true);
    expect_text("");
}

static void test_latin_1_becomes_two_bytes_a_character(void **state)
{
    (void)state;
    put_string(STRING, "caf\xe9", 4, 1, false);
    expect_text("caf\u00e9");
}

static void test_ucs2_is_read(void **state)
{
    (void)state;
    static const uint16_t characters[] = {0x20ac, 'a', 0xffff};
    put_string(STRING, characters, 3, 2, false);
    expect_text("\u20ac"
                "a\xef\xbf\xbf");
}

static void test_ucs4_is_read(void **state)
{
    (void)state;
    static const uint32_t characters[] = {0x1f40d, 0x10ffff};
    put_string(STRING, characters, 2, 4, false);
    expect_text("\U0001f40d\xf4\x8f\xbf\xbf");
}

static void test_lone_surrogates_and_what_is_beyond_unicode_are_replaced(void **state)
{
    (void)state;
    static const uint32_t characters[] = {0xd800, 0xdfff, 0x110000, UINT32_MAX};
    put_string(STRING, characters, 4, 4, false);
    expect_text("\ufffd\ufffd\ufffd\ufffd");
}

static void test_a_nul_inside_does_not_end_the_string(void **state)
{
    (void)state;
    put_string(STRING, "a\0b", 3, 1, true);
    expect_text("a\ufffd"
                "b");
}

static void test_characters_in_a_block_of_their_own_are_found(void **state)
{
    (void)state;
    put_word(STRING + 16, 4);
    put(STRING + 32, 1 << KIND_SHIFT, 4);
    put_word(STRING + 72, MEMORY + 0x3000);
    put_bytes(MEMORY + 0x3000, "eggs", 4);
    expect_text("eggs");
}

static void test_long_strings_are_cut(void **state)
{
    (void)state;
    static uint32_t characters[5000];
    for (size_t i = 0; i < 5000; i++)
        characters[i] = 0x1f40d;
    put_string(STRING, characters, 5000, 4, false);
    _cleanup_(hc_freep) char *string = read_at(STRING);
    assert_int_equal(strlen(string), 1000 * 4);
}

static void expect_refused(uint64_t address)
{
    assert_null(read_at(address));
}

static void test_lengths_beyond_the_memory_are_refused(void **state)
{
    (void)state;
    uint64_t last = MEMORY + MEMORY_SIZE - 48;
    put_string(last, "", 0, 1, true);
    static const uint64_t lengths[] = {1, 1000, UINT32_MAX, 1ull << 40, 1ull << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        put_word(last + 16, lengths[i]);
        expect_refused(last);
    }
}

static void test_unknown_kinds_are_refused(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 8; kind++) {
        if (kind == 1 || kind == 2 || kind == 4)
            continue;
        put_string(STRING, "", 0, kind, false);
        expect_refused(STRING);
    }
}

static void test_an_address_in_a_hole_is_refused(void **state)
{
    (void)state;
    expect_refused(0);
    expect_refused(MEMORY - 8);
    expect_refused(MEMORY + MEMORY_SIZE - 8);
    expect_refused(UINT64_MAX - 8);
}

// A dict at DICT with unicode keys of 3.11.
enum { DICT = MEMORY + 0x2000, KEYS = MEMORY + 0x10000, VALUE = 0xcafe };

static bool find_in_dict(const char *key, uint64_t *ret)
{
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_memory(MEMORY_SIZE);
    struct hc_runtime runtime;
    make_runtime(&runtime, image, 0x030b0000);
    struct hc_offsets *at = &runtime.layouts.at;
    at->keys_refcnt = 0, at->keys_log2_size = 8, at->keys_log2_index_bytes = 9, at->keys_kind = 10;
    at->keys_usable = 16, at->keys_nentries = 24, at->keys_indices = 32, at->sizeof_keys = 32;
    at->entry_key = 8, at->entry_value = 16, at->sizeof_entry = 24;
    at->unicode_entry_key = 0, at->unicode_entry_value = 8, at->sizeof_unicode_entry = 16;
    struct hc_reader reader;
    hc_reader_init(&reader, image);
    return hc_dict_find_string(&runtime, &reader, DICT, key, ret);
}

static void put_dict(unsigned log2_size, uint64_t entries)
{
    put_word(DICT + 32, KEYS);
    put(KEYS + 8, log2_size, 1);
    put(KEYS + 9, log2_size, 1);
    put(KEYS + 10, 1, 1);
    put_word(KEYS + 24, entries);
}

static void put_entry(unsigned log2_size, uint64_t index, uint64_t key, uint64_t value)
{
    uint64_t entry = KEYS + 32 + (1ull << log2_size) + index * 16;
    put_word(entry, key);
    put_word(entry + 8, value);
}

static void test_a_dict_is_searched_by_name(void **state)
{
    (void)state;
    uint64_t value;
    put_dict(3, 3);
    put_string(STRING, "spam", 4, 1, true);
    put_string(STRING + 0x100, "eggs", 4, 1, true);
    put_entry(3, 0, STRING, 1);
    put_entry(3, 2, STRING + 0x100, VALUE); // entry 1 is deleted
    assert_true(find_in_dict("eggs", &value));
    assert_int_equal(value, VALUE);
    assert_false(find_in_dict("egg", &value));
    assert_false(find_in_dict("eggs!", &value));
}

static void test_values_of_a_split_dict_stand_apart(void **state)
{
    (void)state;
    uint64_t value;
    put_dict(3, 1);
    put_string(STRING, "spam", 4, 1, true);
    put_entry(3, 0, STRING, 1);
    put_word(DICT + 40, MEMORY + 0x4000);
    put_word(MEMORY + 0x4000, VALUE);
    assert_true(find_in_dict("spam", &value));
    assert_int_equal(value, VALUE);
    put_word(DICT + 40, 8); // a hole
    assert_false(find_in_dict("spam", &value));
}

static void test_keys_that_are_no_strings_are_passed_over(void **state)
{
    (void)state;
    uint64_t value;
    put_dict(3, 5);
    put_string(STRING, "spam", 4, 1, true);
    put_entry(3, 0, 8, 1);
    put_entry(3, 1, UINT64_MAX, 1);
    put_entry(3, 2, KEYS, 1);
    put_entry(3, 3, MEMORY + MEMORY_SIZE - 8, 1);
    put_entry(3, 4, STRING, VALUE);
    assert_true(find_in_dict("spam", &value));
    assert_int_equal(value, VALUE);
}

#define TEST(function) cmocka_unit_test_setup(function, clear_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ascii_is_read_as_it_is),
        TEST(test_the_empty_string_is_read),
        TEST(test_latin_1_becomes_two_bytes_a_character),
        TEST(test_ucs2_is_read),
        TEST(test_ucs4_is_read),
        TEST(test_lone_surrogates_and_what_is_beyond_unicode_are_replaced),
        TEST(test_a_nul_inside_does_not_end_the_string),
        TEST(test_characters_in_a_block_of_their_own_are_found),
        TEST(test_long_strings_are_cut),
        TEST(test_lengths_beyond_the_memory_are_refused),
        TEST(test_unknown_kinds_are_refused),
        TEST(test_an_address_in_a_hole_is_refused),
        TEST(test_a_dict_is_searched_by_name),
        TEST(test_values_of_a_split_dict_stand_apart),
        TEST(test_keys_that_are_no_strings_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
