// What a captured core says that it leaves out, and what is made of a note that lies.
#include "image/internal.h"
#include "support.h"

static const uint64_t base = 0x10000;
static const uint8_t pages[2 * CORE_PAGE] = {1, 2, 3};

enum { MOST_WORDS = 64 };

// One page, a hole of four, one page.
static void setup(struct core_builder *builder)
{
    core_builder_init(builder, EM_X86_64, 8, false);
    core_builder_add_load(builder, base, pages, CORE_PAGE, 5 * CORE_PAGE, PF_R | PF_W);
    core_builder_add_load(builder, base + 5 * CORE_PAGE, pages, CORE_PAGE, CORE_PAGE, PF_R | PF_W);
}

static struct hc_image *open_with_note(const uint64_t *words, size_t count, const char *writer)
{
    _cleanup_(core_builder_deinit) struct core_builder builder;
    uint8_t bytes[MOST_WORDS * 8 + 64];
    setup(&builder);
    for (size_t i = 0; i < count; i++)
        core_store(&builder.target, bytes + i * 8, words[i], 8);
    memcpy(bytes + count * 8, writer, strlen(writer) + 1);
    core_builder_add_note(&builder, HC_CAPTURE_NOTE, HC_CAPTURE_NOTE_TYPE, bytes,
                          count * 8 + strlen(writer) + 1);
    return write_and_open(&builder, NULL);
}

static void test_what_was_left_out_on_purpose_is_no_loss(void **state)
{
    (void)state;
    const uint64_t words[] = {HC_CAPTURE_NOTE_FORMAT, 2,
                              base + CORE_PAGE,       base + 2 * CORE_PAGE,
                              HC_OMISSION_SHARED,     base + 3 * CORE_PAGE,
                              base + 5 * CORE_PAGE,   HC_OMISSION_DATA};
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_with_note(words, 8, "heapcore 9 capture");
    const struct hc_image_losses *losses = hc_image_losses(image);
    assert_string_equal(hc_image_writer(image), "heapcore 9 capture");
    assert_int_equal(losses->not_dumped_bytes, CORE_PAGE);
    assert_int_equal(losses->left_out_bytes[HC_OMISSION_SHARED], CORE_PAGE);
    assert_int_equal(losses->left_out_bytes[HC_OMISSION_DATA], 2 * CORE_PAGE);
    assert_int_equal(hc_image_left_out(image), 3 * CORE_PAGE);
    assert_true(is_hole(image, base + CORE_PAGE));
    assert_true(is_hole(image, base + 4 * CORE_PAGE));
}

static void test_an_extent_goes_on_over_what_was_left_out_and_ends_at_a_loss(void **state)
{
    (void)state;
    const uint64_t words[] = {HC_CAPTURE_NOTE_FORMAT, 1, base + 2 * CORE_PAGE, base + 5 * CORE_PAGE,
                              HC_OMISSION_DATA};
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_with_note(words, 5, "somebody");
    struct hc_reader reader;
    hc_reader_init(&reader, image);
    assert_int_equal(hc_reader_extent(&reader, base + 8, 16), 16);
    assert_int_equal(hc_reader_extent(&reader, base + 8, UINT64_MAX), CORE_PAGE - 8);
    assert_int_equal(hc_reader_extent(&reader, base + CORE_PAGE, 8), 0);
    assert_int_equal(hc_reader_extent(&reader, base + 2 * CORE_PAGE + 8, UINT64_MAX), 4 * CORE_PAGE - 8);
}

static void test_ranges_that_make_no_sense_are_passed_over(void **state)
{
    (void)state;
    const uint64_t words[] = {
        HC_CAPTURE_NOTE_FORMAT, 5,
        // backwards, without a reason, of an unknown reason, over the bytes that are there
        base + 2 * CORE_PAGE, base + CORE_PAGE, HC_OMISSION_DATA, base + CORE_PAGE, base + 2 * CORE_PAGE,
        HC_OMISSION_UNREADABLE, base + CORE_PAGE, base + 2 * CORE_PAGE, 77, 0, UINT64_MAX, HC_OMISSION_DATA,
        base + CORE_PAGE, base + 2 * CORE_PAGE, HC_OMISSION_DATA};
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_with_note(words, 17, "a liar");
    const struct hc_image_losses *losses = hc_image_losses(image);
    assert_int_equal(losses->left_out_bytes[HC_OMISSION_DATA], 4 * CORE_PAGE);
    assert_int_equal(losses->not_dumped_bytes, 0);
    assert_int_equal(segment_at(image, base)->length, CORE_PAGE);
}

static void test_a_note_whose_count_is_too_large_says_nothing(void **state)
{
    (void)state;
    const uint64_t counts[] = {2, 1000, UINT64_MAX, UINT64_MAX / 24};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        const uint64_t words[] = {HC_CAPTURE_NOTE_FORMAT, counts[i], base + CORE_PAGE, base + 2 * CORE_PAGE,
                                  HC_OMISSION_DATA};
        _cleanup_(hc_image_destroyp) struct hc_image *image = open_with_note(words, 5, "");
        assert_null(hc_image_writer(image));
        assert_int_equal(hc_image_left_out(image), 0);
        assert_int_equal(hc_image_losses(image)->not_dumped_bytes, 4 * CORE_PAGE);
    }
}

static void test_a_note_of_another_format_says_nothing(void **state)
{
    (void)state;
    const uint64_t words[] = {HC_CAPTURE_NOTE_FORMAT + 1, 0};
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_with_note(words, 2, "of the future");
    assert_null(hc_image_writer(image));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_left_out_on_purpose_is_no_loss),
        cmocka_unit_test(test_an_extent_goes_on_over_what_was_left_out_and_ends_at_a_loss),
        cmocka_unit_test(test_ranges_that_make_no_sense_are_passed_over),
        cmocka_unit_test(test_a_note_whose_count_is_too_large_says_nothing),
        cmocka_unit_test(test_a_note_of_another_format_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
