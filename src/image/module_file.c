#include "image/module_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

// No linker writes more; a forged table must not cost time.
enum { PROGRAM_HEADER_LIMIT = 512 };

static bool next_program_header(const struct hc_elf_view *view, uint32_t *index, uint32_t type,
                                struct hc_program_header *ret)
{
    while (*index < PROGRAM_HEADER_LIMIT && hc_elf_get_program_header(view, (*index)++, ret))
        if (ret->type == type)
            return true;
    return false;
}

void hc_module_memory_read(const struct hc_image *image, const struct hc_file_mapping *mapping,
                           struct hc_module_memory *ret)
{
    struct hc_reader reader;
    uint64_t available = 0;
    *ret = (struct hc_module_memory){0};
    if (mapping->offset != 0)
        return;
    hc_reader_init(&reader, image);
    const uint8_t *bytes = hc_reader_span(&reader, mapping->start, &available);
    available = hc_min(available, mapping->end - mapping->start);
    ret->has_header = bytes && hc_elf_view_init(&ret->view, bytes, available);
}

void hc_module_file_deinit(struct hc_module_file *file)
{
    hc_closep(&file->fd);
    free(file->path);
    *file = (struct hc_module_file){.fd = -1};
}

static void fail(struct hc_module_file *file, int error)
{
    bool missing = error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENAMETOOLONG;
    file->state = missing ? HC_MODULE_MISSING : HC_MODULE_BAD;
    file->error = error;
}

struct hc_error *hc_module_file_open(struct hc_image *image, const char *root, const char *path,
                                     struct hc_module_file *ret)
{
    _cleanup_(hc_module_file_deinit) struct hc_module_file file = {.fd = -1, .state = HC_MODULE_FOUND};
    struct stat status;
    file.path = hc_path_resolve_below(root, path);
    if (!file.path && errno == ENOMEM)
        return hc_error_out_of_memory();
    // Opening a pipe would wait and opening a device may act, so look first.
    if (!file.path || stat(file.path, &status) != 0)
        fail(&file, errno);
    else if (!S_ISREG(status.st_mode))
        fail(&file, 0);
    else if ((file.fd = open(file.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
        fail(&file, errno);
    else if (fstat(file.fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0)
        fail(&file, 0);
    if (file.state == HC_MODULE_FOUND) {
        void *bytes = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, file.fd, 0);
        if (bytes == MAP_FAILED) {
            fail(&file, errno);
        } else if (!hc_elf_view_init(&file.view, bytes, status.st_size)) {
            munmap(bytes, status.st_size);
            fail(&file, 0);
        } else {
            HC_TRY(hc_image_keep_mapping(image, bytes, status.st_size));
            file.bytes = bytes;
            file.size = status.st_size;
        }
    }
    *ret = file;
    file = (struct hc_module_file){.fd = -1};
    return NULL;
}

struct hc_error *hc_module_file_open_exe(struct hc_image *image, const char *exe, struct hc_module_file *ret)
{
    HC_TRY(hc_module_file_open(image, "", exe, ret));
    if (ret->state == HC_MODULE_FOUND)
        return NULL;
    if (ret->error)
        return hc_error_create("cannot open %s, given with --exe: %s; check the path", exe,
                               strerror(ret->error));
    return hc_error_create("%s, given with --exe, is not an ELF file; name the program that was running",
                           exe);
}

bool hc_elf_find_bias(const struct hc_elf_view *view, const struct hc_file_mapping *mapping,
                      uint64_t page_size, uint64_t *ret)
{
    struct hc_program_header header;
    uint64_t mask = ~(page_size - 1);
    for (uint32_t i = 0; next_program_header(view, &i, PT_LOAD, &header);) {
        uint64_t start = header.offset & mask;
        uint64_t end = hc_saturating_add(header.offset, header.file_size);
        if (mapping->offset < start || mapping->offset >= end)
            continue;
        *ret = mapping->start - ((header.address & mask) + (mapping->offset - start));
        return true;
    }
    return false;
}

uint64_t hc_elf_find_end(const struct hc_elf_view *view)
{
    struct hc_program_header header;
    uint64_t end = 0;
    for (uint32_t i = 0; next_program_header(view, &i, PT_LOAD, &header);)
        end = hc_max(end, hc_saturating_add(header.address, header.memory_size));
    return end;
}

static void set_build_id(struct hc_module *module, const uint8_t *bytes, size_t length)
{
    module->build_id_length = hc_min(length, sizeof(module->build_id));
    memcpy(module->build_id, bytes, module->build_id_length);
}

void hc_module_read_build_id(const struct hc_image *image, const struct hc_module_memory *memory,
                             struct hc_module *module)
{
    struct hc_reader reader;
    struct hc_program_header header;
    hc_reader_init(&reader, image);
    if (!memory->has_header)
        return;
    for (uint32_t i = 0; next_program_header(&memory->view, &i, PT_NOTE, &header);) {
        const uint8_t *id;
        size_t length;
        const uint8_t *notes = hc_reader_view(&reader, module->load_bias + header.address, header.file_size);
        if (notes &&
            hc_elf_find_build_id(&image->target, notes, header.file_size, header.alignment, &id, &length)) {
            set_build_id(module, id, length);
            return;
        }
    }
}

static bool find_file_build_id(const struct hc_module_file *file, const uint8_t **ret_id, size_t *ret_length)
{
    struct hc_program_header header;
    for (uint32_t i = 0; next_program_header(&file->view, &i, PT_NOTE, &header);) {
        if (header.offset > file->size || header.file_size > file->size - header.offset)
            continue;
        if (hc_elf_find_build_id(&file->view.target, file->bytes + header.offset, header.file_size,
                                 header.alignment, ret_id, ret_length))
            return true;
    }
    return false;
}

static bool headers_agree(const struct hc_elf_view *memory, const struct hc_elf_view *file)
{
    if (memory->type != file->type || memory->entry != file->entry ||
        memory->header_count != file->header_count || memory->header_offset != file->header_offset ||
        memory->header_size != file->header_size)
        return false;
    struct hc_program_header a, b;
    for (uint32_t i = 0; i < PROGRAM_HEADER_LIMIT; i++) {
        if (!hc_elf_get_program_header(memory, i, &a) || !hc_elf_get_program_header(file, i, &b))
            return true;
        if (a.type != b.type || a.flags != b.flags || a.offset != b.offset || a.address != b.address ||
            a.file_size != b.file_size || a.memory_size != b.memory_size)
            return false;
    }
    return true;
}

// Whether each mapping shows a part of a segment of this file, all with one bias.
static bool mappings_agree(const struct hc_image *image, const struct hc_elf_view *file,
                           const struct hc_file_mapping *mappings[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t bias;
        if (!hc_elf_find_bias(file, mappings[i], image->page_size, &bias) ||
            mappings[i]->offset >= file->size)
            return false;
    }
    return true;
}

void hc_module_file_verify(const struct hc_image *image, const struct hc_module_file *file,
                           const struct hc_module_memory *memory, const struct hc_file_mapping *mappings[],
                           size_t count, struct hc_module *module)
{
    const uint8_t *id = NULL;
    size_t length = 0;
    const struct hc_target *a = &image->target, *b = &file->view.target;
    bool known = find_file_build_id(file, &id, &length);
    length = hc_min(length, sizeof(module->build_id));
    if (a->machine != b->machine || a->word_size != b->word_size || a->big_endian != b->big_endian) {
        module->state = HC_MODULE_MISMATCH;
        return;
    }
    if (known && module->build_id_length > 0) {
        bool same = module->build_id_length == length && memcmp(module->build_id, id, length) == 0;
        module->state = same ? HC_MODULE_FOUND : HC_MODULE_MISMATCH;
        return;
    }
    bool agree = memory->has_header ? headers_agree(&memory->view, &file->view)
                                    : mappings_agree(image, &file->view, mappings, count);
    module->state = agree ? HC_MODULE_UNVERIFIED : HC_MODULE_MISMATCH;
    if (agree && known)
        set_build_id(module, id, length);
}

// Permissions of a range that the core does not tell of, as the file's own headers ask for them.
static void guess_flags(const struct hc_elf_view *view, uint64_t elf_address, bool *ret_writable,
                        bool *ret_executable)
{
    struct hc_program_header header;
    *ret_writable = *ret_executable = false;
    for (uint32_t i = 0; next_program_header(view, &i, PT_LOAD, &header);) {
        if (elf_address < header.address || elf_address - header.address >= header.memory_size)
            continue;
        *ret_writable = header.flags & PF_W;
        *ret_executable = header.flags & PF_X;
        return;
    }
}

struct fill {
    const struct hc_module_file *file;
    const struct hc_file_mapping *mapping;
    struct hc_segment_vector *filled;
    bool writable;
    bool executable;
};

// The bytes of the file for `address`, and how many of at most `length` there are.
static const uint8_t *find_file_bytes(const struct fill *fill, uint64_t address, uint64_t *length)
{
    uint64_t offset;
    if (__builtin_add_overflow(fill->mapping->offset, address - fill->mapping->start, &offset) ||
        offset >= fill->file->size)
        return NULL;
    *length = hc_min(*length, fill->file->size - offset);
    return fill->file->bytes + offset;
}

static struct hc_error *fill_hole(struct fill *fill, uint64_t start, uint64_t end)
{
    if (start >= end)
        return NULL;
    uint64_t length = end - start;
    const uint8_t *bytes = find_file_bytes(fill, start, &length);
    if (!bytes)
        return NULL;
    struct hc_segment segment = {
        .address = start,
        .length = length,
        .bytes = bytes,
        .origin = HC_SEGMENT_FILE,
        .writable = fill->writable,
        .executable = fill->executable,
    };
    return hc_segment_vector_push(fill->filled, segment) ? NULL : hc_error_out_of_memory();
}

// Kernels dump the first page of a file even when they leave out the rest. Where the file has the same
// bytes, the segment takes them from there, so that it is one with what follows.
static struct hc_error *adopt(struct hc_image *image, const struct fill *fill, struct hc_segment *segment)
{
    enum { LONGEST = 1 << 16 };
    uint64_t length = segment->length;
    const uint8_t *bytes = find_file_bytes(fill, segment->address, &length);
    if (!bytes || length < segment->length || length > LONGEST || memcmp(bytes, segment->bytes, length) != 0)
        return NULL;
    struct hc_held_pages held = {segment->address, segment->address + segment->length};
    if (!hc_held_pages_vector_push(&image->adopted, held))
        return hc_error_out_of_memory();
    segment->bytes = bytes;
    segment->origin = HC_SEGMENT_FILE;
    return NULL;
}

static struct hc_error *fill_range(struct hc_image *image, struct fill *fill, const struct hc_range *range)
{
    uint64_t start = hc_max(range->address, fill->mapping->start);
    uint64_t end = hc_min(range->address + range->length, fill->mapping->end);
    // A promised part that was cut off was changed in memory (relocated, say), unless it is code.
    bool code = fill->executable && !fill->writable;
    uint64_t first = code ? start : hc_max(start, range->address + range->held);
    uint64_t cursor = first;
    for (size_t i = hc_image_first_segment(image, start); i < image->segments.count; i++) {
        struct hc_segment *segment = &image->segments.items[i];
        if (segment->address >= end)
            break;
        HC_TRY(fill_hole(fill, cursor, segment->address));
        cursor = hc_max(cursor, segment->address + segment->length);
        if (!fill->writable && segment->address >= start && segment->address + segment->length < end)
            HC_TRY(adopt(image, fill, segment));
    }
    return fill_hole(fill, cursor, end);
}

struct hc_error *hc_module_file_fill(struct hc_image *image, const struct hc_module_file *file,
                                     const struct hc_file_mapping *mapping, uint64_t load_bias,
                                     struct hc_segment_vector *filled)
{
    for (size_t i = hc_image_first_range(image, mapping->start); i < image->ranges.count; i++) {
        const struct hc_range *range = &image->ranges.items[i];
        if (range->address >= mapping->end)
            break;
        struct fill fill = {
            .file = file,
            .mapping = mapping,
            .filled = filled,
            .writable = range->writable,
            .executable = range->executable,
        };
        if (!range->flags_known)
            guess_flags(&file->view, hc_max(range->address, mapping->start) - load_bias, &fill.writable,
                        &fill.executable);
        // Shared or private, memory that the process itself could not read is not wanted.
        if (range->readable)
            HC_TRY(fill_range(image, &fill, range));
    }
    return NULL;
}
