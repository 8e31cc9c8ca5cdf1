// The C struct behind a type that has no decoder here: from the debug information of the module whose
// functions the type object points to. Debug information is opened when the first type of a module is asked
// for, once.
#pragma once

#include "layout/struct_of_function.h"
#include "python/types.h"

struct hc_native_struct {
    struct hc_struct structure;
    const struct hc_module *module; // whose debug information described it
    const struct hc_type *type; // whose instances it describes: the type asked for, or a base of it; or NULL
};

struct hc_native_structs;

// Does a decoder of ours know all of an instance, so that no struct is looked for?
bool hc_native_is_decoded(const struct hc_type *type);

struct hc_native_structs *hc_native_structs_create(const struct hc_runtime *runtime); // NULL: out of memory
void hc_native_structs_destroy(struct hc_native_structs *structs);

// *ret = the struct of instances of `type`, or of the nearest of its C bases that one is known of; NULL if
// there is none: no debug information, or no struct that the type's functions agree on. Found once a type;
// belongs to the table. Thread-safe. The struct says what the functions work on, not what tp_traverse visits:
// hold it against what was visited.
struct hc_error *hc_native_struct_find(struct hc_type_table *types, const struct hc_type *type,
                                       const struct hc_native_struct **ret);

// The module that has the C code of `type`: that of the functions in it. NULL: none of them is in a module.
const struct hc_module *hc_native_module(const struct hc_runtime *runtime, const struct hc_type *type);

// *ret = the struct behind the state of the modules that the PyModuleDef at `definition` makes; NULL if there
// is none. As above.
struct hc_error *hc_native_struct_find_state(struct hc_type_table *types, uint64_t definition,
                                             const struct hc_native_struct **ret);
