#include "base/address_map.h"
#include "base/cleanup.h"
#include "support.h"

// Objects lie 16 bytes apart: the spacing that a bad hash would pile up.
static uint64_t address_of(uint32_t number)
{
    return 0x7f0000000000 + (uint64_t)number * 16;
}

static void test_nothing_is_found_in_an_empty_map(void **state)
{
    (void)state;
    const struct hc_address_map map = {0};
    uint32_t value;
    assert_false(hc_address_map_find(&map, 0x1000, &value));
}

static void test_what_was_inserted_is_found_after_the_map_grew(void **state)
{
    (void)state;
    _cleanup_(hc_address_map_deinit) struct hc_address_map map = {0};
    enum { COUNT = 100000 };
    bool inserted;
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_non_null(hc_address_map_insert(&map, address_of(i), i, &inserted));
        assert_true(inserted);
    }
    assert_int_equal(map.count, COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t value;
        assert_true(hc_address_map_find(&map, address_of(i), &value));
        assert_int_equal(value, i);
    }
}

static void test_neighbours_of_what_was_inserted_are_not_found(void **state)
{
    (void)state;
    _cleanup_(hc_address_map_deinit) struct hc_address_map map = {0};
    bool inserted;
    for (uint32_t i = 0; i < 1000; i++)
        assert_non_null(hc_address_map_insert(&map, address_of(i), i, &inserted));
    uint32_t value;
    for (uint32_t i = 0; i < 1000; i++)
        assert_false(hc_address_map_find(&map, address_of(i) + 8, &value));
}

static void test_a_second_insert_keeps_the_first_value_and_says_so(void **state)
{
    (void)state;
    _cleanup_(hc_address_map_deinit) struct hc_address_map map = {0};
    bool inserted;
    assert_non_null(hc_address_map_insert(&map, 0x1000, 1, &inserted));
    const struct hc_address_slot *slot = hc_address_map_insert(&map, 0x1000, 2, &inserted);
    assert_non_null(slot);
    assert_false(inserted);
    assert_int_equal(slot->value, 1);
    assert_int_equal(map.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_found_in_an_empty_map),
        cmocka_unit_test(test_what_was_inserted_is_found_after_the_map_grew),
        cmocka_unit_test(test_neighbours_of_what_was_inserted_are_not_found),
        cmocka_unit_test(test_a_second_insert_keeps_the_first_value_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
