#include "base/stream.h"
#include "support.h"

static void push_numbers(struct hc_stream *stream, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        assert_true(hc_stream_push(stream, i * 2654435761u));
}

static void take_numbers(struct hc_stream *stream, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(hc_stream_take(stream), i * 2654435761u);
}

static void test_numbers_come_out_in_order_across_blocks(void **state)
{
    (void)state;
    _cleanup_(hc_stream_deinit) struct hc_stream stream = {0};
    uint32_t count = 3 * HC_STREAM_BLOCK + 5;
    push_numbers(&stream, count);
    assert_int_equal(stream.count, count);
    take_numbers(&stream, count);
}

static void test_a_stream_that_ends_with_its_block_is_read_whole(void **state)
{
    (void)state;
    _cleanup_(hc_stream_deinit) struct hc_stream stream = {0};
    push_numbers(&stream, 2 * HC_STREAM_BLOCK);
    take_numbers(&stream, 2 * HC_STREAM_BLOCK);
}

static void test_blocks_are_given_back_as_they_are_read(void **state)
{
    (void)state;
    _cleanup_(hc_stream_deinit) struct hc_stream stream = {0};
    push_numbers(&stream, 2 * HC_STREAM_BLOCK);
    take_numbers(&stream, HC_STREAM_BLOCK);
    hc_stream_take(&stream);
    assert_null(stream.blocks.items[0]);
    assert_non_null(stream.blocks.items[1]);
}

static void test_a_stream_read_in_part_can_be_let_go(void **state)
{
    (void)state;
    struct hc_stream stream = {0};
    push_numbers(&stream, 2 * HC_STREAM_BLOCK + 1);
    take_numbers(&stream, HC_STREAM_BLOCK + 1);
    hc_stream_deinit(&stream);
    assert_int_equal(stream.count, 0);
    hc_stream_deinit(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_come_out_in_order_across_blocks),
        cmocka_unit_test(test_a_stream_that_ends_with_its_block_is_read_whole),
        cmocka_unit_test(test_blocks_are_given_back_as_they_are_read),
        cmocka_unit_test(test_a_stream_read_in_part_can_be_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
