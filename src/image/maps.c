#include "image/maps.h"

#include "base/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define PAGE_OF_FILE (UINT64_C(1) << 61)

enum { PAGES_PER_LOOK = 8192, MOST_AT_ONCE = 1 << 20 };

// Larger ones are reserved address space (a sanitizer's shadow): even to look which of their pages exist
// would stop the process for seconds. They are left as holes, and counted.
#define LARGEST_MAP (UINT64_C(256) << 30)

static int open_proc(pid_t pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

void hc_copier_init(struct hc_copier *copier, struct hc_image *image, pid_t pid)
{
    *copier = (struct hc_copier){
        .image = image,
        .pid = pid,
        .memory = open_proc(pid, "mem"),
        .pagemap = open_proc(pid, "pagemap"),
    };
}

void hc_copier_init_source(struct hc_copier *copier, struct hc_image *image,
                           const struct hc_image_source *source)
{
    *copier = (struct hc_copier){.image = image, .source = source, .memory = -1, .pagemap = -1};
}

void hc_copier_deinit(struct hc_copier *copier)
{
    hc_closep(&copier->memory);
    hc_closep(&copier->pagemap);
    hc_map_vector_deinit(&copier->maps);
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text), tail = strlen(suffix);
    return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

// The kernel writes a newline in a path as \012.
static size_t unescape(char *path)
{
    char *to = path;
    for (const char *from = path; *from; to++) {
        bool newline = starts_with(from, "\\012");
        *to = newline ? '\n' : *from;
        from += newline ? 4 : 1;
    }
    *to = '\0';
    return to - path;
}

static struct hc_error *parse_map(struct hc_copier *copier, char *line)
{
    struct hc_map map = {0};
    char flags[5] = "";
    uint64_t inode;
    int path = 0;
    line[strcspn(line, "\n")] = '\0';
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*x:%*x %" SCNu64 " %n", &map.start, &map.end,
               flags, &map.offset, &inode, &path) < 5 ||
        path == 0 || map.start >= map.end || strlen(flags) != 4)
        return NULL;
    map.readable = flags[0] == 'r';
    map.writable = flags[1] == 'w';
    map.executable = flags[2] == 'x';
    map.shared = flags[3] == 's';
    map.has_file = inode != 0 && line[path] == '/';
    size_t length = unescape(line + path);
    map.path = hc_image_keep_string(copier->image, line + path, length);
    if (!map.path || !hc_map_vector_push(&copier->maps, map))
        return hc_error_out_of_memory();
    return NULL;
}

static struct hc_error *record_map(struct hc_image *image, const struct hc_map *map)
{
    struct hc_range range = {
        .address = map->start,
        .length = map->end - map->start,
        .readable = map->readable,
        .writable = map->writable,
        .executable = map->executable,
        .flags_known = true,
    };
    struct hc_file_mapping file = {
        .start = map->start,
        .end = map->end,
        .offset = map->offset,
        .path = map->path,
    };
    // The kernel's own pages are no memory of the process.
    if (starts_with(map->path, "[vvar") || starts_with(map->path, "[vsyscall"))
        return NULL;
    if (!hc_range_vector_push(&image->ranges, range))
        return hc_error_out_of_memory();
    if (map->has_file && !hc_file_mapping_vector_push(&image->files, file))
        return hc_error_out_of_memory();
    return NULL;
}

static struct hc_error *read_lines(struct hc_copier *copier, FILE *file)
{
    _cleanup_(hc_freep) char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, file) >= 0)
        HC_TRY(parse_map(copier, line));
    if (copier->maps.count == 0)
        return hc_error_create(
            "%s has no memory of its own (a kernel thread, or one that is ending); name another process",
            copier->image->path);
    for (size_t i = 0; i < copier->maps.count; i++)
        HC_TRY(record_map(copier->image, &copier->maps.items[i]));
    return NULL;
}

struct hc_error *hc_copier_read_maps(struct hc_copier *copier)
{
    char name[64];
    snprintf(name, sizeof(name), "/proc/%d/maps", (int)copier->pid);
    const char *text = copier->source ? copier->source->maps : NULL;
    _cleanup_(hc_fclosep) FILE *file =
        copier->source ? fmemopen((char *)text, strlen(text), "r") : fopen(name, "re");
    if (!file && copier->source)
        return hc_error_create("%s has no list of its memory", copier->image->path);
    if (!file)
        return hc_error_create("cannot read %s: %s; try as root", name, strerror(errno));
    return read_lines(copier, file);
}

bool hc_copier_look(const struct hc_copier *copier, uint64_t address, uint64_t count, uint64_t *entries)
{
    uint64_t page_size = copier->image->page_size;
    ssize_t size = (ssize_t)(count * sizeof(*entries));
    return copier->pagemap >= 0 &&
           pread(copier->pagemap, entries, size, (off_t)(address / page_size * sizeof(*entries))) == size;
}

// Whether a private mapping of a file has pages that are no longer the file's.
static bool has_changed_pages(const struct hc_copier *copier, const struct hc_map *map)
{
    uint64_t entries[512];
    uint64_t page_size = copier->image->page_size;
    if (copier->pagemap < 0)
        return map->writable;
    for (uint64_t address = map->start; address < map->end;) {
        uint64_t count = hc_min((map->end - address) / page_size, 512);
        if (count == 0 || !hc_copier_look(copier, address, count, entries))
            return true;
        for (uint64_t i = 0; i < count; i++)
            if (hc_page_exists(entries[i]) && !(entries[i] & PAGE_OF_FILE))
                return true;
        address += count * page_size;
    }
    return false;
}

// What the kernel would put into a core, in the main.
static enum hc_map_plan choose_plan(const struct hc_copier *copier, const struct hc_map *map)
{
    const char *path = map->path;
    bool unlinked = ends_with(path, " (deleted)") || starts_with(path, "/dev/shm/");
    if (!map->readable || map->end - map->start > LARGEST_MAP || starts_with(path, "[vvar") ||
        starts_with(path, "[vsyscall") || starts_with(path, "anon_inode:"))
        return HC_MAP_LEAVE;
    if (starts_with(path, "/dev/") && !unlinked && !starts_with(path, "/dev/zero"))
        return HC_MAP_LEAVE;
    if (map->shared)
        return unlinked || !map->has_file ? HC_MAP_SHARED : HC_MAP_LEAVE;
    if (!map->has_file)
        return starts_with(path, "[vdso") ? HC_MAP_WHOLE : HC_MAP_TOUCHED;
    return has_changed_pages(copier, map) ? HC_MAP_WHOLE : HC_MAP_FILE;
}

// Room for a run of mappings that touch, in one piece, so that views across their borders work.
static struct hc_error *reserve_run(struct hc_copier *copier, size_t first, size_t last)
{
    struct hc_map *maps = copier->maps.items;
    uint64_t length = maps[last].end - maps[first].start;
    void *bytes =
        mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes == MAP_FAILED)
        return hc_error_create("no room for a copy of %" PRIu64
                               " bytes of process %d: %s; free some memory, or "
                               "open a core of it",
                               length, (int)copier->pid, strerror(errno));
    HC_TRY(hc_image_keep_mapping(copier->image, bytes, length));
    for (size_t i = first; i <= last; i++)
        maps[i].bytes = (uint8_t *)bytes + (maps[i].start - maps[first].start);
    return NULL;
}

static struct hc_error *reserve(struct hc_copier *copier)
{
    const struct hc_map *maps = copier->maps.items;
    size_t count = copier->maps.count;
    for (size_t first = 0, last; first < count; first = last + 1) {
        last = first;
        if (maps[first].plan == HC_MAP_LEAVE)
            continue;
        while (last + 1 < count && maps[last + 1].plan != HC_MAP_LEAVE &&
               maps[last + 1].start == maps[last].end)
            last++;
        HC_TRY(reserve_run(copier, first, last));
    }
    return NULL;
}

// One mapping on its way into the image: [start, …) is copied so far and in no segment yet.
struct copy {
    struct hc_copier *copier;
    const struct hc_map *map;
    uint64_t start;
};

static struct hc_error *emit(struct copy *copy, uint64_t end)
{
    const struct hc_map *map = copy->map;
    struct hc_segment segment = {
        .address = copy->start,
        .length = end - copy->start,
        .bytes = map->bytes + (copy->start - map->start),
        .origin = HC_SEGMENT_PROCESS,
        .writable = map->writable,
        .executable = map->executable,
    };
    if (end <= copy->start)
        return NULL;
    return hc_segment_vector_push(&copy->copier->image->segments, segment) ? NULL : hc_error_out_of_memory();
}

static struct hc_error *leave_hole(struct copy *copy, uint64_t start, uint64_t end)
{
    HC_TRY(emit(copy, start));
    copy->start = end;
    return NULL;
}

ssize_t hc_copier_read(struct hc_copier *copier, uint64_t address, void *bytes, uint64_t length)
{
    if (copier->source) {
        size_t read =
            copier->source->read(copier->source->argument, address, bytes, hc_min(length, MOST_AT_ONCE));
        return (ssize_t)hc_min(read, length);
    }
    if (!copier->use_memory_file) {
        struct iovec local = {.iov_base = bytes, .iov_len = length};
        struct iovec remote = {.iov_base = (void *)(uintptr_t)address, .iov_len = length};
        ssize_t count = process_vm_readv(copier->pid, &local, 1, &remote, 1, 0);
        if (count > 0)
            return count;
        copier->use_memory_file = errno == EPERM || errno == ENOSYS;
        length = copier->use_memory_file ? length : hc_min(length, copier->image->page_size);
    }
    return copier->memory >= 0 ? pread(copier->memory, bytes, length, (off_t)address) : -1;
}

static struct hc_error *copy_pages(struct copy *copy, uint64_t address, uint64_t end)
{
    struct hc_copier *copier = copy->copier;
    uint64_t page_size = copier->image->page_size;
    while (address < end) {
        uint8_t *bytes = copy->map->bytes + (address - copy->map->start);
        HC_TRY(hc_interrupt_check());
        ssize_t count = hc_copier_read(copier, address, bytes, end - address);
        if (count > 0) {
            address += count;
            copier->image->size += count;
            continue;
        }
        uint64_t next = hc_min((address & ~(page_size - 1)) + page_size, end);
        HC_TRY(leave_hole(copy, address & ~(page_size - 1), next));
        address = next;
    }
    return NULL;
}

// Copies the pages that exist. The others are zero, or holes where other processes may have written to them.
static struct hc_error *copy_existing_pages(struct copy *copy)
{
    struct hc_copier *copier = copy->copier;
    uint64_t page_size = copier->image->page_size;
    bool holes = copy->map->plan == HC_MAP_SHARED;
    _cleanup_(hc_freep) uint64_t *entries = calloc(PAGES_PER_LOOK, sizeof(*entries));
    if (!entries)
        return hc_error_out_of_memory();
    for (uint64_t address = copy->map->start; address < copy->map->end;) {
        uint64_t count = hc_min((copy->map->end - address) / page_size, PAGES_PER_LOOK);
        if (count == 0 || !hc_copier_look(copier, address, count, entries))
            return copy_pages(copy, address, copy->map->end);
        for (uint64_t i = 0, j; i < count; i = j) {
            for (j = i + 1; j < count && hc_page_exists(entries[j]) == hc_page_exists(entries[i]); j++)
                ;
            uint64_t start = address + i * page_size, end = address + j * page_size;
            if (hc_page_exists(entries[i]))
                HC_TRY(copy_pages(copy, start, end));
            else if (holes)
                HC_TRY(leave_hole(copy, start, end));
        }
        address += count * page_size;
    }
    return NULL;
}

static struct hc_error *copy_map(struct hc_copier *copier, const struct hc_map *map)
{
    struct copy copy = {.copier = copier, .map = map, .start = map->start};
    uint64_t end = map->end;
    switch (map->plan) {
    case HC_MAP_LEAVE:
        return NULL;
    case HC_MAP_FILE:
        // For its ELF header and build-id.
        end = map->offset == 0 ? hc_min(map->start + copier->image->page_size, end) : map->start;
        HC_TRY(copy_pages(&copy, map->start, end));
        break;
    case HC_MAP_TOUCHED:
    case HC_MAP_SHARED:
        HC_TRY(copy_existing_pages(&copy));
        break;
    case HC_MAP_WHOLE:
        HC_TRY(copy_pages(&copy, map->start, end));
        break;
    }
    return emit(&copy, end);
}

void hc_copier_plan(struct hc_copier *copier)
{
    for (size_t i = 0; i < copier->maps.count; i++)
        copier->maps.items[i].plan = choose_plan(copier, &copier->maps.items[i]);
}

struct hc_error *hc_copier_copy(struct hc_copier *copier)
{
    hc_copier_plan(copier);
    HC_TRY(reserve(copier));
    for (size_t i = 0; i < copier->maps.count; i++)
        HC_TRY(copy_map(copier, &copier->maps.items[i]));
    return NULL;
}

struct hc_error *hc_copier_copy_missing_modules(struct hc_copier *copier)
{
    for (size_t i = 0; i < copier->maps.count; i++) {
        const struct hc_map *map = &copier->maps.items[i];
        if (map->plan != HC_MAP_FILE)
            continue;
        const struct hc_module *module = hc_image_find_module(copier->image, map->start);
        if (!module || module->state == HC_MODULE_FOUND || module->state == HC_MODULE_UNVERIFIED)
            continue;
        uint64_t first_page = hc_min(map->start + copier->image->page_size, map->end);
        uint64_t start = map->offset == 0 ? first_page : map->start;
        struct copy copy = {.copier = copier, .map = map, .start = start};
        HC_TRY(copy_pages(&copy, start, map->end));
        HC_TRY(emit(&copy, map->end));
    }
    return NULL;
}
