// What the tests of the emulator share: a process with code, some pages of data, and holes around them.
#pragma once

#include "../image/support.h"
#include "code.h"
#include "emulator/emulator.h"

enum {
    CODE = 0x400000,
    CODE_STEP = 128, // from one function to the next
    DATA = 0x600000,
    DATA_PAGES = 100,
    HOLE = 0x900000,
    LIMIT = 1 << 20, // blocks
};

struct process {
    struct core_builder builder;
    struct hc_image *image;
    struct hc_emulator *emulator;
};

// The word at DATA + 8 * i is i.
static inline uint64_t data_word(uint64_t address)
{
    return (address - DATA) / 8;
}

static inline void process_begin(struct process *process, const struct code *code)
{
    uint8_t page[CORE_PAGE] = {0};
    *process = (struct process){0};
    core_builder_init(&process->builder, code->elf_machine, 8, false);
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        memcpy(page + i * CODE_STEP, code->functions[i].bytes, code->functions[i].size);
    core_builder_add_load(&process->builder, CODE, page, sizeof(page), sizeof(page), PF_R | PF_X);
}

static inline void process_add_data(struct process *process)
{
    static uint64_t words[DATA_PAGES * CORE_PAGE / 8];
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        words[i] = i;
    core_builder_add_load(&process->builder, DATA, words, sizeof(words), sizeof(words), PF_R | PF_W);
}

static inline void process_start(struct process *process, const struct hc_emulator_options *options)
{
    process->image = write_and_open(&process->builder, NULL);
    assert_null(hc_emulator_create(process->image, options, &process->emulator));
    assert_non_null(process->emulator);
}

static inline void process_open(struct process *process, const struct code *code)
{
    process_begin(process, code);
    process_add_data(process);
    process_start(process, &(struct hc_emulator_options){0});
}

static inline void process_end(struct process *process)
{
    hc_emulator_destroy(process->emulator);
    hc_image_destroy(process->image);
    core_builder_deinit(&process->builder);
}

static inline uint64_t address_of(enum function function)
{
    return CODE + (uint64_t)function * CODE_STEP;
}

static inline enum hc_emulation call(struct process *process, enum function function, uint64_t first,
                                     uint64_t second, uint64_t third, uint64_t *ret)
{
    const uint64_t arguments[] = {first, second, third};
    return hc_emulator_call(process->emulator, address_of(function), arguments, 3, LIMIT, ret);
}

// The result of a call that comes to its end.
static inline uint64_t result_of(struct process *process, enum function function, uint64_t first,
                                 uint64_t second, uint64_t third)
{
    uint64_t result;
    assert_int_equal(call(process, function, first, second, third, &result), HC_EMULATION_DONE);
    return result;
}

static inline void expect_outcome(struct process *process, enum function function, uint64_t first,
                                  uint64_t second, enum hc_emulation expected)
{
    uint64_t result;
    assert_int_equal(call(process, function, first, second, 0, &result), expected);
}

// Whatever was before, the emulator works.
static inline void expect_that_it_works(struct process *process)
{
    assert_int_equal(result_of(process, READ, DATA + 80, 0, 0), 10);
    assert_int_equal(result_of(process, INCREMENT, DATA + 80, 0, 0), 11);
}
