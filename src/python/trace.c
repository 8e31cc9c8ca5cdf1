#include "python/trace.h"

#include "python/bounds.h"
#include "python/definition.h"
#include "python/emulated.h"
#include "python/native_trace.h"
#include "python/ownership.h"
#include "python/reconcile.h"

#include <stdatomic.h>
#include <string.h>

// Direct-mapped: whether a word is a type pointer is asked for every block of the heap.
enum { TYPE_CACHE_LINES = 4096 };

struct hc_type_cache_line {
    uint64_t address;
    const struct hc_type *type; // NULL: not a type
};

struct hc_error *hc_tracer_init(struct hc_tracer *tracer, struct hc_type_table *types)
{
    struct hc_type_cache_line *cache = calloc(TYPE_CACHE_LINES, sizeof(*cache));
    if (!cache)
        return hc_error_out_of_memory();
    *tracer = (struct hc_tracer){
        .runtime = types->runtime,
        .at = &types->runtime->layouts.at,
        .types = types,
        .type_cache = cache,
        .has_short_refcount = types->runtime->layouts.fields[HC_FIELD_object_refcnt].size <
                              hc_image_target(types->runtime->image)->word_size,
    };
    hc_reader_init(&tracer->object_reader, types->runtime->image);
    hc_reader_init(&tracer->reader, types->runtime->image);
    return NULL;
}

void hc_tracer_deinit(struct hc_tracer *tracer)
{
    hc_word_vector_deinit(&tracer->references.visited);
    hc_word_vector_deinit(&tracer->references.held);
    hc_word_vector_deinit(&tracer->references.buffers);
    hc_emulated_destroy(tracer->emulated);
    free(tracer->type_cache);
    *tracer = (struct hc_tracer){0};
}

const struct hc_type *hc_tracer_find_type(struct hc_tracer *tracer, uint64_t address)
{
    uint64_t hash = (address >> 4) * 0x9e3779b97f4a7c15u;
    struct hc_type_cache_line *line = &tracer->type_cache[hash >> 52];
    if (line->address == address)
        return line->type;
    const struct hc_type *type = hc_type_table_find(tracer->types, &tracer->reader, address, 0);
    *line = (struct hc_type_cache_line){.address = address, .type = type};
    return type;
}

uint64_t hc_tracer_load_refcount(const struct hc_tracer *tracer, const uint8_t *bytes)
{
    // struct _object, Include/object.h: 32 bits of count, then 16 of overflow and 16 of flags, of which 4
    // have a use.
    const uint32_t unused = 0xfff0ffff;
    const struct hc_target *target = &tracer->reader.target;
    uint64_t word = hc_load_word(target, bytes + tracer->at->object_refcnt);
    if (!tracer->has_short_refcount)
        return word;
    return word >> 32 & unused ? 0 : word & UINT32_MAX;
}

bool hc_tracer_refcount_is_plausible(uint64_t refcount)
{
    // Immortal objects have 0xffffffff (3.12) or less, and some more where extensions built for the stable
    // ABI of before count on; more references than that do not fit into any heap.
    const uint64_t most_counted_on = 1 << 30;
    return refcount - 1 < UINT32_MAX + most_counted_on;
}

bool hc_tracer_refcount_is_pointer(struct hc_tracer *tracer, uint64_t refcount)
{
    enum { LOWEST_MAPPING = 1 << 16 };           // vm.mmap_min_addr
    const uint64_t immortal = UINT64_C(3) << 30; // since 3.14, Include/refcount.h
    uint64_t type;
    return refcount >= LOWEST_MAPPING && refcount % tracer->reader.target.word_size == 0 &&
           !(tracer->has_short_refcount && refcount == immortal) &&
           hc_reader_word(&tracer->reader, refcount + tracer->at->object_type, &type) &&
           hc_tracer_find_type(tracer, type) != NULL;
}

uint64_t hc_tracer_refcount(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    return hc_tracer_load_refcount(tracer, object->bytes);
}

// Static tables of pointers, too, lead to types; their addresses are lower than any immortal object's count.
static bool is_static_count(const struct hc_tracer *tracer, uint64_t address, uint64_t refcount)
{
    return hc_refcount_is_immortal(tracer->runtime, refcount) &&
           hc_image_find_module(tracer->runtime->image, address);
}

static bool view_through(struct hc_tracer *tracer, struct hc_reader *reader, uint64_t address,
                         struct hc_object_view *ret)
{
    const struct hc_target *target = &reader->target;
    if (address % target->word_size)
        return false;
    uint64_t available;
    const uint8_t *bytes = hc_reader_span(reader, address, &available);
    if (!bytes || available < tracer->at->object_type + target->word_size)
        return false;
    uint64_t refcount = hc_tracer_load_refcount(tracer, bytes);
    if (!hc_tracer_refcount_is_plausible(refcount))
        return false;
    const struct hc_type *type =
        hc_tracer_find_type(tracer, hc_load_word(target, bytes + tracer->at->object_type));
    if (!type ||
        (hc_tracer_refcount_is_pointer(tracer, refcount) && !is_static_count(tracer, address, refcount)))
        return false;
    *ret = (struct hc_object_view){type, address, bytes, available};
    return true;
}

bool hc_tracer_view(struct hc_tracer *tracer, uint64_t address, struct hc_object_view *ret)
{
    return view_through(tracer, &tracer->object_reader, address, ret);
}

uint64_t hc_view_word(const struct hc_tracer *tracer, const struct hc_object_view *object, uint64_t offset)
{
    const struct hc_target *target = &tracer->object_reader.target;
    if (offset > object->available || object->available - offset < target->word_size)
        return 0;
    return hc_load_word(target, object->bytes + offset);
}

int64_t hc_view_signed(const struct hc_tracer *tracer, const struct hc_object_view *object, uint64_t offset)
{
    const struct hc_target *target = &tracer->object_reader.target;
    if (offset > object->available || object->available - offset < target->word_size)
        return 0;
    return hc_load_signed_word(target, object->bytes + offset);
}

static void push(struct hc_tracer *tracer, struct hc_word_vector *vector, uint64_t address)
{
    if (address && !hc_word_vector_push(vector, address))
        tracer->out_of_memory = true;
}

void hc_trace_visit(struct hc_tracer *tracer, uint64_t address)
{
    push(tracer, &tracer->references.visited, address);
}

void hc_trace_hold(struct hc_tracer *tracer, uint64_t address)
{
    push(tracer, &tracer->references.held, address);
}

void hc_trace_buffer(struct hc_tracer *tracer, uint64_t address)
{
    push(tracer, &tracer->references.buffers, address);
}

uint64_t hc_tracer_allowance(const struct hc_image *image)
{
    enum { READINGS = 8, LEAST = 1 << 20 };
    return LEAST + hc_image_size(image) / hc_image_target(image)->word_size * READINGS;
}

bool hc_trace_afford(struct hc_tracer *tracer, uint64_t words)
{
    enum { SMALL = 64 };
    if (words <= SMALL || !tracer->allowance)
        return true;
    uint64_t left = atomic_load_explicit(tracer->allowance, memory_order_relaxed);
    do {
        if (words > left) {
            tracer->unreadable++;
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(tracer->allowance, &left, left - words,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

void hc_trace_visit_array(struct hc_tracer *tracer, uint64_t address, uint64_t count)
{
    if (!count)
        return;
    uint64_t available;
    const struct hc_target *target = &tracer->reader.target;
    count = hc_count_bound(tracer, address, count, target->word_size);
    const uint8_t *bytes = hc_reader_span(&tracer->reader, address, &available);
    if (!bytes || count > available / target->word_size) {
        tracer->unreadable++;
        if (!bytes)
            return;
        count = available / target->word_size;
    }
    if (!hc_trace_afford(tracer, count))
        return;
    for (uint64_t i = 0; i < count; i++)
        hc_trace_visit(tracer, hc_load_word(target, bytes + i * target->word_size));
}

uint64_t hc_trace_length(struct hc_tracer *tracer, uint64_t address)
{
    uint64_t length = 0;
    if (address && !hc_reader_word(&tracer->reader, address + tracer->at->var_size, &length))
        tracer->size_is_exact = false;
    return length;
}

uint64_t hc_object_size_default(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_type *type = object->type;
    if (!type->itemsize)
        return type->basicsize;
    int64_t items = hc_view_signed(tracer, object, tracer->at->var_size);
    return type->basicsize + (uint64_t)items * type->itemsize;
}

bool hc_tracer_is_gc(const struct hc_tracer *tracer, const struct hc_object_view *object)
{
    if (!object->type->is_gc)
        return false;
    if (!(object->type->flags & HC_TYPE_TYPE_SUBCLASS))
        return true;
    // type_is_gc(), Objects/typeobject.c: only heap types are; tp_flags is an unsigned long.
    return hc_view_word(tracer, object, tracer->at->type_flags) & HC_TYPE_HEAPTYPE;
}

bool hc_tracer_is_tracked(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    if (!hc_tracer_is_gc(tracer, object))
        return false;
    uint64_t head = object->address - tracer->at->sizeof_gc_head;
    uint64_t next;
    if (hc_is_present(tracer->at->gc_refs)) { // up to 3.7 the state of it, above a flag
        enum { UNTRACKED = -2 };
        const uint8_t *refs = hc_reader_view(&tracer->object_reader, head + tracer->at->gc_refs,
                                             tracer->object_reader.target.word_size);
        return refs && hc_load_signed_word(&tracer->object_reader.target, refs) >> 1 != UNTRACKED;
    }
    return hc_reader_word(&tracer->object_reader, head + tracer->at->gc_next, &next) && next;
}

// While it collects, the collector counts references in the place of the link back, above two flags
// (gc_reset_refs(), Modules/gcmodule.c, Python/gc.c).
static bool is_collectors_count(uint64_t link)
{
    enum { COLLECTING = 2, SHIFT = 2 };
    return link & COLLECTING && link >> SHIFT <= UINT32_MAX;
}

bool hc_tracer_is_linked(struct hc_tracer *tracer, uint64_t address)
{
    enum { FLAGS = HC_LINK_FLAGS };
    const struct hc_offsets *at = tracer->at;
    struct hc_reader *reader = &tracer->object_reader;
    uint64_t head = address - at->sizeof_gc_head, next, back, link;
    if (!hc_reader_word(reader, head + at->gc_next, &next) ||
        !hc_reader_word(reader, head + at->gc_prev, &back))
        return false;
    bool has_next = hc_reader_word(&tracer->reader, (next & ~(uint64_t)FLAGS) + at->gc_prev, &link);
    if (has_next &&
        ((link & ~(uint64_t)FLAGS) == head || (is_collectors_count(back) && is_collectors_count(link))))
        return true;
    bool has_back = hc_reader_word(&tracer->reader, (back & ~(uint64_t)FLAGS) + at->gc_next, &link);
    if (has_back && (link & ~(uint64_t)FLAGS) == head)
        return true;
    return !has_next && !has_back && next && back && hc_image_losses(tracer->runtime->image)->truncated;
}

bool hc_tracer_has_sound_head(struct hc_tracer *tracer, uint64_t address)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t head = address - at->sizeof_gc_head, next, back;
    if (!hc_runtime_since(tracer->runtime, 3, 7))
        return true;
    if (!hc_reader_word(&tracer->object_reader, head + at->gc_next, &next) ||
        !hc_reader_word(&tracer->object_reader, head + at->gc_prev, &back))
        return false;
    return (!next && !(back & ~(uint64_t)HC_LINK_FLAGS)) || hc_tracer_is_linked(tracer, address);
}

bool hc_tracer_is_left_over(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    return hc_tracer_is_gc(tracer, object) && !hc_tracer_has_sound_head(tracer, object->address);
}

uint64_t hc_tracer_size(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_type *type = object->type;
    uint64_t size;
    tracer->size_is_exact = true;
    if (type->has_own_sizeof)
        tracer->size_is_exact =
            type->sizeof_function && hc_emulated_sizeof(tracer, object, &size) == HC_EMULATION_DONE;
    if (!type->has_own_sizeof || !tracer->size_is_exact)
        size = type->size ? type->size(tracer, object) : hc_object_size_default(tracer, object);
    // What sys.getsizeof adds, _PySys_GetSizeOf(): the GC head of objects that have one up to 3.10; the whole
    // pre-header of the type since 3.11, static types included until 3.13 left these out.
    bool is_type = type->flags & HC_TYPE_TYPE_SUBCLASS;
    bool counts_always =
        hc_runtime_since(tracer->runtime, 3, 11) && !(is_type && hc_runtime_since(tracer->runtime, 3, 13));
    return counts_always || hc_tracer_is_gc(tracer, object) ? size + type->header_size : size;
}

// Where the words end that no decoder of a base knows; words_from if there are none, or no means for them.
static uint64_t end_of_words(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_type *type = object->type;
    unsigned word = tracer->object_reader.target.word_size;
    uint64_t end = type->words_to;
    bool may_be_pointers = type->itemsize && type->itemsize % word == 0;
    if (may_be_pointers &&
        !(type->layout && type->layout->row->traverse)) { // items that no base's decoder knows
        int64_t items = hc_view_signed(tracer, object, tracer->at->var_size);
        if (items > 0 && (uint64_t)items < object->available / type->itemsize)
            end += (uint64_t)items * type->itemsize;
    }
    if (end > object->available)
        end = object->available;
    bool is_affordable = end <= type->words_from || hc_trace_afford(tracer, (end - type->words_from) / word);
    return is_affordable ? end : type->words_from;
}

static void trace_words(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_type *type = object->type;
    uint64_t end = end_of_words(tracer, object);
    unsigned word = tracer->object_reader.target.word_size;
    struct hc_word_vector *found =
        type->words_visited ? &tracer->references.visited : &tracer->references.held;
    struct hc_object_view referent;
    for (uint64_t offset = type->words_from; offset + word <= end; offset += word) {
        uint64_t address = hc_view_word(tracer, object, offset);
        if (address && view_through(tracer, &tracer->reader, address, &referent) &&
            !hc_tracer_is_left_over(tracer, &referent))
            push(tracer, found, address);
    }
}

// The values of attributes that never were made a dict.
static void trace_values(struct hc_tracer *tracer, uint64_t address, uint64_t items, uint64_t count,
                         uint64_t size)
{
    struct hc_references *references = &tracer->references;
    references->values_address = address;
    references->values_size = size;
    references->values_first = references->visited.count;
    hc_trace_visit_array(tracer, items, count);
    references->values_count = references->visited.count - references->values_first;
}

static void trace_own_dict(struct hc_tracer *tracer, uint64_t dict)
{
    tracer->references.dict = dict;
    hc_trace_visit(tracer, dict);
}

static uint64_t round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

// 3.11 and 3.12: the values stand in a block of their own; the byte before them holds the length of its
// prefix, which is the rounded sum of capacity and 2 (new_values(), Objects/dictobject.c).
static void trace_block_values(struct hc_tracer *tracer, const struct hc_type *type, uint64_t values)
{
    const struct hc_offsets *at = tracer->at;
    unsigned word = tracer->reader.target.word_size;
    const uint8_t *keys = hc_reader_view(&tracer->reader, type->cached_keys, at->sizeof_keys);
    const uint8_t *prefix = hc_reader_view(&tracer->reader, values - 1, 1);
    if (!keys || !prefix) {
        tracer->unreadable++;
        return;
    }
    uint64_t entries = hc_load_word(&tracer->reader.target, keys + at->keys_nentries);
    uint64_t usable = hc_load_word(&tracer->reader.target, keys + at->keys_usable);
    if (*prefix < word || *prefix % word || entries > *prefix - 2u || usable > UINT8_MAX)
        return;
    // Approximation: the shared keys may have shrunk since this block was made, by less than its rounding
    // hides.
    uint64_t capacity = entries + usable;
    if (round_up(capacity + 2, word) < *prefix)
        capacity = *prefix - word - 1;
    else if (capacity > *prefix - 2u)
        capacity = *prefix - 2u;
    hc_trace_buffer(tracer, values - *prefix);
    trace_values(tracer, values, values + at->values_items, entries, *prefix + capacity * word);
}

// 3.13: the values follow the object; they are in use while `valid` is set, with or without a dict
// (PyObject_VisitManagedDict(), Objects/dictobject.c).
static bool trace_inline_values(struct hc_tracer *tracer, const struct hc_object_view *object, bool has_dict)
{
    const struct hc_offsets *at = tracer->at;
    unsigned word = tracer->object_reader.target.word_size;
    uint64_t values = object->type->basicsize;
    if (values > object->available || object->available - values < at->values_items)
        return false;
    const uint8_t *bytes = object->bytes + values;
    if (!bytes[at->values_valid])
        return false;
    uint64_t capacity = bytes[at->values_capacity];
    uint64_t items = object->address + values + at->values_items;
    if (has_dict)
        hc_trace_visit_array(tracer, items, capacity);
    else
        trace_values(tracer, object->address + values, items, capacity,
                     round_up(capacity, word) + (capacity + 1) * word);
    return true;
}

static void trace_managed_dict(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    unsigned word = tracer->object_reader.target.word_size;
    uint64_t slot;
    if (!hc_reader_word(&tracer->object_reader, object->address - 3 * word, &slot))
        return;
    bool is_left_to_dict = slot && tracer->runtime->dict_visits_inline_values;
    if (!is_left_to_dict && object->type->flags & HC_TYPE_INLINE_VALUES &&
        trace_inline_values(tracer, object, slot != 0)) {
        tracer->references.dict = slot;
        hc_trace_hold(tracer, slot);
        return;
    }
    trace_own_dict(tracer, slot);
}

static void trace_dict_slot(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_type *type = object->type;
    unsigned word = tracer->object_reader.target.word_size;
    uint64_t slot;
    switch (type->dict_place) {
    case HC_DICT_NONE: // the base's own tracing visits it
        if (type->dictoffset > 0)
            tracer->references.dict = hc_view_word(tracer, object, (uint64_t)type->dictoffset);
        return;
    case HC_DICT_AT_OFFSET:
        trace_own_dict(tracer, hc_view_word(tracer, object, (uint64_t)type->dictoffset));
        return;
    case HC_DICT_AT_END: {
        // _PyObject_ComputedDictPointer(), Objects/object.c; int counts digits in lv_tag since 3.12.
        int64_t items = hc_view_signed(tracer, object, tracer->at->var_size);
        if (hc_is_present(tracer->at->long_tag) && type->size && type->layout &&
            !strcmp(type->layout->row->names, "int"))
            items = items >> 3;
        uint64_t end = round_up(
            type->basicsize + (items < 0 ? 0 - (uint64_t)items : (uint64_t)items) * type->itemsize, word);
        trace_own_dict(tracer, hc_view_word(tracer, object, end + (uint64_t)type->dictoffset));
        return;
    }
    case HC_DICT_OR_VALUES:
        if (hc_reader_word(&tracer->object_reader, object->address - 4 * word, &slot) && slot)
            trace_block_values(tracer, type, slot);
        if (hc_reader_word(&tracer->object_reader, object->address - 3 * word, &slot))
            trace_own_dict(tracer, slot);
        return;
    case HC_DICT_TAGGED:
        if (!hc_reader_word(&tracer->object_reader, object->address - 3 * word, &slot))
            return;
        if (slot & 1)
            trace_block_values(tracer, type, slot + 1);
        else
            trace_own_dict(tracer, slot);
        return;
    case HC_DICT_MANAGED:
        trace_managed_dict(tracer, object);
        return;
    }
}

static void trace_layout(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_row_layout *layout = object->type->layout;
    for (unsigned i = 0; i < layout->visit_count; i++)
        hc_trace_visit(tracer, hc_view_word(tracer, object, layout->visits[i]));
    for (unsigned i = 0; i < layout->hold_count; i++)
        hc_trace_hold(tracer, hc_view_word(tracer, object, layout->holds[i]));
    struct hc_references *references = &tracer->references;
    references->items_first = references->visited.count;
    if (layout->row->traverse)
        layout->row->traverse(tracer, object);
    references->items_count = references->visited.count - references->items_first;
}

static void trace_hidden_items(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_type *type = object->type;
    unsigned word = tracer->object_reader.target.word_size;
    uint64_t items = hc_view_word(tracer, object, tracer->at->var_size);
    if (items > object->available / word || !hc_trace_afford(tracer, type->hidden_items))
        return;
    for (uint32_t i = 0; i < type->hidden_items; i++)
        push(tracer, type->words_visited ? &tracer->references.visited : &tracer->references.held,
             hc_view_word(tracer, object, tracer->at->tuple_items + (items + i) * word));
}

static bool is_visited(const struct hc_references *references, size_t first, uint64_t address)
{
    for (size_t i = first; i < references->visited.count; i++)
        if (references->visited.items[i] == address)
            return true;
    return false;
}

// A tp_traverse need not visit all that an object owns: str and bytes cannot be in a cycle. Such words lead
// on, but for the weak references to the object, which it does not own.
static void hold_unvisited_words(struct hc_tracer *tracer, const struct hc_object_view *object, size_t first)
{
    enum { MANY_VISITED = 256 }; // a container of C code, whose items take most of the time
    const struct hc_type *type = object->type;
    if (tracer->references.visited.count - first > MANY_VISITED)
        return;
    uint64_t end = end_of_words(tracer, object);
    unsigned word = tracer->object_reader.target.word_size;
    struct hc_object_view referent;
    for (uint64_t offset = type->words_from; offset + word <= end; offset += word) {
        uint64_t address = hc_view_word(tracer, object, offset);
        if (address && (int64_t)offset != type->native->weaklistoffset &&
            !is_visited(&tracer->references, first, address) &&
            view_through(tracer, &tracer->reader, address, &referent))
            hc_trace_hold(tracer, address);
    }
}

// Of the part of an object that C code knows, in place of what was visited from `first` on: what its own
// tp_traverse visits. False if it cannot be run.
static bool trace_emulated(struct hc_tracer *tracer, const struct hc_object_view *object, size_t first)
{
    struct hc_references *references = &tracer->references;
    const uint64_t *items;
    size_t count;
    references->emulation = hc_emulated_traverse(tracer, object, &items, &count);
    if (references->emulation != HC_EMULATION_DONE)
        return false;
    references->how = HC_HOW_EMULATED;
    if (!hc_references_reconcile(references, first, items, count))
        tracer->out_of_memory = true;
    return true;
}

static void trace_native(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_type *type = object->type;
    const struct hc_type_row *row = type->layout ? type->layout->row : NULL;
    size_t first = tracer->references.visited.count;
    bool has_own_code = row && row->own_code && row->own_code(tracer, object);
    if (type->native_has_dict)
        trace_dict_slot(tracer, object);
    if (type->layout)
        trace_layout(tracer, object);
    if (type->definition)
        hc_definition_trace(tracer, object);
    bool runs_code = has_own_code || type->how == HC_HOW_EMULATED;
    // A static type's tp_traverse is never called: it aborts.
    if (runs_code && hc_tracer_is_gc(tracer, object) && trace_emulated(tracer, object, first)) {
        hold_unvisited_words(tracer, object, first);
        return;
    }
    if (runs_code)
        tracer->references.how = HC_HOW_WORDS;
    if (has_own_code && row->guess)
        row->guess(tracer, object);
    if (type->native_visits_type)
        hc_trace_visit(tracer, type->address);
    if (runs_code && !has_own_code && hc_native_trace(tracer, object))
        tracer->references.how = HC_HOW_DWARF;
    else if (type->words_from < type->words_to)
        trace_words(tracer, object);
}

void hc_tracer_trace(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_type *type = object->type;
    struct hc_references *references = &tracer->references;
    references->visited.count = references->held.count = references->buffers.count = 0;
    references->dict = references->values_address = 0;
    references->values_count = references->items_first = references->items_count = 0;
    references->how = type->how;
    references->emulation = HC_EMULATION_DONE;
    tracer->is_contradictory = false;

    for (size_t i = 0; i < type->slot_count && (i || hc_trace_afford(tracer, type->slot_count)); i++)
        hc_trace_visit(tracer, hc_view_word(tracer, object, type->slots[i]));
    if (!type->native_has_dict)
        trace_dict_slot(tracer, object);
    if (type->visits_type)
        hc_trace_visit(tracer, type->address);
    trace_native(tracer, object);
    if (type->hidden_items)
        trace_hidden_items(tracer, object);
}
