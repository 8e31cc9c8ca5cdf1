// How an object refers to its referents: by which attribute, key, index or variable. heapy's relations, and
// names from DWARF members where heapy has none.
#pragma once

#include "python/trace.h"

#include <stdint.h>

enum hc_link_kind {
    HC_LINK_UNKNOWN,   // .??                     known to refer, not known how
    HC_LINK_ATTRIBUTE, // .x                      slot, C member with a Python name, __dict__
    HC_LINK_VALUE,     // ['x'], [0x2a]           value of a mapping, by its key
    HC_LINK_ITEM,      // [N]                     item of a sequence
    HC_LINK_KEY,       // .keys()[N]              key of a mapping
    HC_LINK_INTERNAL,  // ->x                     C member that no Python code sees
    HC_LINK_HASATTR,   // .__dict__.keys()[N]     name of an attribute
    HC_LINK_LOCAL,     // .f_locals['x']          local variable of a frame
    HC_LINK_CELL,      // .f_locals ['x']         cell or free variable of a frame
    HC_LINK_STACK,     // ->f_valuestack[N]       value stack of a frame
    HC_LINK_MEMBER,    // list(_)[N]              member of a set, by its place in iteration
    HC_LINK_ROOT,      // .i0_modules             the interpreter's own; `name` is all of it after the dot
    HC_LINK_KIND_COUNT
};

// One reference. What tells two of a kind apart is `number` (ITEM, KEY, HASATTR, STACK, MEMBER), `name`
// (ATTRIBUTE, INTERNAL, ROOT, LOCAL and CELL) or `key` (VALUE).
struct hc_link {
    uint64_t target;
    uint8_t kind;    // enum hc_link_kind
    bool is_virtual; // from the virtual dict of the object, not from the object itself
    uint64_t number;
    uint64_t key;     // address of the key object
    const char *name; // valid until the next hc_relate() with the same relater
};

HC_DEFINE_VECTOR(hc_link_vector, struct hc_link)
HC_DEFINE_VECTOR(hc_link_names, char *)

struct hc_type_members;
struct hc_referent;

// A working set, one per thread. What it cannot read it leaves out. Zeroed but for `tracer` it is ready.
struct hc_relater {
    struct hc_tracer *tracer; // belongs to the caller
    struct hc_link_vector links;
    struct hc_link_names names;            // of the links that have names of their own
    const struct hc_type_members *members; // of the object's type
    struct hc_type_members **types;        // by the index of the type: found when first asked for
    size_t type_count;
    uint64_t members_found;                   // of all types
    struct hc_referent *referents;            // of the object, open addressing
    size_t referent_capacity, referent_slots; // allocated; in use
    bool out_of_memory;
};

void hc_relater_deinit(struct hc_relater *relater);

// relater->links = every reference of `object`: what hc_tracer_trace() visits and holds, once for each way in
// which `object` leads there. A target that no name is known for has one link, HC_LINK_UNKNOWN. Linear in the
// number of references.
void hc_relate(struct hc_relater *relater, const struct hc_object_view *object);

// For rows. What turns out to be no referent is left out, so that these may say too much.
void hc_relate_named(struct hc_relater *relater, enum hc_link_kind kind, uint64_t target, const char *name);
// The same with a name that is copied.
void hc_relate_copied(struct hc_relater *relater, enum hc_link_kind kind, uint64_t target, const char *name);
// HC_LINK_INTERNAL, by a name that is copied: "items[3]"; no number if it is negative.
void hc_relate_internal(struct hc_relater *relater, uint64_t target, const char *name, int64_t number);
void hc_relate_numbered(struct hc_relater *relater, enum hc_link_kind kind, uint64_t target, uint64_t number);
// The str at `key` is the name, of all but HC_LINK_VALUE.
void hc_relate_keyed(struct hc_relater *relater, enum hc_link_kind kind, uint64_t target, uint64_t key);
// The word at `offset`, unless the type has a member there, which is named already.
void hc_relate_member(struct hc_relater *relater, const struct hc_object_view *object, uint32_t offset,
                      enum hc_link_kind kind, const char *name);
// HC_LINK_ITEM for each word of an array that is not NULL.
void hc_relate_items(struct hc_relater *relater, uint64_t address, uint64_t count);
// Keys and values of a dict, in the order of iteration.
void hc_relate_mapping(struct hc_relater *relater, uint64_t dict, enum hc_link_kind key_kind,
                       enum hc_link_kind value_kind);
// What the object refers to beside its dict, but is in the dict, too.
void hc_relate_attributes(struct hc_relater *relater);
