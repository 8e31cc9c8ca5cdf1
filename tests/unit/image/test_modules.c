#include "support.h"

static const uint64_t base = 0x7f0000000000;

enum { PAGE = CORE_PAGE };

// A core in which one library of three pages is mapped at `base`, dumped as the kernel does: its headers
// and its changed data are there, its code is not.
struct fixture {
    struct core_builder builder;
    struct core_library library;
    char path[PATH_MAX];
};

static void setup(struct fixture *fixture, const char *build_id)
{
    core_builder_init(&fixture->builder, EM_X86_64, 8, false);
    core_library_init(&fixture->library, &fixture->builder.target, build_id);
    snprintf(fixture->path, sizeof(fixture->path), "%s/lib.so", test_directory);
    core_library_write(&fixture->library, fixture->path);
}

static void teardown(struct fixture *fixture)
{
    unlink(fixture->path);
    core_builder_deinit(&fixture->builder);
}

static void add_files(struct fixture *fixture, const char *path)
{
    core_builder_add_file(&fixture->builder, base, base + PAGE, 0, path);
    core_builder_add_file(&fixture->builder, base + PAGE, base + 2 * PAGE, 1, path);
    core_builder_add_file(&fixture->builder, base + 2 * PAGE, base + 3 * PAGE, 2, path);
}

static void add_library(struct fixture *fixture, const char *path, bool dump_header)
{
    uint8_t data[PAGE];
    memset(data, 0x77, sizeof(data));
    core_builder_add_load(&fixture->builder, base, fixture->library.bytes, dump_header ? PAGE : 0, PAGE,
                          PF_R);
    core_builder_add_load(&fixture->builder, base + PAGE, NULL, 0, PAGE, PF_R | PF_X);
    core_builder_add_load(&fixture->builder, base + 2 * PAGE, data, PAGE, PAGE, PF_R | PF_W);
    core_builder_add_load(&fixture->builder, base + 3 * PAGE, data, PAGE, 2 * PAGE, PF_R | PF_W);
    add_files(fixture, path);
}

static void test_code_comes_from_the_file_with_the_same_build_id(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcdefghij0123456789");
    add_library(&fixture, fixture.path, true);
    core_builder_add_auxv(&fixture.builder, base + 64, base + PAGE);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    const struct hc_module *module = only_module(image);
    assert_int_equal(module->state, HC_MODULE_FOUND);
    assert_string_equal(module->path, fixture.path);
    assert_string_equal(module->file, fixture.path);
    assert_true(module->fd >= 0);
    assert_int_equal(module->start, base);
    assert_int_equal(module->end, base + CORE_LIBRARY_MEMORY);
    assert_int_equal(module->load_bias, base);
    assert_int_equal(module->build_id_length, 20);
    assert_memory_equal(module->build_id, "abcdefghij0123456789", 20);
    assert_true(module->is_main);
    assert_string_equal(hc_image_process(image)->program, fixture.path);
    const struct hc_segment *code = segment_at(image, base + PAGE);
    assert_int_equal(code->origin, HC_SEGMENT_FILE);
    assert_true(code->executable && !code->writable);
    assert_int_equal(code->length, PAGE);
    assert_int_equal(byte_at(image, base + PAGE), 0xc0);
    // What the process wrote is never replaced by what the file says.
    assert_int_equal(byte_at(image, base + 2 * PAGE), 0x77);
    assert_int_equal(hc_image_losses(image)->missing_modules, 0);
    assert_int_equal(hc_image_losses(image)->not_dumped_bytes, PAGE);
    check_segments(image);
}

static void test_addresses_find_their_module(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcd");
    add_library(&fixture, fixture.path, true);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    const struct hc_module *module = only_module(image);
    assert_null(hc_image_find_module(image, base - 1));
    assert_ptr_equal(hc_image_find_module(image, base), module);
    assert_ptr_equal(hc_image_find_module(image, base + CORE_LIBRARY_MEMORY - 1), module);
    assert_null(hc_image_find_module(image, base + CORE_LIBRARY_MEMORY));
    assert_false(module->is_main);
}

static void test_a_file_of_another_build_gives_no_bytes(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcdefghij0123456789");
    add_library(&fixture, fixture.path, true);
    struct core_library other;
    core_library_init(&other, &fixture.builder.target, "another build");
    core_library_write(&other, fixture.path);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    const struct hc_module *module = only_module(image);
    assert_int_equal(module->state, HC_MODULE_MISMATCH);
    assert_null(module->file);
    assert_int_equal(module->fd, -1);
    assert_memory_equal(module->build_id, "abcdefghij0123456789", 20);
    assert_true(is_hole(image, base + PAGE));
    assert_int_equal(hc_image_losses(image)->missing_modules, 1);
    assert_int_equal(hc_image_losses(image)->not_dumped_bytes, 2 * PAGE);
}

static void test_a_missing_file_is_told_with_its_build_id(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcd");
    add_library(&fixture, "/no/such/dir/lib.so", true);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    const struct hc_module *module = only_module(image);
    assert_int_equal(module->state, HC_MODULE_MISSING);
    assert_int_equal(module->build_id_length, 4);
    assert_int_equal(module->load_bias, base);
    assert_int_equal(hc_image_losses(image)->missing_modules, 1);
}

static void test_a_missing_file_without_header_is_known_by_its_code(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcd");
    add_library(&fixture, "/no/such/dir/lib.so", false);
    // Data that was mapped, and is gone, is no module.
    core_builder_add_load(&fixture.builder, base + 16 * PAGE, NULL, 0, PAGE, PF_R);
    core_builder_add_file(&fixture.builder, base + 16 * PAGE, base + 17 * PAGE, 0,
                          "/no/such/dir/locale-archive");
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    assert_int_equal(only_module(image)->state, HC_MODULE_MISSING);
    assert_string_equal(only_module(image)->path, "/no/such/dir/lib.so");
}

static void test_a_file_without_build_id_is_used_but_unverified(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "");
    add_library(&fixture, fixture.path, true);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    assert_int_equal(only_module(image)->state, HC_MODULE_UNVERIFIED);
    assert_int_equal(byte_at(image, base + PAGE), 0xc0);
}

static void test_a_file_without_build_id_and_with_other_headers_is_another_build(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "");
    add_library(&fixture, fixture.path, true);
    core_store(&fixture.builder.target, fixture.library.bytes + offsetof(Elf64_Ehdr, e_entry), 0x1234, 8);
    core_library_write(&fixture.library, fixture.path);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    assert_int_equal(only_module(image)->state, HC_MODULE_MISMATCH);
    assert_true(is_hole(image, base + PAGE));
}

static void test_without_a_header_in_the_core_the_file_is_unverified(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcd");
    add_library(&fixture, fixture.path, false);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    const struct hc_module *module = only_module(image);
    assert_int_equal(module->state, HC_MODULE_UNVERIFIED);
    // The file's own build-id serves to find its debug file.
    assert_int_equal(module->build_id_length, 4);
    assert_int_equal(byte_at(image, base), 0x7f);
    assert_int_equal(byte_at(image, base + PAGE), 0xc0);
}

static void test_a_file_for_another_machine_is_another_build(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcd");
    add_library(&fixture, fixture.path, false);
    struct hc_target other = {.machine = EM_AARCH64, .word_size = 8};
    core_library_init(&fixture.library, &other, "abcd");
    core_library_write(&fixture.library, fixture.path);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    assert_int_equal(only_module(image)->state, HC_MODULE_MISMATCH);
}

static void test_a_file_that_is_no_elf_is_bad(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcd");
    add_library(&fixture, fixture.path, true);
    core_write_file(fixture.path, "#!/bin/sh\n", 10);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    assert_int_equal(only_module(image)->state, HC_MODULE_BAD);
    assert_int_equal(hc_image_losses(image)->missing_modules, 1);
}

static void test_a_file_shorter_than_its_mapping_leaves_a_hole(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcd");
    add_library(&fixture, fixture.path, true);
    assert_int_equal(truncate(fixture.path, PAGE + 100), 0);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    assert_false(is_hole(image, base + PAGE + 99));
    assert_true(is_hole(image, base + PAGE + 100));
    check_segments(image);
}

static void test_a_deleted_file_is_taken_only_with_its_build_id(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcd");
    char deleted[PATH_MAX + 16];
    snprintf(deleted, sizeof(deleted), "%s (deleted)", fixture.path);
    add_library(&fixture, deleted, true);
    {
        _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
        assert_int_equal(only_module(image)->state, HC_MODULE_FOUND);
        assert_string_equal(only_module(image)->file, fixture.path);
    }
    core_library_init(&fixture.library, &fixture.builder.target, "new build");
    core_library_write(&fixture.library, fixture.path);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    assert_int_equal(only_module(image)->state, HC_MODULE_MISSING);
    assert_true(is_hole(image, base + PAGE));
}

static void test_the_sysroot_stands_before_every_path(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcd");
    assert_int_equal(mkdir(in_test_directory("root"), 0755), 0);
    assert_int_equal(mkdir(in_test_directory("root/usr"), 0755), 0);
    core_library_write(&fixture.library, in_test_directory("root/usr/real.so"));
    // Absolute links and ".." stay below the root.
    assert_int_equal(symlink("/usr/real.so", in_test_directory("root/usr/absolute.so")), 0);
    assert_int_equal(symlink("../../../usr/absolute.so", in_test_directory("root/usr/lib.so")), 0);
    add_library(&fixture, "/usr/lib.so", true);
    const char *root = in_test_directory("root/");
    struct hc_image_options options = {.sysroot = root};
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, &options);
    const struct hc_module *module = only_module(image);
    assert_int_equal(module->state, HC_MODULE_FOUND);
    assert_string_equal(module->path, "/usr/lib.so");
    assert_string_equal(module->file, in_test_directory("root/usr/real.so"));
}

static void test_links_that_turn_in_circles_end_as_missing(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcd");
    assert_int_equal(mkdir(in_test_directory("circle"), 0755), 0);
    assert_int_equal(symlink("b", in_test_directory("circle/a")), 0);
    assert_int_equal(symlink("a", in_test_directory("circle/b")), 0);
    add_library(&fixture, "/a", true);
    struct hc_image_options options = {.sysroot = in_test_directory("circle")};
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, &options);
    assert_int_equal(only_module(image)->state, HC_MODULE_MISSING);
}

static void test_exe_stands_for_the_main_program_only(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcd");
    add_library(&fixture, "/no/such/program", true);
    core_builder_add_auxv(&fixture.builder, 0, base + PAGE + 16);
    struct hc_image_options options = {.exe = fixture.path};
    {
        _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, &options);
        assert_true(only_module(image)->is_main);
        assert_int_equal(only_module(image)->state, HC_MODULE_FOUND);
        assert_string_equal(only_module(image)->path, "/no/such/program");
        assert_string_equal(only_module(image)->file, fixture.path);
    }
    struct hc_image *image = NULL;
    options.exe = in_test_directory("no-such-exe");
    expect_failure(hc_image_open_core(in_test_directory("core"), &options, &image), image,
                   "given with --exe");
}

static void test_two_copies_of_a_file_are_two_modules(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcd");
    add_library(&fixture, fixture.path, true);
    uint64_t second = base + 64 * PAGE;
    core_builder_add_load(&fixture.builder, second, fixture.library.bytes, PAGE, PAGE, PF_R);
    core_builder_add_load(&fixture.builder, second + PAGE, NULL, 0, PAGE, PF_R | PF_X);
    core_builder_add_file(&fixture.builder, second, second + PAGE, 0, fixture.path);
    core_builder_add_file(&fixture.builder, second + PAGE, second + 2 * PAGE, 1, fixture.path);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    size_t count;
    const struct hc_module *modules = hc_image_modules(image, &count);
    assert_int_equal(count, 2);
    assert_int_equal(modules[0].load_bias, base);
    assert_int_equal(modules[1].load_bias, second);
    assert_int_equal(byte_at(image, second + PAGE), 0xc0);
}

static void test_a_core_without_loads_for_code_gets_it_all_the_same(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcd");
    uint8_t data[PAGE] = {0x77};
    core_builder_add_load(&fixture.builder, base + 2 * PAGE, data, PAGE, PAGE, PF_R | PF_W);
    add_files(&fixture, fixture.path);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    const struct hc_segment *code = segment_at(image, base + PAGE);
    assert_int_equal(only_module(image)->state, HC_MODULE_UNVERIFIED);
    assert_true(code->executable);
    assert_int_equal(byte_at(image, base + PAGE), 0xc0);
    assert_int_equal(byte_at(image, base + 2 * PAGE), 0x77);
}

static void test_a_headers_page_joins_the_rest_of_its_mapping(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcd");
    // One mapping of two pages, of which the kernel dumps the first.
    core_builder_add_load(&fixture.builder, base, fixture.library.bytes, PAGE, 2 * PAGE, PF_R | PF_X);
    core_builder_add_file(&fixture.builder, base, base + 2 * PAGE, 0, fixture.path);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, NULL);
    struct hc_reader reader;
    hc_reader_init(&reader, image);
    assert_non_null(hc_reader_view(&reader, base + PAGE - 8, 16));
}

static void test_changed_memory_that_was_cut_off_is_not_taken_from_the_file(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, "abcd");
    core_builder_add_load(&fixture.builder, base, fixture.library.bytes, PAGE, PAGE, PF_R);
    core_builder_add_load(&fixture.builder, base + PAGE, fixture.library.bytes, PAGE, PAGE, PF_R | PF_X);
    core_builder_add_load(&fixture.builder, base + 2 * PAGE, fixture.library.bytes, PAGE, PAGE, PF_R);
    add_files(&fixture, fixture.path);
    const char *path = in_test_directory("core");
    struct stat status;
    core_builder_write(&fixture.builder, path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, status.st_size - 2 * PAGE), 0);
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_with(path, NULL);
    assert_int_equal(hc_image_losses(image)->truncated_bytes, 2 * PAGE);
    assert_int_equal(byte_at(image, base + PAGE), 0xc0);
    assert_true(is_hole(image, base + 2 * PAGE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_code_comes_from_the_file_with_the_same_build_id),
        cmocka_unit_test(test_addresses_find_their_module),
        cmocka_unit_test(test_a_file_of_another_build_gives_no_bytes),
        cmocka_unit_test(test_a_missing_file_is_told_with_its_build_id),
        cmocka_unit_test(test_a_missing_file_without_header_is_known_by_its_code),
        cmocka_unit_test(test_a_file_without_build_id_is_used_but_unverified),
        cmocka_unit_test(test_a_file_without_build_id_and_with_other_headers_is_another_build),
        cmocka_unit_test(test_without_a_header_in_the_core_the_file_is_unverified),
        cmocka_unit_test(test_a_file_for_another_machine_is_another_build),
        cmocka_unit_test(test_a_file_that_is_no_elf_is_bad),
        cmocka_unit_test(test_a_file_shorter_than_its_mapping_leaves_a_hole),
        cmocka_unit_test(test_a_deleted_file_is_taken_only_with_its_build_id),
        cmocka_unit_test(test_the_sysroot_stands_before_every_path),
        cmocka_unit_test(test_links_that_turn_in_circles_end_as_missing),
        cmocka_unit_test(test_exe_stands_for_the_main_program_only),
        cmocka_unit_test(test_two_copies_of_a_file_are_two_modules),
        cmocka_unit_test(test_a_core_without_loads_for_code_gets_it_all_the_same),
        cmocka_unit_test(test_a_headers_page_joins_the_rest_of_its_mapping),
        cmocka_unit_test(test_changed_memory_that_was_cut_off_is_not_taken_from_the_file),
    };
    return cmocka_run_group_tests_name("image.modules", tests, create_test_directory, remove_test_directory);
}
