// The roots again, this time each with the name that heapy gives it.
#include "python/roots.h"

#include "base/address_map.h"
#include "python/frames.h"
#include "python/strings.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MOST_FRAMES = 1 << 24 };

struct member {
    char *path;
    uint64_t offset;
};

HC_DEFINE_VECTOR(member_vector, struct member)

struct naming {
    const struct hc_runtime *runtime;
    struct hc_tracer *tracer;
    struct hc_named_roots *ret;
    struct hc_address_map seen; // threads and frames: a damaged list may be a ring
    struct member_vector interpreter_members, thread_members;
    bool out_of_memory;
};

static void members_deinit(struct member_vector *members)
{
    for (size_t i = 0; i < members->count; i++)
        free(members->items[i].path);
    member_vector_deinit(members);
}

static void naming_deinit(struct naming *naming)
{
    hc_address_map_deinit(&naming->seen);
    members_deinit(&naming->interpreter_members);
    members_deinit(&naming->thread_members);
}

void hc_named_roots_deinit(struct hc_named_roots *roots)
{
    hc_named_root_vector_deinit(&roots->roots);
    hc_root_text_deinit(&roots->text);
}

__attribute__((format(printf, 4, 5))) static void add_root(struct naming *naming, uint64_t address,
                                                           enum hc_root_rank rank, const char *format, ...)
{
    struct hc_object_view object;
    if (!address || !hc_tracer_view(naming->tracer, address, &object))
        return;
    _cleanup_(hc_freep) char *name = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&name, format, arguments);
    va_end(arguments);
    struct hc_root_text *text = &naming->ret->text;
    struct hc_named_root root = {.address = address, .name = text->count, .rank = rank};
    if (length < 0) {
        name = NULL;
        naming->out_of_memory = true;
    } else if (!hc_root_text_reserve(text, text->count + (size_t)length + 1) ||
               !hc_named_root_vector_push(&naming->ret->roots, root)) {
        naming->out_of_memory = true;
    } else {
        memcpy(text->items + text->count, name, (size_t)length + 1);
        text->count += (size_t)length + 1;
    }
}

// What heapy calls a member, NULL: it has no such root. It leaves modules_by_index out: every module would be
// found twice.
static const char *heapy_name(const char *path)
{
    static const struct {
        const char *path, *name;
    } names[] = {
        {"imports.modules", "modules"},
        {"imports.importlib", "importlib"},
        {"imports.import_func", "import_func"},
        {"codecs.search_path", "codec_search_path"},
        {"codecs.search_cache", "codec_search_cache"},
        {"codecs.error_registry", "codec_error_registry"},
        {"exc_state.exc_type", "exc_type"},
        {"exc_state.exc_value", "exc_value"},
        {"exc_state.exc_traceback", "exc_traceback"},
    };
    static const char *const same[] = {"modules",
                                       "importlib",
                                       "import_func",
                                       "sysdict",
                                       "builtins",
                                       "codec_search_path",
                                       "codec_search_cache",
                                       "codec_error_registry",
                                       "dict",
                                       "sysdict_copy",
                                       "builtins_copy",
                                       "before_forkers",
                                       "after_forkers_parent",
                                       "after_forkers_child",
                                       "audit_hooks",
                                       "optimizer",
                                       "executor_list_head",
                                       "c_profileobj",
                                       "c_traceobj",
                                       "current_exception",
                                       "curexc_type",
                                       "curexc_value",
                                       "curexc_traceback",
                                       "async_exc",
                                       "async_gen_firstiter",
                                       "async_gen_finalizer",
                                       "context",
                                       "previous_executor",
                                       "current_executor",
                                       "threading_local_key"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!strcmp(names[i].path, path))
            return names[i].name;
    for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
        if (!strcmp(same[i], path))
            return same[i];
    return NULL;
}

static void collect(void *argument, const char *path, uint64_t offset, uint64_t count)
{
    struct member_vector *members = argument;
    if (!hc_root_is_owning(path))
        return;
    // Bounded: DWARF is as untrusted as the core.
    for (uint64_t i = 0; i < count && i < 4096; i++) {
        struct member member = {.offset = offset + i * sizeof(uint64_t)};
        int length = count > 1 ? asprintf(&member.path, "%s[%" PRIu64 "]", path, i)
                               : asprintf(&member.path, "%s", path);
        if (length < 0)
            return;
        if (!member_vector_push(members, member)) {
            free(member.path);
            return;
        }
    }
}

static struct hc_error *find_members(const struct hc_runtime *runtime, const char *structure,
                                     struct member_vector *ret)
{
    static const char *const pointees[] = {"PyObject", "PyLongObject", "PyTypeObject"};
    for (size_t i = 0; i < sizeof(pointees) / sizeof(*pointees) && runtime->debug_info; i++)
        HC_TRY(hc_debug_info_each_pointer(runtime->debug_info, structure, "Python/pystate.c", pointees[i],
                                          collect, ret));
    for (size_t i = 0; i < ret->count; i++)
        if (!heapy_name(ret->items[i].path))
            for (char *dot = ret->items[i].path; (dot = strchr(dot, '.'));)
                *dot = '_';
    return NULL;
}

static void name_members(struct naming *naming, const struct member_vector *members, uint64_t address,
                         const char *prefix)
{
    for (size_t i = 0; i < members->count; i++) {
        uint64_t value;
        if (!hc_reader_word(&naming->tracer->reader, address + members->items[i].offset, &value))
            continue;
        const char *name = heapy_name(members->items[i].path);
        add_root(naming, value, name ? HC_ROOT_PLAIN : HC_ROOT_SPARE, "%s_%s", prefix,
                 name ? name : members->items[i].path);
    }
}

// Is there a thread or frame at `address` that was not met before?
static bool is_new(struct naming *naming, uint64_t address)
{
    bool inserted;
    if (!address || address % naming->tracer->reader.target.word_size)
        return false;
    if (!hc_address_map_insert(&naming->seen, address, 0, &inserted)) {
        naming->out_of_memory = true;
        return false;
    }
    return inserted;
}

// The name of the variable in a frame's slot, made harmless; NULL if it is not known. Free it.
static char *variable_name(struct naming *naming, uint64_t code, uint64_t slot)
{
    uint64_t name = hc_code_variable(naming->tracer, code, slot);
    char *text = name ? hc_string_read(naming->runtime, &naming->tracer->reader, name) : NULL;
    for (char *c = text; c && *c; c++)
        if ((unsigned char)*c < ' ' || *c == '\'' || *c == '\\' || *c == 0x7f)
            *c = '?';
    return text;
}

// `count` slots from `address` on, the first of them number `first` of the frame, which has `locals`
// variables; the others are its value stack.
static void name_slots(struct naming *naming, const char *prefix, uint64_t code, uint64_t address,
                       uint64_t first, uint64_t count, uint64_t locals)
{
    struct hc_tracer *tracer = naming->tracer;
    for (uint64_t i = 0; i < count && (i || hc_trace_afford(tracer, count)); i++) {
        uint64_t value, slot = first + i;
        if (!hc_read_stack_slot(tracer, address + i * tracer->reader.target.word_size, &value) || !value)
            continue;
        _cleanup_(hc_freep) char *name = slot < locals ? variable_name(naming, code, slot) : NULL;
        if (name)
            add_root(naming, value, HC_ROOT_FRAME, "%s.f_locals['%s']", prefix, name);
        else if (slot < locals)
            add_root(naming, value, HC_ROOT_FRAME, "%s->f_localsplus[%" PRIu64 "]", prefix, slot);
        else
            // Of a running frame, most of these are left from before.
            add_root(naming, value, HC_ROOT_SPARE, "%s->f_valuestack[%" PRIu64 "]", prefix, slot - locals);
    }
}

// 3.11 and later: frames are no objects until somebody asks for one.
static void name_interpreter_frame(struct naming *naming, const char *prefix, uint64_t frame)
{
    struct hc_tracer *tracer = naming->tracer;
    const struct hc_offsets *at = tracer->at;
    const bool has_funcobj = hc_runtime_since(naming->runtime, 3, 12); // f_func was renamed
    uint64_t code = hc_interpreter_frame_code(tracer, frame), word, used;
    if (hc_reader_word(&tracer->reader, frame + at->iframe_frame, &word))
        add_root(naming, word, HC_ROOT_SPARE, "%s", prefix);
    if (hc_reader_word(&tracer->reader, frame + at->iframe_locals, &word))
        add_root(naming, word, HC_ROOT_SPARE, "%s.f_locals", prefix);
    if (hc_read_stack_slot(tracer, frame + at->iframe_function, &word))
        add_root(naming, word, HC_ROOT_SPARE, "%s->%s", prefix, has_funcobj ? "f_funcobj" : "f_func");
    add_root(naming, code, HC_ROOT_SPARE, "%s.f_code", prefix);
    if (!hc_interpreter_frame_depth(tracer, frame, &used))
        used = hc_code_frame_slots(tracer, code, true);
    name_slots(naming, prefix, code, frame + at->iframe_localsplus, 0, used,
               hc_code_frame_slots(tracer, code, false));
}

static void name_frame_object(struct naming *naming, const char *prefix, uint64_t frame)
{
    struct hc_tracer *tracer = naming->tracer;
    const struct hc_offsets *at = tracer->at;
    uint64_t code, stack;
    add_root(naming, frame, HC_ROOT_SPARE, "%s", prefix);
    if (!hc_reader_word(&tracer->reader, frame + at->frame_code, &code) ||
        !hc_reader_word(&tracer->reader, frame + at->frame_valuestack, &stack))
        return;
    uint64_t locals = hc_code_frame_slots(tracer, code, false);
    name_slots(naming, prefix, code, frame + at->frame_localsplus, 0, locals, locals);
    name_slots(naming, prefix, code, stack, locals, hc_code_frame_slots(tracer, code, true) - locals, locals);
}

static void name_frames(struct naming *naming, const char *prefix, uint64_t thread)
{
    struct hc_tracer *tracer = naming->tracer;
    bool are_objects = !hc_is_present(tracer->at->iframe_previous);
    uint32_t back = are_objects ? tracer->at->frame_back : tracer->at->iframe_previous;
    _cleanup_(hc_word_vector_deinit) struct hc_word_vector frames = {0};
    uint64_t frame = hc_thread_frame(tracer, thread);
    while (frames.count < MOST_FRAMES && is_new(naming, frame)) {
        naming->out_of_memory |= !hc_word_vector_push(&frames, frame);
        if (!hc_reader_word(&tracer->reader, frame + back, &frame))
            break;
    }
    uint64_t number = 0;
    for (size_t i = frames.count; i-- > 0 && !naming->out_of_memory;) {
        char name[160];
        // Not counted by heapy: the interpreter's own marks between the frames of functions.
        if (!are_objects && hc_frame_is_shim(tracer, frames.items[i]))
            snprintf(name, sizeof(name), "%s_shim", prefix);
        else
            snprintf(name, sizeof(name), "%s_f%" PRIu64, prefix, number++);
        if (are_objects)
            name_frame_object(naming, name, frames.items[i]);
        else
            name_interpreter_frame(naming, name, frames.items[i]);
    }
}

static void name_threads(struct naming *naming, const char *prefix, uint64_t interpreter)
{
    struct hc_reader *reader = &naming->tracer->reader;
    const struct hc_offsets *at = naming->tracer->at;
    uint64_t thread = 0;
    hc_reader_word(reader, interpreter + at->interpreter_threads, &thread);
    while (is_new(naming, thread)) {
        uint64_t number = 0;
        char name[80];
        if (hc_is_present(at->thread_id))
            hc_reader_word(reader, thread + at->thread_id, &number);
        snprintf(name, sizeof(name), "%s_t%" PRIu64, prefix, number);
        name_members(naming, &naming->thread_members, thread, name);
        name_frames(naming, name, thread);
        if (!hc_reader_word(reader, thread + at->thread_next, &thread))
            return;
    }
}

struct hc_error *hc_roots_name(const struct hc_runtime *runtime, struct hc_tracer *tracer,
                               struct hc_named_roots *ret)
{
    _cleanup_(hc_named_roots_deinit) struct hc_named_roots roots = {0};
    _cleanup_(naming_deinit) struct naming naming = {.runtime = runtime, .tracer = tracer, .ret = &roots};
    HC_TRY(find_members(runtime, "_is", &naming.interpreter_members));
    HC_TRY(find_members(runtime, "_ts", &naming.thread_members));
    // A new interpreter is put before the others: the last is number 0.
    for (size_t i = runtime->interpreters.count; i-- > 0;) {
        char prefix[32];
        snprintf(prefix, sizeof(prefix), "i%zu", runtime->interpreters.count - 1 - i);
        name_members(&naming, &naming.interpreter_members, runtime->interpreters.items[i], prefix);
        name_threads(&naming, prefix, runtime->interpreters.items[i]);
    }
    if (naming.out_of_memory)
        return hc_error_out_of_memory();
    *ret = roots;
    roots = (struct hc_named_roots){0};
    return NULL;
}
