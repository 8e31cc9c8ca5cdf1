// ELF headers and notes of either word size and byte order, decoded from bytes that nobody vouches for.
#pragma once

#include "base/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hc_elf_view {
    const uint8_t *bytes; // a whole file, or as much of its start as is in memory
    uint64_t size;
    struct hc_target target;
    uint16_t type; // ET_CORE, ET_DYN …
    uint64_t entry;
    uint64_t header_offset; // of the program headers
    uint64_t section_offset;
    uint32_t header_size; // of one program header
    uint32_t header_count;
};

struct hc_program_header {
    uint32_t type;
    uint32_t flags;
    uint64_t offset;
    uint64_t address;
    uint64_t file_size;
    uint64_t memory_size;
    uint64_t alignment;
};

struct hc_note {
    const char *name; // not NUL-terminated for sure
    uint64_t name_size;
    uint32_t type;
    const uint8_t *bytes;
    uint64_t size;
};

// Walks a note segment; stops at the first note that reaches past its end.
struct hc_note_cursor {
    struct hc_target target;
    const uint8_t *bytes;
    uint64_t size;
    uint64_t alignment; // 4 or 8
};

bool hc_elf_has_magic(const uint8_t *bytes, uint64_t size);
// False when the header is cut or makes no sense.
bool hc_elf_view_init(struct hc_elf_view *view, const uint8_t *bytes, uint64_t size);
// False past the end of the table or of the bytes.
bool hc_elf_get_program_header(const struct hc_elf_view *view, uint32_t index, struct hc_program_header *ret);
// The count of program headers that a core with more than 65,534 of them keeps elsewhere (PN_XNUM).
bool hc_elf_resolve_header_count(struct hc_elf_view *view);
bool hc_elf_find_build_id(const struct hc_target *target, const uint8_t *notes, uint64_t size,
                          uint64_t alignment, const uint8_t **ret_id, size_t *ret_length);

void hc_note_cursor_init(struct hc_note_cursor *cursor, const struct hc_target *target, const uint8_t *bytes,
                         uint64_t size, uint64_t alignment);
bool hc_note_cursor_next(struct hc_note_cursor *cursor, struct hc_note *ret);
bool hc_note_is_named(const struct hc_note *note, const char *name);
