// What the tests of the image share: a directory that goes away, and short ways to open a core.
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core_builder.h"
#include "image/image.h"

#include <elf.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char test_directory[64];

static inline int create_test_directory(void **state)
{
    (void)state;
    strcpy(test_directory, "/tmp/heapcore-image-XXXXXX");
    return mkdtemp(test_directory) ? 0 : -1;
}

static inline int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static inline int remove_test_directory(void **state)
{
    (void)state;
    return nftw(test_directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

// A path in the test's directory; the result is overwritten by the fourth call after.
static inline const char *in_test_directory(const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, PATH_MAX, "%s/%s", test_directory, name);
    return path;
}

static inline struct hc_image *open_with(const char *path, const struct hc_image_options *options)
{
    struct hc_image *image = NULL;
    struct hc_error *error = hc_image_open_core(path, options, &image);
    if (error)
        fail_msg("%s", hc_error_message(error));
    return image;
}

static inline struct hc_image *write_and_open(const struct core_builder *builder,
                                              const struct hc_image_options *options)
{
    const char *path = in_test_directory("core");
    core_builder_write(builder, path);
    return open_with(path, options);
}

static inline void expect_failure(struct hc_error *error, const struct hc_image *image, const char *phrase)
{
    assert_non_null(error);
    assert_null(image);
    if (!strstr(hc_error_message(error), phrase))
        fail_msg("'%s' does not say '%s'", hc_error_message(error), phrase);
    hc_error_destroy(error);
}

static inline void expect_core_failure(const char *path, const char *phrase)
{
    struct hc_image *image = NULL;
    struct hc_error *error = hc_image_open_core(path, NULL, &image);
    expect_failure(error, image, phrase);
}

static inline size_t count_segments(const struct hc_image *image)
{
    size_t count;
    hc_image_segments(image, &count);
    return count;
}

// The segment that starts at `address`; fails the test if there is none.
static inline const struct hc_segment *segment_at(const struct hc_image *image, uint64_t address)
{
    size_t count;
    const struct hc_segment *segments = hc_image_segments(image, &count);
    for (size_t i = 0; i < count; i++)
        if (segments[i].address == address)
            return &segments[i];
    fail_msg("no segment starts at %" PRIx64, address);
    return NULL;
}

static inline bool is_hole(const struct hc_image *image, uint64_t address)
{
    struct hc_reader reader;
    hc_reader_init(&reader, image);
    return !hc_reader_view(&reader, address, 1);
}

static inline uint8_t byte_at(const struct hc_image *image, uint64_t address)
{
    struct hc_reader reader;
    hc_reader_init(&reader, image);
    const uint8_t *byte = hc_reader_view(&reader, address, 1);
    assert_non_null(byte);
    return *byte;
}

// The only module; fails the test if there are none or more.
static inline const struct hc_module *only_module(const struct hc_image *image)
{
    size_t count;
    const struct hc_module *modules = hc_image_modules(image, &count);
    assert_int_equal(count, 1);
    return modules;
}

// Sorted, without overlap, not past the end of the address space, and every byte readable.
static inline uint64_t check_segments(const struct hc_image *image)
{
    size_t count;
    const struct hc_segment *segments = hc_image_segments(image, &count);
    volatile uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        const struct hc_segment *segment = &segments[i];
        assert_true(segment->length > 0);
        assert_true(segment->address + segment->length > segment->address);
        if (i > 0)
            assert_true(segments[i - 1].address + segments[i - 1].length <= segment->address);
        for (uint64_t j = 0; j < segment->length; j += 256)
            sum += segment->bytes[j];
        sum += segment->bytes[segment->length - 1];
    }
    return sum;
}
