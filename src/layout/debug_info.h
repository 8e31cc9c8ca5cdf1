// An opened module's debug information, as the files of this folder share it.
#pragma once

#include "layout/debug_file.h"
#include "base/vector.h"

#include <elfutils/libdw.h>

struct hc_unit {
    const char *name; // of the source file, or NULL
    Dwarf_Die die;
    Dwarf_Off offset;
    uint8_t type; // DW_UT_…
    bool is_alternate;
    unsigned visit;              // the last walk that came by
    struct hc_unit *next_import; // that the same walk has to visit after this one
};

HC_DEFINE_VECTOR(hc_unit_vector, struct hc_unit)

struct hc_symbol_table;
struct hc_function_table;

struct hc_debug_info {
    struct hc_debug_file main;      // the module's own file; closed if it is missing
    struct hc_debug_file separate;  // closed if the module's own file has the DWARF
    struct hc_debug_file alternate; // dwz file, closed if there is none
    Dwarf *dwarf;
    Dwarf *alternate_dwarf;
    uint64_t load_bias;
    // In file order: .debug_info, the type units of DWARF 4 in .debug_types, then those of the dwz file.
    struct hc_unit_vector units;
    size_t info_units;      // how many there are of the first
    size_t alternate_units; // index of the first of the last
    bool has_type_units;    // so a unit need not have the structs that it uses
    unsigned visits;
    const struct hc_layout_table *table; // answers where there is no DWARF; borrowed, may be NULL
    const struct hc_told_offset *told;   // so, too
    size_t told_count;
    struct hc_layout_record *record;     // of all that is asked; borrowed, mostly NULL
    struct hc_symbol_table *symbols;     // built when first asked for
    struct hc_function_table *functions; // so, too
};

// Called with the entries at the top of a unit, those of imported units included; false ends the walk.
typedef bool hc_entry_fn(void *argument, Dwarf_Die *entry);

// The next unit from `start` whose source file has `name` as its last path components; units.count if none.
size_t hc_debug_info_next_unit(const struct hc_debug_info *info, size_t start, const char *name);
// Both are false if the callback ended the walk.
bool hc_debug_info_walk_unit(struct hc_debug_info *info, struct hc_unit *unit, hc_entry_fn *callback,
                             void *argument);
bool hc_debug_info_walk_all(struct hc_debug_info *info, hc_entry_fn *callback, void *argument);

// The name that an entry itself has, or NULL.
const char *hc_entry_name(Dwarf_Die *entry);

void hc_symbol_table_destroy(struct hc_symbol_table *table);
// The address, in the file's terms, of the one symbol of that name; false if there is none or a second.
bool hc_debug_info_find_only_symbol(struct hc_debug_info *info, const char *name, uint64_t *ret);
