// Pages that were never written, without a look at them: files have holes, and of a copy's pages only those
// exist that something was copied to.
#include "image/internal.h"
#include "image/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

void hc_image_open_pagemap(struct hc_image *image)
{
    image->sparse = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
}

static uint64_t run_in_file(const struct hc_image *image, uint64_t offset, uint64_t length,
                            bool *ret_is_unwritten)
{
    off_t data = lseek(image->sparse, (off_t)offset, SEEK_DATA);
    if (data < 0 && errno != ENXIO) // ENXIO: from there on all is a hole
        return length;
    *ret_is_unwritten = data < 0 || (uint64_t)data > offset;
    off_t end = *ret_is_unwritten ? data : lseek(image->sparse, (off_t)offset, SEEK_HOLE);
    return end < 0 || (uint64_t)end <= offset ? length : hc_min((uint64_t)end - offset, length);
}

static uint64_t run_in_copy(const struct hc_image *image, const uint8_t *bytes, uint64_t length,
                            bool *ret_is_unwritten)
{
    enum { ENTRIES = 512 };
    uint64_t entries[ENTRIES], page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t at = (uintptr_t)bytes % page_size, page = (uintptr_t)bytes / page_size;
    uint64_t wanted = hc_min((at + length + page_size - 1) / page_size, ENTRIES);
    ssize_t size = pread(image->sparse, entries, wanted * sizeof(*entries), page * sizeof(*entries));
    uint64_t count = size > 0 ? (uint64_t)size / sizeof(*entries) : 0, alike = 1;
    if (!count)
        return length;
    *ret_is_unwritten = !hc_page_exists(entries[0]);
    while (alike < count && hc_page_exists(entries[alike]) != *ret_is_unwritten)
        alike++;
    return hc_min(alike * page_size - at, length);
}

uint64_t hc_image_sparse_run(const struct hc_image *image, uint64_t address, uint64_t length,
                             bool *ret_is_unwritten)
{
    size_t index = hc_image_first_segment(image, address);
    *ret_is_unwritten = false;
    if (index == image->segments.count || image->segments.items[index].address > address)
        return length;
    const struct hc_segment *segment = &image->segments.items[index];
    uint64_t offset = address - segment->address;
    const uint8_t *bytes = segment->bytes + offset;
    length = hc_min(length, segment->length - offset);
    if (image->sparse < 0 || segment->origin == HC_SEGMENT_FILE)
        return length;
    return image->file ? run_in_file(image, (uint64_t)(bytes - image->file), length, ret_is_unwritten)
                       : run_in_copy(image, bytes, length, ret_is_unwritten);
}
