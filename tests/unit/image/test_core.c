#include "support.h"

#include <signal.h>

static const uint64_t base = 0x10000;

struct fixture {
    struct core_builder builder;
    uint8_t pages[4 * CORE_PAGE];
};

static void setup(struct fixture *fixture)
{
    core_builder_init(&fixture->builder, EM_X86_64, 8, false);
    for (size_t i = 0; i < sizeof(fixture->pages); i++)
        fixture->pages[i] = (uint8_t)(i / CORE_PAGE * 16 + i % 7);
}

static void teardown(struct fixture *fixture)
{
    core_builder_deinit(&fixture->builder);
}

static void add_page(struct fixture *fixture, uint64_t address, unsigned page, uint32_t flags)
{
    core_builder_add_load(&fixture->builder, address, fixture->pages + page * CORE_PAGE, CORE_PAGE, CORE_PAGE,
                          flags);
}

static void test_bytes_are_found_at_their_addresses(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    add_page(&fixture, base, 1, PF_R | PF_W);
    add_page(&fixture, base + 8 * CORE_PAGE, 2, PF_R | PF_X);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    assert_int_equal(count_segments(image), 2);
    const struct hc_segment *first = segment_at(image, base);
    const struct hc_segment *second = segment_at(image, base + 8 * CORE_PAGE);
    assert_int_equal(first->origin, HC_SEGMENT_CORE);
    assert_true(first->writable && !first->executable);
    assert_true(!second->writable && second->executable);
    assert_memory_equal(first->bytes, fixture.pages + CORE_PAGE, CORE_PAGE);
    assert_int_equal(byte_at(image, base + 8 * CORE_PAGE + 5), fixture.pages[2 * CORE_PAGE + 5]);
    assert_int_equal(hc_image_target(image)->word_size, 8);
    assert_int_equal(hc_image_target(image)->machine, EM_X86_64);
    assert_false(hc_image_losses(image)->truncated);
}

static void test_reads_outside_of_segments_find_holes(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    add_page(&fixture, base, 0, PF_R);
    add_page(&fixture, base + 2 * CORE_PAGE, 1, PF_R);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    struct hc_reader reader;
    uint64_t word;
    hc_reader_init(&reader, image);
    assert_null(hc_reader_view(&reader, 0, 1));
    assert_null(hc_reader_view(&reader, base - 1, 1));
    assert_non_null(hc_reader_view(&reader, base, CORE_PAGE));
    assert_null(hc_reader_view(&reader, base, CORE_PAGE + 1));
    assert_null(hc_reader_view(&reader, base + 1, UINT64_MAX));
    assert_null(hc_reader_view(&reader, base + CORE_PAGE, 1));
    assert_non_null(hc_reader_view(&reader, base + 2 * CORE_PAGE, 1));
    assert_null(hc_reader_view(&reader, UINT64_MAX, 1));
    assert_false(hc_reader_word(&reader, base + CORE_PAGE - 7, &word));
    assert_true(hc_reader_word(&reader, base + CORE_PAGE - 8, &word));
}

static void test_touching_loads_with_contiguous_bytes_are_one_segment(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    add_page(&fixture, base, 0, PF_R | PF_W);
    add_page(&fixture, base + CORE_PAGE, 1, PF_R | PF_W);
    fixture.builder.padding = CORE_PAGE;
    add_page(&fixture, base + 2 * CORE_PAGE, 2, PF_R | PF_W);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    struct hc_reader reader;
    hc_reader_init(&reader, image);
    assert_int_equal(count_segments(image), 2);
    const uint8_t *view = hc_reader_view(&reader, base + CORE_PAGE - 4, 8);
    assert_non_null(view);
    assert_memory_equal(view, fixture.pages + CORE_PAGE - 4, 8);
    // The third touches, but its bytes lie elsewhere.
    assert_null(hc_reader_view(&reader, base + 2 * CORE_PAGE - 4, 8));
}

static void test_touching_loads_with_other_permissions_stay_apart(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    add_page(&fixture, base, 0, PF_R);
    add_page(&fixture, base + CORE_PAGE, 1, PF_R | PF_W);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    assert_int_equal(count_segments(image), 2);
}

static void test_loads_may_come_in_any_order(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    add_page(&fixture, base + 6 * CORE_PAGE, 3, PF_R);
    add_page(&fixture, base + 2 * CORE_PAGE, 1, PF_R);
    add_page(&fixture, base + 4 * CORE_PAGE, 2, PF_R);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    check_segments(image);
    for (unsigned page = 1; page <= 3; page++)
        assert_int_equal(byte_at(image, base + 2 * page * CORE_PAGE), fixture.pages[page * CORE_PAGE]);
}

static void test_of_overlapping_loads_the_lower_one_wins(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    core_builder_add_load(&fixture.builder, base, fixture.pages, 2 * CORE_PAGE, 2 * CORE_PAGE, PF_R);
    core_builder_add_load(&fixture.builder, base + CORE_PAGE, fixture.pages + 2 * CORE_PAGE, 2 * CORE_PAGE,
                          2 * CORE_PAGE, PF_R);
    core_builder_add_load(&fixture.builder, base + CORE_PAGE / 2, fixture.pages, 64, 64, PF_R);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    check_segments(image);
    assert_int_equal(byte_at(image, base + CORE_PAGE), fixture.pages[CORE_PAGE]);
    // Of the second, what is left after the cut still comes from the right offset.
    assert_int_equal(byte_at(image, base + 2 * CORE_PAGE), fixture.pages[3 * CORE_PAGE]);
    assert_true(is_hole(image, base + 3 * CORE_PAGE));
}

static void test_an_absurd_size_of_one_load_hides_no_other(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {5 * CORE_PAGE, 1ull << 40, 1ull << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        _cleanup_(teardown) struct fixture fixture;
        setup(&fixture);
        core_builder_add_load(&fixture.builder, base, fixture.pages, CORE_PAGE, sizes[i], PF_R | PF_W);
        add_page(&fixture, base + 2 * CORE_PAGE, 1, PF_R | PF_W);
        add_page(&fixture, base + 4 * CORE_PAGE, 2, PF_R | PF_W);
        _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
        check_segments(image);
        assert_int_equal(byte_at(image, base), fixture.pages[0]);
        assert_true(is_hole(image, base + CORE_PAGE));
        assert_int_equal(byte_at(image, base + 2 * CORE_PAGE), fixture.pages[CORE_PAGE]);
        assert_int_equal(byte_at(image, base + 4 * CORE_PAGE), fixture.pages[2 * CORE_PAGE]);
        assert_int_equal(hc_image_losses(image)->not_dumped_bytes, CORE_PAGE);
    }
}

static void test_memory_that_was_not_dumped_is_a_hole_and_counted(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    core_builder_add_load(&fixture.builder, base, fixture.pages, CORE_PAGE, 3 * CORE_PAGE, PF_R | PF_W);
    core_builder_add_load(&fixture.builder, base + 8 * CORE_PAGE, NULL, 0, CORE_PAGE, PF_R);
    // Guard pages, which the process could not read either, are no loss; nor is the page before, which it
    // could only read and is no binary's.
    core_builder_add_load(&fixture.builder, base + 16 * CORE_PAGE, NULL, 0, CORE_PAGE, 0);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    assert_false(is_hole(image, base + CORE_PAGE - 1));
    assert_true(is_hole(image, base + CORE_PAGE));
    assert_true(is_hole(image, base + 8 * CORE_PAGE));
    assert_int_equal(hc_image_losses(image)->not_dumped_bytes, 2 * CORE_PAGE);
    assert_int_equal(hc_image_losses(image)->truncated_bytes, 0);
}

static void test_a_core_cut_anywhere_opens_and_counts_what_is_gone(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    enum { PAGES = 100 };
    for (unsigned i = 0; i < PAGES; i++)
        add_page(&fixture, base + i * CORE_PAGE, i % 4, PF_R | PF_W);
    const char *path = in_test_directory("core");
    static const unsigned percents[] = {99, 90, 50, 10};
    core_builder_write(&fixture.builder, path);
    struct stat whole;
    assert_int_equal(stat(path, &whole), 0);
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        uint64_t size = (uint64_t)whole.st_size * percents[i] / 100;
        assert_int_equal(truncate(path, (off_t)size), 0);
        _cleanup_(hc_image_destroyp) struct hc_image *image = open_with(path, NULL);
        const struct hc_image_losses *losses = hc_image_losses(image);
        assert_true(losses->truncated);
        assert_int_equal(losses->expected_size, whole.st_size);
        assert_int_equal(losses->truncated_bytes, (uint64_t)whole.st_size - size);
        assert_int_equal(losses->not_dumped_bytes, 0);
        check_segments(image);
        uint64_t left = PAGES * CORE_PAGE - losses->truncated_bytes;
        assert_int_equal(byte_at(image, base + left - 1), fixture.pages[(left - 1) % sizeof(fixture.pages)]);
        assert_true(is_hole(image, base + left));
    }
}

static void test_the_notes_tell_threads_signal_and_command(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    add_page(&fixture, base, 0, PF_R);
    core_builder_add_thread(&fixture.builder, 4243, SIGSEGV, 0xa1, 216);
    core_builder_add_command(&fixture.builder, 4242, "python3 -c pass ");
    core_builder_add_siginfo(&fixture.builder, SIGSEGV, 1, 0xdead0000beef);
    core_builder_add_thread(&fixture.builder, 4242, 0, 0xa2, 216);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    const struct hc_process_info *process = hc_image_process(image);
    assert_string_equal(process->command, "python3 -c pass");
    assert_int_equal(process->pid, 4242);
    assert_int_equal(process->signal, SIGSEGV);
    assert_int_equal(process->signal_code, 1);
    assert_int_equal(process->faulting_thread, 4243);
    assert_true(process->has_fault_address);
    assert_int_equal(process->fault_address, 0xdead0000beef);
    assert_false(process->live);
    assert_int_equal(process->thread_count, 2);
    assert_int_equal(process->threads[1].tid, 4242);
    assert_int_equal(process->threads[1].registers_size, 216);
    assert_int_equal(process->threads[1].registers[0], 0xa2);
    assert_int_equal(process->threads[1].registers[215], 0xa2);
}

static void test_a_signal_that_was_sent_has_no_fault_address(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    add_page(&fixture, base, 0, PF_R);
    core_builder_add_thread(&fixture.builder, 7, SIGSEGV, 0, 216);
    core_builder_add_siginfo(&fixture.builder, SIGSEGV, SI_USER, 0x1234);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    assert_int_equal(hc_image_process(image)->signal, SIGSEGV);
    assert_false(hc_image_process(image)->has_fault_address);
}

static void test_a_command_that_fills_its_80_bytes_needs_no_terminator(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    char arguments[101];
    memset(arguments, 'x', 100);
    arguments[100] = '\0';
    add_page(&fixture, base, 0, PF_R);
    core_builder_add_command(&fixture.builder, 1, arguments);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    assert_int_equal(strlen(hc_image_process(image)->command), 80);
}

static void test_a_big_endian_core_of_32_bits_reads_the_same(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    core_builder_init(&fixture.builder, EM_PPC, 4, true);
    add_page(&fixture, base, 1, PF_R | PF_W);
    core_builder_add_thread(&fixture.builder, 77, SIGBUS, 0x33, 192);
    core_builder_add_command(&fixture.builder, 76, "old machine");
    core_builder_add_siginfo(&fixture.builder, SIGBUS, 2, 0x8000abcd);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    const struct hc_process_info *process = hc_image_process(image);
    struct hc_reader reader;
    uint64_t word;
    assert_int_equal(hc_image_target(image)->word_size, 4);
    assert_true(hc_image_target(image)->big_endian);
    assert_string_equal(process->command, "old machine");
    assert_int_equal(process->pid, 76);
    assert_int_equal(process->threads[0].tid, 77);
    assert_int_equal(process->threads[0].registers_size, 192);
    assert_int_equal(process->fault_address, 0x8000abcd);
    hc_reader_init(&reader, image);
    assert_true(hc_reader_word(&reader, base, &word));
    const uint8_t *bytes = fixture.pages + CORE_PAGE;
    assert_int_equal(word, (uint32_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3]);
}

static void test_the_thread_pointer_of_x86_64_is_among_its_registers(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    add_page(&fixture, base, 0, PF_R);
    core_builder_add_thread(&fixture.builder, 1, SIGSEGV, 0x11, 216);
    core_builder_add_thread(&fixture.builder, 2, 0, 0x22, 21 * 8);
    core_builder_add_thread(&fixture.builder, 3, 0, 0, 216);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    const struct hc_thread_info *threads = hc_image_process(image)->threads;
    assert_true(threads[0].has_tls_base);
    assert_int_equal(threads[0].tls_base, 0x1111111111111111);
    assert_int_equal(hc_thread_program_counter(hc_image_target(image), &threads[0]), 0x1111111111111111);
    assert_false(threads[1].has_tls_base); // its registers end before
    assert_int_equal(hc_thread_program_counter(hc_image_target(image), &threads[1]), 0x2222222222222222);
    assert_false(threads[2].has_tls_base); // not set up yet
}

static void test_the_thread_pointer_of_aarch64_is_in_a_note_behind_the_thread(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    core_builder_init(&fixture.builder, EM_AARCH64, 8, false);
    add_page(&fixture, base, 0, PF_R);
    uint8_t pointers[16] = {0};
    core_store(&fixture.builder.target, pointers, 0xffff12345678, 8);
    core_builder_add_note(&fixture.builder, "LINUX", NT_ARM_TLS, pointers, 16); // of no thread
    core_builder_add_thread(&fixture.builder, 1, SIGSEGV, 0x11, 34 * 8);
    core_builder_add_note(&fixture.builder, "LINUX", NT_ARM_TLS, pointers, 4); // cut
    core_builder_add_thread(&fixture.builder, 2, 0, 0x22, 34 * 8);
    core_builder_add_note(&fixture.builder, "LINUX", NT_ARM_TLS, pointers, 16);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    const struct hc_thread_info *threads = hc_image_process(image)->threads;
    assert_int_equal(hc_image_process(image)->thread_count, 2);
    assert_false(threads[0].has_tls_base);
    assert_true(threads[1].has_tls_base);
    assert_int_equal(threads[1].tls_base, 0xffff12345678);
    assert_int_equal(hc_thread_program_counter(hc_image_target(image), &threads[1]), 0x2222222222222222);
}

static void test_a_core_of_an_i386_tells_its_command_and_registers(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    core_builder_init(&fixture.builder, EM_386, 4, false);
    add_page(&fixture, base, 1, PF_R | PF_W);
    core_builder_add_thread(&fixture.builder, 78, SIGILL, 0x44, 68);
    core_builder_add_command(&fixture.builder, 76, "");
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    const struct hc_process_info *process = hc_image_process(image);
    // Without arguments there is still the name.
    assert_string_equal(process->command, "name");
    assert_int_equal(process->pid, 76);
    assert_int_equal(process->threads[0].tid, 78);
    assert_int_equal(process->threads[0].registers_size, 68);
    assert_int_equal(process->threads[0].registers[67], 0x44);
}

static void add_many_loads(struct fixture *fixture, size_t count)
{
    uint8_t bytes[16] = {0};
    for (size_t i = 0; i < count; i++) {
        core_store(&fixture->builder.target, bytes, i, 8);
        core_builder_add_load(&fixture->builder, base + i * CORE_PAGE, bytes, sizeof(bytes), sizeof(bytes),
                              PF_R | PF_W);
    }
}

static void check_many_loads(const struct hc_image *image, size_t count)
{
    struct hc_reader reader;
    uint64_t word;
    hc_reader_init(&reader, image);
    assert_int_equal(count_segments(image), count);
    for (size_t i = 0; i < count; i += 999) {
        assert_true(hc_reader_word(&reader, base + i * CORE_PAGE, &word));
        assert_int_equal(word, i);
    }
    assert_true(hc_reader_word(&reader, base + (count - 1) * CORE_PAGE, &word));
    assert_int_equal(word, count - 1);
}

static void test_more_than_65535_loads_are_counted_in_the_section_header(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    fixture.builder.extended_count = true;
    add_many_loads(&fixture, 70000);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    check_many_loads(image, 70000);
}

static void test_more_than_65535_loads_survive_the_loss_of_the_section_header(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    fixture.builder.extended_count = true;
    fixture.builder.without_section = true;
    core_builder_add_command(&fixture.builder, 1, "many");
    add_many_loads(&fixture, 70000);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    check_many_loads(image, 70000);
}

static void test_strings_are_read_up_to_their_end_or_not_at_all(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture);
    memset(fixture.pages, 'x', sizeof(fixture.pages));
    strcpy((char *)fixture.pages, "short");
    strcpy((char *)fixture.pages + 2 * CORE_PAGE - 3, "across");
    add_page(&fixture, base, 0, PF_R);
    // Two segments that touch: a string may lie in both.
    core_builder_add_load(&fixture.builder, base + CORE_PAGE, fixture.pages + CORE_PAGE, CORE_PAGE, CORE_PAGE,
                          PF_R);
    fixture.builder.padding = 64;
    add_page(&fixture, base + 2 * CORE_PAGE, 2, PF_R);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    struct hc_reader reader;
    char buffer[16];
    hc_reader_init(&reader, image);
    assert_true(hc_reader_string(&reader, base, buffer, sizeof(buffer)));
    assert_string_equal(buffer, "short");
    assert_true(hc_reader_string(&reader, base, buffer, 6));
    assert_false(hc_reader_string(&reader, base, buffer, 5));
    assert_true(hc_reader_string(&reader, base + 2 * CORE_PAGE - 3, buffer, sizeof(buffer)));
    assert_string_equal(buffer, "across");
    assert_false(hc_reader_string(&reader, base + 3 * CORE_PAGE - 4, buffer, sizeof(buffer)));
    assert_false(hc_reader_string(&reader, base + 100 * CORE_PAGE, buffer, sizeof(buffer)));
    assert_false(hc_reader_string(&reader, base, buffer, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_are_found_at_their_addresses),
        cmocka_unit_test(test_reads_outside_of_segments_find_holes),
        cmocka_unit_test(test_touching_loads_with_contiguous_bytes_are_one_segment),
        cmocka_unit_test(test_touching_loads_with_other_permissions_stay_apart),
        cmocka_unit_test(test_loads_may_come_in_any_order),
        cmocka_unit_test(test_of_overlapping_loads_the_lower_one_wins),
        cmocka_unit_test(test_an_absurd_size_of_one_load_hides_no_other),
        cmocka_unit_test(test_memory_that_was_not_dumped_is_a_hole_and_counted),
        cmocka_unit_test(test_a_core_cut_anywhere_opens_and_counts_what_is_gone),
        cmocka_unit_test(test_the_notes_tell_threads_signal_and_command),
        cmocka_unit_test(test_a_signal_that_was_sent_has_no_fault_address),
        cmocka_unit_test(test_a_command_that_fills_its_80_bytes_needs_no_terminator),
        cmocka_unit_test(test_a_big_endian_core_of_32_bits_reads_the_same),
        cmocka_unit_test(test_the_thread_pointer_of_x86_64_is_among_its_registers),
        cmocka_unit_test(test_the_thread_pointer_of_aarch64_is_in_a_note_behind_the_thread),
        cmocka_unit_test(test_a_core_of_an_i386_tells_its_command_and_registers),
        cmocka_unit_test(test_more_than_65535_loads_are_counted_in_the_section_header),
        cmocka_unit_test(test_more_than_65535_loads_survive_the_loss_of_the_section_header),
        cmocka_unit_test(test_strings_are_read_up_to_their_end_or_not_at_all),
    };
    return cmocka_run_group_tests_name("image.core", tests, create_test_directory, remove_test_directory);
}
