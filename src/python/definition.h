// Heap definitions: what users say about the C types of extensions, the offline counterpart of heapy's
// NyHeapDef. A file in the language of docs/definitions.md, or a shared object after heapcore/heapdef.h.
#pragma once

#include "base/error.h"
#include "layout/layout.h"
#include "python/relate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hc_definitions;
struct hc_definition_use;

// Strings need to live during the call only.
struct hc_definition_options {
    const char *const *paths; // files, and directories with *.heapdef and *.so files in them
    size_t count;
    const char *list; // more of them, divided by ':'; NULL: none
};

// Reads every file: those that are named first, then those in $HEAPCORE_DEFINITIONS, in the user's
// configuration, and those that heapcore ships. Of two definitions of a type that fit, the first counts.
struct hc_error *hc_definitions_open(const struct hc_definition_options *options,
                                     struct hc_definitions **ret);
void hc_definitions_destroy(struct hc_definitions *definitions);
HC_DEFINE_POINTER_CLEANUP(hc_definitions_destroy, struct hc_definitions)

// What a definition says of `native`, a type that no class statement made; NULL if there is none that fits.
// It belongs to the definitions. Not thread-safe: the type table's lock is held.
const struct hc_definition_use *hc_definition_find(struct hc_definitions *definitions,
                                                   struct hc_type_table *table, const struct hc_type *native);
bool hc_definition_has_size(const struct hc_definition_use *use);
// A heap type's tp_traverse visits it, as it should since 3.9.
bool hc_definition_visits_class(const struct hc_definition_use *use);
// Instances have what a decoder knows of its tp_base, too.
bool hc_definition_has_decoded_base(const struct hc_definition_use *use);

// For types that have a definition.
void hc_definition_trace(struct hc_tracer *tracer, const struct hc_object_view *object);
void hc_definition_relate(struct hc_relater *relater, const struct hc_object_view *object);
uint64_t hc_definition_size(struct hc_tracer *tracer, const struct hc_object_view *object);

// A definition that names a type of the process and could not be used.
struct hc_definition_note {
    uint64_t address; // of the type
    char *type;       // "module.Type"
    char *cause;      // "numpy.heapdef:12: …"
};
const struct hc_definition_note *hc_definitions_notes(const struct hc_definitions *definitions,
                                                      size_t *ret_count);
