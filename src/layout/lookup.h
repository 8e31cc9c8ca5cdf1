// Types by name: many in one go.
#pragma once

#include "layout/debug_info.h"

enum hc_wanted_state {
    HC_WANTED_UNKNOWN, // not looked for yet
    HC_WANTED_ABSENT,
    HC_WANTED_STRUCT, // struct or union, complete
    HC_WANTED_SCALAR, // typedef of something else, base type, enum
};

struct hc_wanted {
    const char *structure; // alternatives by '|'
    const char *unit;      // or NULL
    enum hc_wanted_state state;
    Dwarf_Die type; // peeled
};

// A type that is not in its unit, though the unit is there, is absent. Where the unit is not there, or none
// is named, one pass over all units looks for all such types together; so it does for types missing in their
// unit if the compiler has put types into units of their own (-fdebug-types-section).
struct hc_error *hc_lookup(struct hc_debug_info *info, struct hc_wanted *wanted, size_t count);

bool hc_debug_info_is_big_endian(const struct hc_debug_info *info);
