#include "image/image.h"
#include "image/internal.h"

#include <elf.h>
#include <string.h>
#include <sys/mman.h>

struct hc_error *hc_image_create(const char *path, struct hc_image **ret)
{
    _cleanup_(hc_image_destroyp) struct hc_image *image = calloc(1, sizeof(*image));
    if (!image)
        return hc_error_out_of_memory();
    image->page_size = 4096;
    image->sparse = -1;
    image->path = hc_image_keep_string(image, path, strlen(path));
    if (!image->path)
        return hc_error_out_of_memory();
    *ret = hc_take(image);
    return NULL;
}

void hc_image_destroy(struct hc_image *image)
{
    if (!image)
        return;
    for (size_t i = 0; i < image->modules.count; i++)
        hc_closep(&image->modules.items[i].fd);
    hc_closep(&image->sparse);
    for (size_t i = 0; i < image->mappings.count; i++)
        munmap(image->mappings.items[i].bytes, image->mappings.items[i].length);
    for (size_t i = 0; i < image->strings.count; i++)
        free(image->strings.items[i]);
    hc_segment_vector_deinit(&image->segments);
    hc_module_vector_deinit(&image->modules);
    hc_thread_vector_deinit(&image->threads);
    hc_range_vector_deinit(&image->ranges);
    hc_file_mapping_vector_deinit(&image->files);
    hc_omission_vector_deinit(&image->omissions);
    hc_held_pages_vector_deinit(&image->adopted);
    hc_string_vector_deinit(&image->strings);
    hc_host_mapping_vector_deinit(&image->mappings);
    free(image);
}

const char *hc_image_keep_string(struct hc_image *image, const char *text, size_t length)
{
    _cleanup_(hc_freep) char *copy = malloc(length + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (!hc_string_vector_push(&image->strings, copy))
        return NULL;
    return hc_take(copy);
}

struct hc_error *hc_image_keep_registers(struct hc_image *image, const void *bytes, size_t length,
                                         const uint8_t **ret)
{
    const char *copy = hc_image_keep_string(image, bytes, length);
    if (!copy)
        return hc_error_out_of_memory();
    *ret = (const uint8_t *)copy;
    return NULL;
}

struct hc_error *hc_image_keep_mapping(struct hc_image *image, void *bytes, size_t length)
{
    if (hc_host_mapping_vector_push(&image->mappings, (struct hc_host_mapping){bytes, length}))
        return NULL;
    munmap(bytes, length);
    return hc_error_out_of_memory();
}

void hc_image_read_auxv(struct hc_image *image, const uint8_t *bytes, uint64_t length)
{
    uint64_t word = image->target.word_size;
    for (; length >= 2 * word; bytes += 2 * word, length -= 2 * word) {
        uint64_t type = hc_load_word(&image->target, bytes);
        uint64_t value = hc_load_word(&image->target, bytes + word);
        if (type == AT_NULL)
            return;
        if (type == AT_PHDR)
            image->program_headers = value;
        else if (type == AT_ENTRY)
            image->entry = value;
        else if (type == AT_EXECFN)
            image->program_name = value;
        else if (type == AT_PAGESZ && value >= 4096 && value <= 1 << 20 && (value & (value - 1)) == 0)
            image->page_size = value;
    }
}

const struct hc_target *hc_image_target(const struct hc_image *image)
{
    return &image->target;
}

const struct hc_process_info *hc_image_process(const struct hc_image *image)
{
    return &image->process;
}

const struct hc_image_losses *hc_image_losses(const struct hc_image *image)
{
    return &image->losses;
}

uint64_t hc_image_size(const struct hc_image *image)
{
    return image->size;
}

const char *hc_image_compression(const struct hc_image *image, uint64_t *ret_compressed_size)
{
    *ret_compressed_size = image->compressed_size;
    return image->compression;
}

uint64_t hc_image_left_out(const struct hc_image *image)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < HC_OMISSION_REASONS; i++)
        total += image->losses.left_out_bytes[i];
    return total;
}

const char *hc_image_writer(const struct hc_image *image)
{
    return image->writer;
}

const char *hc_image_path(const struct hc_image *image)
{
    return image->path;
}

const struct hc_segment *hc_image_segments(const struct hc_image *image, size_t *ret_count)
{
    *ret_count = image->segments.count;
    return image->segments.items;
}

const struct hc_module *hc_image_modules(const struct hc_image *image, size_t *ret_count)
{
    *ret_count = image->modules.count;
    return image->modules.items;
}

const struct hc_file_mapping *hc_image_files(const struct hc_image *image, size_t *ret_count)
{
    *ret_count = image->files.count;
    return image->files.items;
}

const struct hc_held_pages *hc_image_adopted(const struct hc_image *image, size_t *ret_count)
{
    *ret_count = image->adopted.count;
    return image->adopted.items;
}

uint64_t hc_image_mapped_size(const struct hc_image *image)
{
    uint64_t size = 0;
    for (size_t i = 0; i < image->ranges.count; i++)
        size = hc_saturating_add(size, image->ranges.items[i].length);
    return size;
}

uint64_t hc_image_page_size(const struct hc_image *image)
{
    return image->page_size;
}

const struct hc_module *hc_image_find_module(const struct hc_image *image, uint64_t address)
{
    size_t low = 0, high = image->modules.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (image->modules.items[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == image->modules.count || image->modules.items[low].start > address)
        return NULL;
    return &image->modules.items[low];
}

void hc_reader_init(struct hc_reader *reader, const struct hc_image *image)
{
    *reader = (struct hc_reader){.image = image, .target = image->target};
}

const uint8_t *hc_reader_miss(struct hc_reader *reader, uint64_t address, uint64_t *ret_available)
{
    const struct hc_image *image = reader->image;
    size_t index = hc_image_first_segment(image, address);
    if (index == image->segments.count || image->segments.items[index].address > address)
        return NULL;
    const struct hc_segment *segment = &image->segments.items[index];
    reader->address = segment->address;
    reader->length = segment->length;
    reader->bytes = segment->bytes;
    *ret_available = segment->length - (address - segment->address);
    return segment->bytes + (address - segment->address);
}

bool hc_reader_string(struct hc_reader *reader, uint64_t address, char *buffer, size_t size)
{
    size_t filled = 0;
    while (filled < size) {
        uint64_t available;
        const uint8_t *bytes = hc_reader_span(reader, address + filled, &available);
        if (!bytes)
            return false;
        size_t length = hc_min(available, size - filled);
        const uint8_t *end = memchr(bytes, 0, length);
        if (end) {
            memcpy(buffer + filled, bytes, end + 1 - bytes);
            return true;
        }
        memcpy(buffer + filled, bytes, length);
        filled += length;
    }
    return false;
}

uint64_t hc_reader_extent(struct hc_reader *reader, uint64_t address, uint64_t length)
{
    enum { MOST_STEPS = 1 << 12 };
    uint64_t done = 0, available;
    for (unsigned step = 0; step < MOST_STEPS && done < length; step++) {
        uint64_t end = hc_image_end_of_omission(reader->image, address + done);
        if (end)
            done = end - address;
        else if (hc_reader_span(reader, address + done, &available))
            done += available;
        else
            break;
    }
    return hc_min(done, length);
}
