// The emulator from within.
#pragma once

#include "base/vector.h"
#include "emulator/emulator.h"
#include "emulator/machine.h"
#include "emulator/memory.h"

// The emulator's own memory, in a gap of the image: code, thread block, stack; behind them the collection.
enum {
    PAGE = 4096,
    CODE_SIZE = PAGE,
    STOP = 0xf00, // in the code page: where a call returns to
    THREAD_SIZE = 4 * PAGE,
    STACK_SIZE = 512 << 10,
    OWN_SIZE = CODE_SIZE + THREAD_SIZE + STACK_SIZE,
    LEAST_ITEMS = 4094,
    MOST_ITEMS = 1 << 26,
};

// As the machine's own code knows it, see machine.c.
struct hc_collection {
    uint64_t count, capacity, items[];
};

struct hc_intrinsic; // intrinsics.h

HC_DEFINE_VECTOR(hc_intrinsic_vector, struct hc_intrinsic *)

struct hc_emulator {
    const struct hc_unicorn *unicorn;
    const struct hc_machine *machine;
    uc_engine *engine;
    struct hc_pages memory;
    struct hc_emulator_options options;
    uint64_t base;      // of the emulator's own memory
    uint8_t *own;       // its OWN_SIZE bytes
    uint64_t collected; // address of the collection
    struct hc_collection *collection;
    uc_context *fresh;       // the processor before the first call
    uint64_t blocks, limit;  // of this call
    enum hc_emulation cause; // why it was stopped; DONE: it was not
    bool has_skipped;        // an instruction, at last
    uint64_t written;        // where it wrote to what is the image's still, or 0
    struct hc_intrinsic_vector intrinsics;
};

// Work that takes as long as so many basic blocks. False: the call is beyond its limit, and stops.
bool hc_emulator_charge(struct hc_emulator *emulator, uint64_t blocks);
// Memory as the function under way sees it; false for a hole.
bool hc_emulator_load(struct hc_emulator *emulator, uint64_t address, void *bytes, size_t length);
// False: nothing was written, the run is at its end, and may be tried again if emulator->written is set.
bool hc_emulator_store(struct hc_emulator *emulator, uint64_t address, const void *bytes, size_t length);
uint64_t hc_emulator_register(struct hc_emulator *emulator, int name);
void hc_emulator_set_register(struct hc_emulator *emulator, int name, uint64_t value);
