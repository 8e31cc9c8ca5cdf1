// The members by which instances of a type refer to others: of __slots__, tp_members and C structs.
#pragma once

#include "python/native_struct.h"
#include "python/relate.h"

struct hc_type_member {
    uint32_t offset;
    uint8_t kind; // HC_LINK_ATTRIBUTE or HC_LINK_INTERNAL
    char *name;
};

HC_DEFINE_VECTOR(hc_struct_member_refs, const struct hc_struct_member *)

struct hc_type_members {
    struct hc_type_member *items;
    size_t count, capacity;
    bool has_dict; // one of them is __dict__
    bool is_bare;  // nothing but the items of a container: what the row's own function finds
    const struct hc_native_struct *native; // NULL: none
    struct hc_struct_member_refs apart;    // of `native`: what more than a look at one word leads to
};

void hc_type_members_destroy(struct hc_type_members *members);
// Of `type`, found once for each relater. NULL: out of memory.
const struct hc_type_members *hc_type_members_get(struct hc_relater *relater, const struct hc_type *type);
// Is there one at `offset`, called `name` (NULL: anything)?
bool hc_type_members_have(const struct hc_type_members *members, uint64_t offset, const char *name);
