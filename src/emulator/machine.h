// What differs between the machines that can be emulated: registers, and how C calls a function.
#pragma once

#include "base/target.h"

#include <unicorn/unicorn.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HC_MACHINE_ARGUMENTS = 5 };

struct hc_emulator;

struct hc_machine {
    uint16_t elf_machine;
    uc_arch arch;
    uc_mode mode;
    int cpu_model;
    int arguments[HC_MACHINE_ARGUMENTS]; // registers
    int result, stack_pointer, thread_pointer, program_counter;
    int link;            // register for the return address, or 0: it stands on the stack
    int system_calls[2]; // instructions that would be no-ops; 0: none
    // Goes past an instruction that the emulator lacks and that a call can do without; false: there is none.
    bool (*skip)(struct hc_emulator *emulator);
    // int collect(void *object, struct hc_collection *collection), see emulator.c: notes the object; gives 1
    // if there is no room left.
    const uint8_t *collect;
    size_t collect_size;
};

// NULL: that machine cannot be emulated.
const struct hc_machine *hc_machine_find(const struct hc_target *target);
