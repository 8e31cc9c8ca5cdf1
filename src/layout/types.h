// C types as DWARF describes them: sizes, array shapes, members by path. Knows one type at a time, not where
// to find it. Forged debug info may be endless or contradict itself: every walk has a budget, and a member
// must lie within its struct.
#pragma once

#include "layout/layout.h"

#include <elfutils/libdw.h>

#define HC_TYPE_STEPS 100000 // entries that one request may look at
#define HC_TYPE_DEPTH 24     // structs within structs
#define HC_TYPE_DIMENSIONS 8

// What is left of the budget.
struct hc_type_walk {
    unsigned steps;
    bool big_endian;
};

struct hc_type_array {
    Dwarf_Die element; // its type, peeled
    uint64_t element_size;
    uint64_t counts[HC_TYPE_DIMENSIONS]; // an open dimension (`int a[]`) counts 0
    bool is_open;                        // the first dimension is
    unsigned dimensions;
};

// A piece of a struct: its type and where it lies in the outermost one.
struct hc_type_place {
    Dwarf_Die type;     // peeled
    unsigned dimension; // of an array: the first that no index has been given for
    uint64_t offset;
    uint64_t size;
    uint8_t bit_offset, bit_size;
};

// Takes one step; false when there is none left.
bool hc_type_step(struct hc_type_walk *walk);
// Through typedef, const, volatile and references to type units. False for void, a declaration, nonsense.
bool hc_type_peel(struct hc_type_walk *walk, Dwarf_Die type, Dwarf_Die *ret);
// The peeled type of an entry (a member, a variable, a pointer).
bool hc_type_of(struct hc_type_walk *walk, Dwarf_Die *entry, Dwarf_Die *ret);
bool hc_type_is_aggregate(Dwarf_Die *type);
enum hc_field_kind hc_type_kind(Dwarf_Die *type);
bool hc_type_size(struct hc_type_walk *walk, Dwarf_Die *type, uint64_t *ret);
bool hc_type_array(struct hc_type_walk *walk, Dwarf_Die *type, struct hc_type_array *ret);

// The place of a whole type.
bool hc_type_place(struct hc_type_walk *walk, Dwarf_Die *type, struct hc_type_place *ret);
// The place of a DW_TAG_member entry of the aggregate at `whole`.
bool hc_type_member(struct hc_type_walk *walk, const struct hc_type_place *whole, Dwarf_Die *member,
                    struct hc_type_place *ret);
// Follows a path such as "ob_base.ob_size" or "generations[2].head"; anonymous members are looked through.
bool hc_type_find(struct hc_type_walk *walk, const struct hc_type_place *whole, const char *path,
                  struct hc_type_place *ret);
