// Every member of a struct, nested ones included, that points to a given type.
#include "layout/debug_info.h"
#include "layout/lookup.h"
#include "layout/types.h"

#include <dwarf.h>
#include <string.h>

#define MAX_ELEMENTS 512 // of nested arrays of structs, in all
#define MAX_PATH 512

struct pointer_hunt {
    struct hc_type_walk walk;
    const char *pointee;
    const Dwarf_Die *target; // the struct that `pointee` names, or NULL
    unsigned elements;       // left
    size_t found;
    char path[MAX_PATH];
    hc_pointer_member_fn *callback;
    void *argument;
};

static bool is_named(Dwarf_Die *entry, const char *wanted)
{
    const char *name = hc_entry_name(entry);
    return name && strcmp(name, wanted) == 0;
}

// By any name on the way to the struct, or by the struct itself: `struct _object *` is a PyObject pointer.
static bool points_to(struct pointer_hunt *hunt, Dwarf_Die *pointer)
{
    if (dwarf_tag(pointer) != DW_TAG_pointer_type)
        return false;
    Dwarf_Die type = *pointer;
    Dwarf_Attribute attribute;
    for (unsigned depth = 0; depth < HC_TYPE_DEPTH; depth++) {
        if (!dwarf_attr(&type, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, &type))
            return false;
        int tag = dwarf_tag(&type);
        if (hc_type_is_aggregate(&type)) {
            Dwarf_Die whole = type; // unless it is only declared
            hc_type_peel(&hunt->walk, type, &whole);
            return (hunt->target && whole.addr == hunt->target->addr) || is_named(&type, hunt->pointee) ||
                   is_named(&whole, hunt->pointee);
        }
        if (tag == DW_TAG_typedef && is_named(&type, hunt->pointee))
            return true;
        if (tag != DW_TAG_typedef && tag != DW_TAG_const_type && tag != DW_TAG_volatile_type &&
            tag != DW_TAG_restrict_type && tag != DW_TAG_atomic_type)
            return false;
    }
    return false;
}

static void report(struct pointer_hunt *hunt, uint64_t offset, uint64_t count)
{
    hunt->found++;
    hunt->callback(hunt->argument, hunt->path, offset, count);
}

static void hunt_struct(struct pointer_hunt *hunt, const struct hc_type_place *whole, size_t length,
                        unsigned depth);

// Elements of an array are all of one type: if the first has no such pointer, none has, and none is counted.
static void hunt_elements(struct pointer_hunt *hunt, const struct hc_type_array *array, uint64_t count,
                          uint64_t offset, size_t length, unsigned depth)
{
    if (count == 0 || count > hunt->elements)
        return;
    for (uint64_t i = 0; i < count && hunt->elements > 0; i++) {
        int added = snprintf(hunt->path + length, MAX_PATH - length, "[%llu]", (unsigned long long)i);
        if (added < 0 || (size_t)added >= MAX_PATH - length)
            return;
        struct hc_type_place element = {
            .type = array->element, .offset = offset + i * array->element_size, .size = array->element_size};
        size_t before = hunt->found;
        hunt_struct(hunt, &element, length + (size_t)added, depth);
        if (hunt->found == before)
            return;
        hunt->elements--;
    }
}

static void hunt_array(struct pointer_hunt *hunt, struct hc_type_place *place, size_t length, unsigned depth)
{
    struct hc_type_array array;
    if (!hc_type_array(&hunt->walk, &place->type, &array))
        return;
    uint64_t count = array.element_size ? place->size / array.element_size : 0;
    if (points_to(hunt, &array.element))
        report(hunt, place->offset, count);
    else if (dwarf_tag(&array.element) == DW_TAG_structure_type)
        hunt_elements(hunt, &array, count, place->offset, length, depth + 1);
}

static bool append_name(struct pointer_hunt *hunt, size_t *length, const char *name)
{
    int added = snprintf(hunt->path + *length, MAX_PATH - *length, "%s%s", *length ? "." : "", name);
    if (added < 0 || (size_t)added >= MAX_PATH - *length)
        return false;
    *length += (size_t)added;
    return true;
}

static void hunt_member(struct pointer_hunt *hunt, const struct hc_type_place *whole, Dwarf_Die *member,
                        size_t length, unsigned depth)
{
    struct hc_type_place place;
    const char *name = hc_entry_name(member);
    if (!hc_type_member(&hunt->walk, whole, member, &place) || (name && !append_name(hunt, &length, name)))
        return;
    if (points_to(hunt, &place.type))
        report(hunt, place.offset, 1);
    else if (dwarf_tag(&place.type) == DW_TAG_structure_type)
        hunt_struct(hunt, &place, length, depth + 1);
    else if (dwarf_tag(&place.type) == DW_TAG_array_type)
        hunt_array(hunt, &place, length, depth);
}

static void hunt_struct(struct pointer_hunt *hunt, const struct hc_type_place *whole, size_t length,
                        unsigned depth)
{
    Dwarf_Die type = whole->type, member;
    if (depth > HC_TYPE_DEPTH || dwarf_child(&type, &member) != 0)
        return;
    do {
        if (dwarf_tag(&member) == DW_TAG_member)
            hunt_member(hunt, whole, &member, length, depth);
    } while (hc_type_step(&hunt->walk) && dwarf_siblingof(&member, &member) == 0);
}

struct hc_error *hc_debug_info_each_pointer(struct hc_debug_info *info, const char *structure,
                                            const char *unit, const char *pointee,
                                            hc_pointer_member_fn *callback, void *argument)
{
    struct hc_wanted wanted[] = {{.structure = structure, .unit = unit},
                                 {.structure = pointee, .unit = unit}};
    HC_TRY(hc_lookup(info, wanted, 2));
    if (wanted[0].state != HC_WANTED_STRUCT)
        return NULL;
    struct pointer_hunt hunt = {
        .walk = {.steps = 10 * HC_TYPE_STEPS, .big_endian = hc_debug_info_is_big_endian(info)},
        .pointee = pointee,
        .target = wanted[1].state == HC_WANTED_STRUCT ? &wanted[1].type : NULL,
        .elements = MAX_ELEMENTS,
        .callback = callback,
        .argument = argument,
    };
    struct hc_type_place whole;
    if (hc_type_place(&hunt.walk, &wanted[0].type, &whole))
        hunt_struct(&hunt, &whole, 0, 0);
    return NULL;
}
