// What the files of this folder share, and capture, which writes what they read. Other folders see image.h
// only.
#pragma once

#include "base/min_max.h"
#include "base/vector.h"
#include "image/image.h"

// Memory that the process had mapped, whether or not its bytes are here. Sorted, without overlap.
struct hc_range {
    uint64_t address;
    uint64_t length;
    uint64_t held;      // bytes from the start on that the source promises
    uint64_t available; // of those, the bytes that are really there
    uint64_t offset;    // of the first byte in the core file
    bool readable;
    bool writable;
    bool executable;
    bool flags_known; // false: the range comes from a list of files that tells no permissions
};

struct hc_host_mapping {
    void *bytes;
    size_t length;
};

HC_DEFINE_VECTOR(hc_range_vector, struct hc_range)
HC_DEFINE_VECTOR(hc_file_mapping_vector, struct hc_file_mapping)
HC_DEFINE_VECTOR(hc_held_pages_vector, struct hc_held_pages)
HC_DEFINE_VECTOR(hc_host_mapping_vector, struct hc_host_mapping)
HC_DEFINE_VECTOR(hc_segment_vector, struct hc_segment)
HC_DEFINE_VECTOR(hc_module_vector, struct hc_module)
HC_DEFINE_VECTOR(hc_thread_vector, struct hc_thread_info)
HC_DEFINE_VECTOR(hc_omission_vector, struct hc_omission)
HC_DEFINE_VECTOR(hc_string_vector, char *)

struct hc_image {
    struct hc_target target;
    struct hc_process_info process;
    struct hc_image_losses losses;
    const char *path;
    uint64_t size;
    const char *compression; // static; NULL: none
    uint64_t compressed_size;
    int sparse;          // the core file, or the host's pagemap where memory is copied; -1: neither
    const uint8_t *file; // where the core file is mapped; NULL: it is not
    uint64_t page_size;
    uint64_t program_headers; // AT_PHDR of the main program, 0 if unknown
    uint64_t entry;           // AT_ENTRY, 0 if unknown
    uint64_t program_name;    // AT_EXECFN, a string in memory, 0 if unknown
    struct hc_segment_vector segments;
    struct hc_module_vector modules;
    struct hc_thread_vector threads;
    struct hc_range_vector ranges;
    struct hc_file_mapping_vector files;
    struct hc_omission_vector omissions; // of a captured core: sorted, without overlap
    const char *writer;                  // of such a core, or NULL
    struct hc_held_pages_vector adopted;
    struct hc_string_vector strings;        // everything that the public structs point to
    struct hc_host_mapping_vector mappings; // unmapped at the end
};

struct hc_error *hc_image_create(const char *path, struct hc_image **ret);
// Copies `length` bytes, adds a NUL, and keeps the copy as long as the image; NULL when out of memory.
const char *hc_image_keep_string(struct hc_image *image, const char *text, size_t length);
// The image unmaps it at its end, and at once when there is no memory to note it down.
struct hc_error *hc_image_keep_mapping(struct hc_image *image, void *bytes, size_t length);
// The image's memory is this process's own: so says the pagemap what was written.
void hc_image_open_pagemap(struct hc_image *image);
struct hc_error *hc_image_keep_registers(struct hc_image *image, const void *bytes, size_t length,
                                         const uint8_t **ret);
// From the general registers, on machines that have it there.
void hc_thread_find_tls(const struct hc_target *target, struct hc_thread_info *thread);
// From a note or a register set of the kind NT_ARM_TLS.
void hc_thread_read_arm_tls(const struct hc_target *target, const uint8_t *bytes, uint64_t size,
                            struct hc_thread_info *thread);
void hc_image_read_auxv(struct hc_image *image, const uint8_t *bytes, uint64_t length);

// Sorts ranges and file mappings, and cuts what overlaps: the first in address order wins.
void hc_image_sort_ranges(struct hc_image *image);
void hc_image_sort_files(struct hc_image *image);
// Adds a range for each piece of a mapped file that no range covers.
struct hc_error *hc_image_cover_files(struct hc_image *image);
// Index of the first range that ends after `address`.
size_t hc_image_first_range(const struct hc_image *image, uint64_t address);
// Index of the first segment that ends after `address`.
size_t hc_image_first_segment(const struct hc_image *image, uint64_t address);
// Sorts segments and joins those that touch, have the same permissions and contiguous bytes.
void hc_image_join_segments(struct hc_image *image);
// Of the part that was left out on purpose and has `address` in it; 0: there is none.
uint64_t hc_image_end_of_omission(const struct hc_image *image, uint64_t address);
void hc_image_count_losses(struct hc_image *image);

// Threads, command, signal, mapped files, from one note segment of a core.
struct hc_error *hc_image_read_notes(struct hc_image *image, const uint8_t *bytes, uint64_t size,
                                     uint64_t alignment);

// The note that a captured core has: NAME, and as words of the machine the format (1), the count of ranges,
// and count times (start, end, enum hc_omission_reason); then who wrote the core, as text.
#define HC_CAPTURE_NOTE "heapcore"
enum { HC_CAPTURE_NOTE_TYPE = 0x6863, HC_CAPTURE_NOTE_FORMAT = 1 };

// Finds the modules among the mapped files and fills holes from their files. `root` is put before the
// paths when the options name no sysroot; it may be empty.
struct hc_error *hc_image_find_modules(struct hc_image *image, const struct hc_image_options *options,
                                       const char *root);

// For a core without a list of mapped files: lists those of the program and of its libraries, as far as they
// can be found. Finding none is no error.
struct hc_error *hc_image_list_linked_files(struct hc_image *image, const struct hc_image_options *options);

// Resolves `path` below `root`, so that symbolic links, absolute ones too, stay below it. The result is for
// free(). NULL sets errno.
char *hc_path_resolve_below(const char *root, const char *path);

// Stops at the largest number where the sum would wrap.
static inline uint64_t hc_saturating_add(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}
