#include "sets/path_links.h"

#include "python/keys.h"
#include "python/strings.h"

#include <stdio.h>
#include <string.h>

enum { MOST_MEMBERS = 1000, MOST_BASES = 100, MOST_SLOTS = 1000 };

static void add(struct hc_path_relater *relater, struct hc_link link)
{
    if (link.target && !hc_link_vector_push(&relater->links, link))
        relater->out_of_memory = true;
}

// Keeps a copy of the name, which lives as long as the links.
static void add_named(struct hc_path_relater *relater, enum hc_link_kind kind, uint64_t target,
                      const char *name)
{
    char *copy = strdup(name);
    if (!copy || !hc_path_names_push(&relater->names, copy)) {
        free(copy);
        relater->out_of_memory = true;
        return;
    }
    add(relater, (struct hc_link){.target = target, .kind = (uint8_t)kind, .name = copy});
}

static void clear(struct hc_path_relater *relater)
{
    relater->links.count = 0;
    for (size_t i = 0; i < relater->names.count; i++)
        free(relater->names.items[i]);
    relater->names.count = 0;
}

void hc_path_relater_deinit(struct hc_path_relater *relater)
{
    clear(relater);
    hc_path_names_deinit(&relater->names);
    hc_link_vector_deinit(&relater->links);
}

static bool add_entry(void *argument, uint64_t key, uint64_t value)
{
    struct hc_path_relater *relater = argument;
    uint64_t number = relater->links.count / 2;
    add(relater, (struct hc_link){.target = value, .kind = HC_LINK_VALUE, .key = key});
    add(relater, (struct hc_link){.target = key, .kind = HC_LINK_KEY, .number = number});
    return !relater->out_of_memory;
}

static bool is_row(const struct hc_object_view *object, const char *names)
{
    return object->type->layout && !strcmp(object->type->layout->row->names, names);
}

static bool is_instance(const struct hc_object_view *object, const char *name)
{
    const struct hc_type *type = object->type;
    for (unsigned depth = 0; type && hc_type_is_heap(type) && depth < MOST_BASES; depth++)
        type = type->base;
    return type && !strcmp(type->name, name);
}

static void add_items(struct hc_path_relater *relater, const struct hc_object_view *object)
{
    static const struct {
        const char *type;
        enum hc_link_kind kind;
    } containers[] = {{"list", HC_LINK_ITEM},
                      {"tuple", HC_LINK_ITEM},
                      {"set", HC_LINK_MEMBER},
                      {"frozenset", HC_LINK_MEMBER}};
    const struct hc_references *references = &relater->tracer->references;
    for (size_t c = 0; c < sizeof(containers) / sizeof(*containers); c++)
        for (size_t i = references->layout_from;
             i < references->visited.count && is_instance(object, containers[c].type); i++)
            add(relater, (struct hc_link){.target = references->visited.items[i],
                                          .kind = (uint8_t)containers[c].kind,
                                          .number = i - references->layout_from});
}

// heapy's name for a C member that Python code sees by another.
static const char *python_name(const char *member)
{
    static const char *const names[][2] = {
        {"ob_ref", "cell_contents"},
        {"im_func", "__func__"},
        {"im_self", "__self__"},
        {"m_self", "__self__"},
        {"m_module", "__module__"},
        {"func_code", "__code__"},
        {"func_globals", "__globals__"},
        {"func_module", "__module__"},
        {"func_defaults", "__defaults__"},
        {"func_doc", "__doc__"},
        {"func_name", "__name__"},
        {"func_kwdefaults", "__kwdefaults__"},
        {"func_closure", "__closure__"},
        {"func_qualname", "__qualname__"},
        {"func_annotations", "__annotations__"},
        {"d_type", "__objclass__"},
        {"d_name", "__name__"},
        {"cm_callable", "__func__"},
        {"sm_callable", "__func__"},
        {"prop_get", "fget"},
        {"prop_set", "fset"},
        {"prop_del", "fdel"},
        {"prop_doc", "__doc__"},
        {"co_code", "co_code"},
        {"co_consts", "co_consts"},
        {"co_names", "co_names"},
        {"co_varnames", "co_varnames"},
        {"co_freevars", "co_freevars"},
        {"co_cellvars", "co_cellvars"},
        {"co_filename", "co_filename"},
        {"co_name", "co_name"},
        {"co_qualname", "co_qualname"},
        {"co_linetable", "co_linetable"},
        {"co_exceptiontable", "co_exceptiontable"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!strcmp(names[i][0], member))
            return names[i][1];
    return NULL;
}

static void add_members(struct hc_path_relater *relater, const struct hc_object_view *object,
                        const uint32_t *offsets, unsigned count)
{
    const struct hc_layout_entries *entries = &relater->tracer->runtime->layouts.entries;
    const char *structure = object->type->layout->row->structure;
    for (unsigned i = 0; i < count; i++)
        for (size_t e = 0; e < entries->count; e++) {
            const struct hc_layout_entry *entry = &entries->items[e];
            if (!entry->member || !entry->field.present || entry->field.offset != offsets[i] ||
                strcmp(entry->structure, structure))
                continue;
            const char *name = python_name(entry->member);
            uint64_t target = hc_view_word(relater->tracer, object, offsets[i]);
            if (target != relater->tracer->references.dict) // that one is .__dict__
                add_named(relater, name ? HC_LINK_ATTRIBUTE : HC_LINK_INTERNAL, target,
                          name ? name : entry->member);
            break;
        }
}

// The members of one class, __slots__ among them.
static void add_slots(struct hc_path_relater *relater, const struct hc_object_view *object,
                      const struct hc_type *type)
{
    struct hc_tracer *tracer = relater->tracer;
    const struct hc_offsets *at = tracer->at;
    uint64_t definition;
    if (!hc_is_present(at->type_members) || !hc_is_present(at->sizeof_member) ||
        !hc_reader_word(&tracer->reader, type->address + at->type_members, &definition) || !definition)
        return;
    for (unsigned i = 0; i < MOST_MEMBERS; i++, definition += at->sizeof_member) {
        uint64_t text, offset;
        char name[256];
        if (!hc_reader_word(&tracer->reader, definition + at->member_name, &text) || !text ||
            !hc_reader_word(&tracer->reader, definition + at->member_offset, &offset) ||
            !hc_reader_string(&tracer->reader, text, name, sizeof(name)))
            return;
        for (size_t slot = 0; slot < object->type->slot_count; slot++)
            if (object->type->slots[slot] == offset)
                add_named(relater, HC_LINK_ATTRIBUTE, hc_view_word(tracer, object, offset), name);
    }
}

// Attributes that live in inline values: these stand in the order of the class's shared keys. Since 3.13 the
// instance may refer to them beside its dict (PyObject_VisitManagedDict(), Objects/dictobject.c).
static void add_values(struct hc_path_relater *relater, const struct hc_object_view *object)
{
    struct hc_tracer *tracer = relater->tracer;
    const struct hc_type *type = object->type;
    struct hc_dict_keys keys;
    unsigned word = tracer->reader.target.word_size;
    bool is_virtual = tracer->references.values_count;
    uint64_t values = is_virtual ? tracer->references.values_address : object->address + type->basicsize;
    if ((!is_virtual && (type->dict_place != HC_DICT_MANAGED || !(type->flags & HC_TYPE_INLINE_VALUES))) ||
        !hc_dict_keys_read(tracer->runtime, &tracer->reader, type->cached_keys, &keys))
        return;
    for (uint64_t i = 0; i < keys.count; i++) {
        uint64_t value,
            key = hc_load_word(&tracer->reader.target, keys.entries + i * keys.entry_size + keys.key_offset);
        if (!hc_reader_word(&tracer->reader, values + tracer->at->values_items + i * word, &value))
            return;
        _cleanup_(hc_freep) char *name =
            is_virtual || !value ? NULL : hc_string_read(tracer->runtime, &tracer->reader, key);
        if (is_virtual)
            add(relater,
                (struct hc_link){.target = value, .kind = HC_LINK_VALUE, .key = key, .is_virtual = true});
        else if (name)
            add_named(relater, HC_LINK_ATTRIBUTE, value, name);
    }
}

static void add_type_members(struct hc_path_relater *relater, const struct hc_object_view *object)
{
    const struct hc_offsets *at = relater->tracer->at;
    const struct {
        uint32_t offset;
        enum hc_link_kind kind;
        const char *name;
    } members[] = {
        {at->type_dict, HC_LINK_ATTRIBUTE, "__dict__"},
        {at->type_mro, HC_LINK_ATTRIBUTE, "__mro__"},
        {at->type_bases, HC_LINK_ATTRIBUTE, "__bases__"},
        {at->type_base, HC_LINK_ATTRIBUTE, "__base__"},
        {at->type_cache, HC_LINK_INTERNAL, "tp_cache"},
        {at->type_subclasses, HC_LINK_INTERNAL, "tp_subclasses"},
    };
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        uint64_t target = hc_view_word(relater->tracer, object, members[i].offset);
        if (!target || (target == relater->tracer->references.dict && members[i].offset == at->type_dict))
            continue;
        add_named(relater, members[i].kind, target, members[i].name);
    }
}

void hc_path_relate(struct hc_path_relater *relater, const struct hc_object_view *object)
{
    struct hc_tracer *tracer = relater->tracer;
    clear(relater);
    if (is_row(object, "dict"))
        hc_dict_each(tracer->runtime, &tracer->reader, object->address, add_entry, relater);
    if (object->type->is_dict)
        return;
    hc_tracer_trace(tracer, object);
    add_items(relater, object);
    add_values(relater, object);
    if (tracer->references.dict)
        add_named(relater, HC_LINK_ATTRIBUTE, tracer->references.dict, "__dict__");
    if (object->type->layout) {
        add_members(relater, object, object->type->layout->visits, object->type->layout->visit_count);
        add_members(relater, object, object->type->layout->holds, object->type->layout->hold_count);
    }
    if (object->type->flags & HC_TYPE_TYPE_SUBCLASS)
        add_type_members(relater, object);
    unsigned depth = 0;
    bool has_slots = object->type->slot_count && object->type->slot_count <= MOST_SLOTS;
    for (const struct hc_type *type = object->type; type && has_slots && depth < MOST_BASES;
         type = type->base, depth++)
        add_slots(relater, object, type);
}

bool hc_path_is_class_of(const struct hc_graph *graph, uint32_t class, uint32_t object)
{
    return class < graph->real_count && object < graph->real_count &&
           hc_graph_address(graph, (hc_object_id){class}) ==
               hc_graph_type(graph, (hc_object_id){object})->address;
}
