#include "capture/headers.h"

#include <elf.h>
#include <string.h>

HC_DEFINE_VECTOR(header_vector, Elf64_Phdr)

static struct hc_error *push_span(uint64_t start, uint64_t end, enum hc_map_plan plan,
                                  struct hc_span_vector *ret)
{
    struct hc_span span = {.start = start, .end = end, .plan = plan};
    return start >= end || hc_span_vector_push(ret, span) ? NULL : hc_error_out_of_memory();
}

// The end of what a core holds of the mapping.
static uint64_t find_end(const struct hc_map *map, uint64_t page_size)
{
    if (map->plan == HC_MAP_LEAVE || (map->plan == HC_MAP_FILE && map->offset != 0))
        return map->start;
    return map->plan == HC_MAP_FILE ? hc_min(map->end, map->start + page_size) : map->end;
}

struct hc_error *hc_spans_find(const struct hc_map_vector *maps, uint64_t page_size,
                               const struct hc_omission_vector *omissions, struct hc_span_vector *ret)
{
    size_t next = 0;
    ret->count = 0;
    for (size_t i = 0; i < maps->count; i++) {
        const struct hc_map *map = &maps->items[i];
        uint64_t cursor = map->start, end = find_end(map, page_size);
        while (next < omissions->count && omissions->items[next].end <= map->start)
            next++;
        for (size_t j = next; j < omissions->count && omissions->items[j].start < end; j++) {
            HC_TRY(push_span(cursor, omissions->items[j].start, map->plan, ret));
            cursor = omissions->items[j].end;
        }
        HC_TRY(push_span(cursor, end, map->plan, ret));
    }
    return NULL;
}

static uint32_t flags_of(const struct hc_map *map)
{
    return (map->readable ? PF_R : 0) | (map->writable ? PF_W : 0) | (map->executable ? PF_X : 0);
}

// Memory without bytes: the end of the header before it, where that is the same mapping's.
static struct hc_error *add_hole(struct header_vector *headers, const struct hc_map *map, uint64_t start,
                                 uint64_t end, uint64_t page_size)
{
    Elf64_Phdr *last = &headers->items[headers->count - 1];
    if (start >= end)
        return NULL;
    if (start > map->start && last->p_vaddr + last->p_memsz == start) {
        last->p_memsz += end - start;
        return NULL;
    }
    Elf64_Phdr header = {
        .p_type = PT_LOAD,
        .p_flags = flags_of(map),
        .p_vaddr = start,
        .p_memsz = end - start,
        .p_align = page_size,
    };
    return header_vector_push(headers, header) ? NULL : hc_error_out_of_memory();
}

static struct hc_error *add_span(struct header_vector *headers, const struct hc_copy *copy,
                                 const struct hc_map *map, const struct hc_span *span, uint64_t page_size)
{
    const struct hc_area *area = hc_copy_find_area(copy, span->start);
    for (uint64_t address = span->start; address < span->end; area++) {
        uint64_t end = hc_min(span->end, area->end);
        Elf64_Phdr header = {
            .p_type = PT_LOAD,
            .p_flags = flags_of(map),
            .p_offset = area->offset + (address - area->start),
            .p_vaddr = address,
            .p_filesz = end - address,
            .p_memsz = end - address,
            .p_align = page_size,
        };
        if (!header_vector_push(headers, header))
            return hc_error_out_of_memory();
        address = end;
    }
    return NULL;
}

static struct hc_error *add_maps(struct header_vector *headers, const struct hc_copy *copy,
                                 const struct hc_map_vector *maps, const struct hc_span_vector *spans,
                                 uint64_t page_size)
{
    size_t next = 0;
    for (size_t i = 0; i < maps->count; i++) {
        const struct hc_map *map = &maps->items[i];
        uint64_t cursor = map->start;
        if (strncmp(map->path, "[vsyscall", 9) == 0) // no memory of the process
            continue;
        for (; next < spans->count && spans->items[next].start < map->end; next++) {
            HC_TRY(add_hole(headers, map, cursor, spans->items[next].start, page_size));
            HC_TRY(add_span(headers, copy, map, &spans->items[next], page_size));
            cursor = spans->items[next].end;
        }
        HC_TRY(add_hole(headers, map, cursor, map->end, page_size));
    }
    return NULL;
}

static Elf64_Ehdr make_elf_header(const struct hc_target *target, uint64_t headers_at, size_t count)
{
    Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
                    target->big_endian ? ELFDATA2MSB : ELFDATA2LSB, EV_CURRENT, ELFOSABI_NONE},
        .e_type = ET_CORE,
        .e_machine = target->machine,
        .e_version = EV_CURRENT,
        .e_phoff = headers_at,
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = count < PN_XNUM ? (uint16_t)count : PN_XNUM,
    };
    return header;
}

// Program headers, then the one section header that holds their count where it is large, then the notes.
struct hc_error *hc_headers_write(const struct hc_copy *copy, const struct hc_map_vector *maps,
                                  const struct hc_span_vector *spans, const struct hc_image *image,
                                  const struct hc_byte_vector *notes, uint64_t *ret_size)
{
    _cleanup_(header_vector_deinit) struct header_vector headers = {0};
    Elf64_Phdr note = {.p_type = PT_NOTE, .p_filesz = notes->count, .p_align = 4};
    if (!header_vector_push(&headers, note))
        return hc_error_out_of_memory();
    HC_TRY(add_maps(&headers, copy, maps, spans, image->page_size));
    uint64_t table_size = headers.count * sizeof(Elf64_Phdr);
    uint64_t size = sizeof(Elf64_Ehdr) + table_size + sizeof(Elf64_Shdr) + notes->count;
    bool fits = size <= HC_ROOM_FOR_HEADERS;
    uint64_t at = fits ? sizeof(Elf64_Ehdr) : copy->next_offset;
    Elf64_Ehdr header = make_elf_header(&image->target, at, headers.count);
    Elf64_Shdr section = {.sh_info = (uint32_t)headers.count};
    if (header.e_phnum == PN_XNUM) {
        header.e_shoff = at + table_size;
        header.e_shentsize = sizeof(section);
        header.e_shnum = 1;
    }
    headers.items[0].p_offset = at + table_size + sizeof(section);
    HC_TRY(hc_write_at(copy->fd, copy->path, &header, sizeof(header), 0));
    HC_TRY(hc_write_at(copy->fd, copy->path, headers.items, table_size, at));
    HC_TRY(hc_write_at(copy->fd, copy->path, &section, sizeof(section), at + table_size));
    HC_TRY(hc_write_at(copy->fd, copy->path, notes->items, notes->count, headers.items[0].p_offset));
    *ret_size = fits ? copy->next_offset : copy->next_offset + size;
    return NULL;
}
