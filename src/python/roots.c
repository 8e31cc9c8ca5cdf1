#include "python/roots.h"

#include "base/address_map.h"
#include "python/frames.h"

#include <string.h>

struct root_search {
    const struct hc_runtime *runtime;
    struct hc_tracer *tracer;
    struct hc_word_vector *roots;     // those that count
    struct hc_found_roots *found;     // NULL: of C data
    struct hc_address_map seen;       // threads and frames: a damaged list may be a ring
    struct hc_address_map free_slots; // of the interpreters' free lists
    bool out_of_memory;
};

static void root_search_deinit(struct root_search *search)
{
    hc_address_map_deinit(&search->seen);
    hc_address_map_deinit(&search->free_slots);
}

static void add_root(struct root_search *search, uint64_t address)
{
    struct hc_object_view object;
    struct hc_root_reference reference = {.target = address, .frame = HC_NO_FRAME};
    if (!address || !hc_tracer_view(search->tracer, address, &object))
        return;
    if (!hc_word_vector_push(search->roots, address) ||
        (search->found && !hc_root_reference_vector_push(&search->found->references, reference)))
        search->out_of_memory = true;
}

static bool is_free_list(const char *path)
{
    return strstr(path, "free_list") || strstr(path, "freelist");
}

// Of the frame met last. What is doubtful may lie where an object once was.
static void add_frame_root(struct root_search *search, uint64_t address, enum hc_frame_part part,
                           bool is_doubtful)
{
    struct hc_found_roots *found = search->found;
    struct hc_object_view object;
    if (!address || !hc_tracer_view(search->tracer, address, &object) ||
        (is_doubtful && hc_tracer_is_left_over(search->tracer, &object)))
        return;
    struct hc_root_reference reference = {.target = address,
                                          .frame = (uint32_t)found->frames.count - 1,
                                          .part = part,
                                          .is_doubtful = is_doubtful};
    if (!hc_word_vector_push(is_doubtful ? &found->doubtful : &found->certain, address) ||
        !hc_root_reference_vector_push(&found->references, reference))
        search->out_of_memory = true;
}

// Free lists hold no live object; weak reference lists and the table of interned strings own nothing.
bool hc_root_is_owning(const char *path)
{
    static const char *const borrowed[] = {"weaklist", "interned", "cached_keys"};
    for (size_t i = 0; i < sizeof(borrowed) / sizeof(*borrowed); i++)
        if (strstr(path, borrowed[i]))
            return false;
    return !is_free_list(path);
}

HC_DEFINE_VECTOR(offset_vector, uint64_t)

static void collect(struct offset_vector *offsets, uint64_t offset, uint64_t count)
{
    // Bounded: DWARF is as untrusted as the core.
    for (uint64_t i = 0; i < count && i < 4096; i++)
        if (!offset_vector_push(offsets, offset + i * sizeof(uint64_t)))
            return;
}

static void collect_owned(void *argument, const char *path, uint64_t offset, uint64_t count)
{
    if (hc_root_is_owning(path))
        collect(argument, offset, count);
}

static void collect_free(void *argument, const char *path, uint64_t offset, uint64_t count)
{
    if (is_free_list(path))
        collect(argument, offset, count);
}

static struct hc_error *member_offsets(const struct hc_runtime *runtime, const char *structure,
                                       const char *unit, struct offset_vector *ret)
{
    static const char *const pointees[] = {"PyObject", "PyLongObject", "PyTypeObject"};
    for (size_t i = 0; i < sizeof(pointees) / sizeof(*pointees); i++)
        HC_TRY(hc_debug_info_each_pointer(runtime->debug_info, structure, unit, pointees[i], collect_owned,
                                          ret));
    return NULL;
}

static void add_members(struct root_search *search, const struct offset_vector *offsets, uint64_t address)
{
    for (size_t i = 0; i < offsets->count; i++) {
        uint64_t member;
        if (hc_reader_word(&search->tracer->reader, address + offsets->items[i], &member))
            add_root(search, member);
    }
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

// `count` slots from `address` on; the first `locals` are variables, the others the value stack, whose depth
// is not known if it `is_open`.
static void add_slots(struct root_search *search, uint64_t address, uint64_t count, uint64_t locals,
                      bool is_open)
{
    struct hc_tracer *tracer = search->tracer;
    for (uint64_t i = 0; i < count && (i || hc_trace_afford(tracer, count)); i++) {
        uint64_t slot;
        if (!hc_reader_word(&tracer->reader, address + i * tracer->reader.target.word_size, &slot))
            continue;
        enum hc_frame_part part = i < locals ? HC_PART_VARIABLE : HC_PART_OTHER;
        add_frame_root(search, hc_stack_reference(slot), part,
                       hc_stack_is_borrowed(slot) || (is_open && i >= locals));
    }
}

static bool begin_frame(struct root_search *search, uint64_t thread, uint64_t address)
{
    struct hc_running_frame frame = {
        .thread = thread, .address = address, .owner = hc_frame_owner(search->tracer, address)};
    bool is_kept = hc_running_frame_vector_push(&search->found->frames, frame);
    search->out_of_memory |= !is_kept;
    return is_kept;
}

// 3.11 and later: frames are no objects until somebody asks for one.
static void add_interpreter_frames(struct root_search *search, uint64_t thread, uint64_t address)
{
    struct hc_tracer *tracer = search->tracer;
    const struct hc_offsets *at = tracer->at;
    const struct hc_target *target = &tracer->reader.target;
    while (is_new(search, address) && begin_frame(search, thread, address)) {
        const uint8_t *frame = hc_reader_view(&tracer->reader, address, at->iframe_localsplus);
        if (!frame) {
            tracer->unreadable++;
            return;
        }
        uint64_t used, code = hc_stack_reference(hc_load_word(target, frame + at->iframe_code));
        add_frame_root(search, hc_load_word(target, frame + at->iframe_frame), HC_PART_OTHER, false);
        add_frame_root(search, hc_load_word(target, frame + at->iframe_locals), HC_PART_OTHER, false);
        add_frame_root(search, hc_stack_reference(hc_load_word(target, frame + at->iframe_function)),
                       HC_PART_OTHER, false);
        add_frame_root(search, code, HC_PART_OTHER, false);
        bool is_open = !hc_interpreter_frame_depth(tracer, address, &used);
        if (is_open)
            used = hc_code_frame_slots(tracer, code, true);
        add_slots(search, address + at->iframe_localsplus, used, hc_code_frame_slots(tracer, code, false),
                  is_open);
        address = hc_load_word(target, frame + at->iframe_previous);
    }
}

// Up to 3.10: a running frame keeps its stack pointer in a register, so every slot of its value stack that
// looks like an object is taken. Its object refers to its variables.
static void add_frame_objects(struct root_search *search, uint64_t thread, uint64_t frame)
{
    struct hc_tracer *tracer = search->tracer;
    const struct hc_offsets *at = tracer->at;
    while (is_new(search, frame) && begin_frame(search, thread, frame)) {
        add_frame_root(search, frame, HC_PART_OTHER, false);
        uint64_t code, stack;
        if (!hc_reader_word(&tracer->reader, frame + at->frame_code, &code) ||
            !hc_reader_word(&tracer->reader, frame + at->frame_valuestack, &stack))
            return;
        add_slots(search, stack,
                  hc_code_frame_slots(tracer, code, true) - hc_code_frame_slots(tracer, code, false), 0,
                  true);
        if (!hc_reader_word(&tracer->reader, frame + at->frame_back, &frame))
            return;
    }
}

static void add_thread_frames(struct root_search *search, uint64_t thread)
{
    uint64_t frame = hc_thread_frame(search->tracer, thread);
    if (hc_is_present(search->tracer->at->iframe_previous))
        add_interpreter_frames(search, thread, frame);
    else
        add_frame_objects(search, thread, frame);
}

void hc_found_roots_deinit(struct hc_found_roots *roots)
{
    hc_word_vector_deinit(&roots->certain);
    hc_word_vector_deinit(&roots->doubtful);
    hc_root_reference_vector_deinit(&roots->references);
    hc_running_frame_vector_deinit(&roots->frames);
}

struct hc_error *hc_roots_find(const struct hc_runtime *runtime, struct hc_tracer *tracer,
                               struct hc_found_roots *ret)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    _cleanup_(root_search_deinit) struct root_search search = {
        .runtime = runtime, .tracer = tracer, .roots = &ret->certain, .found = ret};
    _cleanup_(offset_vector_deinit) struct offset_vector interpreter_members = {0}, thread_members = {0};
    HC_TRY(member_offsets(runtime, "_is", "Python/pystate.c", &interpreter_members));
    HC_TRY(member_offsets(runtime, "_ts", "Python/pystate.c", &thread_members));
    for (size_t i = 0; i < runtime->interpreters.count; i++) {
        uint64_t interpreter = runtime->interpreters.items[i];
        add_members(&search, &interpreter_members, interpreter);
        uint64_t thread = 0;
        hc_reader_word(&tracer->reader, interpreter + at->interpreter_threads, &thread);
        while (is_new(&search, thread)) {
            add_members(&search, &thread_members, thread);
            add_thread_frames(&search, thread);
            if (!hc_reader_word(&tracer->reader, thread + at->thread_next, &thread))
                break;
        }
    }
    return search.out_of_memory ? hc_error_out_of_memory() : NULL;
}

// A free list's slots beyond its count keep what they last held, which may be another object by now.
static struct hc_error *find_free_slots(struct root_search *search)
{
    static const char *const pointees[] = {
        "PyObject",      "PyDictObject",    "_dictkeysobject",        "PyListObject",
        "PyTupleObject", "PyFloatObject",   "PyFrameObject",          "PyContext",
        "PySliceObject", "PyAsyncGenASend", "_PyAsyncGenWrappedValue"};
    const struct hc_runtime *runtime = search->runtime;
    _cleanup_(offset_vector_deinit) struct offset_vector offsets = {0};
    for (size_t i = 0; i < sizeof(pointees) / sizeof(*pointees); i++)
        HC_TRY(hc_debug_info_each_pointer(runtime->debug_info, "_is", "Python/pystate.c", pointees[i],
                                          collect_free, &offsets));
    for (size_t i = 0; i < runtime->interpreters.count; i++)
        for (size_t k = 0; k < offsets.count; k++) {
            bool inserted;
            if (!hc_address_map_insert(&search->free_slots, runtime->interpreters.items[i] + offsets.items[k],
                                       0, &inserted))
                return hc_error_out_of_memory();
        }
    return NULL;
}

static void add_words(struct root_search *search, const uint8_t *bytes, uint64_t address, uint64_t length)
{
    uint32_t unused;
    const struct hc_target *target = &search->tracer->reader.target;
    for (uint64_t offset = 0; offset + target->word_size <= length; offset += target->word_size) {
        uint64_t word = hc_load_word(target, bytes + offset);
        // C data is full of what looks like a static object; real ones are found by what refers to them.
        if (word && !hc_image_find_module(search->runtime->image, word) &&
            !hc_address_map_find(&search->free_slots, address + offset, &unused))
            add_root(search, word);
    }
}

static void add_module_data(struct root_search *search, const struct hc_module *module,
                            const struct hc_segment *segment)
{
    uint64_t start = module->start > segment->address ? module->start - segment->address : 0;
    uint64_t end = module->end > segment->address ? module->end - segment->address : 0;
    if (end > segment->length)
        end = segment->length;
    if (segment->writable && start < end)
        add_words(search, segment->bytes + start, segment->address + start, end - start);
}

// Whatever an interpreter's own struct refers to without owning it: method caches, interned strings …
static void add_interpreter_data(struct root_search *search)
{
    uint32_t size = search->tracer->at->sizeof_interpreter;
    for (size_t i = 0; i < search->runtime->interpreters.count; i++) {
        uint64_t interpreter = search->runtime->interpreters.items[i];
        const uint8_t *bytes = hc_reader_view(&search->tracer->reader, interpreter, size);
        if (bytes)
            add_words(search, bytes, interpreter, size);
    }
}

struct hc_error *hc_roots_find_static(const struct hc_runtime *runtime, struct hc_tracer *tracer,
                                      struct hc_word_vector *ret)
{
    _cleanup_(root_search_deinit) struct root_search search = {
        .runtime = runtime, .tracer = tracer, .roots = ret};
    HC_TRY(find_free_slots(&search));
    size_t segment_count, module_count;
    const struct hc_segment *segments = hc_image_segments(runtime->image, &segment_count);
    const struct hc_module *modules = hc_image_modules(runtime->image, &module_count);
    size_t first = 0; // both are sorted
    for (size_t m = 0; m < module_count; m++) {
        while (first < segment_count && segments[first].address + segments[first].length <= modules[m].start)
            first++;
        for (size_t s = first; s < segment_count && segments[s].address < modules[m].end; s++)
            add_module_data(&search, &modules[m], &segments[s]);
    }
    add_interpreter_data(&search);
    return search.out_of_memory ? hc_error_out_of_memory() : NULL;
}
