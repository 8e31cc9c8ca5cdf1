// The order of things in the address space: ranges, mapped files and segments, sorted and without overlap.
#include "image/internal.h"

#include <string.h>

static int compare_ranges(const void *left, const void *right)
{
    const struct hc_range *a = left, *b = right;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    // Of two at one address the one with more bytes comes first.
    if (a->available != b->available)
        return a->available > b->available ? -1 : 1;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static void cut_front(struct hc_range *range, uint64_t count)
{
    range->address += count;
    range->length -= count;
    range->offset += count;
    range->held -= hc_min(range->held, count);
    range->available -= hc_min(range->available, count);
}

// What a range claims beyond its bytes is no more than a claim: one absurd size must not hide all that
// follows.
static uint64_t yield(struct hc_range *range, const struct hc_range *next)
{
    if (next->address - range->address >= hc_max(range->held, 1))
        range->length = hc_min(range->length, next->address - range->address);
    return range->address + range->length;
}

void hc_image_sort_ranges(struct hc_image *image)
{
    struct hc_range *items = image->ranges.items;
    if (image->ranges.count == 0)
        return;
    qsort(items, image->ranges.count, sizeof(*items), compare_ranges);
    size_t kept = 0;
    for (size_t i = 0; i < image->ranges.count; i++) {
        struct hc_range range = items[i];
        uint64_t end = kept ? yield(&items[kept - 1], &range) : 0;
        if (range.address < end) {
            if (range.length <= end - range.address)
                continue;
            cut_front(&range, end - range.address);
        }
        items[kept++] = range;
    }
    image->ranges.count = kept;
}

static int compare_files(const void *left, const void *right)
{
    const struct hc_file_mapping *a = left, *b = right;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return a->end < b->end ? -1 : a->end > b->end;
}

void hc_image_sort_files(struct hc_image *image)
{
    struct hc_file_mapping *items = image->files.items;
    if (image->files.count == 0)
        return;
    qsort(items, image->files.count, sizeof(*items), compare_files);
    uint64_t end = 0;
    size_t kept = 0;
    for (size_t i = 0; i < image->files.count; i++) {
        struct hc_file_mapping file = items[i];
        if (file.start < end) {
            if (file.end <= end)
                continue;
            file.offset += end - file.start;
            file.start = end;
        }
        end = file.end;
        items[kept++] = file;
    }
    image->files.count = kept;
}

size_t hc_image_first_range(const struct hc_image *image, uint64_t address)
{
    size_t low = 0, high = image->ranges.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct hc_range *range = &image->ranges.items[middle];
        if (range->address <= address && address - range->address >= range->length)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t hc_image_first_segment(const struct hc_image *image, uint64_t address)
{
    size_t low = 0, high = image->segments.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct hc_segment *segment = &image->segments.items[middle];
        if (segment->address <= address && address - segment->address >= segment->length)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool push_gap(struct hc_range_vector *gaps, uint64_t start, uint64_t end)
{
    struct hc_range gap = {.address = start, .length = end - start, .readable = true};
    return start >= end || hc_range_vector_push(gaps, gap);
}

struct hc_error *hc_image_cover_files(struct hc_image *image)
{
    _cleanup_(hc_range_vector_deinit) struct hc_range_vector gaps = {0};
    for (size_t i = 0; i < image->files.count; i++) {
        const struct hc_file_mapping *file = &image->files.items[i];
        uint64_t cursor = file->start;
        for (size_t j = hc_image_first_range(image, cursor); j < image->ranges.count; j++) {
            const struct hc_range *range = &image->ranges.items[j];
            if (range->address >= file->end)
                break;
            if (!push_gap(&gaps, cursor, range->address))
                return hc_error_out_of_memory();
            cursor = range->address + range->length;
        }
        if (!push_gap(&gaps, cursor, file->end))
            return hc_error_out_of_memory();
    }
    if (!hc_range_vector_reserve(&image->ranges, image->ranges.count + gaps.count))
        return hc_error_out_of_memory();
    for (size_t i = 0; i < gaps.count; i++)
        image->ranges.items[image->ranges.count++] = gaps.items[i];
    hc_image_sort_ranges(image);
    return NULL;
}

static int compare_segments(const void *left, const void *right)
{
    const struct hc_segment *a = left, *b = right;
    return a->address < b->address ? -1 : a->address > b->address;
}

void hc_image_join_segments(struct hc_image *image)
{
    struct hc_segment *items = image->segments.items;
    if (image->segments.count == 0)
        return;
    qsort(items, image->segments.count, sizeof(*items), compare_segments);
    size_t kept = 0;
    for (size_t i = 1; i < image->segments.count; i++) {
        struct hc_segment *last = &items[kept];
        const struct hc_segment *next = &items[i];
        if (last->address + last->length == next->address && last->bytes + last->length == next->bytes &&
            last->origin == next->origin && last->writable == next->writable &&
            last->executable == next->executable)
            last->length += next->length;
        else
            items[++kept] = *next;
    }
    image->segments.count = kept + 1;
}

// How many bytes of [start, end) are in no segment.
static uint64_t count_hole_bytes(const struct hc_image *image, uint64_t start, uint64_t end)
{
    uint64_t covered = 0;
    for (size_t i = hc_image_first_segment(image, start); i < image->segments.count; i++) {
        const struct hc_segment *segment = &image->segments.items[i];
        if (segment->address >= end)
            break;
        covered += hc_min(end, segment->address + segment->length) - hc_max(start, segment->address);
    }
    return end - start - covered;
}

// What the process itself could not read (guard pages, reserved space) is no loss, nor is what it could only
// read and is no binary's: locale archives, the kernel's clock pages.
static bool matters(const struct hc_image *image, const struct hc_range *range)
{
    if (!range->flags_known || range->writable || range->executable)
        return range->readable;
    return range->readable && hc_image_find_module(image, range->address);
}

// Index of the first omission that ends after `address`.
static size_t first_omission(const struct hc_image *image, uint64_t address)
{
    size_t low = 0, high = image->omissions.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (image->omissions.items[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t hc_image_end_of_omission(const struct hc_image *image, uint64_t address)
{
    size_t i = first_omission(image, address);
    bool found = i < image->omissions.count && image->omissions.items[i].start <= address;
    return found ? image->omissions.items[i].end : 0;
}

// How many bytes of the holes in [start, end) were left out on purpose, by reason.
static uint64_t count_left_out(struct hc_image *image, uint64_t start, uint64_t end)
{
    const struct hc_omission_vector *omissions = &image->omissions;
    uint64_t total = 0;
    for (size_t i = first_omission(image, start); i < omissions->count; i++) {
        const struct hc_omission *omission = &omissions->items[i];
        if (omission->start >= end)
            break;
        uint64_t bytes = count_hole_bytes(image, hc_max(start, omission->start), hc_min(end, omission->end));
        image->losses.left_out_bytes[omission->reason] += bytes;
        total += bytes;
    }
    return total;
}

void hc_image_count_losses(struct hc_image *image)
{
    for (size_t i = 0; i < image->ranges.count; i++) {
        const struct hc_range *range = &image->ranges.items[i];
        uint64_t end = range->address + range->length;
        image->losses.truncated_bytes += range->held - range->available;
        if (matters(image, range) && range->held < range->length)
            image->losses.not_dumped_bytes += count_hole_bytes(image, range->address + range->held, end) -
                                              count_left_out(image, range->address + range->held, end);
    }
    for (size_t i = 0; i < image->modules.count; i++) {
        enum hc_module_state state = image->modules.items[i].state;
        if (state != HC_MODULE_FOUND && state != HC_MODULE_UNVERIFIED)
            image->losses.missing_modules++;
    }
}
