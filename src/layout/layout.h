// Struct layouts of a module, by name: from its DWARF. Knows C types; knows nothing of Python.
#pragma once

#include "base/error.h"
#include "image/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hc_layout_source {
    HC_LAYOUT_NONE,          // absent
    HC_LAYOUT_DWARF,         // debug information of the module or its separate debug file
    HC_LAYOUT_DEBUG_OFFSETS, // _Py_DebugOffsets: what the process itself tells, since 3.13
    HC_LAYOUT_TABLE,         // a table made from the debug information of the same or another build
};

const char *hc_layout_source_name(enum hc_layout_source source);

enum hc_field_kind {
    HC_FIELD_SCALAR, // integer, enum, float
    HC_FIELD_POINTER,
    HC_FIELD_STRUCT, // struct or union
    HC_FIELD_ARRAY,
    HC_FIELD_BITS, // bit-field: see bit_offset, bit_size
};

// Where a member lives. Offsets and sizes in bytes from the start of the outermost struct.
struct hc_field {
    uint64_t offset;
    uint64_t size;      // of the storage (for a bit-field: of its storage unit)
    uint8_t bit_offset; // from the least significant bit of the storage unit read as one integer
    uint8_t bit_size;   // 0 unless HC_FIELD_BITS
    enum hc_field_kind kind;
    bool present;
    enum hc_layout_source source;
};

// The value of a bit-field of the struct at `object`, whose storage unit the caller has checked to be there.
static inline uint64_t hc_field_load_bits(const struct hc_field *field, const struct hc_target *target,
                                          const uint8_t *object)
{
    uint64_t unit = hc_load_unsigned(target, object + field->offset, (unsigned)field->size);
    return unit >> field->bit_offset & ((1ull << field->bit_size) - 1);
}

struct hc_field_request {
    const char *structure; // tag or typedef name: "PyListObject", "_is"; alternatives by '|':
                           // "_is|PyInterpreterState"
    const char *member; // path: "ob_base.ob_size", "state.kind"; anonymous members are looked through; NULL:
                        // the struct itself
    const char
        *unit; // source file that surely has it complete, as a suffix of the CU name: "Objects/listobject.c"
};

struct hc_layout_record;

// Strings are borrowed for the call.
struct hc_debug_options {
    const char *sysroot; // /usr/lib/debug is looked for under it, too
    const char
        *layouts; // a table of layouts to use where there is no debug information; NULL: those that ship
    struct hc_layout_record *record; // of what DWARF is asked for; mostly NULL
    const char *debug_dir;           // searched first: .build-id/xx/yyyy.debug, then by name
};

// The debug information of one module: its own, or of a separate file found by build-id or .gnu_debuglink
// (dwz alternate files included; debuginfod when DEBUGINFOD_URLS is set).
struct hc_debug_info;

// The error when there is none names the file, its build-id, and what to install or pass.
struct hc_error *hc_debug_info_open(const struct hc_module *module, const struct hc_debug_options *options,
                                    struct hc_debug_info **ret);
void hc_debug_info_destroy(struct hc_debug_info *info);
HC_DEFINE_POINTER_CLEANUP(hc_debug_info_destroy, struct hc_debug_info)
// The file that the DWARF came from, or the name of the table that answers in its place.
const char *hc_debug_info_file(const struct hc_debug_info *info);

// Fills fields[i] for requests[i]. A struct or member that does not exist leaves present = false, without
// error.
struct hc_error *hc_debug_info_find_fields(struct hc_debug_info *info,
                                           const struct hc_field_request *requests, size_t count,
                                           struct hc_field *fields);

// Calls back for every member, nested structs included, whose type is a pointer to the struct or typedef
// `pointee`
// ("PyObject"), with its dotted path and offset; arrays of such pointers once, with their element count.
// Unions are skipped.
typedef void hc_pointer_member_fn(void *argument, const char *path, uint64_t offset, uint64_t count);
struct hc_error *hc_debug_info_each_pointer(struct hc_debug_info *info, const char *structure,
                                            const char *unit, const char *pointee,
                                            hc_pointer_member_fn *callback, void *argument);

// Runtime address and size of a symbol: dynamic table, .symtab of the module or of its debug file, static
// ones included. Where a static name occurs more than once, the one in `unit` (suffix of the CU name) if
// given, else the first.
bool hc_debug_info_find_symbol(struct hc_debug_info *info, const char *name, const char *unit,
                               uint64_t *ret_address, uint64_t *ret_size);
