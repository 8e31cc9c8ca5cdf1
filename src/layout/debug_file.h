// Finds and opens the ELF files that hold a module's debug information, held against its build-id.
// Knows file names and links between files; knows nothing of DWARF.
#pragma once

#include "layout/layout.h"

#include <libelf.h>

// A zeroed one with fd -1 is closed.
struct hc_debug_file {
    char *path;
    int fd;
    Elf *elf;
};

// Takes its own copy of the module's descriptor. Leaves *ret closed if the module has no readable ELF file.
struct hc_error *hc_debug_file_open_module(const struct hc_module *module, struct hc_debug_file *ret);
void hc_debug_file_close(struct hc_debug_file *file);

bool hc_debug_file_has_dwarf(Elf *elf);

// The separate debug file of a module: by build-id, by .gnu_debuglink, from debuginfod. `main` may be closed.
struct hc_error *hc_debug_file_find(const struct hc_module *module, const struct hc_debug_file *main,
                                    const struct hc_debug_options *options, struct hc_debug_file *ret);
// The dwz file that `file` refers to by .gnu_debugaltlink as `name` and build-id.
struct hc_error *hc_debug_file_find_alternate(const struct hc_debug_file *file, const char *name,
                                              const uint8_t *build_id, size_t build_id_length,
                                              const struct hc_debug_options *options,
                                              struct hc_debug_file *ret);
