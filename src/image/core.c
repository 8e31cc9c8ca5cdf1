// ELF core files, through mmap, or unpacked where they are compressed: by program headers, without a copy,
// and never past the end of the file.
#include "image/elf_view.h"
#include "image/internal.h"
#include "image/unpack.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static struct hc_error *explain_open_failure(const char *path, int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return hc_error_create("there is no file %s; check the path, or name a process with -p PID", path);
    case EACCES:
    case EPERM:
        return hc_error_create("no permission to read %s; try as its owner or as root", path);
    default:
        return hc_error_create("cannot open %s: %s; check the file system and the limit of open files", path,
                               strerror(error));
    }
}

static struct hc_error *explain_kind(const char *path, const struct stat *status)
{
    if (S_ISDIR(status->st_mode))
        return hc_error_create("%s is a directory, not a core file; name the file in it", path);
    if (!S_ISREG(status->st_mode))
        return hc_error_create("%s is a pipe, device or socket, and a core must be a regular file; "
                               "save it to a file first",
                               path);
    if (status->st_size == 0)
        return hc_error_create("%s is empty: no core was written to it; check for a full disk and for "
                               "'ulimit -c' where the process ran",
                               path);
    return NULL;
}

static struct hc_error *explain_foreign_bytes(const char *path, const uint8_t *bytes, uint64_t size)
{
    if (hc_elf_has_magic(bytes, size))
        return hc_error_create("%s starts like an ELF file but its header is cut or damaged; "
                               "copy it again from where it was written",
                               path);
    return hc_error_create("%s is not an ELF file, so it is no core; name a core file written by the kernel, "
                           "or by gdb's gcore",
                           path);
}

static struct hc_error *explain_other_elf(const char *path, uint16_t type)
{
    switch (type) {
    case ET_EXEC:
    case ET_DYN:
        return hc_error_create("%s is an ELF executable or library, not a core file; did you mean --exe?",
                               path);
    case ET_REL:
        return hc_error_create("%s is an ELF object file, not a core file; name a core file", path);
    default:
        return hc_error_create("%s is an ELF file of type %u, not a core file; name a core file", path, type);
    }
}

static struct hc_error *unpack_file(struct hc_image *image, int fd, const struct hc_compression *compression,
                                    const uint8_t **ret)
{
    const char *name = hc_compression_name(compression);
    struct hc_unpacked unpacked = {0};
    HC_TRY(hc_unpack(fd, image->path, compression, hc_available_memory(), &unpacked));
    if (unpacked.size == 0)
        return hc_error_create("%s is compressed with %s and %s; copy it again from where it was written",
                               image->path, name,
                               unpacked.end == HC_UNPACK_WHOLE ? "holds nothing"
                               : unpacked.end == HC_UNPACK_CUT ? "cut short before the first byte of the core"
                                                               : "damaged before the first byte of the core");
    HC_TRY(hc_image_keep_mapping(image, unpacked.bytes, unpacked.mapped));
    hc_image_open_pagemap(image);
    image->compression = name;
    image->size = unpacked.size;
    image->losses.compressed_cut = unpacked.end == HC_UNPACK_CUT;
    image->losses.compressed_damaged = unpacked.end == HC_UNPACK_DAMAGED;
    *ret = unpacked.bytes;
    return NULL;
}

static struct hc_error *read_file(struct hc_image *image, const char *path, const uint8_t **ret)
{
    // Opening a pipe would wait and opening a device may act, so look first.
    struct stat status;
    if (stat(path, &status) != 0)
        return explain_open_failure(path, errno);
    HC_TRY(explain_kind(path, &status));
    _cleanup_(hc_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return explain_open_failure(path, errno);
    if (fstat(fd, &status) != 0)
        return explain_open_failure(path, errno);
    HC_TRY(explain_kind(path, &status));
    uint8_t magic[8];
    ssize_t length = pread(fd, magic, sizeof(magic), 0);
    const struct hc_compression *compression = hc_find_compression(magic, length > 0 ? length : 0);
    if (compression) {
        image->compressed_size = status.st_size;
        return unpack_file(image, fd, compression, ret);
    }
    void *bytes = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return hc_error_create("cannot map %s (%jd bytes): %s; check 'ulimit -v' and the file system", path,
                               (intmax_t)status.st_size, strerror(errno));
    HC_TRY(hc_image_keep_mapping(image, bytes, status.st_size));
    image->size = status.st_size;
    image->file = bytes;
    image->sparse = fd;
    fd = -1;
    *ret = bytes;
    return NULL;
}

static struct hc_error *add_range(struct hc_image *image, const struct hc_program_header *header)
{
    uint64_t length = hc_min(header->memory_size, UINT64_MAX - header->address);
    if (image->target.word_size == 4)
        length = header->address >> 32 ? 0 : hc_min(length, (UINT64_C(1) << 32) - header->address);
    if (length == 0)
        return NULL;
    uint64_t held = hc_min(header->file_size, length);
    uint64_t present = header->offset < image->size ? image->size - header->offset : 0;
    struct hc_range range = {
        .address = header->address,
        .length = length,
        .held = held,
        .available = hc_min(held, present),
        .offset = header->offset,
        .readable = header->flags & PF_R,
        .writable = header->flags & PF_W,
        .executable = header->flags & PF_X,
        .flags_known = true,
    };
    return hc_range_vector_push(&image->ranges, range) ? NULL : hc_error_out_of_memory();
}

// Forged headers may name the same notes again and again: `budget` bounds the work by the file's size.
static struct hc_error *read_note_segment(struct hc_image *image, const struct hc_elf_view *core,
                                          const struct hc_program_header *header, uint64_t *budget)
{
    if (header->offset >= core->size)
        return NULL;
    uint64_t size = hc_min(header->file_size, core->size - header->offset);
    size = hc_min(size, *budget);
    *budget -= size;
    return hc_image_read_notes(image, core->bytes + header->offset, size, header->alignment);
}

static struct hc_error *read_program_headers(struct hc_image *image, const struct hc_elf_view *core)
{
    struct hc_program_header header;
    uint64_t budget = core->size;
    uint64_t expected = 0;
    for (uint32_t i = 0; hc_elf_get_program_header(core, i, &header); i++) {
        if (header.type != PT_NOTE && header.type != PT_LOAD)
            continue;
        if (header.file_size > 0)
            expected = hc_max(expected, hc_saturating_add(header.offset, header.file_size));
        if (header.type == PT_NOTE)
            HC_TRY(read_note_segment(image, core, &header, &budget));
        else
            HC_TRY(add_range(image, &header));
    }
    image->losses.expected_size = hc_max(expected, core->size);
    image->losses.truncated = expected > core->size;
    return NULL;
}

static struct hc_error *add_core_segments(struct hc_image *image, const struct hc_elf_view *core)
{
    for (size_t i = 0; i < image->ranges.count; i++) {
        const struct hc_range *range = &image->ranges.items[i];
        if (range->available == 0)
            continue;
        struct hc_segment segment = {
            .address = range->address,
            .length = range->available,
            .bytes = core->bytes + range->offset,
            .origin = HC_SEGMENT_CORE,
            .writable = range->writable,
            .executable = range->executable,
        };
        if (!hc_segment_vector_push(&image->segments, segment))
            return hc_error_out_of_memory();
    }
    if (image->segments.count > 0)
        return NULL;
    if (image->losses.truncated)
        return hc_error_create("%s is cut short before the first byte of memory (%" PRIu64 " of %" PRIu64
                               " bytes are there); copy it again, or check for a full disk and 'ulimit -c' "
                               "where it was written",
                               image->path, core->size, image->losses.expected_size);
    return hc_error_create("%s is a core with no memory in it; check /proc/PID/coredump_filter of such a "
                           "process before the next crash",
                           image->path);
}

static struct hc_error *check_header_table(const char *path, struct hc_elf_view *core)
{
    if (!hc_elf_resolve_header_count(core) || core->header_count == 0)
        return hc_error_create("%s is an ELF core without program headers, so it tells of no memory; copy it "
                               "again from where it was written",
                               path);
    struct hc_program_header header;
    if (hc_elf_get_program_header(core, core->header_count - 1, &header))
        return NULL;
    return hc_error_create("%s is cut short inside its program headers (%" PRIu64
                           " bytes are there); copy it "
                           "again, or check for a full disk and 'ulimit -c' where it was written",
                           path, core->size);
}

static struct hc_error *check_kind_of_elf(const char *path, const uint8_t *bytes, uint64_t size,
                                          struct hc_elf_view *ret)
{
    if (!hc_elf_view_init(ret, bytes, size))
        return explain_foreign_bytes(path, bytes, size);
    if (ret->type != ET_CORE)
        return explain_other_elf(path, ret->type);
    return check_header_table(path, ret);
}

static struct hc_error *view_core(const struct hc_image *image, const uint8_t *bytes, struct hc_elf_view *ret)
{
    struct hc_error *error = check_kind_of_elf(image->path, bytes, image->size, ret);
    if (error && image->compression)
        return hc_error_wrap(error, "unpacked from %s", image->compression);
    return error;
}

struct hc_error *hc_image_open_core(const char *path, const struct hc_image_options *options,
                                    struct hc_image **ret)
{
    _cleanup_(hc_image_destroyp) struct hc_image *image = NULL;
    HC_TRY(hc_image_create(path, &image));
    const uint8_t *bytes = NULL;
    HC_TRY(read_file(image, path, &bytes));
    struct hc_elf_view core;
    HC_TRY(view_core(image, bytes, &core));
    image->target = core.target;
    HC_TRY(read_program_headers(image, &core));
    hc_image_sort_ranges(image);
    HC_TRY(add_core_segments(image, &core));
    if (image->files.count == 0)
        HC_TRY(hc_image_list_linked_files(image, options));
    hc_image_sort_files(image);
    HC_TRY(hc_image_cover_files(image));
    HC_TRY(hc_image_find_modules(image, options, ""));
    hc_image_join_segments(image);
    hc_image_count_losses(image);
    image->process.threads = image->threads.items;
    image->process.thread_count = image->threads.count;
    *ret = hc_take(image);
    return NULL;
}
