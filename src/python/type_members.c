#include "python/type_members.h"

#include "base/cleanup.h"

#include <string.h>

// tp_members may be forged, and one class stand behind many: so many of one class, and, beside those that an
// image has room for, of all.
enum { MOST_MEMBERS = 1 << 16, MOST_ALTOGETHER = 1 << 20 };

void hc_type_members_destroy(struct hc_type_members *members)
{
    if (!members)
        return;
    for (size_t i = 0; i < members->count; i++)
        free(members->items[i].name);
    free(members->items);
    hc_struct_member_refs_deinit(&members->apart);
    free(members);
}

HC_DEFINE_POINTER_CLEANUP(hc_type_members_destroy, struct hc_type_members)

static bool push(struct hc_type_members *members, uint32_t offset, enum hc_link_kind kind, const char *name)
{
    struct hc_type_member member = {.offset = offset, .kind = (uint8_t)kind, .name = strdup(name)};
    if (!member.name || !hc_vector_grow((void **)&members->items, &members->capacity, members->count + 1,
                                        sizeof(*members->items))) {
        free(member.name);
        return false;
    }
    members->items[members->count++] = member;
    members->has_dict |= !strcmp(name, "__dict__");
    return true;
}

// Of the first `count` members, is there one at `offset`, called `name` (NULL: anything)?
static bool has(const struct hc_type_members *members, size_t count, uint32_t offset, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (members->items[i].offset == offset && (!name || !strcmp(members->items[i].name, name)))
            return true;
    return false;
}

bool hc_type_members_have(const struct hc_type_members *members, uint64_t offset, const char *name)
{
    return offset < HC_ABSENT && has(members, members->count, (uint32_t)offset, name);
}

// What the row calls by Python names, or what it and nobody else has a name for.
static bool add_row(struct hc_type_members *members, const uint32_t *offsets,
                    const struct hc_member_name *names, unsigned count, bool are_attributes)
{
    for (unsigned i = 0; i < count; i++) {
        if (names[i].is_attribute != are_attributes ||
            (!are_attributes && has(members, members->count, offsets[i], NULL)))
            continue;
        if (!push(members, offsets[i], are_attributes ? HC_LINK_ATTRIBUTE : HC_LINK_INTERNAL, names[i].name))
            return false;
    }
    return true;
}

// The tp_members of one class, among them its __slots__.
static bool add_class(struct hc_relater *relater, const struct hc_type *type, struct hc_type_members *members)
{
    enum { T_OBJECT = 6, T_OBJECT_EX = 16 }; // Include/structmember.h, Include/descrobject.h
    struct hc_tracer *tracer = relater->tracer;
    const struct hc_offsets *at = tracer->at;
    const struct hc_target *target = &tracer->reader.target;
    uint64_t most = MOST_ALTOGETHER + tracer->types->slots_left;
    size_t of_row = members->count;
    uint64_t definition;
    if (!hc_is_present(at->type_members) || !hc_is_present(at->member_name) ||
        !hc_reader_word(&tracer->reader, type->address + at->type_members, &definition) || !definition)
        return true;
    for (unsigned i = 0; i < MOST_MEMBERS && relater->members_found < most;
         i++, definition += at->sizeof_member) {
        const uint8_t *bytes = hc_reader_view(&tracer->reader, definition, at->sizeof_member);
        uint64_t text = bytes ? hc_load_word(target, bytes + at->member_name) : 0;
        char name[256];
        if (!text || !hc_reader_string(&tracer->reader, text, name, sizeof(name)))
            return true;
        uint32_t kind = hc_load_u32(target, bytes + at->member_type);
        uint64_t offset = hc_load_word(target, bytes + at->member_offset);
        relater->members_found++;
        if ((kind != T_OBJECT && kind != T_OBJECT_EX) || offset >= HC_ABSENT ||
            has(members, of_row < HC_ROW_MEMBERS ? of_row : HC_ROW_MEMBERS, (uint32_t)offset, name))
            continue;
        if (!push(members, (uint32_t)offset, HC_LINK_ATTRIBUTE, name))
            return false;
    }
    return true;
}

// The part of `type` that a base's decoder knows, names included.
static uint64_t decoded_part(const struct hc_type *type)
{
    while (type && !hc_native_is_decoded(type))
        type = type->base;
    return type ? type->basicsize : 0;
}

// What debug information calls the members that nothing else has a name for. Those that take more than a look
// at one word are left to hc_relate_blocks().
static bool add_native(struct hc_relater *relater, const struct hc_type *type,
                       struct hc_type_members *members)
{
    const struct hc_native_struct *native = NULL;
    uint64_t decoded = decoded_part(type);
    bool has_items = type->layout && type->layout->row->relate;
    struct hc_error *error =
        !hc_native_is_decoded(type) ? hc_native_struct_find(relater->tracer->types, type, &native) : NULL;
    if (error) {
        hc_error_destroy(error);
        return false;
    }
    members->native = native;
    for (size_t i = 0; native && i < native->structure.members.count; i++) {
        const struct hc_struct_member *member = &native->structure.members.items[i];
        bool is_apart = member->block != HC_NO_BLOCK;
        uint64_t place = is_apart ? member->block : member->offset;
        if (member->kind == HC_MEMBER_COUNT || place < decoded || place >= HC_ABSENT ||
            (member->is_open && has_items) || (int64_t)place == type->dictoffset)
            continue;
        bool is_plain = !is_apart && member->kind != HC_MEMBER_ITEMS && !member->is_open;
        if (is_plain && has(members, members->count, (uint32_t)place, NULL))
            continue;
        if (is_plain ? !push(members, (uint32_t)place, HC_LINK_INTERNAL, member->name)
                     : !hc_struct_member_refs_push(&members->apart, member))
            return false;
    }
    return true;
}

static struct hc_type_members *find_members(struct hc_relater *relater, const struct hc_type *type)
{
    _cleanup_(hc_type_members_destroyp) struct hc_type_members *members = calloc(1, sizeof(*members));
    const struct hc_row_layout *layout = type->layout;
    if (!members)
        return NULL;
    if (layout && (!add_row(members, layout->visits, layout->visit_names, layout->visit_count, true) ||
                   !add_row(members, layout->holds, layout->hold_names, layout->hold_count, true)))
        return NULL;
    for (const struct hc_type *base = type; base; base = base->base)
        if (!add_class(relater, base, members))
            return NULL;
    if (layout && (!add_row(members, layout->visits, layout->visit_names, layout->visit_count, false) ||
                   !add_row(members, layout->holds, layout->hold_names, layout->hold_count, false)))
        return NULL;
    if (!type->definition && !add_native(relater, type, members))
        return NULL;
    members->is_bare = layout && !type->definition && layout->row->relate && !members->count &&
                       !type->dictoffset && !type->visits_type && !type->slot_count && !type->hidden_items &&
                       type->dict_place == HC_DICT_NONE && type->words_from >= type->words_to;
    return hc_take(members);
}

const struct hc_type_members *hc_type_members_get(struct hc_relater *relater, const struct hc_type *type)
{
    if (type->index >= relater->type_count) {
        size_t grown = (size_t)type->index * 2 + 64;
        struct hc_type_members **types = realloc(relater->types, grown * sizeof(*types));
        if (!types)
            return NULL;
        memset(types + relater->type_count, 0, (grown - relater->type_count) * sizeof(*types));
        relater->types = types;
        relater->type_count = grown;
    }
    if (!relater->types[type->index])
        relater->types[type->index] = find_members(relater, type);
    return relater->types[type->index];
}
