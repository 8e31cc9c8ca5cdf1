// The interpreter in the image: which module it is, its version, its interpreters, its layouts.
#pragma once

#include "base/vector.h"
#include "image/image.h"
#include "layout/source.h"
#include "python/layouts.h"

#include <stdbool.h>
#include <stdint.h>

// Since 3.12 what a static type of CPython's own owns in one interpreter stands in that interpreter's state.
struct hc_static_type {
    uint64_t type, dict, subclasses;
};

HC_DEFINE_VECTOR(hc_static_type_vector, struct hc_static_type)

struct hc_definitions;

// Where the layouts come from.
struct hc_layout_choice {
    enum hc_layout_source source;  // DWARF or TABLE; single fields may be better known
    struct hc_layout_table *table; // NULL: DWARF
    struct hc_told_offset *told;   // by the process itself
    size_t told_count;
    bool is_guess; // the table is of other versions, though it passed all checks
};

struct hc_runtime {
    const struct hc_image *image;
    const struct hc_module *module; // the ELF file that holds _PyRuntime: libpython or the program
    struct hc_debug_info *debug_info;
    struct hc_debug_options debug_options; // a copy; for modules whose debug information is wanted later
    struct hc_layout_choice choice;
    struct hc_layouts layouts;
    uint32_t version;                          // as sys.hexversion: 0x030b07f0
    char version_text[64];                     // "3.11.7"
    uint64_t address;                          // of _PyRuntime
    struct hc_word_vector interpreters;        // PyInterpreterState addresses
    bool interpreters_broken;                  // their list does not lead to the main one
    struct hc_static_type_vector static_types; // by type, then in the interpreters' order
    uint64_t interpreter_list;                 // address of its head, where no symbol tells; mostly 0
    struct hc_type_names *type_names;          // of types whose own name is not here; mostly NULL
    uint64_t type_type;                        // PyType_Type
    uint64_t dict_type;                        // PyDict_Type
    uint64_t subtype_traverse;                 // tp_traverse of every class made by a class statement
    struct hc_definitions *definitions;        // of the session; NULL: none
    bool no_emulation;                         // of the session
    uint64_t general_lookup; // lookdict(): up to 3.10, the mark of a dict whose keys are not all str
    // Once an instance's inline values have a dict, is it the dict that visits them, not the instance?
    bool dict_visits_inline_values;
};

// Finds the interpreter and its layouts. Errors: no Python in the image; no debug information; unsupported
// version.
struct hc_error *hc_runtime_init(struct hc_runtime *runtime, const struct hc_image *image,
                                 const struct hc_debug_options *options);
void hc_runtime_deinit(struct hc_runtime *runtime);

// For choose.h: what the layouts lead to, and how to try others.
struct hc_error *hc_runtime_read(struct hc_runtime *runtime, struct hc_reader *reader);
void hc_runtime_forget(struct hc_runtime *runtime);

// The first entry for the type at `address`; its others follow. NULL if there is none.
const struct hc_static_type *hc_runtime_find_static_type(const struct hc_runtime *runtime, uint64_t address);

// tp_dict, wherever it stands; 0 if there is none.
uint64_t hc_runtime_type_dict(const struct hc_runtime *runtime, struct hc_reader *reader, uint64_t type);

// As 0x030c0000 for libpython3.12.so; false if the file's name has no version in it.
bool hc_runtime_version_of_path(const char *path, uint32_t *ret);

// Version as 0x030c0000 for 3.12: what changed since then is asked with this only where no struct tells.
static inline bool hc_runtime_since(const struct hc_runtime *runtime, unsigned major, unsigned minor)
{
    return runtime->version >= (major << 24 | minor << 16);
}
