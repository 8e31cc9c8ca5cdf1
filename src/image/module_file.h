// The file behind a module: opening it, telling whether it is the one the process had mapped, and
// giving its bytes where the process's own are missing.
#pragma once

#include "image/elf_view.h"
#include "image/internal.h"

// The ELF headers of a module as the process had them in memory.
struct hc_module_memory {
    bool has_header;
    struct hc_elf_view view; // cut to the bytes in reach; valid if has_header
};

struct hc_module_file {
    int fd;
    char *path;
    const uint8_t *bytes; // belong to the image
    uint64_t size;
    struct hc_elf_view view;
    enum hc_module_state state; // FOUND while only opened: not yet compared
    int error;                  // errno of MISSING and BAD, 0 if it is no ELF file
};

// The ELF header in memory, if the mapping starts with one.
void hc_module_memory_read(const struct hc_image *image, const struct hc_file_mapping *mapping,
                           struct hc_module_memory *ret);
void hc_module_file_deinit(struct hc_module_file *file);
// Failing to open is a state, not an error.
struct hc_error *hc_module_file_open(struct hc_image *image, const char *root, const char *path,
                                     struct hc_module_file *ret);
// A file that the user named: not to be an ELF file that opens is an error.
struct hc_error *hc_module_file_open_exe(struct hc_image *image, const char *exe, struct hc_module_file *ret);
// The address that the file's address 0 has in the process, by a mapping of one of its segments.
bool hc_elf_find_bias(const struct hc_elf_view *view, const struct hc_file_mapping *mapping,
                      uint64_t page_size, uint64_t *ret);
// One past the last ELF address of the file's segments, .bss included; 0 if there are none.
uint64_t hc_elf_find_end(const struct hc_elf_view *view);
// Compares build-ids, or failing these the headers; sets the module's build-id and state.
void hc_module_file_verify(const struct hc_image *image, const struct hc_module_file *file,
                           const struct hc_module_memory *memory, const struct hc_file_mapping *mappings[],
                           size_t count, struct hc_module *module);
void hc_module_read_build_id(const struct hc_image *image, const struct hc_module_memory *memory,
                             struct hc_module *module);
// Appends to `filled` what segments the file has for the holes of a mapping.
struct hc_error *hc_module_file_fill(struct hc_image *image, const struct hc_module_file *file,
                                     const struct hc_file_mapping *mapping, uint64_t load_bias,
                                     struct hc_segment_vector *filled);
