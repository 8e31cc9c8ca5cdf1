#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "code.h"
#include "core_builder.h"
#include "emulator/emulator.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PAGE = CORE_PAGE, PAGES = 80, LIMIT = 100000, PLACE = 128 };

static const uint64_t code = 0x400000, data = 0x5500000000, nowhere = 0x7000000000;

enum function { SUM, TRAVERSE, MANY, ENDLESS, LOAD, EXCHANGE, WRITE_PAGES, OWN, SYSTEM, FUNCTIONS };

struct machine {
    uint16_t elf_machine;
    struct {
        const void *bytes;
        size_t size;
    } functions[FUNCTIONS];
};

#define FUNCTION(name)                                                                                       \
    {                                                                                                        \
        name, sizeof(name)                                                                                   \
    }

static const struct machine machines[] = {
    {EM_X86_64,
     {FUNCTION(x86_64_sum), FUNCTION(x86_64_traverse), FUNCTION(x86_64_many), FUNCTION(x86_64_endless),
      FUNCTION(x86_64_load), FUNCTION(x86_64_exchange), FUNCTION(x86_64_pages), FUNCTION(x86_64_own),
      FUNCTION(x86_64_system)}},
    {EM_AARCH64,
     {FUNCTION(aarch64_sum), FUNCTION(aarch64_traverse), FUNCTION(aarch64_many), FUNCTION(aarch64_endless),
      FUNCTION(aarch64_load), FUNCTION(aarch64_exchange), FUNCTION(aarch64_pages), FUNCTION(aarch64_own),
      FUNCTION(aarch64_system)}},
};

// An image with the functions, and pages of data: word i of the first one has the value i + 1.
struct fixture {
    const struct machine *machine;
    struct hc_image *image;
    struct hc_emulator *emulator;
};

static void create_emulator(struct fixture *fixture, const struct hc_emulator_options *options)
{
    hc_emulator_destroy(fixture->emulator);
    fixture->emulator = NULL;
    assert_null(hc_emulator_create(fixture->image, options, &fixture->emulator));
    if (!fixture->emulator) {
        print_message("no libunicorn2 here\n");
        skip();
    }
}

static void write_core(const struct machine *machine, const char *path)
{
    static uint8_t memory[PAGES * PAGE], text[PAGE];
    struct core_builder builder;
    core_builder_init(&builder, machine->elf_machine, 8, false);
    for (unsigned i = 0; i < FUNCTIONS && machine->functions[i].size; i++)
        memcpy(text + i * PLACE, machine->functions[i].bytes, machine->functions[i].size);
    for (unsigned i = 0; i < PAGE / 8; i++)
        core_store(&builder.target, memory + i * 8, i + 1, 8);
    core_builder_add_load(&builder, code, text, sizeof(text), sizeof(text), PF_R | PF_X);
    core_builder_add_load(&builder, data, memory, sizeof(memory), sizeof(memory), PF_R | PF_W);
    core_builder_write(&builder, path);
    core_builder_deinit(&builder);
}

static void setup(struct fixture *fixture, const struct machine *machine)
{
    char path[] = "/tmp/heapcore-emulator-XXXXXX";
    *fixture = (struct fixture){.machine = machine};
    close(mkstemp(path));
    write_core(machine, path);
    struct hc_error *error = hc_image_open_core(path, NULL, &fixture->image);
    unlink(path);
    assert_null(error);
    create_emulator(fixture, &(struct hc_emulator_options){0});
}

static void teardown(struct fixture *fixture)
{
    hc_emulator_destroy(fixture->emulator);
    hc_image_destroy(fixture->image);
}

static enum hc_emulation call(struct fixture *fixture, enum function function, uint64_t first,
                              uint64_t second, uint64_t *ret)
{
    const uint64_t arguments[] = {first, second, 5};
    return hc_emulator_call(fixture->emulator, code + function * PLACE, arguments, 3, LIMIT, ret);
}

// A test for each machine.
#define FOR_EACH_MACHINE(fixture)                                                                            \
    for (const struct machine *machine = machines; machine < machines + 2; machine++)                        \
        for (_cleanup_(teardown) struct fixture fixture = {0};                                               \
             !fixture.machine && (setup(&fixture, machine), true);)

static void test_arguments_go_in_and_the_result_comes_out(void **state)
{
    (void)state;
    FOR_EACH_MACHINE(fixture)
    {
        uint64_t result;
        assert_int_equal(call(&fixture, SUM, 0xffff00001000, 0x234, &result), HC_EMULATION_DONE);
        assert_int_equal(result, 0xffff00001239);
        assert_int_equal(hc_emulator_blocks(fixture.emulator), 1);
    }
}

static void test_what_a_traversal_visits_is_collected_in_order(void **state)
{
    (void)state;
    FOR_EACH_MACHINE(fixture)
    {
        const uint64_t *items;
        size_t count;
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(hc_emulator_collect(fixture.emulator, code + TRAVERSE * PLACE, data + i * 8,
                                                 LIMIT, &items, &count),
                             HC_EMULATION_DONE);
            assert_int_equal(count, 2);
            assert_int_equal(items[0], 3 + i);
            assert_int_equal(items[1], 4 + i);
        }
    }
}

static void test_a_collection_grows_beyond_its_first_size(void **state)
{
    (void)state;
    FOR_EACH_MACHINE(fixture)
    {
        const uint64_t *items;
        size_t count;
        assert_int_equal(
            hc_emulator_collect(fixture.emulator, code + MANY * PLACE, data, LIMIT, &items, &count),
            HC_EMULATION_DONE);
        assert_int_equal(count, 5000);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(items[i], data);
    }
}

static void test_a_loop_without_an_end_is_ended(void **state)
{
    (void)state;
    FOR_EACH_MACHINE(fixture)
    {
        uint64_t result;
        assert_int_equal(call(&fixture, ENDLESS, 0, 0, &result), HC_EMULATION_ENDLESS);
        // The next call knows nothing of it.
        assert_int_equal(call(&fixture, SUM, 1, 2, &result), HC_EMULATION_DONE);
        assert_int_equal(result, 8);
    }
}

static void test_holes_and_missing_code_are_told_apart(void **state)
{
    (void)state;
    FOR_EACH_MACHINE(fixture)
    {
        uint64_t result;
        assert_int_equal(call(&fixture, LOAD, data + 8, 0, &result), HC_EMULATION_DONE);
        assert_int_equal(result, 2);
        assert_int_equal(call(&fixture, LOAD, nowhere, 0, &result), HC_EMULATION_HOLE);
        assert_int_equal(call(&fixture, EXCHANGE, nowhere, 0, &result), HC_EMULATION_HOLE);
        assert_int_equal(hc_emulator_call(fixture.emulator, nowhere, NULL, 0, LIMIT, &result),
                         HC_EMULATION_NO_CODE);
    }
}

static void test_a_system_call_is_none(void **state)
{
    (void)state;
    FOR_EACH_MACHINE(fixture)
    {
        uint64_t result;
        assert_int_equal(call(&fixture, SYSTEM, 0, 0, &result), HC_EMULATION_EXCEPTION);
        assert_int_equal(call(&fixture, SUM, 1, 2, &result), HC_EMULATION_DONE);
    }
}

static void test_what_a_call_writes_is_gone_with_the_next(void **state)
{
    (void)state;
    FOR_EACH_MACHINE(fixture)
    {
        struct hc_reader reader;
        uint64_t result, word;
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(call(&fixture, EXCHANGE, data + 16, 100, &result), HC_EMULATION_DONE);
            assert_int_equal(result, 103);
            assert_true(hc_emulator_read(fixture.emulator, data + 16, &word, sizeof(word)));
            assert_int_equal(word, 100);
        }
        hc_reader_init(&reader, fixture.image);
        assert_true(hc_reader_word(&reader, data + 16, &word));
        assert_int_equal(word, 3);
        assert_int_equal(call(&fixture, LOAD, data + 16, 0, &result), HC_EMULATION_DONE);
        assert_int_equal(result, 3);
    }
}

static void test_a_call_may_write_some_pages_and_no_more(void **state)
{
    (void)state;
    FOR_EACH_MACHINE(fixture)
    {
        uint64_t result;
        assert_int_equal(call(&fixture, WRITE_PAGES, data, 20, &result), HC_EMULATION_DONE);
        assert_int_equal(call(&fixture, WRITE_PAGES, data, PAGES - 1, &result), HC_EMULATION_MEMORY);
        assert_int_equal(call(&fixture, LOAD, data + 8, 0, &result), HC_EMULATION_DONE);
        assert_int_equal(result, 2);
    }
}

static void test_the_thread_pointer_is_the_given_one_or_one_of_its_own(void **state)
{
    (void)state;
    FOR_EACH_MACHINE(fixture)
    {
        uint64_t result, word;
        // x86-64's code reads the word there, by its convention the pointer itself.
        assert_int_equal(call(&fixture, OWN, 0, 0, &result), HC_EMULATION_DONE);
        assert_true(hc_emulator_is_of_thread(fixture.emulator, result));
        assert_false(hc_reader_view(&(struct hc_reader){.image = fixture.image}, result, 1));
        create_emulator(&fixture, &(struct hc_emulator_options){.thread_pointer = data + 0x100});
        assert_int_equal(call(&fixture, OWN, 0, 0, &result), HC_EMULATION_DONE);
        assert_int_equal(result, machine->elf_machine == EM_AARCH64 ? data + 0x100 : 0x100 / 8 + 1);
        assert_true(hc_emulator_is_of_thread(fixture.emulator, data + 0x80));
        assert_true(hc_emulator_preset(fixture.emulator, data + 0x108, 77));
        assert_int_equal(call(&fixture, LOAD, data + 0x108, 0, &word), HC_EMULATION_DONE);
        assert_int_equal(word, 77);
    }
}

struct loads {
    uint64_t addresses[64];
    unsigned count;
};

static void note_load(void *argument, const struct hc_emulator *emulator, uint64_t address, unsigned size)
{
    struct loads *loads = argument;
    if (size == 8 && !hc_emulator_owns(emulator, address) && loads->count < 64)
        loads->addresses[loads->count++] = address;
}

static void test_loads_are_told(void **state)
{
    (void)state;
    FOR_EACH_MACHINE(fixture)
    {
        struct loads loads = {0};
        const uint64_t *items;
        size_t count;
        create_emulator(&fixture, &(struct hc_emulator_options){.on_load = note_load, .argument = &loads});
        assert_int_equal(
            hc_emulator_collect(fixture.emulator, code + TRAVERSE * PLACE, data, LIMIT, &items, &count),
            HC_EMULATION_DONE);
        assert_int_equal(loads.count, 2);
        assert_int_equal(loads.addresses[0], data + 16);
        assert_int_equal(loads.addresses[1], data + 24);
    }
}

static void test_another_machine_has_no_emulator(void **state)
{
    (void)state;
    const struct machine other = {.elf_machine = EM_RISCV, .functions = {FUNCTION(x86_64_sum)}};
    char path[] = "/tmp/heapcore-emulator-XXXXXX";
    _cleanup_(hc_image_destroyp) struct hc_image *image = NULL;
    struct hc_emulator *emulator = NULL;
    close(mkstemp(path));
    write_core(&other, path);
    struct hc_error *error = hc_image_open_core(path, NULL, &image);
    unlink(path);
    assert_null(error);
    assert_null(hc_emulator_create(image, &(struct hc_emulator_options){0}, &emulator));
    assert_null(emulator);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments_go_in_and_the_result_comes_out),
        cmocka_unit_test(test_what_a_traversal_visits_is_collected_in_order),
        cmocka_unit_test(test_a_collection_grows_beyond_its_first_size),
        cmocka_unit_test(test_a_loop_without_an_end_is_ended),
        cmocka_unit_test(test_holes_and_missing_code_are_told_apart),
        cmocka_unit_test(test_a_system_call_is_none),
        cmocka_unit_test(test_what_a_call_writes_is_gone_with_the_next),
        cmocka_unit_test(test_a_call_may_write_some_pages_and_no_more),
        cmocka_unit_test(test_the_thread_pointer_is_the_given_one_or_one_of_its_own),
        cmocka_unit_test(test_loads_are_told),
        cmocka_unit_test(test_another_machine_has_no_emulator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
