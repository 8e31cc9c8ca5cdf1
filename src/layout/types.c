#include "layout/types.h"

#include "layout/debug_info.h"

#include <dwarf.h>
#include <string.h>

#define MAX_OFFSET (UINT64_C(1) << 40) // no struct is as big

bool hc_type_step(struct hc_type_walk *walk)
{
    if (walk->steps == 0)
        return false;
    walk->steps--;
    return true;
}

static bool unsigned_attribute(Dwarf_Die *entry, unsigned name, uint64_t *ret)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    if (!dwarf_attr(entry, name, &attribute) || dwarf_formudata(&attribute, &value) != 0)
        return false;
    *ret = value;
    return true;
}

static bool is_flagged(Dwarf_Die *entry, unsigned name)
{
    Dwarf_Attribute attribute;
    bool flag;
    return dwarf_attr(entry, name, &attribute) && dwarf_formflag(&attribute, &flag) == 0 && flag;
}

static bool referred(Dwarf_Die *entry, unsigned name, Dwarf_Die *ret)
{
    Dwarf_Attribute attribute;
    return dwarf_attr(entry, name, &attribute) && dwarf_formref_die(&attribute, ret);
}

bool hc_type_is_aggregate(Dwarf_Die *type)
{
    int tag = dwarf_tag(type);
    return tag == DW_TAG_structure_type || tag == DW_TAG_union_type || tag == DW_TAG_class_type;
}

bool hc_type_peel(struct hc_type_walk *walk, Dwarf_Die type, Dwarf_Die *ret)
{
    while (hc_type_step(walk)) {
        switch (dwarf_tag(&type)) {
        case DW_TAG_typedef:
        case DW_TAG_const_type:
        case DW_TAG_volatile_type:
        case DW_TAG_restrict_type:
        case DW_TAG_atomic_type:
            if (!referred(&type, DW_AT_type, &type))
                return false;
            continue;
        case DW_TAG_invalid:
            return false;
        }
        // A stand-in for a type in a unit of its own (-fdebug-types-section).
        if (referred(&type, DW_AT_signature, &type))
            continue;
        *ret = type;
        return !is_flagged(&type, DW_AT_declaration);
    }
    return false;
}

bool hc_type_of(struct hc_type_walk *walk, Dwarf_Die *entry, Dwarf_Die *ret)
{
    Dwarf_Die type;
    return referred(entry, DW_AT_type, &type) && hc_type_peel(walk, type, ret);
}

enum hc_field_kind hc_type_kind(Dwarf_Die *type)
{
    if (hc_type_is_aggregate(type))
        return HC_FIELD_STRUCT;
    switch (dwarf_tag(type)) {
    case DW_TAG_pointer_type:
    case DW_TAG_reference_type:
    case DW_TAG_rvalue_reference_type:
    case DW_TAG_ptr_to_member_type:
        return HC_FIELD_POINTER;
    case DW_TAG_array_type:
        return HC_FIELD_ARRAY;
    default:
        return HC_FIELD_SCALAR;
    }
}

// False for an open dimension. GCC gives `int a[0]` an upper bound of -1 in as few bytes as it likes.
static bool dimension_count(Dwarf_Die *dimension, uint64_t *ret)
{
    *ret = 0;
    if (unsigned_attribute(dimension, DW_AT_count, ret))
        return true;
    Dwarf_Attribute attribute;
    Dwarf_Word upper;
    if (!dwarf_attr(dimension, DW_AT_upper_bound, &attribute) || dwarf_formudata(&attribute, &upper) != 0)
        return false;
    uint64_t lower = 0;
    unsigned_attribute(dimension, DW_AT_lower_bound, &lower);
    if ((attribute.form == DW_FORM_data4 && upper == UINT32_MAX) || upper == UINT64_MAX || upper < lower)
        return true;
    *ret = upper - lower + 1;
    return true;
}

static bool array_dimensions(struct hc_type_walk *walk, Dwarf_Die *type, struct hc_type_array *ret)
{
    Dwarf_Die child;
    if (dwarf_child(type, &child) != 0)
        return false;
    do {
        if (!hc_type_step(walk))
            return false;
        int tag = dwarf_tag(&child);
        if (tag != DW_TAG_subrange_type && tag != DW_TAG_enumeration_type)
            continue;
        if (ret->dimensions == HC_TYPE_DIMENSIONS)
            return false;
        bool is_known = dimension_count(&child, &ret->counts[ret->dimensions]);
        if (!is_known && ret->dimensions == 0)
            ret->is_open = true;
        ret->dimensions++;
    } while (dwarf_siblingof(&child, &child) == 0);
    return ret->dimensions > 0;
}

static bool size_at_depth(struct hc_type_walk *walk, Dwarf_Die *type, unsigned depth, uint64_t *ret);

static bool array_at_depth(struct hc_type_walk *walk, Dwarf_Die *type, unsigned depth,
                           struct hc_type_array *ret)
{
    *ret = (struct hc_type_array){0};
    return hc_type_of(walk, type, &ret->element) &&
           size_at_depth(walk, &ret->element, depth + 1, &ret->element_size) &&
           array_dimensions(walk, type, ret);
}

bool hc_type_array(struct hc_type_walk *walk, Dwarf_Die *type, struct hc_type_array *ret)
{
    return dwarf_tag(type) == DW_TAG_array_type && array_at_depth(walk, type, 0, ret);
}

// Of what is left of an array after the first `dimension` of its dimensions have been given an index.
static bool array_size(const struct hc_type_array *array, unsigned dimension, uint64_t *ret)
{
    uint64_t size = array->element_size;
    for (unsigned i = dimension; i < array->dimensions; i++)
        if (__builtin_mul_overflow(size, array->counts[i], &size) || size > MAX_OFFSET)
            return false;
    *ret = size;
    return true;
}

static bool size_at_depth(struct hc_type_walk *walk, Dwarf_Die *type, unsigned depth, uint64_t *ret)
{
    if (depth > HC_TYPE_DEPTH || !hc_type_step(walk))
        return false;
    if (unsigned_attribute(type, DW_AT_byte_size, ret))
        return *ret <= MAX_OFFSET;
    if (dwarf_tag(type) == DW_TAG_array_type) {
        struct hc_type_array array;
        return array_at_depth(walk, type, depth, &array) && array_size(&array, 0, ret);
    }
    uint8_t address_size;
    Dwarf_Die unit;
    if (hc_type_kind(type) != HC_FIELD_POINTER || !dwarf_diecu(type, &unit, &address_size, NULL))
        return false;
    *ret = address_size;
    return true;
}

bool hc_type_size(struct hc_type_walk *walk, Dwarf_Die *type, uint64_t *ret)
{
    return size_at_depth(walk, type, 0, ret);
}

bool hc_type_place(struct hc_type_walk *walk, Dwarf_Die *type, struct hc_type_place *ret)
{
    *ret = (struct hc_type_place){.type = *type};
    return hc_type_size(walk, type, &ret->size);
}

// Byte offset in the innermost struct, as a constant or as DWARF 2's little expression. No attribute: 0.
static bool member_location(Dwarf_Die *member, uint64_t *ret)
{
    *ret = 0;
    Dwarf_Attribute attribute;
    if (!dwarf_attr(member, DW_AT_data_member_location, &attribute))
        return true;
    Dwarf_Word value;
    if (dwarf_formudata(&attribute, &value) == 0) {
        *ret = value;
        return true;
    }
    Dwarf_Op *operations;
    size_t count;
    if (dwarf_getlocation(&attribute, &operations, &count) != 0 || count != 1 ||
        operations[0].atom != DW_OP_plus_uconst)
        return false;
    *ret = operations[0].number;
    return true;
}

// Puts `bits` at `first` (counted in memory order) into the smallest aligned unit from `wanted` bytes on that
// lies within `limit` bytes; packed bit-fields may need another one than their type's.
static bool place_bits(bool big_endian, uint64_t first, uint64_t bits, uint64_t wanted, uint64_t limit,
                       struct hc_type_place *place)
{
    const uint64_t units[] = {wanted, 1, 2, 4, 8};
    for (size_t i = 0; i < 2 * sizeof(units) / sizeof(*units); i++) {
        uint64_t unit = units[i / 2];
        if (unit == 0 || unit > 8)
            continue;
        uint64_t start = i % 2 ? first / 8 : first / 8 / unit * unit;
        uint64_t skipped = first - 8 * start;
        if (skipped + bits > 8 * unit || start + unit > limit)
            continue;
        place->offset += start;
        place->size = unit;
        place->bit_size = (uint8_t)bits;
        place->bit_offset = (uint8_t)(big_endian ? 8 * unit - skipped - bits : skipped);
        return true;
    }
    return false;
}

static bool signed_attribute(Dwarf_Die *entry, unsigned name, int64_t *ret)
{
    Dwarf_Attribute attribute;
    Dwarf_Sword value;
    if (!dwarf_attr(entry, name, &attribute) || dwarf_formsdata(&attribute, &value) != 0)
        return false;
    *ret = value;
    return true;
}

// `place` holds the outer struct's offset, and the declared type with its size.
static bool bit_member(struct hc_type_walk *walk, Dwarf_Die *member, uint64_t bits, uint64_t limit,
                       struct hc_type_place *place)
{
    if (bits == 0 || bits > 64)
        return false;
    uint64_t first;
    if (unsigned_attribute(member, DW_AT_data_bit_offset, &first)) // DWARF 5, and late 4
        return place_bits(walk->big_endian, first, bits, place->size, limit, place);
    // DWARF 2 to 4: counted from the most significant bit of a storage unit, and below it when packed.
    uint64_t location, storage = place->size;
    int64_t from_top = 0;
    unsigned_attribute(member, DW_AT_byte_size, &storage);
    signed_attribute(member, DW_AT_bit_offset, &from_top);
    if (!member_location(member, &location) || location > MAX_OFFSET || storage > 8 || from_top < -64 ||
        from_top > 64)
        return false;
    int64_t start = (int64_t)(8 * location) +
                    (walk->big_endian ? from_top : (int64_t)(8 * storage) - from_top - (int64_t)bits);
    return start >= 0 && place_bits(walk->big_endian, (uint64_t)start, bits, storage, limit, place);
}

bool hc_type_member(struct hc_type_walk *walk, const struct hc_type_place *whole, Dwarf_Die *member,
                    struct hc_type_place *ret)
{
    struct hc_type_place place = {.offset = whole->offset};
    uint64_t bits, location;
    if (!hc_type_step(walk) || is_flagged(member, DW_AT_declaration) ||
        !hc_type_of(walk, member, &place.type) || !hc_type_size(walk, &place.type, &place.size))
        return false;
    if (unsigned_attribute(member, DW_AT_bit_size, &bits)) {
        if (!bit_member(walk, member, bits, whole->size, &place))
            return false;
    } else {
        if (!member_location(member, &location) || location > whole->size ||
            place.size > whole->size - location)
            return false;
        place.offset += location;
    }
    *ret = place;
    return true;
}

static bool find_named(struct hc_type_walk *walk, const struct hc_type_place *whole, const char *name,
                       size_t length, unsigned depth, struct hc_type_place *ret)
{
    Dwarf_Die type = whole->type, member;
    if (depth > HC_TYPE_DEPTH || !hc_type_is_aggregate(&type) || dwarf_child(&type, &member) != 0)
        return false;
    do {
        if (!hc_type_step(walk))
            return false;
        if (dwarf_tag(&member) != DW_TAG_member)
            continue;
        const char *member_name = hc_entry_name(&member);
        if (member_name && strncmp(member_name, name, length) == 0 && !member_name[length])
            return hc_type_member(walk, whole, &member, ret);
        struct hc_type_place inner;
        if (!member_name && hc_type_member(walk, whole, &member, &inner) &&
            find_named(walk, &inner, name, length, depth + 1, ret))
            return true;
    } while (dwarf_siblingof(&member, &member) == 0);
    return false;
}

// One "[N]"; moves *path behind it.
static bool find_element(struct hc_type_walk *walk, struct hc_type_place *place, const char **path)
{
    char *end;
    struct hc_type_array array;
    if ((*path)[1] < '0' || (*path)[1] > '9')
        return false;
    uint64_t index = strtoull(*path + 1, &end, 10);
    if (*end != ']' || !hc_type_array(walk, &place->type, &array) || place->dimension >= array.dimensions)
        return false;
    *path = end + 1;
    bool is_open = place->dimension == 0 && array.is_open;
    if (!is_open && index >= array.counts[place->dimension])
        return false;
    uint64_t skipped;
    if (!array_size(&array, ++place->dimension, &place->size) ||
        __builtin_mul_overflow(index, place->size, &skipped) || skipped > MAX_OFFSET)
        return false;
    place->offset += skipped;
    if (place->dimension < array.dimensions)
        return true;
    place->type = array.element;
    place->dimension = 0;
    return true;
}

bool hc_type_find(struct hc_type_walk *walk, const struct hc_type_place *whole, const char *path,
                  struct hc_type_place *ret)
{
    struct hc_type_place place = *whole;
    if (!*path)
        return false;
    for (bool first = true; *path; first = false) {
        if (*path == '[' && !first) {
            if (!find_element(walk, &place, &path))
                return false;
            continue;
        }
        if (!first && *path++ != '.')
            return false;
        size_t length = strcspn(path, ".[");
        struct hc_type_place inner;
        if (length == 0 || place.dimension || place.bit_size ||
            !find_named(walk, &place, path, length, 0, &inner))
            return false;
        place = inner;
        path += length;
    }
    *ret = place;
    return true;
}
