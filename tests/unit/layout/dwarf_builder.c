#include "dwarf_builder.h"

#include <assert.h>
#include <dwarf.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUILD_ID_SIZE 20

static void append(struct dwarf_bytes *bytes, const void *data, size_t size)
{
    bytes->items = realloc(bytes->items, bytes->count + size + 1);
    if (!bytes->items)
        abort();
    memcpy(bytes->items + bytes->count, data, size);
    bytes->count += size;
}

static void append_u32(struct dwarf_bytes *bytes, uint32_t value)
{
    append(bytes, &value, sizeof(value));
}

static void append_unsigned(struct dwarf_bytes *bytes, uint64_t value)
{
    do {
        uint8_t byte = (value & 0x7f) | (value >> 7 ? 0x80 : 0);
        append(bytes, &byte, 1);
        value >>= 7;
    } while (value);
}

static void append_signed(struct dwarf_bytes *bytes, int64_t value)
{
    for (;;) {
        uint8_t byte = value & 0x7f;
        value >>= 7;
        int is_last = (value == 0 && !(byte & 0x40)) || (value == -1 && (byte & 0x40));
        byte |= is_last ? 0 : 0x80;
        append(bytes, &byte, 1);
        if (is_last)
            return;
    }
}

static void end_declaration(struct dwarf_builder *builder)
{
    if (builder->declaring)
        append(&builder->abbrev, "\0", 2);
    builder->declaring = 0;
}

static size_t begin_entry(struct dwarf_builder *builder, int tag, int has_children, const char *name)
{
    end_declaration(builder);
    size_t offset = builder->info.count;
    append_unsigned(&builder->abbrev, ++builder->entries);
    append_unsigned(&builder->abbrev, (uint64_t)tag);
    append(&builder->abbrev, has_children ? "\1" : "\0", 1);
    append_unsigned(&builder->info, builder->entries);
    builder->declaring = 1;
    if (name)
        dwarf_string(builder, DW_AT_name, name);
    return offset;
}

size_t dwarf_entry(struct dwarf_builder *builder, int tag, const char *name)
{
    return begin_entry(builder, tag, 0, name);
}

size_t dwarf_begin_children(struct dwarf_builder *builder, int tag, const char *name)
{
    builder->depth++;
    return begin_entry(builder, tag, 1, name);
}

void dwarf_end_children(struct dwarf_builder *builder)
{
    builder->depth--;
    append(&builder->info, "", 1);
}

size_t dwarf_begin_unit(struct dwarf_builder *builder, int tag, const char *name)
{
    builder->unit = builder->info.count;
    append_u32(&builder->info, 0);     // length, patched at the end
    append(&builder->info, "\4\0", 2); // version
    append_u32(&builder->info, 0);     // all units share one table of abbreviations
    append(&builder->info, "\10", 1);  // address size
    return dwarf_begin_children(builder, tag, name);
}

void dwarf_end_unit(struct dwarf_builder *builder)
{
    dwarf_end_children(builder);
    assert(builder->depth == 0);
    dwarf_patch(builder, builder->unit, builder->info.count - builder->unit - 4);
}

static void declare(struct dwarf_builder *builder, int attribute, int form)
{
    append_unsigned(&builder->abbrev, (uint64_t)attribute);
    append_unsigned(&builder->abbrev, (uint64_t)form);
}

void dwarf_string(struct dwarf_builder *builder, int attribute, const char *value)
{
    declare(builder, attribute, DW_FORM_string);
    append(&builder->info, value, strlen(value) + 1);
}

void dwarf_unsigned(struct dwarf_builder *builder, int attribute, uint64_t value)
{
    declare(builder, attribute, DW_FORM_udata);
    append_unsigned(&builder->info, value);
}

void dwarf_signed(struct dwarf_builder *builder, int attribute, int64_t value)
{
    declare(builder, attribute, DW_FORM_sdata);
    append_signed(&builder->info, value);
}

void dwarf_flag(struct dwarf_builder *builder, int attribute)
{
    declare(builder, attribute, DW_FORM_flag_present);
}

static size_t refer(struct dwarf_builder *builder, int attribute, int form, size_t entry)
{
    declare(builder, attribute, form);
    append_u32(&builder->info, (uint32_t)entry);
    return builder->info.count - 4;
}

size_t dwarf_reference(struct dwarf_builder *builder, int attribute, size_t entry)
{
    return refer(builder, attribute, DW_FORM_ref_addr, entry);
}

size_t dwarf_alternate_reference(struct dwarf_builder *builder, int attribute, size_t entry)
{
    return refer(builder, attribute, DW_FORM_GNU_ref_alt, entry);
}

void dwarf_patch(struct dwarf_builder *builder, size_t place, size_t entry)
{
    uint32_t value = (uint32_t)entry;
    memcpy(builder->info.items + place, &value, sizeof(value));
}

enum { SECTION_NULL, SECTION_INFO, SECTION_ABBREV, SECTION_NOTE, SECTION_LINK, SECTION_NAMES, SECTION_COUNT };

static void add_section(struct dwarf_bytes *file, struct dwarf_bytes *names, Elf64_Shdr *header,
                        const char *name, uint32_t type, const void *data, size_t size)
{
    *header = (Elf64_Shdr){.sh_name = (uint32_t)names->count,
                           .sh_type = type,
                           .sh_offset = file->count,
                           .sh_size = size,
                           .sh_addralign = 1};
    append(names, name, strlen(name) + 1);
    append(file, data, size);
}

static void append_note(struct dwarf_bytes *bytes, const uint8_t *build_id)
{
    append_u32(bytes, 4);
    append_u32(bytes, BUILD_ID_SIZE);
    append_u32(bytes, NT_GNU_BUILD_ID);
    append(bytes, "GNU", 4);
    append(bytes, build_id, BUILD_ID_SIZE);
}

void dwarf_write(struct dwarf_builder *builder, const char *path, uint8_t id, const char *alternate_name,
                 uint8_t alternate_id)
{
    struct dwarf_bytes file = {0}, names = {0}, note = {0}, link = {0};
    Elf64_Ehdr header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                         .e_type = ET_DYN,
                         .e_machine = EM_X86_64,
                         .e_version = EV_CURRENT,
                         .e_ehsize = sizeof(Elf64_Ehdr),
                         .e_shentsize = sizeof(Elf64_Shdr),
                         .e_shnum = SECTION_COUNT,
                         .e_shstrndx = SECTION_NAMES};
    Elf64_Shdr sections[SECTION_COUNT] = {0};
    uint8_t build_id[BUILD_ID_SIZE];
    end_declaration(builder);
    append(&builder->abbrev, "", 1);
    memset(build_id, id, sizeof(build_id));
    append_note(&note, build_id);
    if (alternate_name) {
        memset(build_id, alternate_id, sizeof(build_id));
        append(&link, alternate_name, strlen(alternate_name) + 1);
        append(&link, build_id, sizeof(build_id));
    }
    append(&file, &header, sizeof(header));
    append(&names, "", 1);
    add_section(&file, &names, &sections[SECTION_NOTE], ".note.gnu.build-id", SHT_NOTE, note.items,
                note.count);
    sections[SECTION_NOTE].sh_addralign = 4;
    add_section(&file, &names, &sections[SECTION_INFO], ".debug_info", SHT_PROGBITS, builder->info.items,
                builder->info.count);
    add_section(&file, &names, &sections[SECTION_ABBREV], ".debug_abbrev", SHT_PROGBITS,
                builder->abbrev.items, builder->abbrev.count);
    add_section(&file, &names, &sections[SECTION_LINK], alternate_name ? ".gnu_debugaltlink" : ".none",
                SHT_PROGBITS, link.items ? (const void *)link.items : "", link.count);
    append(&names, ".shstrtab", 10);
    sections[SECTION_NAMES] = (Elf64_Shdr){.sh_name = (uint32_t)names.count - 10,
                                           .sh_type = SHT_STRTAB,
                                           .sh_offset = file.count,
                                           .sh_size = names.count,
                                           .sh_addralign = 1};
    append(&file, names.items, names.count);
    append(&file, "\0\0\0\0\0\0\0", 8 - file.count % 8);
    header.e_shoff = file.count;
    append(&file, sections, sizeof(sections));
    memcpy(file.items, &header, sizeof(header));
    FILE *output = fopen(path, "w");
    if (!output || fwrite(file.items, file.count, 1, output) != 1 || fclose(output) != 0)
        abort();
    free(file.items);
    free(names.items);
    free(note.items);
    free(link.items);
    free(builder->info.items);
    free(builder->abbrev.items);
    *builder = (struct dwarf_builder){0};
}
