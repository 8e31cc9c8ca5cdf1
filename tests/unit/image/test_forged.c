// Cores whose headers lie: whatever they say, opening ends soon, in an error or in an image that can be read.
#include "support.h"

#include <fcntl.h>
#include <signal.h>

static const uint64_t base = 0x400000;

enum { PAGE = CORE_PAGE };

static const struct hc_target x86_64 = {.machine = EM_X86_64, .word_size = 8};

static void write_whole_core(const char *path, uint8_t word_size, bool big_endian)
{
    struct core_builder builder;
    struct core_library library;
    char file[PATH_MAX];
    uint8_t data[PAGE];
    memset(data, 0x41, sizeof(data));
    core_builder_init(&builder, word_size == 8 ? EM_X86_64 : EM_PPC, word_size, big_endian);
    core_library_init(&library, &builder.target, "abcd");
    snprintf(file, sizeof(file), "%s/lib.so", test_directory);
    core_library_write(&library, file);
    core_builder_add_load(&builder, base, library.bytes, PAGE, PAGE, PF_R);
    core_builder_add_load(&builder, base + PAGE, NULL, 0, PAGE, PF_R | PF_X);
    core_builder_add_load(&builder, base + 2 * PAGE, data, PAGE, PAGE, PF_R | PF_W);
    core_builder_add_load(&builder, base + 64 * PAGE, data, PAGE, 2 * PAGE, PF_R | PF_W);
    core_builder_add_thread(&builder, 7, SIGSEGV, 1, 200);
    core_builder_add_command(&builder, 7, "forged");
    core_builder_add_siginfo(&builder, SIGSEGV, 1, 8);
    core_builder_add_auxv(&builder, base + 64, base + PAGE);
    core_builder_add_file(&builder, base, base + PAGE, 0, file);
    core_builder_add_file(&builder, base + PAGE, base + 2 * PAGE, 1, file);
    core_builder_add_file(&builder, base + 2 * PAGE, base + 3 * PAGE, 2, file);
    core_builder_write(&builder, path);
    core_builder_deinit(&builder);
}

static void read_all(const struct hc_image *image)
{
    const struct hc_process_info *process = hc_image_process(image);
    volatile unsigned sum = 0;
    struct hc_reader reader;
    char text[32];
    size_t count;
    check_segments(image);
    for (size_t i = 0; i < process->thread_count; i++)
        for (size_t j = 0; j < process->threads[i].registers_size; j++)
            sum += process->threads[i].registers[j];
    const struct hc_module *modules = hc_image_modules(image, &count);
    for (size_t i = 0; i < count; i++) {
        assert_true(modules[i].start <= modules[i].end);
        assert_true(modules[i].build_id_length <= sizeof(modules[i].build_id));
        hc_image_find_module(image, modules[i].start);
        sum += modules[i].path[0];
    }
    hc_reader_init(&reader, image);
    hc_reader_string(&reader, base + 64 * PAGE, text, sizeof(text));
    hc_reader_string(&reader, UINT64_MAX - 1, text, sizeof(text));
}

static void try_to_open(const char *path)
{
    _cleanup_(hc_image_destroyp) struct hc_image *image = NULL;
    _cleanup_(hc_error_destroyp) struct hc_error *error = hc_image_open_core(path, NULL, &image);
    if (!error)
        read_all(image);
}

static uint64_t next_random(uint64_t *state)
{
    // xorshift64*, Vigna 2014
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

// Values that break arithmetic more often than random ones do.
static uint64_t pick_value(uint64_t *state)
{
    static const uint64_t values[] = {
        0,          1,          0x7f,       0xff,       0xffff,         0x10000,         0x7fffffff,
        0x80000000, 0xffffffff, 0xfffffff0, UINT64_MAX, UINT64_MAX - 7, UINT64_MAX >> 1, 0xfffffffffffff000,
    };
    uint64_t choice = next_random(state) % 20;
    return choice < sizeof(values) / sizeof(values[0]) ? values[choice] : next_random(state);
}

static void damage_headers(const char *path, uint64_t seed, uint8_t word_size, bool big_endian)
{
    enum { ROUNDS = 1500, HEADERS_AND_NOTES = 2200 };
    uint8_t whole[HEADERS_AND_NOTES];
    write_whole_core(path, word_size, big_endian);
    _cleanup_(hc_closep) int fd = open(path, O_RDONLY);
    assert_int_equal(pread(fd, whole, sizeof(whole), 0), sizeof(whole));
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t damaged[HEADERS_AND_NOTES + 8];
        memcpy(damaged, whole, sizeof(whole));
        unsigned changes = 1 + next_random(&seed) % 4;
        for (unsigned i = 0; i < changes; i++) {
            // Words where words lie, so that whole fields change. What makes it a core stays.
            uint64_t offset = 24 + next_random(&seed) % ((HEADERS_AND_NOTES - 24) / 4) * 4;
            uint64_t value = pick_value(&seed);
            memcpy(damaged + offset, &value, next_random(&seed) % 2 ? 4 : 8);
        }
        core_patch_file(path, 0, damaged, HEADERS_AND_NOTES);
        try_to_open(path);
    }
}

static void test_damaged_headers_of_64_bits_never_crash(void **state)
{
    (void)state;
    damage_headers(in_test_directory("core"), 42, 8, false);
}

static void test_damaged_headers_of_32_bits_big_endian_never_crash(void **state)
{
    (void)state;
    damage_headers(in_test_directory("core"), 43, 4, true);
}

static void test_damaged_headers_of_the_library_never_crash(void **state)
{
    (void)state;
    uint64_t seed = 44;
    const char *path = in_test_directory("core");
    write_whole_core(path, 8, false);
    for (unsigned round = 0; round < 1000; round++) {
        struct core_library library;
        core_library_init(&library, &x86_64, "abcd");
        for (unsigned i = 0; i < 3; i++) {
            uint64_t value = pick_value(&seed);
            uint64_t offset = 16 + next_random(&seed) % 130 * 8;
            memcpy(library.bytes + offset, &value, sizeof(value));
        }
        core_library_write(&library, in_test_directory("lib.so"));
        try_to_open(path);
    }
}

static void test_a_core_cut_at_any_byte_never_crashes(void **state)
{
    (void)state;
    const char *path = in_test_directory("core");
    struct stat status;
    write_whole_core(path, 8, false);
    assert_int_equal(stat(path, &status), 0);
    for (off_t size = status.st_size; size > 0; size -= size > 2 * PAGE ? 101 : 3) {
        assert_int_equal(truncate(path, size), 0);
        try_to_open(path);
    }
}

static void test_loads_at_the_end_of_the_address_space_do_not_wrap(void **state)
{
    (void)state;
    struct core_builder builder;
    uint8_t data[2 * PAGE] = {0};
    core_builder_init(&builder, EM_X86_64, 8, false);
    core_builder_add_load(&builder, UINT64_MAX - 0xfff, data, 2 * PAGE, UINT64_MAX, PF_R);
    core_builder_add_load(&builder, UINT64_MAX, data, PAGE, UINT64_MAX, PF_R);
    core_builder_add_load(&builder, 0, data, PAGE, UINT64_MAX, PF_R);
    {
        _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&builder, NULL);
        read_all(image);
        assert_false(is_hole(image, PAGE - 1));
        assert_true(is_hole(image, PAGE));
    }
    core_builder_deinit(&builder);
}

static void test_a_load_of_a_32_bit_core_ends_with_its_address_space(void **state)
{
    (void)state;
    struct core_builder builder;
    uint8_t data[2 * PAGE] = {0};
    core_builder_init(&builder, EM_386, 4, false);
    core_builder_add_load(&builder, 0xfffff000, data, 2 * PAGE, 2 * PAGE, PF_R);
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&builder, NULL);
    core_builder_deinit(&builder);
    assert_false(is_hole(image, 0xffffffff));
    assert_true(is_hole(image, 0x100000000));
}

static struct hc_image *open_with_file_note(const void *bytes, uint32_t size)
{
    struct core_builder builder;
    uint8_t data[PAGE] = {0};
    core_builder_init(&builder, EM_X86_64, 8, false);
    core_builder_add_load(&builder, base, data, PAGE, PAGE, PF_R | PF_X);
    core_builder_add_note(&builder, "CORE", NT_FILE, bytes, size);
    struct hc_image *image = write_and_open(&builder, NULL);
    core_builder_deinit(&builder);
    return image;
}

static void test_file_counts_beyond_the_note_are_not_believed(void **state)
{
    (void)state;
    size_t count;
    const uint64_t note[] = {UINT64_MAX, 4096, base, base + PAGE, 0, 0x62612f /* "/ab" */};
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_with_file_note(note, sizeof(note));
    hc_image_modules(image, &count);
    assert_int_equal(count, 0);
    for (uint32_t size = 0; size < sizeof(note); size++) {
        _cleanup_(hc_image_destroyp) struct hc_image *cut = open_with_file_note(note, size);
        read_all(cut);
    }
}

static void test_a_page_size_of_zero_or_too_much_is_not_believed(void **state)
{
    (void)state;
    uint64_t note[] = {1, 0, base, base + PAGE, 3, 0x62612f};
    {
        _cleanup_(hc_image_destroyp) struct hc_image *image = open_with_file_note(note, sizeof(note));
        read_all(image);
    }
    note[1] = UINT64_MAX;
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_with_file_note(note, sizeof(note));
    read_all(image);
}

static void test_the_same_notes_named_by_many_headers_are_read_once_over(void **state)
{
    (void)state;
    enum { COPIES = 30000 };
    struct core_builder builder;
    uint8_t data[PAGE] = {0};
    const char *path = in_test_directory("core");
    core_builder_init(&builder, EM_X86_64, 8, false);
    for (unsigned i = 0; i < 1000; i++)
        core_builder_add_thread(&builder, i, 0, 0, 216);
    for (unsigned i = 0; i < COPIES; i++)
        core_builder_add_load(&builder, base + i * PAGE, data, i ? 0 : PAGE, PAGE, PF_R);
    core_builder_write(&builder, path);
    core_builder_deinit(&builder);
    Elf64_Phdr note;
    _cleanup_(hc_closep) int fd = open(path, O_RDONLY);
    assert_int_equal(pread(fd, &note, sizeof(note), sizeof(Elf64_Ehdr)), sizeof(note));
    for (unsigned i = 2; i <= COPIES; i++)
        core_patch_file(path, sizeof(Elf64_Ehdr) + i * sizeof(note), &note, sizeof(note));
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_with(path, NULL);
    // 30,000 times 1,000 threads without a bound; the file is 2 MB.
    assert_true(hc_image_process(image)->thread_count < 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_headers_of_64_bits_never_crash),
        cmocka_unit_test(test_damaged_headers_of_32_bits_big_endian_never_crash),
        cmocka_unit_test(test_damaged_headers_of_the_library_never_crash),
        cmocka_unit_test(test_a_core_cut_at_any_byte_never_crashes),
        cmocka_unit_test(test_loads_at_the_end_of_the_address_space_do_not_wrap),
        cmocka_unit_test(test_a_load_of_a_32_bit_core_ends_with_its_address_space),
        cmocka_unit_test(test_file_counts_beyond_the_note_are_not_believed),
        cmocka_unit_test(test_a_page_size_of_zero_or_too_much_is_not_believed),
        cmocka_unit_test(test_the_same_notes_named_by_many_headers_are_read_once_over),
    };
    return cmocka_run_group_tests_name("image.forged", tests, create_test_directory, remove_test_directory);
}
