#include "python/types.h"

#include "python/definition.h"
#include "python/native_struct.h"
#include "python/sizeof.h"
#include "python/strings.h"
#include "python/type_names.h"

#include <inttypes.h>
#include <string.h>

enum {
    MAX_BASES = 256,
    MAX_SLOTS = 65536,
    BINARIES_TYPES = 16384, // may come from the binaries, beside what the image has room for
};

const char *hc_how_name(enum hc_how how)
{
    static const char *const names[] = {
        [HC_HOW_DECODER] = "decoder",   [HC_HOW_DEFINITION] = "definition", [HC_HOW_DWARF] = "dwarf",
        [HC_HOW_EMULATED] = "emulated", [HC_HOW_WORDS] = "words",
    };
    return names[how];
}

static void type_destroy(struct hc_type *type)
{
    free(type->slots);
    free(type->module);
    free(type->name);
    free(type->qualname);
    free(type);
}

HC_DEFINE_POINTER_CLEANUP(type_destroy, struct hc_type)

struct hc_error *hc_type_table_init(struct hc_type_table *table, const struct hc_runtime *runtime)
{
    *table = (struct hc_type_table){.runtime = runtime,
                                    .bucket_count = 1024,
                                    .slots_left = MAX_SLOTS + hc_image_size(runtime->image) / 8};
    table->native_structs = hc_native_structs_create(runtime);
    if (!table->native_structs)
        return hc_error_out_of_memory();
    table->buckets = calloc(table->bucket_count, sizeof(*table->buckets));
    if (!table->buckets)
        return hc_error_out_of_memory();
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE); // a type is found on the way to another
    pthread_mutex_init(&table->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return NULL;
}

void hc_type_table_deinit(struct hc_type_table *table)
{
    hc_native_structs_destroy(table->native_structs);
    table->native_structs = NULL;
    if (!table->buckets)
        return;
    for (size_t i = 0; i < table->types.count; i++)
        type_destroy(table->types.items[i]);
    hc_type_vector_deinit(&table->types);
    free(table->buckets);
    pthread_mutex_destroy(&table->lock);
    *table = (struct hc_type_table){0};
}

static size_t bucket_of(const struct hc_type_table *table, uint64_t address)
{
    size_t mask = table->bucket_count - 1;
    size_t bucket = ((address >> 4) * 0x9e3779b97f4a7c15u >> 32) & mask;
    while (table->buckets[bucket] && table->types.items[table->buckets[bucket] - 1]->address != address)
        bucket = (bucket + 1) & mask;
    return bucket;
}

static bool table_grow(struct hc_type_table *table)
{
    uint64_t *grown = calloc(table->bucket_count * 2, sizeof(*grown));
    if (!grown)
        return false;
    free(table->buckets);
    table->buckets = grown;
    table->bucket_count *= 2;
    for (size_t i = 0; i < table->types.count; i++)
        table->buckets[bucket_of(table, table->types.items[i]->address)] = i + 1;
    return true;
}

static bool table_add(struct hc_type_table *table, struct hc_type *type)
{
    if (table->types.count * 2 >= table->bucket_count && !table_grow(table))
        return false;
    size_t bucket = bucket_of(table, type->address);
    type->index = (uint32_t)table->types.count;
    if (!hc_type_vector_push(&table->types, type))
        return false;
    table->buckets[bucket] = table->types.count;
    return true;
}

bool hc_type_is_heap(const struct hc_type *type)
{
    return type->flags & HC_TYPE_HEAPTYPE;
}

bool hc_type_is_subtype(const struct hc_type_table *table, const struct hc_type *type,
                        const struct hc_type *base)
{
    const struct hc_offsets *at = &table->runtime->layouts.at;
    struct hc_reader reader;
    hc_reader_init(&reader, table->runtime->image);
    uint64_t mro, count, entry;
    if (type == base)
        return true;
    if (!hc_reader_word(&reader, type->address + at->type_mro, &mro) || !mro ||
        !hc_reader_word(&reader, mro + at->var_size, &count) || count > MAX_SLOTS)
        return hc_type_derives_from(type, base);
    for (uint64_t i = 0; i < count; i++)
        if (hc_reader_word(&reader, mro + at->tuple_items + i * reader.target.word_size, &entry) &&
            entry == base->address)
            return true;
    return false;
}

bool hc_type_derives_from(const struct hc_type *type, const struct hc_type *base)
{
    for (; type; type = type->base)
        if (type == base)
            return true;
    return false;
}

// Is `name` one of the alternatives in `names`, which are divided by '|'?
static bool is_one_of(const char *names, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = names; at; at = strchr(at, '|')) {
        at += *at == '|';
        if (!strncmp(at, name, length) && (at[length] == '|' || at[length] == '\0'))
            return true;
    }
    return false;
}

// Whether the version has the row's struct: AttributeError and NameError are plain exceptions before 3.10.
static bool is_known(const struct hc_row_layout *layout)
{
    const struct hc_type_row *row = layout->row;
    return !row->visits || layout->visit_count || row->traverse || row->size;
}

static const struct hc_row_layout *find_row(const struct hc_runtime *runtime, const char *name)
{
    const struct hc_row_layout *layout = runtime->layouts.rows;
    for (; layout->row; layout++)
        if (is_one_of(layout->row->names, name))
            return is_known(layout) ? layout : NULL;
    return NULL;
}

// Raw fields of a type object, checked for plausibility.
struct raw_type {
    const uint8_t *bytes;
    uint64_t metatype, name, traverse, base;
    char full_name[256];
};

static bool read_raw(struct hc_type_table *table, struct hc_reader *reader, uint64_t address,
                     struct raw_type *raw, struct hc_type *type)
{
    const struct hc_offsets *at = &table->runtime->layouts.at;
    const struct hc_target *target = &reader->target;
    if (address % target->word_size || !(raw->bytes = hc_reader_view(reader, address, at->sizeof_type)))
        return false;
    raw->metatype = hc_load_word(target, raw->bytes + at->object_type);
    if (!raw->metatype || raw->metatype % target->word_size)
        return false;
    int64_t basicsize = hc_load_signed_word(target, raw->bytes + at->type_basicsize);
    int64_t itemsize = hc_load_signed_word(target, raw->bytes + at->type_itemsize);
    if (basicsize < 2 * target->word_size || basicsize > 1 << 24 || itemsize < 0 || itemsize > 1 << 24)
        return false;
    raw->name = hc_load_word(target, raw->bytes + at->type_name);
    raw->traverse = hc_load_word(target, raw->bytes + at->type_traverse);
    raw->base = hc_load_word(target, raw->bytes + at->type_base);
    type->address = address;
    type->basicsize = (uint64_t)basicsize;
    type->itemsize = (uint64_t)itemsize;
    type->flags = (uint32_t)hc_load_word(target, raw->bytes + at->type_flags);
    type->dictoffset = hc_load_signed_word(target, raw->bytes + at->type_dictoffset);
    if (hc_is_present(at->type_weaklistoffset))
        type->weaklistoffset = hc_load_signed_word(target, raw->bytes + at->type_weaklistoffset);
    return true;
}

static uint8_t header_size(const struct hc_runtime *runtime, const struct hc_type *type, unsigned word)
{
    unsigned size = type->flags & HC_TYPE_HAVE_GC ? runtime->layouts.at.sizeof_gc_head : 0;
    // _PyType_PreHeaderSize(), Include/internal/pycore_object.h.
    uint32_t with_pre_header = 0;
    if (hc_runtime_since(runtime, 3, 12))
        with_pre_header = HC_TYPE_MANAGED_DICT | HC_TYPE_MANAGED_WEAKREF;
    else if (hc_runtime_since(runtime, 3, 11))
        with_pre_header = HC_TYPE_MANAGED_DICT;
    return (uint8_t)(type->flags & with_pre_header ? size + 2 * word : size);
}

// Where its name went with the core's end.
static bool name_by_address(struct hc_type_table *table, struct hc_reader *reader, struct raw_type *raw,
                            const struct hc_type *type)
{
    if (!hc_image_losses(table->runtime->image)->truncated || hc_reader_view(reader, raw->name, 1))
        return false;
    snprintf(raw->full_name, sizeof(raw->full_name), "?.type_at_0x%" PRIx64, type->address);
    return true;
}

// tp_name. Where that is in a file that is not here, or overwritten, what else tells it.
static bool read_full_name(struct hc_type_table *table, struct hc_reader *reader, struct raw_type *raw,
                           const struct hc_type *type)
{
    const struct hc_runtime *runtime = table->runtime;
    uint64_t name, dict, module;
    if (hc_reader_string(reader, raw->name, raw->full_name, sizeof(raw->full_name)))
        return raw->full_name[0];
    bool is_named = hc_type_names_find(runtime->type_names, runtime->image, type->address, raw->name,
                                       raw->full_name, sizeof(raw->full_name));
    if (!hc_type_is_heap(type) ||
        !hc_reader_word(reader, type->address + runtime->layouts.at.heap_type_name, &name) ||
        !hc_reader_word(reader, type->address + runtime->layouts.at.type_dict, &dict) ||
        !hc_dict_find_string(runtime, reader, dict, "__module__", &module))
        return is_named || name_by_address(table, reader, raw, type);
    _cleanup_(hc_freep) char *own = hc_string_read(runtime, reader, name);
    _cleanup_(hc_freep) char *prefix = hc_string_read(runtime, reader, module);
    if (own && prefix)
        snprintf(raw->full_name, sizeof(raw->full_name), "%s.%s", prefix, own);
    return is_named || (own && prefix) || name_by_address(table, reader, raw, type);
}

// Divides tp_name of a static type, or reads ht_qualname and __dict__['__module__'] of a heap type.
static bool read_names(struct hc_type_table *table, struct hc_reader *reader, const struct raw_type *raw,
                       struct hc_type *type)
{
    const struct hc_offsets *at = &table->runtime->layouts.at;
    const char *dot = strrchr(raw->full_name, '.');
    if (hc_type_is_heap(type)) {
        uint64_t qualname, dict, module;
        type->name = strdup(raw->full_name);
        if (hc_reader_word(reader, type->address + at->heap_type_qualname, &qualname))
            type->qualname = hc_string_read(table->runtime, reader, qualname);
        if (hc_reader_word(reader, type->address + at->type_dict, &dict) &&
            hc_dict_find_string(table->runtime, reader, dict, "__module__", &module))
            type->module = hc_string_read(table->runtime, reader, module);
        if (dot && hc_runtime_since(table->runtime, 3, 8)) {
            // PyType_FromSpec keeps the spec's dotted name in tp_name; __name__ is ht_name.
            free(type->name);
            type->name = strdup(dot + 1);
        }
    } else {
        type->name = strdup(dot ? dot + 1 : raw->full_name);
        type->module = dot ? strndup(raw->full_name, (size_t)(dot - raw->full_name)) : strdup("builtins");
    }
    if (!type->qualname && type->name)
        type->qualname = strdup(type->name);
    if (!type->module)
        type->module = strdup("?");
    return type->name && type->qualname && type->module;
}

// The offsets of a class's own __slots__ (T_OBJECT_EX members), after the heap type object itself.
static bool add_slots(struct hc_type_table *table, struct hc_reader *reader, const struct hc_type *base,
                      struct hc_type *type)
{
    enum { T_OBJECT_EX = 16 }; // Include/structmember.h, Include/descrobject.h
    const struct hc_offsets *at = &table->runtime->layouts.at;
    int64_t count = 0;
    const uint8_t *size = hc_reader_view(reader, base->address + at->var_size, reader->target.word_size);
    if (size)
        count = hc_load_signed_word(&reader->target, size);
    if (!hc_type_is_heap(base) || count <= 0 || count > MAX_SLOTS || (uint64_t)count > table->slots_left)
        return true;
    uint64_t metasize = base->metatype ? base->metatype->basicsize : type->basicsize;
    const uint8_t *members =
        hc_reader_view(reader, base->address + metasize, (uint64_t)count * at->sizeof_member);
    if (!members)
        return true;
    uint32_t *slots = realloc(type->slots, (type->slot_count + (size_t)count) * sizeof(*slots));
    if (!slots)
        return false;
    type->slots = slots;
    table->slots_left -= (uint64_t)count;
    for (int64_t i = 0; i < count; i++, members += at->sizeof_member) {
        uint64_t offset = hc_load_word(&reader->target, members + at->member_offset);
        if (hc_load_u32(&reader->target, members + at->member_type) == T_OBJECT_EX &&
            offset < type->basicsize)
            slots[type->slot_count++] = (uint32_t)offset;
    }
    return true;
}

static uint64_t traverse_of(struct hc_type_table *table, struct hc_reader *reader, const struct hc_type *type)
{
    uint64_t traverse = 0;
    hc_reader_word(reader, type->address + table->runtime->layouts.at.type_traverse, &traverse);
    return traverse;
}

static enum hc_dict_place dict_place(const struct hc_runtime *runtime, const struct hc_type *type,
                                     const struct hc_type *native)
{
    if (hc_runtime_since(runtime, 3, 11) && type->flags & HC_TYPE_MANAGED_DICT) {
        if (hc_runtime_since(runtime, 3, 13))
            return HC_DICT_MANAGED;
        return hc_runtime_since(runtime, 3, 12) ? HC_DICT_TAGGED : HC_DICT_OR_VALUES;
    }
    if (!native || type->dictoffset == native->dictoffset || !type->dictoffset)
        return HC_DICT_NONE;
    return type->dictoffset > 0 ? HC_DICT_AT_OFFSET : HC_DICT_AT_END;
}

// A struct sequence (structseq.c) has more items than its size says: n_fields of them, of which
// n_sequence_fields are visible. False: it is none.
static bool find_hidden_items(struct hc_type_table *table, struct hc_reader *reader,
                              const struct hc_type *native, uint32_t *ret)
{
    static const char *const names[] = {"n_fields", "n_sequence_fields"};
    uint32_t counts[2];
    if (!native->base || !native->base->has_row || strcmp(native->base->layout->row->names, "tuple"))
        return false;
    uint64_t dict = hc_runtime_type_dict(table->runtime, reader, native->address);
    for (size_t i = 0; i < 2; i++) {
        uint64_t number;
        const uint8_t *digit;
        if (!hc_dict_find_string(table->runtime, reader, dict, names[i], &number) ||
            !(digit = hc_reader_view(reader, number + table->runtime->layouts.at.long_digits, 4)))
            return false;
        counts[i] = hc_load_u32(&reader->target, digit);
    }
    *ret = counts[0] > counts[1] && counts[0] < MAX_SLOTS ? counts[0] - counts[1] : 0;
    return true;
}

static bool has_decoder(const struct hc_type *type)
{
    return type->layout && type->how == HC_HOW_DECODER;
}

// The definition of a type that has no row of its own, or of the type whose tp_traverse it shares: `owner`.
static const struct hc_definition_use *find_definition(struct hc_type_table *table,
                                                       const struct hc_type *native,
                                                       const struct hc_type *owner,
                                                       const struct hc_type *type)
{
    struct hc_definitions *definitions = table->runtime->definitions;
    const struct hc_definition_use *use = NULL;
    if (native != type)
        return native->definition;
    if (definitions && !has_decoder(native))
        use = hc_definition_find(definitions, table, native);
    return use ? use : owner->definition;
}

static void plan_definition(const struct hc_definition_use *definition, const struct hc_type *native,
                            bool is_heap, struct hc_type *type)
{
    const struct hc_type *base = native->base;
    while (base && !has_decoder(base) && !base->definition)
        base = base->base;
    type->how = HC_HOW_DEFINITION;
    type->definition = definition;
    type->layout = base && hc_definition_has_decoded_base(definition) ? base->layout : NULL;
    type->visits_type |= is_heap && hc_definition_visits_class(definition);
    if (hc_definition_has_size(definition))
        type->size = hc_definition_size;
}

// Static types that share a base's tp_traverse share its row: all of KeyError's kin have BaseException's.
// Without a tp_traverse that says nothing, unless there is nothing beside the base's own members. What no row
// knows is left to words.
static void plan_native(struct hc_type_table *table, struct hc_reader *reader, const struct hc_type *native,
                        uint64_t traverse, struct hc_type *type)
{
    const struct hc_type *owner = native;
    while (owner->base && !owner->layout && !owner->definition &&
           traverse_of(table, reader, owner->base) == traverse &&
           (traverse || owner->basicsize == owner->base->basicsize))
        owner = owner->base;
    bool is_heap = traverse && hc_type_is_heap(native) && hc_runtime_since(table->runtime, 3, 9);
    const struct hc_definition_use *definition = find_definition(table, native, owner, type);
    if (definition) {
        plan_definition(definition, native, is_heap, type);
        if (native->flags & HC_TYPE_MANAGED_DICT)
            type->dict_place = dict_place(table->runtime, type, native);
        return;
    }
    if (has_decoder(owner)) {
        type->layout = owner->layout;
        // A heap type without a tp_traverse of its own, ssl.SSLError, has a static type's, which visits no
        // type.
        type->visits_type |= native == type ? is_heap && owner == native : native->visits_type;
        find_hidden_items(table, reader, native, &type->hidden_items); // up to 3.8 they are not visited
        return;
    }
    while (owner->base && !has_decoder(owner))
        owner = owner->base;
    if (find_hidden_items(table, reader, native, &type->hidden_items)) {
        // structseq_traverse() visits the items that tuple's does, the hidden ones, and the type.
        type->layout = owner->layout;
        type->words_visited = traverse != 0;
        type->visits_type |= is_heap;
        return;
    }
    // Without a tp_traverse nothing is visited: that is known exactly of a class that the collector
    // traverses.
    type->how = !type->is_gc ? HC_HOW_WORDS : traverse ? HC_HOW_EMULATED : HC_HOW_DECODER;
    type->layout = owner->layout;
    // A static type that nobody has readied has no base.
    type->words_from = owner == native ? table->runtime->layouts.at.object_type + reader->target.word_size
                                       : owner->basicsize;
    type->words_to = native->basicsize;
    type->words_visited = traverse != 0;
    // What the tp_traverse of a C heap type has to do since 3.9: visit the type, and the managed dict if
    // there is one.
    type->native_visits_type = is_heap;
    type->native_has_dict = native->flags & HC_TYPE_MANAGED_DICT;
    if (type->native_has_dict)
        type->dict_place = dict_place(table->runtime, type, native);
}

// How instances are traced, after subtype_traverse(), Objects/typeobject.c: slots and dict of the classes
// made by class statements, then the first base with a tp_traverse of its own.
static bool plan_trace(struct hc_type_table *table, struct hc_reader *reader, const struct raw_type *raw,
                       struct hc_type *type)
{
    const struct hc_runtime *runtime = table->runtime;
    const struct hc_type *native = type;
    uint64_t traverse = raw->traverse;
    for (unsigned i = 0; i < MAX_BASES && native && traverse == runtime->subtype_traverse; i++) {
        if (!add_slots(table, reader, native, type))
            return false;
        native = native->base;
        traverse = native ? traverse_of(table, reader, native) : 0;
    }
    if (!native)
        return true;
    type->native = native;
    type->traverse = traverse;
    if (native != type) {
        type->dict_place = dict_place(runtime, type, native);
        // Up to 3.8 every instance visits its class (bpo-40217 made the first heap type of the chain do it,
        // in 3.9).
        type->visits_type = hc_type_is_heap(type) &&
                            (!hc_runtime_since(runtime, 3, 9) || !traverse || !hc_type_is_heap(native));
    }
    plan_native(table, reader, native, traverse, type);
    return true;
}

static bool is_leaf(const struct hc_type *type)
{
    const struct hc_row_layout *layout = type->layout;
    return type->how == HC_HOW_DECODER && layout && !type->definition && !layout->row->own_code &&
           !layout->visit_count && !layout->hold_count && !layout->row->traverse && !type->slot_count &&
           !type->visits_type && !type->dictoffset && !type->hidden_items &&
           type->words_from >= type->words_to;
}

// What is refused for its depth is refused wherever the search for it began.
static unsigned height_of(const struct hc_type *metatype, const struct hc_type *base)
{
    unsigned height = metatype ? metatype->height + 1 : 0;
    return base && base->height >= height ? base->height + 1 : height;
}

// Types do not overlap, so that an image has room for so many; forged ones could.
static bool is_full(const struct hc_type_table *table)
{
    uint64_t room = hc_image_size(table->runtime->image) / table->runtime->layouts.at.sizeof_type;
    return table->types.count >= room + BINARIES_TYPES;
}

// A type of CPython's own: a static one in the interpreter's data, or one that its C code made from a spec,
// whose tp_traverse is in the interpreter's text.
static bool is_of_interpreter(const struct hc_runtime *runtime, const struct hc_type *type,
                              const struct raw_type *raw)
{
    uint64_t place = hc_type_is_heap(type) ? raw->traverse : type->address;
    return place >= runtime->module->start && place < runtime->module->end &&
           !(hc_type_is_heap(type) && place == runtime->subtype_traverse);
}

static struct hc_type *create(struct hc_type_table *table, struct hc_reader *reader, uint64_t address,
                              unsigned depth)
{
    const struct hc_runtime *runtime = table->runtime;
    _cleanup_(type_destroyp) struct hc_type *type = calloc(1, sizeof(*type));
    struct raw_type raw;
    if (!type || is_full(table) || depth > MAX_BASES || !read_raw(table, reader, address, &raw, type))
        return NULL;
    if (address != runtime->type_type) {
        const struct hc_type *metatype = hc_type_table_find(table, reader, raw.metatype, depth + 1);
        if (!metatype || !(metatype->flags & HC_TYPE_TYPE_SUBCLASS))
            return NULL;
        type->metatype = metatype;
    } else if (raw.metatype != address) {
        return NULL;
    }
    if (!read_full_name(table, reader, &raw, type))
        return NULL;
    if (raw.base && address != runtime->type_type &&
        !(type->base = hc_type_table_find(table, reader, raw.base, depth + 1)))
        return NULL;
    type->height = height_of(type->metatype, type->base);
    if (type->height > MAX_BASES)
        return NULL;
    type->header_size = header_size(runtime, type, reader->target.word_size);
    type->is_gc = type->flags & HC_TYPE_HAVE_GC;
    type->is_dict = address == runtime->dict_type;
    if (hc_type_is_heap(type))
        hc_reader_word(reader, address + runtime->layouts.at.heap_type_cached_keys, &type->cached_keys);
    if (is_of_interpreter(runtime, type, &raw))
        type->layout = find_row(runtime, raw.full_name);
    type->has_row = type->layout != NULL;
    const char *row = type->layout ? type->layout->row->names : "";
    type->has_items = !strcmp(row, "tuple") || !strcmp(row, "bytes") || (type->base && type->base->has_items);
    if (type->layout && type->layout->row->size)
        type->size = type->layout->row->size;
    else if (type->base)
        type->size = type->base->size;
    if (!read_names(table, reader, &raw, type) || !plan_trace(table, reader, &raw, type))
        return NULL;
    // str and datetime allocate less where they need less; what derives from them does not.
    type->least_size = type->is_gc || type->native != type ? type->basicsize : 0;
    type->is_leaf = is_leaf(type);
    hc_sizeof_find(table, reader, type, depth);
    return hc_take(type);
}

static const struct hc_type *find_locked(struct hc_type_table *table, struct hc_reader *reader,
                                         uint64_t address, unsigned depth)
{
    size_t bucket = bucket_of(table, address);
    if (table->buckets[bucket])
        return table->types.items[table->buckets[bucket] - 1];
    _cleanup_(type_destroyp) struct hc_type *type = create(table, reader, address, depth);
    if (!type || !table_add(table, type))
        return NULL;
    return hc_take(type);
}

const struct hc_type *hc_type_table_find(struct hc_type_table *table, struct hc_reader *reader,
                                         uint64_t address, unsigned depth)
{
    if (depth > MAX_BASES || !address)
        return NULL;
    pthread_mutex_lock(&table->lock);
    const struct hc_type *type = find_locked(table, reader, address, depth);
    pthread_mutex_unlock(&table->lock);
    return type;
}
