// Calls a function of the process under study, in an emulator and over a copy of its memory that is made page
// by page as the function writes: nothing reaches the image, the next call starts from it again. There are no
// system calls, a bounded number of instructions and a bounded amount of written memory. Knows nothing of
// Python.
#pragma once

#include "base/error.h"
#include "image/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hc_emulation {
    HC_EMULATION_DONE,
    HC_EMULATION_UNAVAILABLE, // no libunicorn here, or a machine that it is not used for
    HC_EMULATION_NO_CODE,     // the code is not in the image: its binary is missing, or nothing is there
    HC_EMULATION_HOLE,        // it reads memory that the image does not have
    HC_EMULATION_ENDLESS,     // it did not come to its end within the limit
    HC_EMULATION_MEMORY,      // it wrote too many pages, or collected too much
    HC_EMULATION_EXCEPTION,   // a system call, a trap, an instruction that the emulator does not have
    HC_EMULATION_COUNT
};

// "its code is not in the image" …
const char *hc_emulation_name(enum hc_emulation outcome);
// "no_code" …
const char *hc_emulation_key(enum hc_emulation outcome);

struct hc_emulator; // for one thread

// Told of each load of a call: its address, its size in bytes.
typedef void hc_emulator_load_fn(void *argument, const struct hc_emulator *emulator, uint64_t address,
                                 unsigned size);

struct hc_emulator_options {
    uint64_t thread_pointer;      // fs_base, TPIDR_EL0; 0: a block of zeros
    hc_emulator_load_fn *on_load; // NULL: nobody wants to know, which is faster
    void *argument;
};

// *ret is NULL, without an error, where functions cannot be emulated.
struct hc_error *hc_emulator_create(const struct hc_image *image, const struct hc_emulator_options *options,
                                    struct hc_emulator **ret);
void hc_emulator_destroy(struct hc_emulator *emulator);
HC_DEFINE_POINTER_CLEANUP(hc_emulator_destroy, struct hc_emulator)

// Calls `function` with up to five words; runs `limit` basic blocks at most.
enum hc_emulation hc_emulator_call(struct hc_emulator *emulator, uint64_t function, const uint64_t *arguments,
                                   size_t count, uint64_t limit, uint64_t *ret);
// Calls function(object, f, …), where f notes its first argument and gives 0: as a tp_traverse expects it of
// a visitproc. *ret_items is valid until the next call.
enum hc_emulation hc_emulator_collect(struct hc_emulator *emulator, uint64_t function, uint64_t object,
                                      uint64_t limit, const uint64_t **ret_items, size_t *ret_count);

// Of the last call: the basic blocks that it ran.
uint64_t hc_emulator_blocks(const struct hc_emulator *emulator);
// Is `address` on the stack of calls, or in the collection?
bool hc_emulator_owns(const struct hc_emulator *emulator, uint64_t address);
// … near what the thread pointer points to, where thread-local variables are?
bool hc_emulator_is_of_thread(const struct hc_emulator *emulator, uint64_t address);
// Memory as the last call left it; false for a hole.
bool hc_emulator_read(struct hc_emulator *emulator, uint64_t address, void *bytes, size_t length);
// From now on every call finds `value`, a word, at `address`. False: a hole, or there are too many such
// words.
bool hc_emulator_preset(struct hc_emulator *emulator, uint64_t address, uint64_t value);
