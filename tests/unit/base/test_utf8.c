#include "base/utf8.h"
#include "support.h"

#include <string.h>

static void test_every_character_is_read_back_as_it_was_written(void **state)
{
    (void)state;
    size_t longest = 0;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        char bytes[4];
        uint32_t read = 1;
        size_t length = hc_utf8_encode(c, bytes);
        assert_int_equal(hc_utf8_decode(bytes, length, &read), length);
        assert_int_equal(read, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
        assert_true(length == 1 || !hc_utf8_decode(bytes, length - 1, &read));
        longest = length > longest ? length : longest;
    }
    assert_int_equal(longest, 4);
}

static void test_bytes_sort_as_characters_do(void **state)
{
    (void)state;
    char before[5] = "", after[5] = "";
    for (uint32_t c = 1; c <= 0x10ffff; c++) {
        if (c >= 0xd800 && c < 0xe000)
            continue;
        after[hc_utf8_encode(c, after)] = '\0';
        assert_true(strcmp(before, after) < 0);
        memcpy(before, after, sizeof(before));
    }
}

static void test_what_is_no_utf8_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "\x80",         "\xbf",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x9f\xbf",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf5\x80\x80\x80", "\xf4\x90\x80\x80",
        "\xff",         "\xc3(",
    };
    uint32_t character;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_int_equal(hc_utf8_decode(wrong[i], strlen(wrong[i]), &character), 0);
    assert_int_equal(hc_utf8_decode("", 0, &character), 0);
}

static void test_what_is_beyond_unicode_becomes_the_replacement(void **state)
{
    (void)state;
    char bytes[4];
    assert_int_equal(hc_utf8_encode(0x110000, bytes), 3);
    assert_memory_equal(bytes, "\xef\xbf\xbd", 3);
    assert_int_equal(hc_utf8_encode(UINT32_MAX, bytes), 3);
    assert_memory_equal(bytes, "\xef\xbf\xbd", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_character_is_read_back_as_it_was_written),
        cmocka_unit_test(test_bytes_sort_as_characters_do),
        cmocka_unit_test(test_what_is_no_utf8_is_refused),
        cmocka_unit_test(test_what_is_beyond_unicode_becomes_the_replacement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
