// Images that nobody dumped: the emulator gives up, in bounded time, and goes on with the next call.
#include "support.h"

#include <stdlib.h>
#include <time.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void test_thousands_of_tiny_segments_are_survived(void **state)
{
    enum { BASE = 0x10000000, SEGMENTS = 5000, STEP = 3 * CORE_PAGE };
    _cleanup_(process_end) struct process process;
    process_begin(&process, *state);
    process_add_data(&process);
    process.builder.extended_count = true;
    for (uint64_t i = 0; i < SEGMENTS; i++) {
        const uint64_t words[] = {i, i + 1};
        core_builder_add_load(&process.builder, BASE + i * STEP + i % 500 * 8, words, sizeof(words),
                              sizeof(words), PF_R | PF_W);
    }
    process_start(&process, &(struct hc_emulator_options){0});
    for (uint64_t i = 0; i < SEGMENTS; i += 7) {
        uint64_t address = BASE + i * STEP + i % 500 * 8;
        assert_int_equal(result_of(&process, READ, address, 0, 0), i);
        assert_int_equal(result_of(&process, INCREMENT, address + 8, 0, 0), i + 2);
    }
    expect_that_it_works(&process);
}

static void test_a_segment_in_the_last_page_of_all_is_survived(void **state)
{
    static const uint64_t lasts[] = {UINT64_MAX - CORE_PAGE + 1, UINT64_MAX - 2 * CORE_PAGE + 1, 1ul << 63,
                                     1ul << 52};
    uint8_t bytes[CORE_PAGE - 1] = {42};
    for (size_t i = 0; i < sizeof(lasts) / sizeof(*lasts); i++) {
        _cleanup_(process_end) struct process process;
        process_begin(&process, *state);
        process_add_data(&process);
        core_builder_add_load(&process.builder, lasts[i], bytes, sizeof(bytes), sizeof(bytes), PF_R | PF_W);
        process_start(&process, &(struct hc_emulator_options){0});
        uint64_t result;
        for (uint64_t offset = 0; offset < CORE_PAGE; offset += 1001) {
            call(&process, READ, lasts[i] + offset, 0, 0, &result);
            call(&process, WRITE, lasts[i] + offset, 1, 0, &result);
            call(&process, JUMP, lasts[i] + offset, 1, 0, &result);
            expect_that_it_works(&process);
        }
        hc_emulator_preset(process.emulator, lasts[i], 1);
        expect_that_it_works(&process);
    }
}

// What stands in place of code in a damaged image.
static void test_any_bytes_may_be_run(void **state)
{
    enum { CALLS = 3000, BYTES = 64, CALL_LIMIT = 10000 };
    const struct code *code = *state;
    srandom(1);
    _cleanup_(process_end) struct process process;
    process_begin(&process, code);
    process_add_data(&process);
    static uint8_t bytes[CALLS * BYTES];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(random() >> 8) & 0xfe; // Unicorn 2.0.1 itself does not survive ff d8
    core_builder_add_load(&process.builder, 0x10000000, bytes, sizeof(bytes), sizeof(bytes), PF_R | PF_X);
    process_start(&process, &(struct hc_emulator_options){0});
    unsigned outcomes[HC_EMULATION_COUNT] = {0};
    for (uint64_t i = 0; i < CALLS; i++) {
        const uint64_t arguments[] = {DATA + i * 8, DATA + 4096, i, 0x10000000, HOLE};
        uint64_t result;
        outcomes[hc_emulator_call(process.emulator, 0x10000000 + i * BYTES, arguments, 5, CALL_LIMIT,
                                  &result)]++;
        if (i % 100 == 0)
            expect_that_it_works(&process);
    }
    assert_int_equal(outcomes[HC_EMULATION_UNAVAILABLE], 0);
    assert_true(outcomes[HC_EMULATION_EXCEPTION] + outcomes[HC_EMULATION_HOLE] > CALLS / 2);
    expect_that_it_works(&process);
}

static void test_the_limit_holds_for_what_costs_more_than_its_blocks(void **state)
{
    // Each page that is written starts the call again.
    _cleanup_(process_end) struct process process;
    process_open(&process, *state);
    double started = seconds();
    const uint64_t arguments[] = {DATA, 64};
    uint64_t result;
    for (unsigned i = 0; i < 1000; i++) {
        enum hc_emulation outcome =
            hc_emulator_call(process.emulator, address_of(WRITE_PAGES), arguments, 2, 1000, &result);
        assert_int_equal(outcome, HC_EMULATION_ENDLESS);
    }
    assert_true(seconds() - started < 10);
    expect_that_it_works(&process);
}

int main(void)
{
#define OF_EACH_MACHINE(test)                                                                                \
    cmocka_unit_test_prestate(test, (void *)&x86_64_code),                                                   \
        cmocka_unit_test_prestate(test, (void *)&aarch64_code)
    const struct CMUnitTest tests[] = {
        OF_EACH_MACHINE(test_thousands_of_tiny_segments_are_survived),
        OF_EACH_MACHINE(test_a_segment_in_the_last_page_of_all_is_survived),
        OF_EACH_MACHINE(test_any_bytes_may_be_run),
        OF_EACH_MACHINE(test_the_limit_holds_for_what_costs_more_than_its_blocks),
    };
    return cmocka_run_group_tests(tests, create_test_directory, remove_test_directory);
}
