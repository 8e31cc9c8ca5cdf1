#include "base/vector.h"
#include "support.h"

static void test_zeroed_struct_is_an_empty_vector(void **state)
{
    (void)state;
    struct hc_word_vector words = {0};
    hc_word_vector_deinit(&words);
    assert_null(words.items);
    assert_int_equal(words.count, 0);
}

static void test_pushed_items_stay_in_order_while_the_vector_grows(void **state)
{
    (void)state;
    _cleanup_(hc_word_vector_deinit) struct hc_word_vector words = {0};
    for (uint64_t i = 0; i < 10000; i++)
        assert_true(hc_word_vector_push(&words, i * i));
    assert_int_equal(words.count, 10000);
    assert_true(words.capacity >= words.count);
    for (uint64_t i = 0; i < 10000; i++)
        assert_int_equal(words.items[i], i * i);
}

static void test_reserved_items_do_not_move(void **state)
{
    (void)state;
    _cleanup_(hc_word_vector_deinit) struct hc_word_vector words = {0};
    assert_true(hc_word_vector_reserve(&words, 1000));
    const uint64_t *items = words.items;
    for (uint64_t i = 0; i < 1000; i++)
        assert_true(hc_word_vector_push(&words, i));
    assert_ptr_equal(words.items, items);
}

static void test_reserving_less_than_there_is_changes_nothing(void **state)
{
    (void)state;
    _cleanup_(hc_word_vector_deinit) struct hc_word_vector words = {0};
    assert_true(hc_word_vector_reserve(&words, 100));
    size_t capacity = words.capacity;
    assert_true(hc_word_vector_reserve(&words, 10));
    assert_int_equal(words.capacity, capacity);
}

static void test_a_length_whose_bytes_overflow_is_refused_and_nothing_is_lost(void **state)
{
    (void)state;
    _cleanup_(hc_word_vector_deinit) struct hc_word_vector words = {0};
    assert_true(hc_word_vector_push(&words, 42));
    assert_false(hc_word_vector_reserve(&words, SIZE_MAX / 4));
    assert_false(hc_word_vector_reserve(&words, SIZE_MAX));
    assert_int_equal(words.count, 1);
    assert_int_equal(words.items[0], 42);
    assert_true(hc_word_vector_push(&words, 43));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_struct_is_an_empty_vector),
        cmocka_unit_test(test_pushed_items_stay_in_order_while_the_vector_grows),
        cmocka_unit_test(test_reserved_items_do_not_move),
        cmocka_unit_test(test_reserving_less_than_there_is_changes_nothing),
        cmocka_unit_test(test_a_length_whose_bytes_overflow_is_refused_and_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
