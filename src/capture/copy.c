#include "capture/copy.h"

#include "base/parallel.h"
#include "capture/digest.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGES_PER_UNIT = 256 };

// A task: pages that stand together in memory and in the file.
struct unit {
    uint64_t address;
    uint64_t offset;
    uint64_t *digests;
    uint32_t pages;
    enum hc_map_plan plan;
};

HC_DEFINE_VECTOR(unit_vector, struct unit)

struct worker {
    HC_ALONE struct hc_copier copier;
    uint8_t *bytes; // of a unit
    uint64_t written;
    struct hc_omission_vector holes;
};

struct pass {
    struct hc_copy *copy;
    struct unit_vector units;
    struct worker *workers;
    unsigned worker_count;
    uint64_t page_size;
};

struct hc_error *hc_process_is_gone(pid_t pid)
{
    return hc_error_create("process %d ended, or began another program, while it was captured; no file was "
                           "written",
                           (int)pid);
}

struct hc_error *hc_write_at(int fd, const char *path, const void *bytes, uint64_t length, uint64_t offset)
{
    while (length > 0) {
        ssize_t count = pwrite(fd, bytes, length, (off_t)offset);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return hc_error_create("cannot write %s: %s; name a file where there is room%s", path,
                                   strerror(errno), errno == EFBIG ? ", and check 'ulimit -f'" : "");
        bytes = (const uint8_t *)bytes + count;
        length -= (uint64_t)count;
        offset += (uint64_t)count;
    }
    return NULL;
}

static void free_digests(struct hc_area *area, uint64_t page_size)
{
    if (area->digests)
        munmap(area->digests, (area->end - area->start) / page_size * sizeof(*area->digests));
}

void hc_copy_deinit(struct hc_copy *copy)
{
    for (size_t i = 0; i < copy->areas.count; i++)
        free_digests(&copy->areas.items[i], (uint64_t)sysconf(_SC_PAGESIZE));
    hc_area_vector_deinit(&copy->areas);
    hc_omission_vector_deinit(&copy->holes);
}

const struct hc_area *hc_copy_find_area(const struct hc_copy *copy, uint64_t address)
{
    size_t low = 0, high = copy->areas.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (copy->areas.items[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < copy->areas.count ? &copy->areas.items[low] : NULL;
}

static struct hc_error *push_area(struct hc_copy *copy, struct hc_area_vector *areas, uint64_t start,
                                  uint64_t end, uint64_t page_size)
{
    struct hc_area area = {.start = start, .end = end, .offset = copy->next_offset};
    if (start >= end)
        return NULL;
    if (!copy->has_one_pass) {
        // Zeros that cost nothing until they are written.
        void *digests = mmap(NULL, (end - start) / page_size * sizeof(*area.digests), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (digests == MAP_FAILED)
            return hc_error_out_of_memory();
        area.digests = digests;
    }
    if (!hc_area_vector_push(areas, area)) {
        free_digests(&area, page_size);
        return hc_error_out_of_memory();
    }
    copy->next_offset += end - start;
    return NULL;
}

static int compare_areas(const void *left, const void *right)
{
    const struct hc_area *a = left, *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

// Gives every part of the spans a place in the file. What has one keeps it.
static struct hc_error *cover(struct hc_copy *copy, const struct hc_span_vector *spans, uint64_t page_size)
{
    size_t known = copy->areas.count;
    _cleanup_(hc_area_vector_deinit) struct hc_area_vector found = {0};
    struct hc_error *error = NULL;
    for (size_t i = 0; i < spans->count && !error; i++) {
        uint64_t cursor = spans->items[i].start, end = spans->items[i].end;
        const struct hc_area *area = hc_copy_find_area(copy, cursor);
        for (; !error && area && area < copy->areas.items + known && area->start < end; area++) {
            error = push_area(copy, &found, cursor, hc_max(cursor, area->start), page_size);
            cursor = hc_max(cursor, area->end);
        }
        if (!error)
            error = push_area(copy, &found, cursor, hc_max(cursor, end), page_size);
    }
    if (!error && !hc_area_vector_reserve(&copy->areas, known + found.count))
        error = hc_error_out_of_memory();
    for (size_t i = 0; i < found.count; i++) {
        if (error)
            free_digests(&found.items[i], page_size);
        else
            copy->areas.items[copy->areas.count++] = found.items[i];
    }
    if (copy->areas.count > known)
        qsort(copy->areas.items, copy->areas.count, sizeof(*copy->areas.items), compare_areas);
    return error;
}

static struct hc_error *add_units(struct pass *pass, const struct hc_span *span)
{
    uint64_t most = PAGES_PER_UNIT * pass->page_size;
    const struct hc_area *area = hc_copy_find_area(pass->copy, span->start);
    for (uint64_t address = span->start; address < span->end;) {
        if (address >= area->end)
            area++;
        uint64_t length = hc_min(hc_min(span->end, area->end) - address, most);
        uint64_t place = address - area->start;
        struct unit unit = {
            .address = address,
            .offset = area->offset + place,
            .digests = area->digests ? area->digests + place / pass->page_size : NULL,
            .pages = (uint32_t)(length / pass->page_size),
            .plan = span->plan,
        };
        if (!unit_vector_push(&pass->units, unit))
            return hc_error_out_of_memory();
        address += length;
    }
    return NULL;
}

static struct hc_error *note_hole(struct worker *worker, uint64_t start, uint64_t end,
                                  enum hc_omission_reason reason)
{
    struct hc_omission hole = {.start = start, .end = end, .reason = reason};
    return hc_omission_vector_push(&worker->holes, hole) ? NULL : hc_error_out_of_memory();
}

// Reads pages [first, last) of the unit; those that cannot be read become zeros, and holes.
static struct hc_error *read_pages(struct worker *worker, const struct unit *unit, uint64_t page_size,
                                   uint32_t first, uint32_t last)
{
    uint64_t address = unit->address + first * page_size, end = unit->address + last * page_size;
    while (address < end) {
        uint8_t *bytes = worker->bytes + (address - unit->address);
        ssize_t count = hc_copier_read(&worker->copier, address, bytes, end - address);
        if (count == 0)
            return hc_process_is_gone(worker->copier.pid);
        if (count > 0) {
            address += (uint64_t)count;
            continue;
        }
        uint64_t page = address & ~(page_size - 1);
        memset(worker->bytes + (page - unit->address), 0, page_size);
        HC_TRY(note_hole(worker, page, page + page_size, HC_OMISSION_UNREADABLE));
        address = page + page_size;
    }
    return NULL;
}

// Pages that were never touched are zeros, or unknown where other processes may have written to them.
static struct hc_error *read_unit(struct worker *worker, const struct unit *unit, uint64_t page_size,
                                  bool *present)
{
    uint64_t entries[PAGES_PER_UNIT];
    bool is_sparse = unit->plan == HC_MAP_TOUCHED || unit->plan == HC_MAP_SHARED;
    if (!is_sparse || !hc_copier_look(&worker->copier, unit->address, unit->pages, entries))
        memset(entries, 0xff, sizeof(entries));
    for (uint32_t i = 0, j; i < unit->pages; i = j) {
        bool exists = hc_page_exists(entries[i]);
        for (j = i; j < unit->pages && hc_page_exists(entries[j]) == exists; j++)
            present[j] = exists;
        if (exists)
            HC_TRY(read_pages(worker, unit, page_size, i, j));
        else if (unit->plan == HC_MAP_SHARED)
            HC_TRY(note_hole(worker, unit->address + i * page_size, unit->address + j * page_size,
                             HC_OMISSION_UNTOUCHED));
    }
    return NULL;
}

static struct hc_error *copy_unit(void *argument, unsigned number, size_t task)
{
    struct pass *pass = argument;
    struct worker *worker = &pass->workers[number];
    const struct unit *unit = &pass->units.items[task];
    uint64_t page_size = pass->page_size, digests[PAGES_PER_UNIT];
    bool present[PAGES_PER_UNIT], changed[PAGES_PER_UNIT + 1];
    HC_TRY(read_unit(worker, unit, page_size, present));
    for (uint32_t i = 0; i < unit->pages; i++) {
        uint8_t *page = worker->bytes + i * page_size;
        digests[i] = present[i] ? hc_digest(page, page_size) : 0;
        changed[i] = digests[i] != (unit->digests ? unit->digests[i] : 0);
        if (changed[i] && !present[i])
            memset(page, 0, page_size);
    }
    changed[unit->pages] = false;
    for (uint32_t i = 0, j; i < unit->pages; i = j + 1) {
        for (j = i; changed[j]; j++)
            if (unit->digests)
                unit->digests[j] = digests[j];
        worker->written += (j - i) * page_size;
        HC_TRY(hc_write_at(pass->copy->fd, pass->copy->path, worker->bytes + i * page_size,
                           (j - i) * page_size, unit->offset + i * page_size));
    }
    return NULL;
}

static struct hc_error *create_workers(struct pass *pass, const struct hc_copier *copier)
{
    pass->worker_count = hc_parallel_threads(pass->copy->threads);
    pass->workers = hc_calloc_alone(pass->worker_count, sizeof(*pass->workers));
    if (!pass->workers)
        return hc_error_out_of_memory();
    for (unsigned i = 0; i < pass->worker_count; i++) {
        pass->workers[i].copier = *copier;
        pass->workers[i].bytes = aligned_alloc(pass->page_size, PAGES_PER_UNIT * pass->page_size);
        if (!pass->workers[i].bytes)
            return hc_error_out_of_memory();
    }
    return NULL;
}

static struct hc_error *collect(struct pass *pass, uint64_t *ret_written)
{
    struct hc_omission_vector *holes = &pass->copy->holes;
    *ret_written = holes->count = 0;
    for (unsigned i = 0; i < pass->worker_count; i++) {
        *ret_written += pass->workers[i].written;
        for (size_t j = 0; j < pass->workers[i].holes.count; j++)
            if (!hc_omission_vector_push(holes, pass->workers[i].holes.items[j]))
                return hc_error_out_of_memory();
    }
    return NULL;
}

static void pass_deinit(struct pass *pass)
{
    for (unsigned i = 0; pass->workers && i < pass->worker_count; i++) {
        free(pass->workers[i].bytes);
        hc_omission_vector_deinit(&pass->workers[i].holes);
    }
    free(pass->workers);
    unit_vector_deinit(&pass->units);
}

struct hc_error *hc_copy_pass(struct hc_copy *copy, const struct hc_copier *copier,
                              const struct hc_span_vector *spans, uint64_t *ret_written)
{
    _cleanup_(pass_deinit) struct pass pass = {.copy = copy, .page_size = copier->image->page_size};
    HC_TRY(cover(copy, spans, pass.page_size));
    for (size_t i = 0; i < spans->count; i++)
        HC_TRY(add_units(&pass, &spans->items[i]));
    HC_TRY(create_workers(&pass, copier));
    HC_TRY(hc_parallel_run(pass.worker_count, pass.units.count, copy_unit, &pass));
    return collect(&pass, ret_written);
}
