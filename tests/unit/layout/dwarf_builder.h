// Writes DWARF 4 into an ELF file, an entry at a time, so that debug information that no compiler would make
// is a readable literal. For 64-bit little endian files.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct dwarf_bytes {
    uint8_t *items;
    size_t count;
};

struct dwarf_builder {
    struct dwarf_bytes abbrev, info;
    uint64_t entries;
    size_t unit;   // where the open unit starts
    int depth;     // of open entries in it
    int declaring; // the abbreviation of the last entry still takes attributes
};

// Units and entries are told by their offset in .debug_info. `tag` is DW_TAG_compile_unit and the like.
size_t dwarf_begin_unit(struct dwarf_builder *builder, int tag, const char *name);
void dwarf_end_unit(struct dwarf_builder *builder);
// An entry that has children stays open until dwarf_end_children().
size_t dwarf_begin_children(struct dwarf_builder *builder, int tag, const char *name);
void dwarf_end_children(struct dwarf_builder *builder);
size_t dwarf_entry(struct dwarf_builder *builder, int tag, const char *name);

// Attributes of the last entry. References return the place to patch.
void dwarf_string(struct dwarf_builder *builder, int attribute, const char *value);
void dwarf_unsigned(struct dwarf_builder *builder, int attribute, uint64_t value);
void dwarf_signed(struct dwarf_builder *builder, int attribute, int64_t value);
void dwarf_flag(struct dwarf_builder *builder, int attribute);
size_t dwarf_reference(struct dwarf_builder *builder, int attribute, size_t entry);
size_t dwarf_alternate_reference(struct dwarf_builder *builder, int attribute, size_t entry);
void dwarf_patch(struct dwarf_builder *builder, size_t place, size_t entry);

// A file of 20 bytes of build-id, each `id`; refers to a dwz file of the build-id `alternate_id` if it has a
// name. Frees the builder's memory.
void dwarf_write(struct dwarf_builder *builder, const char *path, uint8_t id, const char *alternate_name,
                 uint8_t alternate_id);
