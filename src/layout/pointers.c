// Every member of a struct, nested ones included, that points to a given type.
#include "layout/debug_info.h"
#include "layout/leaves.h"
#include "layout/lookup.h"
#include "layout/record.h"
#include "layout/table.h"

#include <dwarf.h>
#include <string.h>

struct pointer_hunt {
    struct hc_leaf_walk leaves;
    const char *pointee;
    const Dwarf_Die *target; // the struct that `pointee` names, or NULL
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
            hc_type_peel(&hunt->leaves.walk, type, &whole);
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

static bool report(void *argument, const struct hc_leaf *leaf)
{
    struct pointer_hunt *hunt = argument;
    Dwarf_Die type = leaf->type;
    if (!points_to(hunt, &type))
        return false;
    hunt->callback(hunt->argument, leaf->path, leaf->offset, leaf->count);
    return true;
}

static struct hc_error *each_in_dwarf(struct hc_debug_info *info, const char *structure, const char *unit,
                                      const char *pointee, hc_pointer_member_fn *callback, void *argument)
{
    struct hc_wanted wanted[] = {{.structure = structure, .unit = unit},
                                 {.structure = pointee, .unit = unit}};
    HC_TRY(hc_lookup(info, wanted, 2));
    if (wanted[0].state != HC_WANTED_STRUCT)
        return NULL;
    struct pointer_hunt hunt = {
        .leaves = {.walk = {.steps = 10 * HC_TYPE_STEPS, .big_endian = hc_debug_info_is_big_endian(info)},
                   .callback = report},
        .pointee = pointee,
        .target = wanted[1].state == HC_WANTED_STRUCT ? &wanted[1].type : NULL,
        .callback = callback,
        .argument = argument,
    };
    hunt.leaves.argument = &hunt;
    struct hc_type_place whole;
    if (hc_type_place(&hunt.leaves.walk, &wanted[0].type, &whole))
        hc_type_each_leaf(&hunt.leaves, &whole);
    return NULL;
}

// Writes down what is found on its way to who asked.
struct noting {
    struct hc_layout_record *record;
    const char *structure, *unit, *pointee;
    hc_pointer_member_fn *callback;
    void *argument;
    struct hc_error *error;
};

static void note_pointer(void *argument, const char *path, uint64_t offset, uint64_t count)
{
    struct noting *noting = argument;
    if (!noting->error)
        noting->error = hc_layout_record_pointer(noting->record, noting->structure, noting->unit,
                                                 noting->pointee, path, offset, count);
    noting->callback(noting->argument, path, offset, count);
}

struct hc_error *hc_debug_info_each_pointer(struct hc_debug_info *info, const char *structure,
                                            const char *unit, const char *pointee,
                                            hc_pointer_member_fn *callback, void *argument)
{
    struct noting noting = {info->record, structure, unit, pointee, callback, argument, NULL};
    if (info->table) {
        hc_layout_table_each_pointer(info->table, structure, unit, pointee, callback, argument);
        return NULL;
    }
    if (!info->record)
        return each_in_dwarf(info, structure, unit, pointee, callback, argument);
    HC_TRY(each_in_dwarf(info, structure, unit, pointee, note_pointer, &noting));
    return noting.error;
}
