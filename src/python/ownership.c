#include "python/ownership.h"

#include "python/frames.h"
#include "python/keys.h"
#include "python/types/families.h"

#include <string.h>

bool hc_refcount_is_immortal(const struct hc_runtime *runtime, uint64_t refcount)
{
    // Up to 3.11 static objects begin with 999999999, and only they.
    const uint64_t sign = UINT64_C(1) << 31, large = UINT64_C(1) << 29;
    return hc_runtime_since(runtime, 3, 12) ? refcount & sign : refcount >= large;
}

// Since 3.8 PyObject_Init() counts the type of whatever is made of a heap type (bpo-35810). Since 3.9
// tp_traverse visits it (bpo-40217), but that of an extension may not know.
enum hc_type_reference hc_type_reference_of(const struct hc_runtime *runtime, const struct hc_type *type)
{
    if (!hc_type_is_heap(type))
        return HC_TYPE_REFERENCE_NONE;
    if (type->visits_type || type->native_visits_type)
        return HC_TYPE_REFERENCE_VISITED;
    return hc_runtime_since(runtime, 3, 9) ? HC_TYPE_REFERENCE_EITHER : HC_TYPE_REFERENCE_HIDDEN;
}

uint64_t hc_dict_shared_keys(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_row_layout *layout = object->type->layout;
    if (!layout || layout->row->traverse != hc_dict_traverse ||
        !hc_view_word(tracer, object, tracer->at->dict_values))
        return 0;
    return hc_view_word(tracer, object, tracer->at->dict_keys);
}

uint64_t hc_type_own_keys(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    bool is_heap_type = object->type->flags & HC_TYPE_TYPE_SUBCLASS &&
                        hc_view_word(tracer, object, tracer->at->type_flags) & HC_TYPE_HEAPTYPE;
    return is_heap_type ? hc_view_word(tracer, object, tracer->at->heap_type_cached_keys) : 0;
}

void hc_keys_each_name(struct hc_tracer *tracer, uint64_t address, hc_reference_fn *callback, void *argument)
{
    struct hc_dict_keys keys;
    if (!hc_dict_keys_read(tracer->runtime, &tracer->reader, address, &keys) ||
        !hc_trace_afford(tracer, keys.count))
        return;
    for (uint64_t i = 0; i < keys.count; i++)
        callback(argument,
                 hc_load_word(&tracer->reader.target, keys.entries + i * keys.entry_size + keys.key_offset));
}

void hc_dict_each_borrowed_value(struct hc_tracer *tracer, const struct hc_object_view *object,
                                 hc_reference_fn *callback, void *argument)
{
    const struct hc_offsets *at = tracer->at;
    struct hc_dict_keys keys;
    uint64_t value, values = hc_view_word(tracer, object, at->dict_values);
    if (tracer->runtime->dict_visits_inline_values || !hc_dict_values_are_embedded(tracer, values) ||
        !hc_dict_keys_read(tracer->runtime, &tracer->reader, hc_view_word(tracer, object, at->dict_keys),
                           &keys) ||
        !hc_trace_afford(tracer, keys.count))
        return;
    for (uint64_t i = 0; i < keys.count; i++)
        if (hc_reader_word(&tracer->reader, values + at->values_items + i * tracer->reader.target.word_size,
                           &value))
            callback(argument, value);
}

enum { FRAME_OWNED_BY_FRAME_OBJECT = 2 }; // enum _frameowner, Include/internal/pycore_frame.h, since 3.11

static bool has_row(const struct hc_type *type, const char *const *names, size_t count)
{
    for (size_t i = 0; type->layout && i < count; i++)
        if (!strcmp(type->layout->row->names, names[i]))
            return true;
    return false;
}

enum hc_count_rule hc_count_rule_of(const struct hc_runtime *runtime, const struct hc_type *type)
{
    static const char *const owners[] = {"frame", "generator", "coroutine", "async_generator"};
    if (hc_runtime_since(runtime, 3, 12) && has_row(type, owners, sizeof(owners) / sizeof(*owners)))
        return HC_COUNT_FRAME;
    bool is_dict = type->layout && type->layout->row->traverse == hc_dict_traverse;
    return is_dict || type->flags & HC_TYPE_TYPE_SUBCLASS ? HC_COUNT_KEYS : HC_COUNT_EDGES;
}

static bool is_cleared(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    uint32_t state = tracer->at->generator_frame_state;
    return state >= object->available ||
           hc_frame_state(tracer->runtime, (int8_t)object->bytes[state]) == HC_FRAME_CLEARED;
}

static bool is_frame(const struct hc_type *type)
{
    static const char *const frame[] = {"frame"};
    return has_row(type, frame, 1);
}

// The frame that `object` owns and tp_traverse visits, or 0.
static uint64_t own_frame(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    if (!is_frame(object->type))
        return is_cleared(tracer, object) ? 0 : object->address + at->generator_iframe;
    uint64_t address = hc_view_word(tracer, object, at->frame_frame);
    const uint8_t *owner = hc_reader_view(&tracer->reader, address + at->iframe_owner, 1);
    return owner && *owner == FRAME_OWNED_BY_FRAME_OBJECT ? address : 0;
}

// A slot whose two lowest bits are 1 (Include/internal/pycore_stackref.h).
static void borrowed_slot(struct hc_tracer *tracer, uint64_t slot, hc_reference_fn *callback, void *argument)
{
    uint64_t word;
    if (hc_reader_word(&tracer->reader, slot, &word) && (word & 3) == 1 && word != 1)
        callback(argument, hc_stack_reference(word));
}

void hc_frame_each_borrowed(struct hc_tracer *tracer, const struct hc_object_view *object,
                            hc_reference_fn *callback, void *argument)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t depth, frame = own_frame(tracer, object);
    if (!frame || !hc_runtime_since(tracer->runtime, 3, 14))
        return;
    borrowed_slot(tracer, frame + at->iframe_code, callback, argument);
    borrowed_slot(tracer, frame + at->iframe_function, callback, argument);
    if (!hc_interpreter_frame_depth(tracer, frame, &depth) || !hc_trace_afford(tracer, depth))
        return;
    for (uint64_t i = 0; i < depth; i++)
        borrowed_slot(tracer, frame + at->iframe_localsplus + i * tracer->reader.target.word_size, callback,
                      argument);
}

// A generator owns its code to its end since 3.12 (gen_dealloc(), Objects/genobject.c), and visits it
// since 3.14.
uint64_t hc_frame_hidden_code(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    bool is_visited =
        hc_runtime_since(tracer->runtime, 3, 14) || is_frame(object->type) || !is_cleared(tracer, object);
    return is_visited ? 0 : hc_interpreter_frame_code(tracer, object->address + tracer->at->generator_iframe);
}

// Up to 3.7, property_descr_get() keeps a tuple for its next call, and in it what it was last called for.
bool hc_references_may_be_stale(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    return !hc_runtime_since(tracer->runtime, 3, 8) && object->type->has_items &&
           !hc_tracer_is_tracked(tracer, object) && hc_tracer_refcount(tracer, object) == 1 &&
           hc_view_signed(tracer, object, tracer->at->var_size) == 1;
}
