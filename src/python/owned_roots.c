// The words of interpreters, threads and frames that own a reference.
#include "python/ownership.h"

#include "base/address_map.h"
#include "python/frames.h"
#include "python/roots.h"

#include <string.h>

enum { FRAME_OWNED_BY_GENERATOR = 1 }; // enum _frameowner, Include/internal/pycore_frame.h, since 3.11

struct root_search {
    struct hc_tracer *tracer;
    struct hc_owned_root_vector *roots;
    struct hc_address_map seen; // threads and frames: a damaged list may be a ring
    uint64_t thread;
    bool out_of_memory;
};

static void root_search_deinit(struct root_search *search)
{
    hc_address_map_deinit(&search->seen);
}

static void add(struct root_search *search, uint64_t slot, uint64_t object, enum hc_root_place place)
{
    struct hc_owned_root root = {slot, object, search->thread, place};
    if (object && !hc_owned_root_vector_push(search->roots, root))
        search->out_of_memory = true;
}

static void add_word(struct root_search *search, uint64_t slot, enum hc_root_place place)
{
    uint64_t word;
    if (hc_reader_word(&search->tracer->reader, slot, &word))
        add(search, slot, word, place);
}

// A slot of a frame. Since 3.14 one whose lowest bit is set has a reference that is not counted.
static void add_stack_slot(struct root_search *search, uint64_t slot, enum hc_root_place place)
{
    uint64_t word;
    if (hc_reader_word(&search->tracer->reader, slot, &word) && !(word & 1))
        add(search, slot, word, place);
}

HC_DEFINE_VECTOR(offset_vector, uint64_t)

static void collect(void *argument, const char *path, uint64_t offset, uint64_t count)
{
    struct offset_vector *offsets = argument;
    if (!hc_root_is_owning(path))
        return;
    // What static types own in an interpreter belongs to these; the first thread of an interpreter since 3.11
    // is a thread like the others; the rest is borrowed.
    static const char *const others[] = {"types.",       "_initial_thread.", "callable_cache.",
                                         "pyexitmodule", "common_consts",    "cached_objects.objreduce"};
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (!strncmp(path, others[i], strlen(others[i])))
            return;
    // Bounded: DWARF is as untrusted as the core.
    for (uint64_t i = 0; i < count && i < 4096; i++)
        if (!offset_vector_push(offsets, offset + i * sizeof(uint64_t)))
            return;
}

static struct hc_error *member_offsets(const struct hc_runtime *runtime, const char *structure,
                                       struct offset_vector *ret)
{
    static const char *const pointees[] = {"PyObject", "PyLongObject", "PyTypeObject"};
    for (size_t i = 0; i < sizeof(pointees) / sizeof(*pointees); i++)
        HC_TRY(hc_debug_info_each_pointer(runtime->debug_info, structure, "Python/pystate.c", pointees[i],
                                          collect, ret));
    return NULL;
}

static void add_members(struct root_search *search, const struct offset_vector *offsets, uint64_t address,
                        enum hc_root_place place)
{
    for (size_t i = 0; i < offsets->count; i++)
        add_word(search, address + offsets->items[i], place);
}

// Is there a thread or frame at `address` that was not met before?
static bool is_new(struct root_search *search, uint64_t address)
{
    bool inserted;
    if (!address || address % search->tracer->reader.target.word_size)
        return false;
    if (!hc_address_map_insert(&search->seen, address, 0, &inserted)) {
        search->out_of_memory = true;
        return false;
    }
    return inserted;
}

static void add_slots(struct root_search *search, uint64_t address, uint64_t count, enum hc_root_place place)
{
    unsigned word = search->tracer->reader.target.word_size;
    for (uint64_t i = 0; i < count && (i || hc_trace_afford(search->tracer, count)); i++)
        add_stack_slot(search, address + i * word, place);
}

// A generator's frame belongs to it; while it runs, the generator's own tracing leaves the slots out.
static void add_interpreter_frame(struct root_search *search, uint64_t frame)
{
    struct hc_tracer *tracer = search->tracer;
    const struct hc_offsets *at = tracer->at;
    const uint8_t *owner =
        hc_is_present(at->iframe_owner) ? hc_reader_view(&tracer->reader, frame + at->iframe_owner, 1) : NULL;
    bool is_generators = owner && *owner == FRAME_OWNED_BY_GENERATOR;
    bool is_shim = hc_frame_is_shim(tracer, frame);
    enum hc_root_place place = is_shim ? HC_ROOT_UNSURE : HC_ROOT_IN_LOCALS;
    uint64_t used = 0, code = hc_interpreter_frame_code(tracer, frame);
    if (!is_generators) {
        add_word(search, frame + at->iframe_frame, place);
        add_word(search, frame + at->iframe_locals, place);
        add_stack_slot(search, frame + at->iframe_function, place);
        add_stack_slot(search, frame + at->iframe_code, place);
    }
    uint64_t locals = hc_code_frame_slots(tracer, code, false);
    bool is_known = hc_interpreter_frame_depth(tracer, frame, &used);
    if (is_shim || (is_known && is_generators))
        return;
    add_slots(search, frame + at->iframe_localsplus, locals, place);
    if (!is_known)
        used = hc_code_frame_slots(tracer, code, true);
    if (used > locals)
        add_slots(search, frame + at->iframe_localsplus + locals * tracer->reader.target.word_size,
                  used - locals, HC_ROOT_IN_VALUE_STACK);
}

// Up to 3.10: of a running frame, which is an object, the depth of its value stack is in a register.
static void add_frame_object(struct root_search *search, uint64_t frame)
{
    struct hc_tracer *tracer = search->tracer;
    const struct hc_offsets *at = tracer->at;
    uint64_t code, stack;
    add(search, 0, frame, HC_ROOT_UNSURE); // the C function that runs it owns it, unless a generator does
    if (!hc_reader_word(&tracer->reader, frame + at->frame_code, &code) ||
        !hc_reader_word(&tracer->reader, frame + at->frame_valuestack, &stack))
        return;
    add_slots(search, stack,
              hc_code_frame_slots(tracer, code, true) - hc_code_frame_slots(tracer, code, false),
              HC_ROOT_IN_VALUE_STACK);
}

static void add_frames(struct root_search *search, uint64_t thread)
{
    const struct hc_offsets *at = search->tracer->at;
    bool are_objects = !hc_is_present(at->iframe_previous);
    uint32_t back = are_objects ? at->frame_back : at->iframe_previous;
    uint64_t frame = hc_thread_frame(search->tracer, thread);
    while (is_new(search, frame)) {
        if (are_objects)
            add_frame_object(search, frame);
        else
            add_interpreter_frame(search, frame);
        if (!hc_reader_word(&search->tracer->reader, frame + back, &frame))
            return;
    }
}

struct hc_error *hc_owned_roots_find(const struct hc_runtime *runtime, struct hc_tracer *tracer,
                                     struct hc_owned_root_vector *ret)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    _cleanup_(root_search_deinit) struct root_search search = {.tracer = tracer, .roots = ret};
    _cleanup_(offset_vector_deinit) struct offset_vector interpreter_members = {0}, thread_members = {0};
    HC_TRY(member_offsets(runtime, "_is", &interpreter_members));
    HC_TRY(member_offsets(runtime, "_ts", &thread_members));
    for (size_t i = 0; i < runtime->interpreters.count; i++) {
        uint64_t interpreter = runtime->interpreters.items[i], thread = 0;
        search.thread = 0;
        add_members(&search, &interpreter_members, interpreter, HC_ROOT_IN_INTERPRETER);
        hc_reader_word(&tracer->reader, interpreter + at->interpreter_threads, &thread);
        while (is_new(&search, thread)) {
            search.thread = thread;
            add_members(&search, &thread_members, thread, HC_ROOT_IN_THREAD);
            add_frames(&search, thread);
            if (!hc_reader_word(&tracer->reader, thread + at->thread_next, &thread))
                break;
        }
    }
    return search.out_of_memory ? hc_error_out_of_memory() : NULL;
}
