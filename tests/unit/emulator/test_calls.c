#include "support.h"

static void test_a_function_is_given_five_words_and_gives_one(void **state)
{
    _cleanup_(process_end) struct process process;
    process_open(&process, *state);
    const uint64_t arguments[] = {1, 20, 300, 4000, 50000};
    uint64_t result;
    assert_int_equal(hc_emulator_call(process.emulator, address_of(ADD), arguments, 5, LIMIT, &result),
                     HC_EMULATION_DONE);
    assert_int_equal(result, 54321);
    assert_true(hc_emulator_blocks(process.emulator) > 0);
}

static void test_a_visitor_collects_what_it_is_given(void **state)
{
    // Up to and beyond the collection's first capacity, which is 4094, and back.
    static const uint64_t counts[] = {0, 1, 5, 4093, 4094, 4095, 10000, 3};
    enum { MOST = 10000, OBJECT = 0x700000 };
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        static uint64_t object[MOST + 1];
        object[0] = counts[i];
        for (uint64_t item = 1; item <= counts[i]; item++)
            object[item] = item * 0x100000001;
        _cleanup_(process_end) struct process process;
        process_begin(&process, *state);
        core_builder_add_load(&process.builder, OBJECT, object, sizeof(object), sizeof(object), PF_R | PF_W);
        process_start(&process, &(struct hc_emulator_options){0});
        const uint64_t *items;
        size_t count;
        for (unsigned again = 0; again < 2; again++) {
            assert_int_equal(
                hc_emulator_collect(process.emulator, address_of(VISIT), OBJECT, LIMIT, &items, &count),
                HC_EMULATION_DONE);
            assert_int_equal(count, counts[i]);
            if (count)
                assert_memory_equal(items, object + 1, count * sizeof(*items));
        }
    }
}

static void test_an_endless_function_is_stopped(void **state)
{
    _cleanup_(process_end) struct process process;
    process_open(&process, *state);
    for (unsigned again = 0; again < 3; again++) {
        expect_outcome(&process, ENDLESS, 0, 0, HC_EMULATION_ENDLESS);
        assert_true(hc_emulator_blocks(process.emulator) > LIMIT);
        expect_that_it_works(&process);
    }
}

static void test_an_endless_visitor_stops_when_the_collection_is_full(void **state)
{
    enum { OBJECT = 0x700000 };
    const uint64_t object[] = {1ul << 60, 1, 2, 3};
    _cleanup_(process_end) struct process process;
    process_begin(&process, *state);
    core_builder_add_load(&process.builder, OBJECT, object, sizeof(object), sizeof(object), PF_R);
    process_add_data(&process);
    process_start(&process, &(struct hc_emulator_options){0});
    const uint64_t *items;
    size_t count;
    assert_int_equal(hc_emulator_collect(process.emulator, address_of(VISIT), OBJECT, LIMIT, &items, &count),
                     HC_EMULATION_HOLE); // what follows the object's page
    assert_int_equal(hc_emulator_collect(process.emulator, address_of(VISIT), OBJECT, 100, &items, &count),
                     HC_EMULATION_ENDLESS);
    expect_that_it_works(&process);
}

static void test_memory_that_is_not_there_is_told_from_code_that_is_not(void **state)
{
    _cleanup_(process_end) struct process process;
    process_open(&process, *state);
    expect_outcome(&process, READ, HOLE, 0, HC_EMULATION_HOLE);
    expect_that_it_works(&process);
    expect_outcome(&process, WRITE, HOLE, 1, HC_EMULATION_HOLE);
    expect_that_it_works(&process);
    expect_outcome(&process, READ, 0, 0, HC_EMULATION_HOLE);
    expect_outcome(&process, JUMP, HOLE, 0, HC_EMULATION_NO_CODE);
    expect_that_it_works(&process);
    expect_outcome(&process, JUMP, 0, 0, HC_EMULATION_NO_CODE);
    expect_outcome(&process, JUMP, DATA, 0, HC_EMULATION_NO_CODE); // data is not run
    uint64_t result;
    assert_int_equal(hc_emulator_call(process.emulator, HOLE, NULL, 0, LIMIT, &result), HC_EMULATION_NO_CODE);
    expect_that_it_works(&process);
}

static void test_addresses_at_the_end_of_the_address_space_are_holes(void **state)
{
    _cleanup_(process_end) struct process process;
    process_open(&process, *state);
    static const uint64_t addresses[] = {UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - CORE_PAGE, INT64_MAX,
                                         1ul << 63,  1ul << 56,      (1ul << 52) + 123,      1ul << 48};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
        expect_outcome(&process, READ, addresses[i], 0, HC_EMULATION_HOLE);
        expect_outcome(&process, WRITE, addresses[i], 0, HC_EMULATION_HOLE);
        uint64_t result;
        assert_int_not_equal(call(&process, JUMP, addresses[i], 0, 0, &result), HC_EMULATION_DONE);
        expect_that_it_works(&process);
    }
}

static void test_what_only_a_kernel_or_a_debugger_could_do_is_an_exception(void **state)
{
    _cleanup_(process_end) struct process process;
    process_open(&process, *state);
    static const enum function functions[] = {SYSTEM_CALL, TRAP, ILLEGAL};
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        expect_outcome(&process, functions[i], 0, 0, HC_EMULATION_EXCEPTION);
        expect_that_it_works(&process);
    }
}

static void test_thread_local_variables_are_behind_the_thread_pointer(void **state)
{
    _cleanup_(process_end) struct process process;
    process_begin(&process, *state);
    process_add_data(&process);
    process_start(&process, &(struct hc_emulator_options){.thread_pointer = DATA + 320});
    assert_int_equal(result_of(&process, THREAD, 0, 0, 0), 40);
    assert_true(hc_emulator_is_of_thread(process.emulator, DATA + 320 - 64));
    assert_false(hc_emulator_is_of_thread(process.emulator, CODE));
}

static void test_without_a_thread_pointer_there_is_a_block_for_one(void **state)
{
    _cleanup_(process_end) struct process process;
    process_open(&process, *state);
    uint64_t block = result_of(&process, THREAD, 0, 0, 0); // it begins with its own address
    assert_true(hc_emulator_is_of_thread(process.emulator, block));
    assert_true(is_hole(process.image, block));
    assert_true(hc_emulator_preset(process.emulator, block, 77));
    assert_int_equal(result_of(&process, THREAD, 0, 0, 0), 77);
}

struct seen {
    uint64_t address;
    unsigned size, count;
};

static void note(void *argument, const struct hc_emulator *emulator, uint64_t address, unsigned size)
{
    struct seen *seen = argument;
    if (!hc_emulator_owns(emulator, address))
        *seen = (struct seen){address, size, seen->count + 1};
}

static void test_loads_are_told_of(void **state)
{
    struct seen seen = {0};
    _cleanup_(process_end) struct process process;
    process_begin(&process, *state);
    process_add_data(&process);
    process_start(&process, &(struct hc_emulator_options){.on_load = note, .argument = &seen});
    assert_int_equal(result_of(&process, READ, DATA + 64, 0, 0), 8);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.address, DATA + 64);
    assert_int_equal(seen.size, 8);
}

static void test_machines_that_are_not_emulated_have_no_emulator(void **state)
{
    (void)state;
    static const struct {
        uint16_t machine;
        uint8_t word_size;
        bool big_endian;
    } others[] = {{EM_386, 4, false}, {EM_S390, 8, true}, {EM_X86_64, 4, false}, {EM_AARCH64, 8, true}};
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        _cleanup_(core_builder_deinit) struct core_builder builder;
        core_builder_init(&builder, others[i].machine, others[i].word_size, others[i].big_endian);
        core_builder_add_load(&builder, CODE, "code", 4, CORE_PAGE, PF_R | PF_X);
        _cleanup_(hc_image_destroyp) struct hc_image *image = write_and_open(&builder, NULL);
        _cleanup_(hc_emulator_destroyp) struct hc_emulator *emulator = NULL;
        assert_null(hc_emulator_create(image, &(struct hc_emulator_options){0}, &emulator));
        assert_null(emulator);
    }
}

// Instructions that only x86-64 has.
static enum hc_emulation run_bytes(struct process *process, const void *bytes, size_t size,
                                   const uint64_t *arguments, size_t count, uint64_t *ret)
{
    enum { EXTRA = 0x500000 };
    process_begin(process, &x86_64_code);
    process_add_data(process);
    core_builder_add_load(&process->builder, EXTRA, bytes, size, size, PF_R | PF_X);
    process_start(process, &(struct hc_emulator_options){0});
    return hc_emulator_call(process->emulator, EXTRA, arguments, count, LIMIT, ret);
}

static void test_saving_and_restoring_vector_registers_is_skipped(void **state)
{
    (void)state;
    static const uint8_t code[] = {
        0xb8, 0x07, 0x00, 0x00, 0x00,                         // mov eax, 7
        0x0f, 0xc7, 0x64, 0x24, 0x40,                         // xsavec [rsp + 0x40]
        0x48, 0x0f, 0xc7, 0x64, 0x24, 0x40,                   // xsavec64 [rsp + 0x40]
        0x0f, 0xae, 0x6c, 0x24, 0x40,                         // xrstor [rsp + 0x40]
        0x48, 0x0f, 0xae, 0xac, 0x24, 0xc0, 0xfd, 0xff, 0xff, // xrstor64 [rsp - 0x240]
        0xff, 0xc0,                                           // inc eax
        0xc3,                                                 // ret
    };
    _cleanup_(process_end) struct process process;
    uint64_t result;
    assert_int_equal(run_bytes(&process, code, sizeof(code), NULL, 0, &result), HC_EMULATION_DONE);
    assert_int_equal(result, 8);
}

static void test_a_processor_that_halts_has_not_returned(void **state)
{
    (void)state;
    static const uint8_t halt[] = {0xf4, 0xc3}; // hlt; ret
    _cleanup_(process_end) struct process process;
    uint64_t result;
    assert_int_equal(run_bytes(&process, halt, sizeof(halt), NULL, 0, &result), HC_EMULATION_EXCEPTION);
    expect_that_it_works(&process);
}

static void test_a_repeated_instruction_is_bounded_too(void **state)
{
    (void)state;
    // std, or dec of 2**62: it loads the same bytes for ever
    static const uint8_t code[] = {
        0x48, 0x89, 0xd1, // mov rcx, rdx
        0xf3, 0xa6,       // repe cmpsb
        0xc3,             // ret
    };
    const uint64_t arguments[] = {DATA, DATA, 1ul << 62};
    _cleanup_(process_end) struct process process;
    uint64_t result;
    enum hc_emulation outcome = run_bytes(&process, code, sizeof(code), arguments, 3, &result);
    assert_true(outcome == HC_EMULATION_HOLE || outcome == HC_EMULATION_ENDLESS);
    expect_that_it_works(&process);
}

static void test_what_a_broken_call_left_in_flags_does_not_reach_the_next(void **state)
{
    (void)state;
    static const uint8_t code[] = {
        0x48, 0x85, 0xd2, // test rdx, rdx
        0x74, 0x03,       // je copy
        0xfd,             // std: strings are copied backwards
        0x0f, 0x0b,       // ud2
        0x48, 0x89, 0xf8, // copy: mov rax, rdi
        0x48, 0xa5,       // movsq
        0x48, 0x29, 0xc7, // sub rdi, rax
        0x48, 0x89, 0xf8, // mov rax, rdi
        0xc3,             // ret
    };
    uint64_t arguments[] = {DATA + 8, DATA + 16, 1}, result;
    _cleanup_(process_end) struct process process;
    assert_int_equal(run_bytes(&process, code, sizeof(code), arguments, 3, &result), HC_EMULATION_EXCEPTION);
    arguments[2] = 0;
    assert_int_equal(hc_emulator_call(process.emulator, 0x500000, arguments, 3, LIMIT, &result),
                     HC_EMULATION_DONE);
    assert_int_equal(result, 8);
}

int main(void)
{
#define OF_EACH_MACHINE(test)                                                                                \
    cmocka_unit_test_prestate(test, (void *)&x86_64_code),                                                   \
        cmocka_unit_test_prestate(test, (void *)&aarch64_code)
    const struct CMUnitTest tests[] = {
        OF_EACH_MACHINE(test_a_function_is_given_five_words_and_gives_one),
        OF_EACH_MACHINE(test_a_visitor_collects_what_it_is_given),
        OF_EACH_MACHINE(test_an_endless_function_is_stopped),
        OF_EACH_MACHINE(test_an_endless_visitor_stops_when_the_collection_is_full),
        OF_EACH_MACHINE(test_memory_that_is_not_there_is_told_from_code_that_is_not),
        OF_EACH_MACHINE(test_addresses_at_the_end_of_the_address_space_are_holes),
        OF_EACH_MACHINE(test_what_only_a_kernel_or_a_debugger_could_do_is_an_exception),
        OF_EACH_MACHINE(test_thread_local_variables_are_behind_the_thread_pointer),
        OF_EACH_MACHINE(test_without_a_thread_pointer_there_is_a_block_for_one),
        OF_EACH_MACHINE(test_loads_are_told_of),
        cmocka_unit_test(test_machines_that_are_not_emulated_have_no_emulator),
        cmocka_unit_test(test_saving_and_restoring_vector_registers_is_skipped),
        cmocka_unit_test(test_a_processor_that_halts_has_not_returned),
        cmocka_unit_test(test_a_repeated_instruction_is_bounded_too),
        cmocka_unit_test(test_what_a_broken_call_left_in_flags_does_not_reach_the_next),
    };
    return cmocka_run_group_tests(tests, create_test_directory, remove_test_directory);
}
