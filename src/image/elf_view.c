#include "image/elf_view.h"

#include <elf.h>

#define FIELD(view, type64, type32, bytes, field)                                                            \
    ((view)->target.word_size == 8 ? hc_load_unsigned(&(view)->target, (bytes) + offsetof(type64, field),    \
                                                      sizeof(((type64 *)0)->field))                          \
                                   : hc_load_unsigned(&(view)->target, (bytes) + offsetof(type32, field),    \
                                                      sizeof(((type32 *)0)->field)))
#define HEADER_FIELD(view, field) FIELD(view, Elf64_Ehdr, Elf32_Ehdr, (view)->bytes, field)
#define PROGRAM_FIELD(view, bytes, field) FIELD(view, Elf64_Phdr, Elf32_Phdr, bytes, field)
#define SECTION_FIELD(view, bytes, field) FIELD(view, Elf64_Shdr, Elf32_Shdr, bytes, field)

bool hc_elf_has_magic(const uint8_t *bytes, uint64_t size)
{
    return size >= SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0;
}

bool hc_elf_view_init(struct hc_elf_view *view, const uint8_t *bytes, uint64_t size)
{
    if (!hc_elf_has_magic(bytes, size) || size < EI_NIDENT)
        return false;
    uint8_t class = bytes[EI_CLASS], order = bytes[EI_DATA];
    if ((class != ELFCLASS32 && class != ELFCLASS64) || (order != ELFDATA2LSB && order != ELFDATA2MSB))
        return false;
    if (size < (class == ELFCLASS64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
        return false;
    *view = (struct hc_elf_view){
        .bytes = bytes,
        .size = size,
        .target = {.word_size = class == ELFCLASS64 ? 8 : 4, .big_endian = order == ELFDATA2MSB},
    };
    view->target.machine = HEADER_FIELD(view, e_machine);
    view->type = HEADER_FIELD(view, e_type);
    view->entry = HEADER_FIELD(view, e_entry);
    view->header_offset = HEADER_FIELD(view, e_phoff);
    view->section_offset = HEADER_FIELD(view, e_shoff);
    view->header_size = HEADER_FIELD(view, e_phentsize);
    view->header_count = HEADER_FIELD(view, e_phnum);
    uint32_t smallest = view->target.word_size == 8 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    return view->header_count == 0 || view->header_size >= smallest;
}

bool hc_elf_get_program_header(const struct hc_elf_view *view, uint32_t index, struct hc_program_header *ret)
{
    if (index >= view->header_count || view->header_offset > view->size)
        return false;
    uint64_t offset = (uint64_t)index * view->header_size;
    uint64_t space = view->size - view->header_offset;
    if (offset > space || space - offset < view->header_size)
        return false;
    const uint8_t *bytes = view->bytes + view->header_offset + offset;
    *ret = (struct hc_program_header){
        .type = PROGRAM_FIELD(view, bytes, p_type),
        .flags = PROGRAM_FIELD(view, bytes, p_flags),
        .offset = PROGRAM_FIELD(view, bytes, p_offset),
        .address = PROGRAM_FIELD(view, bytes, p_vaddr),
        .file_size = PROGRAM_FIELD(view, bytes, p_filesz),
        .memory_size = PROGRAM_FIELD(view, bytes, p_memsz),
        .alignment = PROGRAM_FIELD(view, bytes, p_align),
    };
    return true;
}

bool hc_elf_resolve_header_count(struct hc_elf_view *view)
{
    if (view->header_count != PN_XNUM)
        return true;
    uint64_t section_size = view->target.word_size == 8 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
    if (view->section_offset && view->size >= section_size &&
        view->section_offset <= view->size - section_size) {
        view->header_count = SECTION_FIELD(view, view->bytes + view->section_offset, sh_info);
        return true;
    }
    // The kernel writes that section header last, so a cut core has lost it; but it writes the notes right
    // behind the table, whose first entry is theirs.
    struct hc_program_header first;
    if (!hc_elf_get_program_header(view, 0, &first) || first.type != PT_NOTE ||
        first.offset <= view->header_offset || first.offset > view->size)
        return false;
    uint64_t count = (first.offset - view->header_offset) / view->header_size;
    if (count < PN_XNUM || count > UINT32_MAX)
        return false;
    view->header_count = count;
    return true;
}

void hc_note_cursor_init(struct hc_note_cursor *cursor, const struct hc_target *target, const uint8_t *bytes,
                         uint64_t size, uint64_t alignment)
{
    *cursor = (struct hc_note_cursor){
        .target = *target,
        .bytes = bytes,
        .size = size,
        .alignment = alignment == 8 ? 8 : 4,
    };
}

static void advance(struct hc_note_cursor *cursor, uint64_t count)
{
    if (count > cursor->size)
        count = cursor->size;
    cursor->bytes += count;
    cursor->size -= count;
}

bool hc_note_cursor_next(struct hc_note_cursor *cursor, struct hc_note *ret)
{
    if (cursor->size < sizeof(Elf32_Nhdr))
        return false;
    uint64_t name_size = hc_load_u32(&cursor->target, cursor->bytes + offsetof(Elf32_Nhdr, n_namesz));
    uint64_t size = hc_load_u32(&cursor->target, cursor->bytes + offsetof(Elf32_Nhdr, n_descsz));
    uint32_t type = hc_load_u32(&cursor->target, cursor->bytes + offsetof(Elf32_Nhdr, n_type));
    uint64_t mask = cursor->alignment - 1;
    uint64_t start = (sizeof(Elf32_Nhdr) + name_size + mask) & ~mask;
    if (start > cursor->size || size > cursor->size - start)
        return false;
    *ret = (struct hc_note){
        .name = (const char *)cursor->bytes + sizeof(Elf32_Nhdr),
        .name_size = name_size,
        .type = type,
        .bytes = cursor->bytes + start,
        .size = size,
    };
    advance(cursor, (start + size + mask) & ~mask);
    return true;
}

bool hc_note_is_named(const struct hc_note *note, const char *name)
{
    size_t length = strlen(name);
    // Some writers leave the NUL out of the size.
    return note->name_size >= length && note->name_size <= length + 1 &&
           memcmp(note->name, name, length) == 0;
}

bool hc_elf_find_build_id(const struct hc_target *target, const uint8_t *notes, uint64_t size,
                          uint64_t alignment, const uint8_t **ret_id, size_t *ret_length)
{
    struct hc_note_cursor cursor;
    struct hc_note note;
    hc_note_cursor_init(&cursor, target, notes, size, alignment);
    while (hc_note_cursor_next(&cursor, &note)) {
        if (note.type != NT_GNU_BUILD_ID || !hc_note_is_named(&note, "GNU") || note.size == 0)
            continue;
        *ret_id = note.bytes;
        *ret_length = note.size;
        return true;
    }
    return false;
}
