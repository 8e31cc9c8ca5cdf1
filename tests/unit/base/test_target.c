#include "base/target.h"
#include "support.h"

static const uint8_t bytes[] = {0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8};
static const struct hc_target little64 = {.word_size = 8};
static const struct hc_target little32 = {.word_size = 4};
static const struct hc_target big64 = {.word_size = 8, .big_endian = true};
static const struct hc_target big32 = {.word_size = 4, .big_endian = true};

static void test_integers_are_read_in_the_byte_order_of_the_target(void **state)
{
    (void)state;
    assert_int_equal(hc_load_u16(&little64, bytes), 0xf2f1);
    assert_int_equal(hc_load_u16(&big64, bytes), 0xf1f2);
    assert_int_equal(hc_load_u32(&little64, bytes), 0xf4f3f2f1);
    assert_int_equal(hc_load_u32(&big64, bytes), 0xf1f2f3f4);
    assert_int_equal(hc_load_u64(&little64, bytes), 0xf8f7f6f5f4f3f2f1);
    assert_int_equal(hc_load_u64(&big64, bytes), 0xf1f2f3f4f5f6f7f8);
}

static void test_words_are_as_wide_as_the_target_and_zero_extended(void **state)
{
    (void)state;
    assert_int_equal(hc_load_word(&little64, bytes), 0xf8f7f6f5f4f3f2f1);
    assert_int_equal(hc_load_word(&little32, bytes), 0xf4f3f2f1);
    assert_int_equal(hc_load_word(&big32, bytes), 0xf1f2f3f4);
}

static void test_signed_words_keep_their_sign_at_either_width(void **state)
{
    (void)state;
    assert_true(hc_load_signed_word(&little64, bytes) == (int64_t)0xf8f7f6f5f4f3f2f1);
    assert_true(hc_load_signed_word(&little32, bytes) == (int32_t)0xf4f3f2f1);
    assert_true(hc_load_signed_word(&big32, bytes) == (int32_t)0xf1f2f3f4);
}

static void test_unsigned_fields_are_read_by_size_and_odd_sizes_are_zero(void **state)
{
    (void)state;
    assert_int_equal(hc_load_unsigned(&little64, bytes, 1), 0xf1);
    assert_int_equal(hc_load_unsigned(&little64, bytes, 2), 0xf2f1);
    assert_int_equal(hc_load_unsigned(&little64, bytes, 4), 0xf4f3f2f1);
    assert_int_equal(hc_load_unsigned(&little64, bytes, 8), 0xf8f7f6f5f4f3f2f1);
    assert_int_equal(hc_load_unsigned(&little64, bytes, 3), 0);
    assert_int_equal(hc_load_unsigned(&little64, bytes, 0), 0);
}

static void test_words_need_no_alignment(void **state)
{
    (void)state;
    assert_int_equal(hc_load_u32(&little64, bytes + 1), 0xf5f4f3f2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_are_read_in_the_byte_order_of_the_target),
        cmocka_unit_test(test_words_are_as_wide_as_the_target_and_zero_extended),
        cmocka_unit_test(test_signed_words_keep_their_sign_at_either_width),
        cmocka_unit_test(test_unsigned_fields_are_read_by_size_and_odd_sizes_are_zero),
        cmocka_unit_test(test_words_need_no_alignment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
