#include "python/relate_blocks.h"

#include "python/type_members.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MOST_ITEMS = 1 << 26,
    MOST_UNCOUNTED = 64,
    MOST_IN_VAIN = 64, // objects of a list that name nothing
};

// The struct's own bytes, or those of a block that it points to.
struct part {
    const uint8_t *bytes; // NULL: a hole
    uint64_t available;
    uint64_t block; // see struct hc_struct_member
};

// Objects have pointers to what their module shares with all of them, which is no part of theirs; 0: none.
static uint64_t find_module_state(struct hc_relater *relater, const struct hc_object_view *object)
{
    struct hc_tracer *tracer = relater->tracer;
    const struct hc_offsets *at = tracer->at;
    const struct hc_type *native = object->type->native;
    uint64_t module = 0, state = 0;
    if (native && hc_type_is_heap(native) && hc_is_present(at->heap_type_module) &&
        hc_reader_word(&tracer->reader, native->address + at->heap_type_module, &module) && module)
        hc_reader_word(&tracer->reader, module + at->module_state, &state);
    return state;
}

static struct part find_part(struct hc_relater *relater, const struct hc_object_view *object, uint64_t block)
{
    struct part part = {.bytes = object->bytes, .available = object->available, .block = block};
    if (block == HC_NO_BLOCK)
        return part;
    uint64_t address = hc_view_word(relater->tracer, object, block);
    part.bytes = address == find_module_state(relater, object)
                     ? NULL
                     : hc_reader_span(&relater->tracer->reader, address, &part.available);
    return part;
}

static bool read_number(const struct hc_relater *relater, const struct part *part,
                        const struct hc_struct_member *member, uint64_t *ret)
{
    if (!part->bytes || member->offset > part->available || part->available - member->offset < member->size)
        return false;
    *ret = hc_load_unsigned(&relater->tracer->reader.target, part->bytes + member->offset, member->size);
    return true;
}

// The largest of the counts in the same part, `most` at most; 0 if there is none.
static uint64_t find_count(const struct hc_relater *relater, const struct part *part, uint64_t most)
{
    const struct hc_struct_member_vector *members = &relater->members->native->structure.members;
    uint64_t largest = 0, count;
    for (size_t i = 0; i < members->count; i++) {
        const struct hc_struct_member *member = &members->items[i];
        if (member->kind == HC_MEMBER_COUNT && member->block == part->block &&
            read_number(relater, part, member, &count) && count <= most && count > largest)
            largest = count;
    }
    return largest;
}

static bool has_link(const struct hc_relater *relater, size_t first, uint64_t target)
{
    for (size_t i = first; i < relater->links.count; i++)
        if (relater->links.items[i].target == target)
            return true;
    return false;
}

// The words from `bytes` on that are NULL or referents, up to the last referent of them. An object's type is
// what every object has, so that it tells nothing.
static uint64_t count_referents(const struct hc_relater *relater, const struct hc_object_view *object,
                                const uint8_t *bytes, uint64_t most)
{
    const struct hc_target *target = &relater->tracer->reader.target;
    uint64_t last = 0;
    for (uint64_t i = 0; i < most; i++) {
        uint64_t word = hc_load_word(target, bytes + i * target->word_size);
        if (word && (word == object->type->address || !hc_relate_is_referent(relater, word)))
            break;
        if (word)
            last = i + 1;
    }
    return last;
}

static void relate_array(struct hc_relater *relater, const struct hc_object_view *object,
                         const struct part *part, uint64_t address, const char *name)
{
    struct hc_tracer *tracer = relater->tracer;
    const struct hc_target *target = &tracer->reader.target;
    uint64_t available;
    const uint8_t *bytes = hc_reader_span(&tracer->reader, address, &available);
    if (!bytes || address % target->word_size)
        return;
    uint64_t room = available / target->word_size;
    uint64_t most = find_count(relater, part, room < MOST_ITEMS ? room : MOST_ITEMS);
    if (most < MOST_UNCOUNTED)
        most = room < MOST_UNCOUNTED ? room : MOST_UNCOUNTED;
    if (!hc_trace_afford(tracer, most))
        return;
    uint64_t alive = count_referents(relater, object, bytes, most);
    uint64_t counted = find_count(relater, part, alive);
    // Approximation: an array of a length that nobody has written down (it is the same for all) ends before
    // something else than a referent, or than one that has a name.
    for (uint64_t i = 0; i < alive && (i < counted || i < MOST_UNCOUNTED); i++) {
        uint64_t word = hc_load_word(target, bytes + i * target->word_size);
        if (word && (i < counted || !has_link(relater, 0, word)))
            hc_relate_internal(relater, word, name, (int64_t)i);
    }
}

// Items that follow the object.
static void relate_open(struct hc_relater *relater, const struct hc_object_view *object,
                        const struct hc_struct_member *member)
{
    struct hc_tracer *tracer = relater->tracer;
    unsigned word = tracer->reader.target.word_size;
    int64_t count = hc_view_signed(tracer, object, tracer->at->var_size);
    if (count <= 0 || member->offset > object->available ||
        (uint64_t)count > (object->available - member->offset) / word ||
        !hc_trace_afford(tracer, (uint64_t)count))
        return;
    for (int64_t i = 0; i < count; i++) {
        uint64_t target = hc_view_word(tracer, object, member->offset + (uint64_t)i * word);
        if (target && hc_relate_is_referent(relater, target))
            hc_relate_internal(relater, target, member->name, i);
    }
}

void hc_relate_blocks(struct hc_relater *relater, const struct hc_object_view *object)
{
    const struct hc_struct_member_refs *members = &relater->members->apart;
    struct part part = find_part(relater, object, HC_NO_BLOCK);
    size_t first = relater->links.count;
    for (size_t i = 0; i < members->count && (i || hc_trace_afford(relater->tracer, members->count)); i++) {
        const struct hc_struct_member *member = members->items[i];
        uint64_t word;
        if (member->block != part.block)
            part = find_part(relater, object, member->block);
        if (member->is_open)
            relate_open(relater, object, member);
        else if (!read_number(relater, &part, member, &word) || !word)
            continue;
        else if (member->kind == HC_MEMBER_ITEMS)
            relate_array(relater, object, &part, word, member->name);
        // A few items may have their place in the block; when they are more, they are elsewhere, and what is
        // left here is no longer used.
        else if (hc_relate_is_referent(relater, word) &&
                 !(member->is_element && has_link(relater, first, word)))
            hc_relate_internal(relater, word, member->name, -1);
    }
}

void hc_relate_state(struct hc_relater *relater, const struct hc_object_view *module)
{
    struct hc_tracer *tracer = relater->tracer;
    const struct hc_native_struct *native;
    struct hc_error *error = hc_native_struct_find_state(
        tracer->types, hc_view_word(tracer, module, tracer->at->module_def), &native);
    uint64_t state = hc_view_word(tracer, module, tracer->at->module_state), word;
    relater->out_of_memory |= error != NULL;
    hc_error_destroy(error);
    for (size_t i = 0; !error && native && i < native->structure.members.count; i++) {
        const struct hc_struct_member *member = &native->structure.members.items[i];
        if (member->block != HC_NO_BLOCK || member->kind > HC_MEMBER_UNTYPED ||
            !hc_reader_word(&tracer->reader, state + member->offset, &word) ||
            !hc_relate_is_unnamed(relater, word))
            continue;
        char *name;
        if (asprintf(&name, "md_state->%s", member->name) < 0) {
            relater->out_of_memory = true;
            return;
        }
        hc_relate_internal(relater, word, name, -1);
        free(name);
    }
}

// Names what nothing else has a name for among the members of the `index`-th object of a list.
static void relate_element(struct hc_relater *relater, const struct hc_type_members *members,
                           const struct hc_object_view *element, const char *name, uint64_t index)
{
    for (size_t i = 0; i < members->count; i++) {
        uint64_t word = hc_view_word(relater->tracer, element, members->items[i].offset);
        char *path;
        if (!hc_relate_is_unnamed(relater, word))
            continue;
        if (asprintf(&path, "%s[%" PRIu64 "]->%s", name, index, members->items[i].name) < 0) {
            relater->out_of_memory = true;
            return;
        }
        hc_relate_internal(relater, word, path, -1);
        free(path);
    }
}

// The object of the same type that the member at `offset` leads to.
static bool find_next(struct hc_relater *relater, const struct hc_object_view *element, uint32_t offset,
                      struct hc_object_view *ret)
{
    uint64_t word = hc_view_word(relater->tracer, element, offset);
    return word && word != element->address && hc_tracer_view(relater->tracer, word, ret) &&
           ret->type == element->type;
}

// A list of objects of one type, each of which leads to the next by the same member.
static void relate_list(struct hc_relater *relater, const struct hc_object_view *first, const char *name)
{
    const struct hc_type_members *members = hc_type_members_get(relater, first->type);
    struct hc_object_view element = *first, next;
    uint64_t mark = first->address; // Brent's way to find that a list goes in circles
    size_t link = 0, in_vain = 0;
    relater->out_of_memory |= !members;
    while (members && link < members->count && !find_next(relater, first, members->items[link].offset, &next))
        link++;
    for (uint64_t i = 0; members && !relater->out_of_memory && in_vain < MOST_IN_VAIN; i++) {
        size_t before = relater->links.count;
        relate_element(relater, members, &element, name, i);
        in_vain = relater->links.count == before ? in_vain + 1 : 0;
        if (link == members->count || !find_next(relater, &element, members->items[link].offset, &next) ||
            next.address == mark)
            return;
        element = next;
        if ((i & (i + 1)) == 0)
            mark = element.address;
    }
}

// What is visited speaks for itself; what is merely held is looked through.
static bool is_visited(const struct hc_relater *relater, uint64_t address)
{
    const struct hc_word_vector *visited = &relater->tracer->references.visited;
    for (size_t i = 0; i < visited->count; i++)
        if (visited->items[i] == address)
            return true;
    return false;
}

void hc_relate_through(struct hc_relater *relater, const struct hc_object_view *object)
{
    const struct hc_struct_member_vector *members = &relater->members->native->structure.members;
    struct hc_object_view first;
    // From the end: lists that go both ways have the way back first.
    for (size_t i = members->count; i-- > 0;) {
        const struct hc_struct_member *member = &members->items[i];
        uint64_t word = hc_view_word(relater->tracer, object, member->offset);
        size_t before = relater->links.count;
        if (member->kind == HC_MEMBER_OBJECT && member->block == HC_NO_BLOCK && word != object->address &&
            word && !is_visited(relater, word) && hc_tracer_view(relater->tracer, word, &first))
            relate_list(relater, &first, member->name);
        hc_relate_mark_named(relater, before);
    }
}
