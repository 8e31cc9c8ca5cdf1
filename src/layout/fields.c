// Fields by name: every struct that is asked for is looked for once, all those of a unit together.
#include "layout/debug_info.h"
#include "layout/lookup.h"
#include "layout/record.h"
#include "layout/source.h"
#include "layout/types.h"

#include <dwarf.h>
#include <gelf.h>
#include <string.h>

// Is `name` one of the alternatives of "_is|PyInterpreterState"?
static bool is_alternative(const char *alternatives, const char *name, size_t length)
{
    for (const char *one = alternatives;; one++) {
        size_t one_length = strcspn(one, "|");
        if (one_length == length && memcmp(one, name, length) == 0)
            return true;
        one += one_length;
        if (!*one)
            return false;
    }
}

static bool can_be_wanted(int tag)
{
    switch (tag) {
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_class_type:
    case DW_TAG_typedef:
    case DW_TAG_base_type:
    case DW_TAG_enumeration_type:
        return true;
    default:
        return false;
    }
}

// The structs that one walk looks for. First characters are compared before names are.
struct pursuit {
    struct hc_wanted **wanted;
    size_t count;
    size_t missing; // of which no struct or union has been found yet
    bool first_characters[256];
};

static void pursue_start(struct pursuit *pursuit, const char *alternatives)
{
    for (const char *one = alternatives;; one++) {
        pursuit->first_characters[(uint8_t)*one] = true;
        one += strcspn(one, "|");
        if (!*one)
            return;
    }
}

// A struct or union beats a scalar of the same name (`typedef uint8_t block` and `struct block`).
static bool catch_entry(void *argument, Dwarf_Die *entry)
{
    struct pursuit *pursuit = argument;
    if (!can_be_wanted(dwarf_tag(entry)))
        return true;
    const char *name = hc_entry_name(entry);
    if (!name || !pursuit->first_characters[(uint8_t)*name])
        return true;
    size_t length = strlen(name);
    for (size_t i = 0; i < pursuit->count; i++) {
        struct hc_wanted *wanted = pursuit->wanted[i];
        struct hc_type_walk walk = {.steps = HC_TYPE_STEPS};
        Dwarf_Die type;
        if (wanted->state == HC_WANTED_STRUCT || !is_alternative(wanted->structure, name, length) ||
            !hc_type_peel(&walk, *entry, &type))
            continue;
        if (hc_type_is_aggregate(&type)) {
            wanted->state = HC_WANTED_STRUCT;
            pursuit->missing--;
        } else if (wanted->state == HC_WANTED_SCALAR) {
            continue;
        } else {
            wanted->state = HC_WANTED_SCALAR;
        }
        wanted->type = type;
    }
    return pursuit->missing > 0;
}

HC_DEFINE_VECTOR(wanted_refs, struct hc_wanted *)

static void start(struct pursuit *pursuit, const struct wanted_refs *refs)
{
    *pursuit = (struct pursuit){.wanted = refs->items, .count = refs->count, .missing = refs->count};
    for (size_t i = 0; i < refs->count; i++)
        pursue_start(pursuit, refs->items[i]->structure);
}

// False if no unit has that name.
static bool look_in_unit(struct hc_debug_info *info, const char *name, const struct wanted_refs *refs)
{
    struct pursuit pursuit;
    start(&pursuit, refs);
    size_t unit = hc_debug_info_next_unit(info, 0, name);
    if (unit == info->units.count)
        return false;
    for (; unit < info->units.count && pursuit.missing > 0;
         unit = hc_debug_info_next_unit(info, unit + 1, name))
        hc_debug_info_walk_unit(info, &info->units.items[unit], catch_entry, &pursuit);
    return true;
}

static bool same_unit(const struct hc_wanted *one, const struct hc_wanted *other)
{
    return one->unit == other->unit || (one->unit && other->unit && strcmp(one->unit, other->unit) == 0);
}

struct hc_error *hc_lookup(struct hc_debug_info *info, struct hc_wanted *wanted, size_t count)
{
    _cleanup_(wanted_refs_deinit) struct wanted_refs group = {0}, homeless = {0};
    for (size_t i = 0; i < count; i++)
        wanted[i].state = HC_WANTED_UNKNOWN;
    for (size_t i = 0; i < count; i++) {
        if (wanted[i].state != HC_WANTED_UNKNOWN)
            continue;
        group.count = 0;
        for (size_t j = i; j < count; j++) {
            if (!same_unit(&wanted[i], &wanted[j]))
                continue;
            wanted[j].state = HC_WANTED_ABSENT;
            if (!wanted_refs_push(&group, &wanted[j]))
                return hc_error_out_of_memory();
        }
        if (wanted[i].unit && look_in_unit(info, wanted[i].unit, &group) && !info->has_type_units)
            continue;
        for (size_t j = 0; j < group.count; j++)
            if (group.items[j]->state == HC_WANTED_ABSENT && !wanted_refs_push(&homeless, group.items[j]))
                return hc_error_out_of_memory();
    }
    if (homeless.count == 0)
        return NULL;
    struct pursuit pursuit;
    start(&pursuit, &homeless);
    hc_debug_info_walk_all(info, catch_entry, &pursuit);
    return NULL;
}

HC_DEFINE_VECTOR(wanted_vector, struct hc_wanted)

// Requests for one struct mostly stand together, so the search starts at the last.
static size_t find_wanted(const struct wanted_vector *wanted, const struct hc_field_request *request)
{
    struct hc_wanted key = {.unit = request->unit};
    for (size_t i = wanted->count; i-- > 0;)
        if (strcmp(wanted->items[i].structure, request->structure) == 0 && same_unit(&wanted->items[i], &key))
            return i;
    return wanted->count;
}

bool hc_debug_info_is_big_endian(const struct hc_debug_info *info)
{
    GElf_Ehdr header;
    Elf *elf = info->separate.elf ? info->separate.elf : info->main.elf;
    return gelf_getehdr(elf, &header) && header.e_ident[EI_DATA] == ELFDATA2MSB;
}

static struct hc_field resolve(const struct hc_wanted *wanted, const char *member, bool big_endian)
{
    struct hc_field absent = {.source = HC_LAYOUT_NONE};
    if (wanted->state == HC_WANTED_ABSENT)
        return absent;
    struct hc_type_walk walk = {.steps = HC_TYPE_STEPS, .big_endian = big_endian};
    Dwarf_Die type = wanted->type;
    struct hc_type_place place;
    if (!hc_type_place(&walk, &type, &place) || (member && !hc_type_find(&walk, &place, member, &place)))
        return absent;
    return (struct hc_field){
        .offset = place.offset,
        .size = place.size,
        .bit_offset = place.bit_offset,
        .bit_size = place.bit_size,
        .kind = place.bit_size ? HC_FIELD_BITS : hc_type_kind(&place.type),
        .present = true,
        .source = HC_LAYOUT_DWARF,
    };
}

static struct hc_error *find_in_dwarf(struct hc_debug_info *info, const struct hc_field_request *requests,
                                      size_t count, struct hc_field *fields)
{
    _cleanup_(wanted_vector_deinit) struct wanted_vector wanted = {0};
    _cleanup_(hc_word_vector_deinit) struct hc_word_vector owners = {0};
    if (!hc_word_vector_reserve(&owners, count))
        return hc_error_out_of_memory();
    for (size_t i = 0; i < count; i++) {
        size_t owner = find_wanted(&wanted, &requests[i]);
        struct hc_wanted item = {.structure = requests[i].structure, .unit = requests[i].unit};
        if (owner == wanted.count && !wanted_vector_push(&wanted, item))
            return hc_error_out_of_memory();
        owners.items[i] = owner;
    }
    HC_TRY(hc_lookup(info, wanted.items, wanted.count));
    bool big_endian = hc_debug_info_is_big_endian(info);
    for (size_t i = 0; i < count; i++)
        fields[i] = resolve(&wanted.items[owners.items[i]], requests[i].member, big_endian);
    return NULL;
}

struct hc_error *hc_debug_info_find_fields(struct hc_debug_info *info,
                                           const struct hc_field_request *requests, size_t count,
                                           struct hc_field *fields)
{
    if (!info->table)
        HC_TRY(find_in_dwarf(info, requests, count, fields));
    for (size_t i = 0; i < count && info->table; i++)
        fields[i] = hc_source_find(info, &requests[i]);
    for (size_t i = 0; i < count && info->record; i++)
        HC_TRY(hc_layout_record_field(info->record, &requests[i], &fields[i]));
    return NULL;
}
