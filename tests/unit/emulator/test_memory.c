#include "support.h"

static void test_what_is_written_is_gone_with_the_next_call(void **state)
{
    _cleanup_(process_end) struct process process;
    process_open(&process, *state);
    for (unsigned again = 0; again < 3; again++) {
        uint64_t written = 0;
        assert_int_equal(result_of(&process, INCREMENT, DATA + 4096, 0, 0), 513);
        assert_true(hc_emulator_read(process.emulator, DATA + 4096, &written, sizeof(written)));
        assert_int_equal(written, 513);
        assert_int_equal(result_of(&process, READ, DATA + 4096, 0, 0), 512);
    }
    struct hc_reader reader;
    uint64_t word;
    hc_reader_init(&reader, process.image);
    assert_true(hc_reader_word(&reader, DATA + 4096, &word));
    assert_int_equal(word, 512);
}

static void test_a_call_may_write_many_pages_but_not_all(void **state)
{
    _cleanup_(process_end) struct process process;
    process_open(&process, *state);
    static const uint64_t counts[] = {1, 16, 17, 40, 64, 3};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        result_of(&process, WRITE_PAGES, DATA, counts[i], 0);
        expect_that_it_works(&process);
    }
    expect_outcome(&process, WRITE_PAGES, DATA, 65, HC_EMULATION_MEMORY);
    expect_that_it_works(&process);
    expect_outcome(&process, WRITE_PAGES, DATA + 8 * CORE_PAGE, 90, HC_EMULATION_MEMORY);
    expect_that_it_works(&process);
}

static void test_a_write_may_cross_from_one_page_into_the_next(void **state)
{
    _cleanup_(process_end) struct process process;
    process_open(&process, *state);
    const uint64_t value = 0x1122334455667788;
    for (uint64_t address = DATA + CORE_PAGE - 7; address < DATA + CORE_PAGE; address++) {
        uint64_t read = 0;
        assert_int_equal(result_of(&process, WRITE, address, value, 0), value);
        assert_true(hc_emulator_read(process.emulator, address, &read, sizeof(read)));
        assert_int_equal(read, value);
    }
    // The first of both was written before, the second was not, and the other way round.
    for (uint64_t page = 10; page < 14; page += 2) {
        uint64_t border = DATA + (page + 1) * CORE_PAGE, read = 0;
        result_of(&process, INCREMENT, page == 10 ? border - 64 : border + 64, 0, 0);
        assert_int_equal(result_of(&process, WRITE, border - 3, value, 0), value);
        assert_true(hc_emulator_read(process.emulator, border - 3, &read, sizeof(read)));
        assert_int_equal(read, value);
    }
    expect_that_it_works(&process);
}

static void test_reads_see_written_pages_and_the_image_around_them(void **state)
{
    _cleanup_(process_end) struct process process;
    process_open(&process, *state);
    uint64_t words[3 * CORE_PAGE / 8];
    result_of(&process, WRITE, DATA + CORE_PAGE, 99, 0);
    assert_true(hc_emulator_read(process.emulator, DATA, words, sizeof(words)));
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        assert_int_equal(words[i], i == 512 ? 99 : i);
    assert_false(hc_emulator_read(process.emulator, HOLE, words, 8));
    assert_false(hc_emulator_read(process.emulator, DATA + DATA_PAGES * CORE_PAGE - 8, words, 16));
    assert_false(hc_emulator_read(process.emulator, UINT64_MAX - 3, words, 8));
}

static void test_memory_on_both_sides_of_a_written_page_is_read(void **state)
{
    _cleanup_(process_end) struct process process;
    process_open(&process, *state);
    static const uint64_t pages[] = {50, 0, DATA_PAGES - 1, 51, 49, 20, 70};
    for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
        uint64_t written = DATA + pages[i] * CORE_PAGE;
        uint64_t before = pages[i] ? written - 8 : DATA + 8, after = DATA + (DATA_PAGES - 1) * CORE_PAGE + 8;
        assert_int_equal(result_of(&process, SPLIT, before, written, after),
                         2 * data_word(before) + data_word(after) + 1);
    }
}

static void test_presets_are_found_by_every_call(void **state)
{
    _cleanup_(process_end) struct process process;
    process_open(&process, *state);
    assert_true(hc_emulator_preset(process.emulator, DATA + 8000, 1234));
    for (unsigned again = 0; again < 3; again++) {
        assert_int_equal(result_of(&process, READ, DATA + 8000, 0, 0), 1234);
        assert_int_equal(result_of(&process, READ, DATA + 7992, 0, 0), 999);
        assert_int_equal(result_of(&process, INCREMENT, DATA + 8000, 0, 0), 1235);
        result_of(&process, WRITE_PAGES, DATA + 20 * CORE_PAGE, 40, 0);
    }
}

static void test_presets_stand_on_words_of_memory_and_are_few(void **state)
{
    _cleanup_(process_end) struct process process;
    process_open(&process, *state);
    assert_false(hc_emulator_preset(process.emulator, DATA + 4, 1));
    assert_false(hc_emulator_preset(process.emulator, HOLE, 1));
    assert_false(hc_emulator_preset(process.emulator, 0, 1));
    assert_false(hc_emulator_preset(process.emulator, UINT64_MAX - 7, 1));
    size_t taken = 0;
    while (taken < 1000 && hc_emulator_preset(process.emulator, DATA + 4096 * taken + 16, 5))
        taken++;
    assert_in_range(taken, 1, 64);
    for (size_t i = 0; i < taken; i++)
        assert_int_equal(result_of(&process, READ, DATA + 4096 * i + 16, 0, 0), 5);
}

static void test_pages_of_which_the_image_has_a_part_are_filled_with_zeros(void **state)
{
    enum { BASE = 0x700000 };
    const uint64_t words[] = {11, 22, 33};
    _cleanup_(process_end) struct process process;
    process_begin(&process, *state);
    process_add_data(&process);
    core_builder_add_load(&process.builder, BASE + 0x500, words, sizeof(words), sizeof(words), PF_R | PF_W);
    core_builder_add_load(&process.builder, BASE + 0x900, words, sizeof(words), sizeof(words), PF_R | PF_W);
    process_start(&process, &(struct hc_emulator_options){0});
    assert_int_equal(result_of(&process, READ, BASE + 0x508, 0, 0), 22);
    assert_int_equal(result_of(&process, READ, BASE + 0x910, 0, 0), 33);
    assert_int_equal(result_of(&process, READ, BASE + 0x800, 0, 0), 0);
    assert_int_equal(result_of(&process, READ, BASE, 0, 0), 0);
    assert_int_equal(result_of(&process, INCREMENT, BASE + 0x900, 0, 0), 12);
    assert_int_equal(result_of(&process, READ, BASE + 0x900, 0, 0), 11);
    expect_outcome(&process, READ, BASE + CORE_PAGE, 0, HC_EMULATION_HOLE);
}

static void test_segments_need_not_begin_or_end_with_a_page(void **state)
{
    enum { BASE = 0x700000, FIRST = 0x700 - 3, SIZE = 5 * CORE_PAGE };
    static uint8_t bytes[SIZE];
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    _cleanup_(process_end) struct process process;
    process_begin(&process, *state);
    process_add_data(&process);
    process.builder.padding = 13; // nor stand at such a place of the file
    core_builder_add_load(&process.builder, BASE + FIRST, bytes, SIZE, SIZE, PF_R | PF_W);
    process_start(&process, &(struct hc_emulator_options){0});
    for (uint64_t offset = 0; offset + 8 <= SIZE; offset += 61) {
        uint64_t expected;
        memcpy(&expected, bytes + offset, 8);
        assert_int_equal(result_of(&process, READ, BASE + FIRST + offset, 0, 0), expected);
        assert_int_equal(result_of(&process, INCREMENT, BASE + FIRST + offset, 0, 0), expected + 1);
    }
    expect_outcome(&process, READ, BASE + 6 * CORE_PAGE, 0, HC_EMULATION_HOLE);
}

static void test_memory_far_apart_is_read(void **state)
{
    static const uint64_t bases[] = {0x1000,        0x7ff000,       0x10000000000,  0x20000000000,
                                     0x10020000000, 0x555555554000, 0x7ffff7a00000, 0x7ffffffff000};
    _cleanup_(process_end) struct process process;
    process_begin(&process, *state);
    process_add_data(&process);
    for (size_t i = 0; i < sizeof(bases) / sizeof(*bases); i++) {
        uint8_t page[CORE_PAGE] = {(uint8_t)(i + 1)};
        core_builder_add_load(&process.builder, bases[i], page, sizeof(page), sizeof(page), PF_R | PF_W);
    }
    process_start(&process, &(struct hc_emulator_options){0});
    for (size_t i = 0; i < sizeof(bases) / sizeof(*bases); i++) {
        assert_int_equal(result_of(&process, READ, bases[i], 0, 0), i + 1);
        assert_int_equal(result_of(&process, INCREMENT, bases[i], 0, 0), i + 2);
    }
}

int main(void)
{
#define OF_EACH_MACHINE(test)                                                                                \
    cmocka_unit_test_prestate(test, (void *)&x86_64_code),                                                   \
        cmocka_unit_test_prestate(test, (void *)&aarch64_code)
    const struct CMUnitTest tests[] = {
        OF_EACH_MACHINE(test_what_is_written_is_gone_with_the_next_call),
        OF_EACH_MACHINE(test_a_call_may_write_many_pages_but_not_all),
        OF_EACH_MACHINE(test_a_write_may_cross_from_one_page_into_the_next),
        OF_EACH_MACHINE(test_reads_see_written_pages_and_the_image_around_them),
        OF_EACH_MACHINE(test_memory_on_both_sides_of_a_written_page_is_read),
        OF_EACH_MACHINE(test_presets_are_found_by_every_call),
        OF_EACH_MACHINE(test_presets_stand_on_words_of_memory_and_are_few),
        OF_EACH_MACHINE(test_pages_of_which_the_image_has_a_part_are_filled_with_zeros),
        OF_EACH_MACHINE(test_segments_need_not_begin_or_end_with_a_page),
        OF_EACH_MACHINE(test_memory_far_apart_is_read),
    };
    return cmocka_run_group_tests(tests, create_test_directory, remove_test_directory);
}
