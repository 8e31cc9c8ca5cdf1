#include "layout/struct_members.h"

#include "layout/leaves.h"

#include <dwarf.h>
#include <string.h>

enum {
    MOST_MEMBERS = 4096,
    MOST_ELEMENTS = 512, // of one array of pointers
    MOST_BASES = 8,
    MOST_BLOCKS = 16,
    LARGEST_BLOCK = 1024, // what is larger is no part of an object: a module's state, a parser's
    GATHERING_STEPS = 4 * HC_TYPE_STEPS,
};

struct block {
    Dwarf_Die type;
    char *name; // of the member that points to it
    uint64_t offset;
};

struct gathering {
    const struct hc_struct_request *request;
    struct hc_struct *structure;
    struct hc_leaf_walk leaves;
    const struct block *block; // whose members are gathered; NULL: the struct's own
    struct block blocks[MOST_BLOCKS];
    size_t block_count;
    bool out_of_memory;
};

void hc_struct_deinit(struct hc_struct *structure)
{
    for (size_t i = 0; i < structure->members.count; i++)
        free(structure->members.items[i].name);
    hc_struct_member_vector_deinit(&structure->members);
    free(structure->name);
    *structure = (struct hc_struct){0};
}

bool hc_struct_has_head(struct hc_type_walk *walk, Dwarf_Die type, const char *head)
{
    for (unsigned depth = 0; depth < MOST_BASES; depth++) {
        struct hc_type_place whole, place;
        Dwarf_Die member;
        if (!hc_type_is_aggregate(&type) || !hc_type_place(walk, &type, &whole))
            return false;
        if (hc_type_find(walk, &whole, head, &place))
            return true;
        if (dwarf_child(&type, &member) != 0)
            return false;
        while (dwarf_tag(&member) != DW_TAG_member && dwarf_tag(&member) != DW_TAG_inheritance)
            if (!hc_type_step(walk) || dwarf_siblingof(&member, &member) != 0)
                return false;
        if (!hc_type_member(walk, &whole, &member, &place) || place.offset != 0)
            return false;
        type = place.type;
    }
    return false;
}

// `index` < 0: none.
static void add_member(struct gathering *gathering, struct hc_struct_member member, const char *path,
                       int64_t index)
{
    const char *prefix = gathering->block ? gathering->block->name : "", *arrow = *prefix ? "->" : "";
    if (gathering->structure->members.count >= MOST_MEMBERS || gathering->out_of_memory)
        return;
    int length = index < 0 ? asprintf(&member.name, "%s%s%s", prefix, arrow, path)
                           : asprintf(&member.name, "%s%s%s[%lld]", prefix, arrow, path, (long long)index);
    member.block = gathering->block ? gathering->block->offset : HC_NO_BLOCK;
    if (length >= 0 && hc_struct_member_vector_push(&gathering->structure->members, member))
        return;
    if (length >= 0)
        free(member.name);
    gathering->out_of_memory = true;
}

static void add_block(struct gathering *gathering, Dwarf_Die type, const struct hc_leaf *leaf)
{
    uint64_t size;
    if (gathering->block || gathering->block_count == MOST_BLOCKS || leaf->is_array || leaf->in_union ||
        !hc_type_size(&gathering->leaves.walk, &type, &size) || size > LARGEST_BLOCK)
        return;
    struct block block = {.type = type, .name = strdup(leaf->path), .offset = leaf->offset};
    if (block.name)
        gathering->blocks[gathering->block_count++] = block;
    else
        gathering->out_of_memory = true;
}

// What a pointer type leads to, peeled: false for void and for what is nowhere complete.
static bool pointee(struct gathering *gathering, Dwarf_Die *pointer, Dwarf_Die *ret)
{
    return hc_type_of(&gathering->leaves.walk, pointer, ret);
}

// False if no pointer of that type leads to an object.
static bool pointer_kind(struct gathering *gathering, const struct hc_leaf *leaf,
                         enum hc_struct_member_kind *ret)
{
    struct hc_type_walk *walk = &gathering->leaves.walk;
    Dwarf_Die pointer = leaf->type, type, inner;
    *ret = HC_MEMBER_UNTYPED;
    if (!pointee(gathering, &pointer, &type))
        return true;
    if (hc_type_is_aggregate(&type)) {
        *ret = leaf->in_union ? HC_MEMBER_UNTYPED : HC_MEMBER_OBJECT;
        if (hc_struct_has_head(walk, type, gathering->request->head))
            return true;
        add_block(gathering, type, leaf);
        return false;
    }
    *ret = HC_MEMBER_ITEMS;
    return dwarf_tag(&type) == DW_TAG_pointer_type && pointee(gathering, &type, &inner) &&
           hc_struct_has_head(walk, inner, gathering->request->head);
}

static bool gather_pointer(struct gathering *gathering, const struct hc_leaf *leaf)
{
    const struct hc_struct_request *request = gathering->request;
    enum hc_struct_member_kind kind;
    if (!pointer_kind(gathering, leaf, &kind))
        return false;
    struct hc_struct_member member = {
        .offset = leaf->offset, .kind = (uint8_t)kind, .size = (uint8_t)request->word_size};
    if (!leaf->is_array) {
        add_member(gathering, member, leaf->path, -1);
        return true;
    }
    // Arrays of pointers without a type are of all sorts of things.
    if (kind != HC_MEMBER_OBJECT)
        return false;
    if (request->item_size == request->word_size && !gathering->block && leaf->count <= 1) {
        member.is_open = true;
        add_member(gathering, member, leaf->path, -1);
        return true;
    }
    member.is_element = true;
    for (uint64_t i = 0; i < leaf->count && i < MOST_ELEMENTS; i++, member.offset += request->word_size)
        add_member(gathering, member, leaf->path, (int64_t)i);
    return true;
}

static bool gather_leaf(void *argument, const struct hc_leaf *leaf)
{
    struct gathering *gathering = argument;
    Dwarf_Die type = leaf->type;
    uint64_t size;
    if (dwarf_tag(&type) == DW_TAG_pointer_type)
        return gather_pointer(gathering, leaf);
    if (dwarf_tag(&type) == DW_TAG_base_type && !leaf->is_array && !leaf->in_union &&
        hc_type_size(&gathering->leaves.walk, &type, &size) && (size == 4 || size == 8))
        add_member(
            gathering,
            (struct hc_struct_member){.offset = leaf->offset, .kind = HC_MEMBER_COUNT, .size = (uint8_t)size},
            leaf->path, -1);
    return false;
}

static void gather(struct gathering *gathering, Dwarf_Die *type)
{
    struct hc_type_place whole;
    gathering->leaves.opens_base = !gathering->block && !gathering->request->is_headless;
    if (!hc_type_place(&gathering->leaves.walk, type, &whole))
        return;
    if (!gathering->block)
        gathering->structure->size = whole.size;
    hc_type_each_leaf(&gathering->leaves, &whole);
}

struct hc_error *hc_struct_gather_members(const struct hc_struct_request *request, Dwarf_Die type,
                                          const char *name, struct hc_struct *ret)
{
    struct hc_struct structure = {.name = strdup(name)};
    struct gathering gathering = {
        .request = request,
        .structure = &structure,
        .leaves = {.walk = {.steps = GATHERING_STEPS}, .enters_unions = true, .callback = gather_leaf},
        .out_of_memory = !structure.name,
    };
    gathering.leaves.argument = &gathering;
    gather(&gathering, &type);
    for (size_t i = 0; i < gathering.block_count; i++) {
        gathering.block = &gathering.blocks[i];
        gather(&gathering, &gathering.blocks[i].type);
    }
    for (size_t i = 0; i < gathering.block_count; i++)
        free(gathering.blocks[i].name);
    *ret = structure;
    return gathering.out_of_memory ? hc_error_out_of_memory() : NULL;
}
