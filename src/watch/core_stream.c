#include "watch/core_stream.h"

#include "base/vector.h"
#include "watch/choose.h"
#include "watch/core_zstd.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    MOST_HEAD = 256 << 20, // notes of a hundred thousand threads
    BUFFER = 1 << 20,
    PAGE = 4096,
};

// Bytes of the file, not of memory.
struct range {
    uint64_t start;
    uint64_t end;
};

HC_DEFINE_VECTOR(range_vector, struct range)

static bool add_overflows(uint64_t a, uint64_t b, uint64_t *ret)
{
    return __builtin_add_overflow(a, b, ret);
}

// What is there up to the end or an error; all of `size` else.
static size_t read_fully(int fd, uint8_t *bytes, size_t size)
{
    size_t filled = 0;
    while (filled < size) {
        ssize_t count = read(fd, bytes + filled, size - filled);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        filled += (size_t)count;
    }
    return filled;
}

// Reads on until the head has `size` bytes, or the input ends: false.
static struct hc_error *extend_head(struct hc_core_stream *stream, uint64_t size, bool *ret)
{
    *ret = size <= stream->head_size;
    if (*ret || size > MOST_HEAD)
        return NULL;
    if (!hc_vector_grow((void **)&stream->head, &stream->head_capacity, size, 1))
        return hc_error_out_of_memory();
    stream->head_size +=
        read_fully(stream->input, stream->head + stream->head_size, size - stream->head_size);
    *ret = size <= stream->head_size;
    return NULL;
}

static const Elf64_Ehdr *header_of(const struct hc_core_stream *stream)
{
    return (const Elf64_Ehdr *)stream->head;
}

static Elf64_Phdr *segment_at(const struct hc_core_stream *stream, size_t index)
{
    return (Elf64_Phdr *)(stream->head + header_of(stream)->e_phoff) + index;
}

bool hc_core_stream_is_core(const struct hc_core_stream *stream)
{
    const Elf64_Ehdr *header = header_of(stream);
    return stream->head_size >= sizeof(*header) && !memcmp(header->e_ident, ELFMAG, SELFMAG) &&
           header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_ident[EI_DATA] == ELFDATA2LSB &&
           header->e_type == ET_CORE && header->e_phentsize == sizeof(Elf64_Phdr) &&
           header->e_phoff % _Alignof(Elf64_Phdr) == 0;
}

// How many program headers the head has whole.
static size_t count_segments(const struct hc_core_stream *stream)
{
    const Elf64_Ehdr *header = header_of(stream);
    if (!hc_core_stream_is_core(stream) || header->e_phoff > stream->head_size)
        return 0;
    size_t room = (stream->head_size - header->e_phoff) / sizeof(Elf64_Phdr);
    return header->e_phnum < room ? header->e_phnum : room;
}

static struct hc_error *read_head(struct hc_core_stream *stream)
{
    bool is_there;
    uint64_t end;
    HC_TRY(extend_head(stream, sizeof(Elf64_Ehdr), &is_there));
    const Elf64_Ehdr header = is_there ? *header_of(stream) : (Elf64_Ehdr){0};
    if (!hc_core_stream_is_core(stream) ||
        add_overflows(header.e_phoff, (uint64_t)header.e_phnum * sizeof(Elf64_Phdr), &end))
        return NULL;
    HC_TRY(extend_head(stream, end, &is_there));
    for (size_t i = 0; i < count_segments(stream); i++) {
        const Elf64_Phdr segment = *segment_at(stream, i);
        if (segment.p_type == PT_NOTE && !add_overflows(segment.p_offset, segment.p_filesz, &end))
            HC_TRY(extend_head(stream, end, &is_there));
    }
    return NULL;
}

struct hc_error *hc_core_stream_init(int input, struct hc_core_stream *ret)
{
    *ret = (struct hc_core_stream){.input = input};
    struct hc_error *error = read_head(ret);
    if (error)
        hc_core_stream_deinit(ret);
    return error;
}

void hc_core_stream_deinit(struct hc_core_stream *stream)
{
    free(stream->head);
    *stream = (struct hc_core_stream){.input = stream->input};
}

// The list of mapped files, NT_FILE: number of files, size of a page, (start, end, offset) of each, and then
// their names, each with a NUL.
struct files {
    uint64_t count;
    const uint8_t *ranges;
    const char *names, *end;
};

static uint64_t load_word(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

static bool read_files(const uint8_t *bytes, uint64_t size, struct files *ret)
{
    enum { WORD = 8 };
    if (size < 2 * WORD)
        return false;
    *ret = (struct files){.count = load_word(bytes), .ranges = bytes + 2 * WORD};
    if (ret->count > (size - 2 * WORD) / (3 * WORD))
        return false;
    ret->names = (const char *)ret->ranges + ret->count * 3 * WORD;
    ret->end = (const char *)bytes + size;
    return true;
}

static bool find_files_in(const uint8_t *notes, uint64_t size, struct files *ret)
{
    while (size >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr note;
        memcpy(&note, notes, sizeof(note));
        uint64_t name = ((uint64_t)note.n_namesz + 3) & ~3ull;
        uint64_t content = ((uint64_t)note.n_descsz + 3) & ~3ull;
        if (name > size - sizeof(note) || note.n_descsz > size - sizeof(note) - name)
            return false;
        if (note.n_type == NT_FILE)
            return read_files(notes + sizeof(note) + name, note.n_descsz, ret);
        uint64_t whole = sizeof(note) + name + content;
        if (whole > size)
            return false;
        notes += whole;
        size -= whole;
    }
    return false;
}

static bool find_files(const struct hc_core_stream *stream, struct files *ret)
{
    for (size_t i = 0; i < count_segments(stream); i++) {
        const Elf64_Phdr *segment = segment_at(stream, i);
        uint64_t end;
        if (segment->p_type == PT_NOTE && !add_overflows(segment->p_offset, segment->p_filesz, &end) &&
            end <= stream->head_size &&
            find_files_in(stream->head + segment->p_offset, segment->p_filesz, ret))
            return true;
    }
    return false;
}

// The next file; its memory goes to `ret`. NULL past the last.
static const char *next_file(struct files *files, struct range *ret)
{
    enum { WORD = 8 };
    const char *name = files->names;
    size_t room = (size_t)(files->end - name), length = strnlen(name, room);
    if (files->count == 0 || length == room)
        return NULL;
    *ret = (struct range){load_word(files->ranges), load_word(files->ranges + WORD)};
    files->ranges += 3 * WORD;
    files->names += length + 1;
    files->count--;
    return name;
}

bool hc_core_stream_shows_python(const struct hc_core_stream *stream)
{
    struct files files;
    struct range memory;
    const char *name;
    if (find_files(stream, &files))
        while ((name = next_file(&files, &memory)))
            if (hc_path_shows_python(name))
                return true;
    return false;
}

static bool is_shared_memory(const char *name)
{
    static const char *const beginnings[] = {"/dev/", "/memfd:", "/SYSV", "/anon_hugepage"};
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(*beginnings); i++)
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

// Both the segments and the files are sorted by address: one walk along both.
struct file_walk {
    struct files files;
    struct range memory;
    const char *name; // of the file at `memory`; NULL: there are no more
};

static const char *find_file_at(struct file_walk *walk, uint64_t address)
{
    while (walk->name && walk->memory.end <= address)
        walk->name = next_file(&walk->files, &walk->memory);
    return walk->name && walk->memory.start <= address ? walk->name : NULL;
}

static bool is_left_out(const Elf64_Phdr *segment, struct file_walk *walk)
{
    if (segment->p_type != PT_LOAD)
        return false;
    const char *name = find_file_at(walk, segment->p_vaddr);
    bool is_code = (segment->p_flags & PF_X) && !(segment->p_flags & PF_W);
    // The first page of a file is in every core: it names the file's build.
    return segment->p_filesz > PAGE && name && (is_code || is_shared_memory(name));
}

// What it finds it takes out of the program headers in the stream's head.
static struct hc_error *leave_out(const struct hc_core_stream *stream, struct range_vector *ret,
                                  uint64_t *ret_bytes)
{
    struct file_walk walk = {0};
    if (find_files(stream, &walk.files))
        walk.name = next_file(&walk.files, &walk.memory);
    *ret_bytes = 0;
    for (size_t i = 0; i < count_segments(stream); i++) {
        Elf64_Phdr *segment = segment_at(stream, i);
        struct range range = {.start = segment->p_offset};
        if (!is_left_out(segment, &walk) || range.start < stream->head_size ||
            add_overflows(range.start, segment->p_filesz, &range.end))
            continue;
        if (!range_vector_push(ret, range))
            return hc_error_out_of_memory();
        *ret_bytes += segment->p_filesz;
        segment->p_filesz = 0;
    }
    return NULL;
}

struct copying {
    const struct hc_core_copy *copy;
    struct hc_core_copy_result *result;
    struct range_vector left_out; // by position: the kernel writes segments in their order
    size_t next;                  // the first of them that does not lie before what comes
    uint64_t position;
};

static void copying_deinit(struct copying *copying)
{
    range_vector_deinit(&copying->left_out);
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static bool is_wanted(struct copying *copying, uint64_t position, const uint8_t *bytes, size_t size)
{
    const struct range_vector *ranges = &copying->left_out;
    while (copying->next < ranges->count && ranges->items[copying->next].end <= position)
        copying->next++;
    const struct range *range = &ranges->items[copying->next];
    if (copying->next < ranges->count && position >= range->start && position + size <= range->end)
        return false;
    return !is_zero(bytes, size);
}

static bool is_full(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static struct hc_error *write_at(struct copying *copying, const uint8_t *bytes, size_t size,
                                 uint64_t position)
{
    struct hc_core_copy_result *result = copying->result;
    while (size > 0) {
        bool may = result->written + size <= copying->copy->most_bytes;
        ssize_t count = may ? pwrite(copying->copy->compact, bytes, size, (off_t)position) : -1;
        if (count < 0 && may && errno == EINTR)
            continue;
        if (count <= 0 && may && !is_full(errno))
            return hc_error_create("cannot write the core's copy: %s", strerror(errno));
        if (count <= 0) {
            result->is_cut = true;
            copying->position = position;
            return NULL;
        }
        bytes += count;
        size -= (size_t)count;
        position += (uint64_t)count;
        result->written += (uint64_t)count;
    }
    return NULL;
}

// Runs of wanted pages.
static struct hc_error *write_compact(struct copying *copying, const uint8_t *bytes, size_t size)
{
    uint64_t position = copying->position;
    size_t start = 0, at = 0;
    while (at < size && !copying->result->is_cut) {
        size_t page = PAGE - (position + at) % PAGE;
        page = page < size - at ? page : size - at;
        bool wanted = is_wanted(copying, position + at, bytes + at, page);
        if (!wanted && at > start)
            HC_TRY(write_at(copying, bytes + start, at - start, position + start));
        at += page;
        if (!wanted)
            start = at;
    }
    if (!copying->result->is_cut && at > start)
        HC_TRY(write_at(copying, bytes + start, at - start, position + start));
    if (!copying->result->is_cut)
        copying->position += size;
    return NULL;
}

static struct hc_error *take(struct copying *copying, struct hc_core_zstd *zstd, const uint8_t *bytes,
                             size_t size)
{
    copying->result->received += size;
    if (zstd && !copying->result->lost_compressed)
        copying->result->lost_compressed = !hc_core_zstd_write(zstd, bytes, size);
    if (copying->copy->compact < 0 || copying->result->is_cut)
        return NULL;
    return write_compact(copying, bytes, size);
}

static bool is_over(const struct copying *copying)
{
    bool wants_compressed = copying->copy->compressed >= 0 && !copying->result->lost_compressed;
    return copying->result->is_cut && !wants_compressed;
}

static struct hc_error *copy_all(const struct hc_core_stream *stream, struct copying *copying,
                                 struct hc_core_zstd *zstd)
{
    _cleanup_(hc_freep) uint8_t *buffer = malloc(BUFFER);
    if (!buffer)
        return hc_error_out_of_memory();
    // Compressed as it came: with all of its program headers.
    if (zstd)
        copying->result->lost_compressed = !hc_core_zstd_write(zstd, stream->head, stream->head_size);
    HC_TRY(leave_out(stream, &copying->left_out, &copying->result->left_out));
    HC_TRY(take(copying, NULL, stream->head, stream->head_size));
    while (!is_over(copying)) {
        size_t count = read_fully(stream->input, buffer, BUFFER);
        if (count == 0)
            break;
        HC_TRY(take(copying, zstd, buffer, count));
    }
    if (zstd && !copying->result->lost_compressed)
        copying->result->lost_compressed = !hc_core_zstd_finish(zstd);
    if (copying->copy->compact >= 0 && ftruncate(copying->copy->compact, (off_t)copying->position) != 0)
        return hc_error_create("cannot write the core's copy: %s", strerror(errno));
    return NULL;
}

struct hc_error *hc_core_stream_copy(const struct hc_core_stream *stream, const struct hc_core_copy *copy,
                                     struct hc_core_copy_result *ret)
{
    _cleanup_(hc_core_zstd_destroyp) struct hc_core_zstd *zstd = NULL;
    _cleanup_(copying_deinit) struct copying copying = {.copy = copy, .result = ret};
    *ret = (struct hc_core_copy_result){0};
    if (copy->compressed >= 0)
        HC_TRY(hc_core_zstd_create(copy->compressed, &zstd));
    return copy_all(stream, &copying, zstd);
}

static bool write_fully(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t count = write(fd, bytes, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        bytes += count;
        size -= (size_t)count;
    }
    return true;
}

void hc_core_stream_forward(const struct hc_core_stream *stream, int output)
{
    _cleanup_(hc_freep) uint8_t *buffer = malloc(BUFFER);
    size_t count;
    bool goes_on = buffer && write_fully(output, stream->head, stream->head_size);
    while (goes_on && (count = read_fully(stream->input, buffer, BUFFER)) > 0)
        goes_on = write_fully(output, buffer, count);
}
