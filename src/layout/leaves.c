#include "layout/leaves.h"

#include "layout/debug_info.h"

#include <dwarf.h>

#define MAX_ELEMENTS 512

static void walk_struct(struct hc_leaf_walk *walk, const struct hc_type_place *whole, size_t length,
                        unsigned depth);

static void report(struct hc_leaf_walk *walk, const struct hc_leaf *leaf)
{
    if (walk->callback(walk->argument, leaf))
        walk->found++;
}

// None is counted if the first has nothing.
static void walk_elements(struct hc_leaf_walk *walk, const struct hc_type_array *array, uint64_t count,
                          uint64_t offset, size_t length, unsigned depth)
{
    if (count == 0 || count > walk->elements)
        return;
    for (uint64_t i = 0; i < count && walk->elements > 0; i++) {
        int added = snprintf(walk->path + length, HC_LEAF_PATH - length, "[%llu]", (unsigned long long)i);
        if (added < 0 || (size_t)added >= HC_LEAF_PATH - length)
            return;
        struct hc_type_place element = {
            .type = array->element, .offset = offset + i * array->element_size, .size = array->element_size};
        size_t before = walk->found;
        walk_struct(walk, &element, length + (size_t)added, depth);
        if (walk->found == before)
            return;
        walk->elements--;
    }
}

static void walk_array(struct hc_leaf_walk *walk, struct hc_type_place *place, size_t length, unsigned depth)
{
    struct hc_type_array array;
    if (!hc_type_array(&walk->walk, &place->type, &array))
        return;
    uint64_t count = array.element_size ? place->size / array.element_size : 0;
    if (dwarf_tag(&array.element) == DW_TAG_structure_type)
        walk_elements(walk, &array, count, place->offset, length, depth + 1);
    else
        report(walk, &(struct hc_leaf){.path = walk->path,
                                       .offset = place->offset,
                                       .count = count,
                                       .type = array.element,
                                       .is_array = true,
                                       .in_union = walk->unions > 0});
}

static bool append_name(struct hc_leaf_walk *walk, size_t *length, const char *name)
{
    int added = snprintf(walk->path + *length, HC_LEAF_PATH - *length, "%s%s", *length ? "." : "", name);
    if (added < 0 || (size_t)added >= HC_LEAF_PATH - *length)
        return false;
    *length += (size_t)added;
    return true;
}

static void walk_member(struct hc_leaf_walk *walk, const struct hc_type_place *whole, Dwarf_Die *member,
                        size_t length, unsigned depth)
{
    struct hc_type_place place;
    const char *name = hc_entry_name(member);
    if (!hc_type_member(&walk->walk, whole, member, &place))
        return;
    int tag = dwarf_tag(&place.type);
    bool is_base = walk->opens_base && length == 0 && place.offset == 0 && tag == DW_TAG_structure_type;
    if (name && !is_base && !append_name(walk, &length, name))
        return;
    walk->path[length] = '\0';
    if (tag == DW_TAG_structure_type || tag == DW_TAG_class_type) {
        walk_struct(walk, &place, length, depth + 1);
    } else if (tag == DW_TAG_array_type) {
        walk_array(walk, &place, length, depth);
    } else if (tag != DW_TAG_union_type) {
        report(walk, &(struct hc_leaf){.path = walk->path,
                                       .offset = place.offset,
                                       .count = 1,
                                       .type = place.type,
                                       .in_union = walk->unions > 0});
    } else if (walk->enters_unions) {
        walk->unions++;
        walk_struct(walk, &place, length, depth + 1);
        walk->unions--;
    }
}

static void walk_struct(struct hc_leaf_walk *walk, const struct hc_type_place *whole, size_t length,
                        unsigned depth)
{
    Dwarf_Die type = whole->type, member;
    if (depth > HC_TYPE_DEPTH || dwarf_child(&type, &member) != 0)
        return;
    do {
        int tag = dwarf_tag(&member);
        if (tag == DW_TAG_member || tag == DW_TAG_inheritance)
            walk_member(walk, whole, &member, length, depth);
    } while (hc_type_step(&walk->walk) && dwarf_siblingof(&member, &member) == 0);
}

void hc_type_each_leaf(struct hc_leaf_walk *walk, const struct hc_type_place *whole)
{
    walk->elements = MAX_ELEMENTS;
    walk->unions = 0;
    walk->found = 0;
    walk_struct(walk, whole, 0, 0);
}
