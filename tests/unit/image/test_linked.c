#include "support.h"

enum {
    PAGE = CORE_PAGE,
    DYNAMIC = 2 * PAGE,
    DEBUG = 2 * PAGE + 0x200,
    MAPS = 2 * PAGE + 0x300,
    NAMES = 0x800
};

// A core without a list of mapped files, as qemu writes it: a program with its data, where the dynamic
// linker's list is, and libraries of which nothing but the data was dumped.
struct fixture {
    struct core_builder builder;
    uint64_t program, linker, library;
    char paths[3][PATH_MAX];
    uint8_t data[PAGE];     // of the program
    unsigned linked, named; // link maps and bytes of names so far
};

static void store_word(struct fixture *fixture, uint64_t place, uint64_t value)
{
    unsigned word = fixture->builder.target.word_size;
    core_store(&fixture->builder.target, fixture->data + (place - 2 * PAGE), value, word);
}

static uint64_t store_name(struct fixture *fixture, const char *name)
{
    uint64_t address = fixture->program + 2 * PAGE + NAMES + fixture->named;
    strcpy((char *)fixture->data + NAMES + fixture->named, name);
    fixture->named += strlen(name) + 1;
    assert_true(NAMES + fixture->named < PAGE);
    return address;
}

static uint64_t link_address(const struct fixture *fixture, unsigned index)
{
    return fixture->program + MAPS + index * 5 * fixture->builder.target.word_size;
}

static void link_file(struct fixture *fixture, uint64_t bias, uint64_t name, uint64_t dynamic)
{
    unsigned word = fixture->builder.target.word_size, index = fixture->linked++;
    uint64_t place = MAPS + index * 5 * word;
    const uint64_t values[] = {bias, name, dynamic, 0, index ? link_address(fixture, index - 1) : 0};
    for (unsigned i = 0; i < 5; i++)
        store_word(fixture, place + i * word, values[i]);
    if (index)
        store_word(fixture, place - 2 * word, link_address(fixture, index));
}

static void write_file(const struct fixture *fixture, unsigned index, uint8_t code)
{
    struct core_library file;
    core_library_init(&file, &fixture->builder.target, "abcd");
    core_library_add_header(&file, PT_DYNAMIC, DYNAMIC, 0x100);
    if (index == 0) {
        strcpy((char *)file.bytes + PAGE, fixture->paths[1]);
        core_library_add_header(&file, PT_INTERP, PAGE, strlen(fixture->paths[1]) + 1);
    }
    file.bytes[PAGE + 0x800] = code;
    core_library_write(&file, fixture->paths[index]);
}

static void setup(struct fixture *fixture, uint16_t machine, uint8_t word_size, bool big_endian)
{
    *fixture = (struct fixture){.program = 0x10000000, .linker = 0x20000000, .library = 0x30000000};
    core_builder_init(&fixture->builder, machine, word_size, big_endian);
    for (unsigned i = 0; i < 3; i++)
        snprintf(fixture->paths[i], PATH_MAX, "%s/file%u", test_directory, i);
    for (unsigned i = 0; i < 3; i++)
        write_file(fixture, i, 0xe0 + i);
    store_word(fixture, DYNAMIC, DT_HASH);
    store_word(fixture, DYNAMIC + 2 * word_size, DT_DEBUG);
    store_word(fixture, DYNAMIC + 3 * word_size, fixture->program + DEBUG);
    store_word(fixture, DEBUG, 1);
    store_word(fixture, DEBUG + word_size, link_address(fixture, 0));
    link_file(fixture, fixture->program, store_name(fixture, ""), fixture->program + DYNAMIC);
    link_file(fixture, fixture->library, store_name(fixture, fixture->paths[2]), fixture->library + DYNAMIC);
    link_file(fixture, fixture->linker, fixture->program + PAGE, fixture->linker + DYNAMIC);
}

static void teardown(struct fixture *fixture)
{
    core_builder_deinit(&fixture->builder);
}

static void add_memory(struct fixture *fixture, uint64_t start, const void *data)
{
    core_builder_add_load(&fixture->builder, start, NULL, 0, 2 * PAGE, PF_R | PF_X);
    core_builder_add_load(&fixture->builder, start + 2 * PAGE, data, PAGE, PAGE, PF_R | PF_W);
}

static struct hc_image *open_image(struct fixture *fixture, const struct hc_image_options *options)
{
    const struct hc_target *target = &fixture->builder.target;
    unsigned word = target->word_size;
    uint64_t name = store_name(fixture, fixture->paths[0]);
    const uint64_t values[] = {
        AT_PHDR,   fixture->program + (word == 8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)),
        AT_ENTRY,  fixture->program,
        AT_EXECFN, name,
        AT_NULL,   0};
    uint8_t bytes[sizeof(values)];
    for (unsigned i = 0; i < sizeof(values) / sizeof(*values); i++)
        core_store(target, bytes + i * word, values[i], word);
    core_builder_add_note(&fixture->builder, "CORE", NT_AUXV, bytes, word * sizeof(values) / sizeof(*values));
    add_memory(fixture, fixture->program, fixture->data);
    add_memory(fixture, fixture->linker, fixture->data);
    add_memory(fixture, fixture->library, fixture->data);
    return write_and_open(&fixture->builder, options);
}

static const struct hc_module *module_at(const struct hc_image *image, uint64_t address, const char *path)
{
    const struct hc_module *module = hc_image_find_module(image, address + PAGE);
    assert_non_null(module);
    assert_string_equal(module->path, path);
    return module;
}

static void check_all(const struct fixture *fixture, const struct hc_image *image)
{
    const uint64_t places[] = {fixture->program, fixture->linker, fixture->library};
    size_t count;
    hc_image_modules(image, &count);
    assert_int_equal(count, 3);
    for (unsigned i = 0; i < 3; i++) {
        const struct hc_module *module = module_at(image, places[i], fixture->paths[i]);
        // No build-id was dumped, so the file's own is taken.
        assert_int_equal(module->state, HC_MODULE_UNVERIFIED);
        assert_int_equal(module->build_id_length, 4);
        assert_int_equal(module->load_bias, places[i]);
        assert_int_equal(module->is_main, i == 0);
        assert_int_equal(byte_at(image, places[i] + PAGE + 0x800), 0xe0 + i);
        // What the process wrote is never replaced by what the file says.
        assert_int_equal(byte_at(image, places[i] + 3 * PAGE - 1), 0);
    }
    check_segments(image);
}

static void test_files_that_no_note_lists_come_from_the_dynamic_linkers_list(void **state)
{
    (void)state;
    const struct hc_target targets[] = {{.machine = EM_AARCH64, .word_size = 8},
                                        {.machine = EM_386, .word_size = 4},
                                        {.machine = EM_PPC, .word_size = 4, .big_endian = true}};
    for (unsigned i = 0; i < 3; i++) {
        _cleanup_(teardown) struct fixture fixture;
        setup(&fixture, targets[i].machine, targets[i].word_size, targets[i].big_endian);
        _cleanup_(hc_image_destroyp) struct hc_image *image = open_image(&fixture, NULL);
        check_all(&fixture, image);
        assert_string_equal(hc_image_process(image)->program, fixture.paths[0]);
    }
}

static void test_a_list_that_runs_into_a_ring_ends_there(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, EM_AARCH64, 8, false);
    store_word(&fixture, MAPS + 2 * 40 + 24, link_address(&fixture, 1));
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_image(&fixture, NULL);
    check_all(&fixture, image);
}

static void test_a_list_that_leads_into_a_hole_ends_there(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, EM_AARCH64, 8, false);
    store_word(&fixture, MAPS + 40 + 24, 0xffffffffffffffe8);
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_image(&fixture, NULL);
    size_t count;
    hc_image_modules(image, &count);
    assert_int_equal(count, 2);
}

static void test_a_file_whose_dynamic_section_lies_elsewhere_is_another_build(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, EM_AARCH64, 8, false);
    store_word(&fixture, MAPS + 40 + 16, fixture.library + DYNAMIC + 64);
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_image(&fixture, NULL);
    assert_int_equal(module_at(image, fixture.library, fixture.paths[2])->state, HC_MODULE_MISMATCH);
    assert_true(is_hole(image, fixture.library + PAGE));
    assert_int_equal(module_at(image, fixture.linker, fixture.paths[1])->state, HC_MODULE_UNVERIFIED);
    assert_int_equal(hc_image_losses(image)->missing_modules, 1);
}

static void test_a_library_that_is_gone_is_counted_as_missing(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, EM_AARCH64, 8, false);
    unlink(fixture.paths[2]);
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_image(&fixture, NULL);
    assert_int_equal(module_at(image, fixture.library, fixture.paths[2])->state, HC_MODULE_MISSING);
}

static void test_a_program_that_is_gone_is_named_and_may_be_given(void **state)
{
    (void)state;
    _cleanup_(teardown) struct fixture fixture;
    setup(&fixture, EM_AARCH64, 8, false);
    const char *copy = in_test_directory("copy");
    rename(fixture.paths[0], copy);
    {
        _cleanup_(hc_image_destroyp) struct hc_image *image = open_image(&fixture, NULL);
        const struct hc_module *module = only_module(image);
        assert_int_equal(module->state, HC_MODULE_MISSING);
        assert_true(module->is_main);
        assert_string_equal(module->path, fixture.paths[0]);
    }
    struct hc_image_options options = {.exe = copy};
    _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&fixture.builder, &options);
    check_all(&fixture, image);
    // Another program's headers lie elsewhere.
    options.exe = "/proc/self/exe";
    _cleanup_(hc_image_destroyp) struct hc_image *other = write_and_open(&fixture.builder, &options);
    assert_int_equal(only_module(other)->state, HC_MODULE_MISMATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_that_no_note_lists_come_from_the_dynamic_linkers_list),
        cmocka_unit_test(test_a_list_that_runs_into_a_ring_ends_there),
        cmocka_unit_test(test_a_list_that_leads_into_a_hole_ends_there),
        cmocka_unit_test(test_a_file_whose_dynamic_section_lies_elsewhere_is_another_build),
        cmocka_unit_test(test_a_library_that_is_gone_is_counted_as_missing),
        cmocka_unit_test(test_a_program_that_is_gone_is_named_and_may_be_given),
    };
    return cmocka_run_group_tests(tests, create_test_directory, remove_test_directory);
}
