#include "support.h"

#include <sys/wait.h>

static void write_core(const char *path, uint16_t type)
{
    struct core_builder builder;
    uint8_t page[CORE_PAGE] = {0};
    core_builder_init(&builder, EM_X86_64, 8, false);
    builder.type = type;
    core_builder_add_load(&builder, 0x10000, page, sizeof(page), sizeof(page), PF_R);
    core_builder_write(&builder, path);
    core_builder_deinit(&builder);
}

static void test_a_missing_file_is_told(void **state)
{
    (void)state;
    expect_core_failure(in_test_directory("nothing"), "there is no file");
    expect_core_failure(in_test_directory("nothing"), "check the path");
}

static void test_a_directory_is_told(void **state)
{
    (void)state;
    expect_core_failure(test_directory, "is a directory");
}

static void test_an_empty_file_is_told(void **state)
{
    (void)state;
    const char *path = in_test_directory("empty");
    core_write_file(path, "", 0);
    expect_core_failure(path, "is empty");
    expect_core_failure(path, "ulimit -c");
}

static void test_a_pipe_is_told_and_not_waited_for(void **state)
{
    (void)state;
    const char *path = in_test_directory("pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_core_failure(path, "is a pipe, device or socket");
}

static void test_a_file_without_permission_is_told(void **state)
{
    (void)state;
    const char *path = in_test_directory("secret");
    core_write_file(path, "secret", 6);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(chmod(test_directory, 0755), 0);
    // Root may read anything, so the attempt is made by a child that gives that up.
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct hc_image *image = NULL;
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(3);
        struct hc_error *error = hc_image_open_core(path, NULL, &image);
        bool good = error && strstr(hc_error_message(error), "no permission to read") &&
                    strstr(hc_error_message(error), "as root");
        hc_error_destroy(error);
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_a_text_file_is_told(void **state)
{
    (void)state;
    const char *path = in_test_directory("text");
    core_write_file(path, "hello, world\n", 13);
    expect_core_failure(path, "is not an ELF file");
    core_write_file(path, "\x7f", 1);
    expect_core_failure(path, "is not an ELF file");
}

static void test_an_executable_is_told_with_the_option_it_belongs_to(void **state)
{
    (void)state;
    const char *path = in_test_directory("program");
    write_core(path, ET_EXEC);
    expect_core_failure(path, "is an ELF executable or library, not a core file; did you mean --exe?");
    write_core(path, ET_DYN);
    expect_core_failure(path, "did you mean --exe?");
    write_core(path, ET_REL);
    expect_core_failure(path, "is an ELF object file");
    write_core(path, 0xfe00);
    expect_core_failure(path, "is an ELF file of type 65024");
}

static void test_a_cut_or_senseless_elf_header_is_told(void **state)
{
    (void)state;
    const char *path = in_test_directory("header");
    write_core(path, ET_CORE);
    core_patch_file(path, EI_CLASS, "\x07", 1);
    expect_core_failure(path, "header is cut or damaged");
    write_core(path, ET_CORE);
    core_patch_file(path, EI_DATA, "\x00", 1);
    expect_core_failure(path, "header is cut or damaged");
    write_core(path, ET_CORE);
    assert_int_equal(truncate(path, 63), 0);
    expect_core_failure(path, "header is cut or damaged");
}

static void test_a_core_cut_inside_its_program_headers_is_told(void **state)
{
    (void)state;
    const char *path = in_test_directory("headers");
    write_core(path, ET_CORE);
    assert_int_equal(truncate(path, 64 + 56 + 20), 0);
    expect_core_failure(path, "is cut short inside its program headers");
}

static void test_a_core_cut_before_its_memory_is_told(void **state)
{
    (void)state;
    const char *path = in_test_directory("headers");
    write_core(path, ET_CORE);
    assert_int_equal(truncate(path, 64 + 2 * 56), 0);
    expect_core_failure(path, "is cut short before the first byte of memory");
}

static void test_a_core_without_memory_is_told(void **state)
{
    (void)state;
    struct core_builder builder;
    const char *path = in_test_directory("nothing-in-it");
    core_builder_init(&builder, EM_X86_64, 8, false);
    core_builder_add_load(&builder, 0x10000, NULL, 0, CORE_PAGE, PF_R);
    core_builder_write(&builder, path);
    core_builder_deinit(&builder);
    expect_core_failure(path, "is a core with no memory in it");
}

static void test_a_core_without_program_headers_is_told(void **state)
{
    (void)state;
    const char *path = in_test_directory("no-headers");
    write_core(path, ET_CORE);
    core_patch_file(path, offsetof(Elf64_Ehdr, e_phnum), "\0\0", 2);
    expect_core_failure(path, "without program headers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_missing_file_is_told),
        cmocka_unit_test(test_a_directory_is_told),
        cmocka_unit_test(test_an_empty_file_is_told),
        cmocka_unit_test(test_a_pipe_is_told_and_not_waited_for),
        cmocka_unit_test(test_a_file_without_permission_is_told),
        cmocka_unit_test(test_a_text_file_is_told),
        cmocka_unit_test(test_an_executable_is_told_with_the_option_it_belongs_to),
        cmocka_unit_test(test_a_cut_or_senseless_elf_header_is_told),
        cmocka_unit_test(test_a_core_cut_inside_its_program_headers_is_told),
        cmocka_unit_test(test_a_core_cut_before_its_memory_is_told),
        cmocka_unit_test(test_a_core_without_memory_is_told),
        cmocka_unit_test(test_a_core_without_program_headers_is_told),
    };
    return cmocka_run_group_tests_name("image.errors", tests, create_test_directory, remove_test_directory);
}
