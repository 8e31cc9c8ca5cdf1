#include "python/relate.h"

#include "base/cleanup.h"
#include "python/definition.h"
#include "python/keys.h"
#include "python/relate_blocks.h"
#include "python/strings.h"
#include "python/type_members.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// A slot of the table of an object's referents.
struct hc_referent {
    uint64_t address; // 0: empty
    bool has_link;
};

static void clear(struct hc_relater *relater)
{
    relater->links.count = 0;
    for (size_t i = 0; i < relater->names.count; i++)
        free(relater->names.items[i]);
    relater->names.count = 0;
}

void hc_relater_deinit(struct hc_relater *relater)
{
    clear(relater);
    hc_link_vector_deinit(&relater->links);
    hc_link_names_deinit(&relater->names);
    for (size_t i = 0; i < relater->type_count; i++)
        hc_type_members_destroy(relater->types[i]);
    free(relater->types);
    free(relater->referents);
    *relater = (struct hc_relater){0};
}

static void add(struct hc_relater *relater, struct hc_link link)
{
    if (link.target && !hc_link_vector_push(&relater->links, link))
        relater->out_of_memory = true;
}

void hc_relate_named(struct hc_relater *relater, enum hc_link_kind kind, uint64_t target, const char *name)
{
    add(relater, (struct hc_link){.target = target, .kind = (uint8_t)kind, .name = name});
}

// Takes `name` over; NULL: there was no memory for it.
static void relate_owned(struct hc_relater *relater, enum hc_link_kind kind, uint64_t target, char *name)
{
    if (!name || !hc_link_names_push(&relater->names, name)) {
        free(name);
        relater->out_of_memory = true;
        return;
    }
    hc_relate_named(relater, kind, target, name);
}

void hc_relate_copied(struct hc_relater *relater, enum hc_link_kind kind, uint64_t target, const char *name)
{
    if (target)
        relate_owned(relater, kind, target, strdup(name));
}

void hc_relate_internal(struct hc_relater *relater, uint64_t target, const char *name, int64_t number)
{
    char *own;
    if (asprintf(&own, number < 0 ? "%s" : "%s[%" PRId64 "]", name, number) < 0)
        own = NULL;
    relate_owned(relater, HC_LINK_INTERNAL, target, own);
}

void hc_relate_numbered(struct hc_relater *relater, enum hc_link_kind kind, uint64_t target, uint64_t number)
{
    add(relater, (struct hc_link){.target = target, .kind = (uint8_t)kind, .number = number});
}

void hc_relate_keyed(struct hc_relater *relater, enum hc_link_kind kind, uint64_t target, uint64_t key)
{
    add(relater, (struct hc_link){.target = target, .kind = (uint8_t)kind, .key = key});
}

void hc_relate_member(struct hc_relater *relater, const struct hc_object_view *object, uint32_t offset,
                      enum hc_link_kind kind, const char *name)
{
    for (size_t i = 0; i < relater->members->count; i++)
        if (relater->members->items[i].offset == offset)
            return;
    if (hc_is_present(offset))
        hc_relate_named(relater, kind, hc_view_word(relater->tracer, object, offset), name);
}

void hc_relate_items(struct hc_relater *relater, uint64_t address, uint64_t count)
{
    struct hc_tracer *tracer = relater->tracer;
    const struct hc_target *target = &tracer->reader.target;
    uint64_t available;
    const uint8_t *bytes = hc_reader_span(&tracer->reader, address, &available);
    if (!bytes)
        return;
    if (count > available / target->word_size)
        count = available / target->word_size;
    if (!hc_trace_afford(tracer, count))
        return;
    for (uint64_t i = 0; i < count; i++)
        hc_relate_numbered(relater, HC_LINK_ITEM, hc_load_word(target, bytes + i * target->word_size), i);
}

void hc_relate_attributes(struct hc_relater *relater)
{
    uint64_t dict = relater->tracer->references.dict;
    if (dict)
        hc_relate_mapping(relater, dict, HC_LINK_HASATTR, HC_LINK_ATTRIBUTE);
}

static void relate_members(struct hc_relater *relater, const struct hc_object_view *object)
{
    const struct hc_type_members *members = relater->members;
    const uint64_t word_mask = relater->tracer->reader.target.word_size - 1u;
    for (size_t i = 0; i < members->count && (i || hc_trace_afford(relater->tracer, members->count)); i++) {
        const struct hc_type_member *member = &members->items[i];
        // The lowest bits may be marks: ElementTree has one on the text of an element.
        uint64_t target = hc_view_word(relater->tracer, object, member->offset) & ~word_mask;
        hc_relate_named(relater, member->kind, target, member->name);
    }
}

// Attributes that never were made a dict: the values stand in the order of the class's shared keys.
static void relate_values(struct hc_relater *relater, const struct hc_object_view *object)
{
    struct hc_tracer *tracer = relater->tracer;
    const struct hc_target *target = &tracer->reader.target;
    struct hc_dict_keys keys;
    if (!hc_dict_keys_read(tracer->runtime, &tracer->reader, object->type->cached_keys, &keys) ||
        !hc_trace_afford(tracer, keys.count))
        return;
    uint64_t values = tracer->references.values_address + tracer->at->values_items;
    for (uint64_t i = 0; i < keys.count; i++) {
        struct hc_link link = {.kind = HC_LINK_VALUE, .is_virtual = true};
        if (!hc_reader_word(&tracer->reader, values + i * target->word_size, &link.target))
            return;
        link.key = hc_load_word(target, keys.entries + i * keys.entry_size + keys.key_offset);
        add(relater, link);
    }
}

// The referents, of the virtual dict or of the object itself: 0 for those of the other.
static uint64_t referent_at(const struct hc_references *references, size_t i, bool is_virtual)
{
    bool is_value = i - references->values_first < references->values_count;
    if (is_value != is_virtual)
        return 0;
    size_t visited = references->visited.count;
    return i < visited ? references->visited.items[i] : references->held.items[i - visited];
}

static struct hc_referent *find_referent(const struct hc_relater *relater, uint64_t address)
{
    size_t mask = relater->referent_slots - 1;
    size_t slot = ((address >> 3) * 0x9e3779b97f4a7c15u >> 20) & mask;
    while (relater->referents[slot].address && relater->referents[slot].address != address)
        slot = (slot + 1) & mask;
    return &relater->referents[slot];
}

bool hc_relate_is_referent(const struct hc_relater *relater, uint64_t address)
{
    return find_referent(relater, address)->address != 0;
}

bool hc_relate_is_unnamed(const struct hc_relater *relater, uint64_t address)
{
    const struct hc_referent *referent = find_referent(relater, address);
    return referent->address && !referent->has_link;
}

void hc_relate_mark_named(struct hc_relater *relater, size_t first)
{
    for (size_t i = first; i < relater->links.count; i++)
        find_referent(relater, relater->links.items[i].target)->has_link = true;
}

static bool prepare_referents(struct hc_relater *relater, size_t capacity)
{
    if (capacity > relater->referent_capacity) {
        free(relater->referents);
        relater->referents = malloc(capacity * sizeof(*relater->referents));
        relater->referent_capacity = relater->referents ? capacity : 0;
        if (!relater->referents)
            return false;
    }
    memset(relater->referents, 0, capacity * sizeof(*relater->referents));
    relater->referent_slots = capacity;
    return true;
}

static bool is_module(const struct hc_type *type)
{
    return type->layout && !strcmp(type->layout->row->names, "module");
}

// By what takes longer to find than to look at the object.
static void name_rest(struct hc_relater *relater, const struct hc_object_view *object)
{
    const struct hc_references *references = &relater->tracer->references;
    size_t first = relater->links.count, unnamed = 0;
    bool is_of_module = is_module(object->type);
    if (!is_of_module && !relater->members->native)
        return;
    for (size_t i = 0; !unnamed && i < references->visited.count; i++)
        unnamed += hc_relate_is_unnamed(relater, references->visited.items[i]);
    if (unnamed && is_of_module)
        hc_relate_state(relater, object);
    else if (unnamed)
        hc_relate_through(relater, object);
    hc_relate_mark_named(relater, first);
}

// Leaves links out that lead to what is no referent, and adds one for each referent that has none.
static void settle(struct hc_relater *relater, const struct hc_object_view *object, bool is_virtual)
{
    const struct hc_references *references = &relater->tracer->references;
    size_t count = references->visited.count + references->held.count, capacity = 16;
    while (capacity < 2 * count)
        capacity *= 2;
    if (!prepare_referents(relater, capacity)) {
        relater->out_of_memory = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t address = referent_at(references, i, is_virtual);
        if (address)
            find_referent(relater, address)->address = address;
    }
    if (!is_virtual && relater->members->apart.count)
        hc_relate_blocks(relater, object);
    size_t kept = 0;
    for (size_t i = 0; i < relater->links.count; i++) {
        struct hc_link link = relater->links.items[i];
        if (link.is_virtual == is_virtual) {
            struct hc_referent *referent = find_referent(relater, link.target);
            if (!referent->address)
                continue;
            referent->has_link = true;
        }
        relater->links.items[kept++] = link;
    }
    relater->links.count = kept;
    if (!is_virtual)
        name_rest(relater, object);
    for (size_t i = 0; i < count; i++) {
        uint64_t address = referent_at(references, i, is_virtual);
        struct hc_referent *referent = address ? find_referent(relater, address) : NULL;
        if (!referent || referent->has_link)
            continue;
        referent->has_link = true;
        add(relater, (struct hc_link){.target = address, .kind = HC_LINK_UNKNOWN, .is_virtual = is_virtual});
    }
}

// The names of variables are shown in quotes.
static void make_harmless(char *name)
{
    for (; *name; name++)
        if ((unsigned char)*name < ' ' || *name == '\'' || *name == '\\' || *name == 0x7f)
            *name = '?';
}

// Is there a member that says the same?
static bool is_known(const struct hc_relater *relater, const struct hc_link *link, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct hc_link *other = &relater->links.items[i];
        if (other->target == link->target && other->kind == link->kind && other->name &&
            !strcmp(other->name, link->name))
            return true;
    }
    return false;
}

// Only for links that stay, as most of an object's attributes are not its own referents.
static void read_names(struct hc_relater *relater)
{
    enum { MOST_COMPARED = 64 };
    struct hc_tracer *tracer = relater->tracer;
    size_t kept = 0, first = 0;
    while (first < relater->links.count && first < MOST_COMPARED && relater->links.items[first].name)
        first++;
    for (size_t i = 0; i < relater->links.count; i++) {
        struct hc_link link = relater->links.items[i];
        if (link.key && link.kind != HC_LINK_VALUE) {
            char *name = hc_string_read(tracer->runtime, &tracer->reader, link.key);
            if (name && !hc_link_names_push(&relater->names, name)) {
                free(name);
                name = NULL;
                relater->out_of_memory = true;
            }
            if (name && link.kind != HC_LINK_ATTRIBUTE)
                make_harmless(name);
            link.name = name ? name : "?";
            link.key = 0;
            if (is_known(relater, &link, first))
                continue;
        } else if (!link.name && (link.kind == HC_LINK_LOCAL || link.kind == HC_LINK_CELL)) {
            link.name = "?";
        }
        relater->links.items[kept++] = link;
    }
    relater->links.count = kept;
}

// heapy has a table of its own for what has a function here; all else may have attributes that are also
// referents.
static bool has_attributes(const struct hc_references *references, const struct hc_type *type)
{
    size_t of_everybody = (references->dict != 0) + type->visits_type;
    return references->dict && !(type->layout && type->layout->row->relate) &&
           references->visited.count + references->held.count > of_everybody;
}

void hc_relate(struct hc_relater *relater, const struct hc_object_view *object)
{
    struct hc_tracer *tracer = relater->tracer;
    const struct hc_references *references = &tracer->references;
    const struct hc_type *type = object->type;
    clear(relater);
    if (type->is_leaf)
        return;
    hc_tracer_trace(tracer, object);
    relater->out_of_memory |= tracer->out_of_memory;
    relater->members = hc_type_members_get(relater, type);
    if (!relater->members) {
        relater->out_of_memory = true;
        return;
    }
    relate_members(relater, object);
    if (type->layout && type->layout->row->relate)
        type->layout->row->relate(relater, object);
    if (type->definition)
        hc_definition_relate(relater, object);
    if (relater->members->is_bare &&
        relater->links.count == references->visited.count + references->held.count)
        return;
    if (references->dict && !relater->members->has_dict)
        hc_relate_named(relater, HC_LINK_ATTRIBUTE, references->dict, "__dict__");
    if (type->visits_type || type->how != HC_HOW_DECODER)
        hc_relate_named(relater, HC_LINK_INTERNAL, type->address, "ob_type");
    if (has_attributes(references, type))
        hc_relate_attributes(relater);
    if (references->values_count)
        relate_values(relater, object);
    settle(relater, object, false);
    if (references->values_count)
        settle(relater, object, true);
    read_names(relater);
}
