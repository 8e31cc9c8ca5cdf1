// Machine code for the tests of the emulator: each function in the words of C, and as either machine has it.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum function {
    ADD,         // a + b + c + d + e
    VISIT,       // n = *p++; while (n--) if (visit(*p++, argument)) return 1; return 0
    ENDLESS,     // while (true);
    READ,        // *p
    JUMP,        // p()
    INCREMENT,   // ++*p, a word
    WRITE,       // *p = value, a word; value
    WRITE_PAGES, // while (n--) { *p = 1, a byte; p += 4096; }
    SPLIT,       // a = *p; *q = 1; a + *p + *r + *q
    SYSTEM_CALL,
    TRAP,
    ILLEGAL,
    THREAD, // the word that the thread pointer points to
    FUNCTION_COUNT
};

struct code {
    uint16_t elf_machine;
    struct {
        const uint8_t *bytes;
        size_t size;
    } functions[FUNCTION_COUNT];
};

extern const struct code x86_64_code, aarch64_code;
