#include "python/threads.h"

#include "base/address_map.h"
#include "python/attribute.h"
#include "python/globals.h"
#include "python/strings.h"
#include "python/value_write.h"

#include <elf.h>
#include <string.h>

enum {
    MOST_THREADS = 1 << 16,
    MOST_HANDLED = 1 << 10, // exceptions of generators within generators
};

void hc_threads_deinit(struct hc_thread_vector *threads)
{
    for (size_t i = 0; i < threads->count; i++)
        free(threads->items[i].name);
    hc_thread_vector_deinit(threads);
}

static bool read_member(struct hc_tracer *tracer, uint64_t address, uint32_t offset, uint64_t *ret)
{
    return hc_is_present(offset) && hc_reader_word(&tracer->reader, address + offset, ret);
}

bool hc_interpreter_find_module(struct hc_tracer *tracer, uint64_t interpreter, const char *name,
                                uint64_t *ret)
{
    const struct hc_runtime *runtime = tracer->runtime;
    uint64_t sys, modules, module;
    return read_member(tracer, interpreter, tracer->at->interpreter_sysdict, &sys) &&
           hc_dict_find_string(runtime, &tracer->reader, sys, "modules", &modules) &&
           hc_dict_find_string(runtime, &tracer->reader, modules, name, &module) &&
           read_member(tracer, module, tracer->at->module_dict, ret);
}

uint64_t hc_interpreter_number(struct hc_tracer *tracer, uint64_t interpreter)
{
    uint64_t number = 0;
    read_member(tracer, interpreter, tracer->at->interpreter_id, &number);
    return number;
}

// Who holds the GIL that this interpreter's threads take: 0 if nobody does.
static uint64_t gil_holder(struct hc_tracer *tracer, uint64_t interpreter)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t current, holder, gil;
    if (hc_global_find(tracer->runtime, HC_GLOBAL_CURRENT_THREAD, &current))
        return hc_reader_word(&tracer->reader, current, &holder) ? holder : 0;
    if (!read_member(tracer, interpreter, at->interpreter_gil, &gil) || !hc_is_present(at->gil_locked) ||
        !read_member(tracer, gil, at->gil_holder, &holder))
        return 0;
    const uint8_t *locked = hc_reader_view(&tracer->reader, gil + at->gil_locked, 4);
    // -1 before the GIL is made.
    return locked && (int32_t)hc_load_u32(&tracer->reader.target, locked) > 0 ? holder : 0;
}

// threading._active: the Thread objects by their ident.
struct active_threads {
    struct hc_tracer *tracer;
    struct hc_address_map places; // ident → place in `objects`
    struct hc_word_vector objects;
    bool out_of_memory;
};

static void active_threads_deinit(struct active_threads *active)
{
    hc_address_map_deinit(&active->places);
    hc_word_vector_deinit(&active->objects);
}

static bool add_active(void *argument, uint64_t key, uint64_t value)
{
    struct active_threads *active = argument;
    int64_t ident;
    bool is_new;
    if (active->objects.count >= MOST_THREADS)
        return false;
    if (!hc_value_integer(active->tracer, key, &ident) || ident <= 0)
        return true;
    active->out_of_memory |=
        !hc_address_map_insert(&active->places, (uint64_t)ident, (uint32_t)active->objects.count, &is_new) ||
        (is_new && !hc_word_vector_push(&active->objects, value));
    return !active->out_of_memory;
}

static struct hc_error *find_active(struct hc_tracer *tracer, uint64_t interpreter,
                                    struct active_threads *ret)
{
    uint64_t threading, dict;
    ret->tracer = tracer;
    if (hc_interpreter_find_module(tracer, interpreter, "threading", &threading) &&
        hc_dict_find_string(tracer->runtime, &tracer->reader, threading, "_active", &dict))
        hc_dict_each(tracer->runtime, &tracer->reader, dict, add_active, ret);
    return ret->out_of_memory ? hc_error_out_of_memory() : NULL;
}

static char *thread_name(const struct active_threads *active, uint64_t ident)
{
    uint32_t place;
    uint64_t name;
    return ident && hc_address_map_find(&active->places, ident, &place) &&
                   hc_attribute_find(active->tracer, active->objects.items[place], "_name", &name)
               ? hc_string_read(active->tracer->runtime, &active->tracer->reader, name)
               : NULL;
}

// glibc's pthread_self() is what the thread pointer points to (x86-64), or the struct before that (aarch64).
const struct hc_thread_info *hc_thread_find_native(const struct hc_image *image, uint64_t ident)
{
    enum { LARGEST_STRUCT_PTHREAD = 4096 };
    const struct hc_process_info *process = hc_image_process(image);
    const struct hc_thread_info *nearest = NULL;
    uint64_t furthest = hc_image_target(image)->machine == EM_AARCH64 ? LARGEST_STRUCT_PTHREAD : 0;
    for (size_t i = 0; ident && i < process->thread_count; i++) {
        const struct hc_thread_info *thread = &process->threads[i];
        if (thread->has_tls_base && thread->tls_base - ident <= furthest &&
            (!nearest || thread->tls_base < nearest->tls_base))
            nearest = thread;
    }
    return nearest;
}

// The kernel's thread.
static const struct hc_thread_info *native_thread(struct hc_tracer *tracer, uint64_t ident, uint64_t tid)
{
    const struct hc_process_info *process = hc_image_process(tracer->runtime->image);
    const struct hc_thread_info *found = hc_thread_find_native(tracer->runtime->image, ident);
    for (size_t i = 0; !found && tid && i < process->thread_count; i++)
        if ((uint64_t)process->threads[i].tid == tid)
            found = &process->threads[i];
    return found;
}

// _PyErr_GetTopmostException(), Python/errors.c.
static uint64_t handled_exception(struct hc_tracer *tracer, uint64_t thread)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t item, value;
    if (read_member(tracer, thread, at->thread_handled_value, &value)) // up to 3.6
        return value && !hc_value_is_none(tracer, value) ? value : 0;
    if (!read_member(tracer, thread, at->thread_handled, &item))
        return 0;
    for (unsigned i = 0; i < MOST_HANDLED && item; i++) {
        if (!read_member(tracer, item, at->handled_value, &value))
            return 0;
        if (value && !hc_value_is_none(tracer, value))
            return value;
        if (!read_member(tracer, item, at->handled_previous, &item))
            return 0;
    }
    return 0;
}

static void read_thread(struct hc_tracer *tracer, uint64_t address, struct hc_thread *ret)
{
    const struct hc_offsets *at = tracer->at;
    const struct hc_process_info *process = hc_image_process(tracer->runtime->image);
    uint64_t tid = 0;
    ret->address = address;
    read_member(tracer, address, at->thread_id, &ret->ident);
    read_member(tracer, address, at->thread_native_ident, &tid);
    read_member(tracer, address, at->thread_raised_type, &ret->raised_type);
    read_member(tracer, address, at->thread_raised, &ret->raised);
    ret->handled = handled_exception(tracer, address);
    ret->native = native_thread(tracer, ret->ident, tid);
    ret->tid = ret->native ? ret->native->tid : (pid_t)tid;
    ret->has_crashed = process->signal && process->faulting_thread == ret->tid && ret->tid;
}

static int by_importance(const void *a, const void *b)
{
    const struct hc_thread *left = a, *right = b;
    if (left->has_crashed != right->has_crashed)
        return left->has_crashed ? -1 : 1;
    if (left->holds_gil != right->holds_gil)
        return left->holds_gil ? -1 : 1;
    if (left->interpreter != right->interpreter)
        return left->interpreter < right->interpreter ? -1 : 1;
    // Both lists, that of the interpreters, too, begin with the newest.
    return (left->place < right->place) - (left->place > right->place);
}

// Of one interpreter, from the newest to the oldest; a thread's list may be a ring in a damaged core.
static struct hc_error *find_threads(struct hc_tracer *tracer, uint64_t interpreter,
                                     struct hc_address_map *seen, struct hc_thread_vector *ret, bool *ret_cut)
{
    const struct hc_offsets *at = tracer->at;
    _cleanup_(active_threads_deinit) struct active_threads active = {0};
    uint64_t address, holder = gil_holder(tracer, interpreter);
    HC_TRY(find_active(tracer, interpreter, &active));
    if (!read_member(tracer, interpreter, at->interpreter_threads, &address)) {
        *ret_cut = true;
        return NULL;
    }
    while (address) {
        struct hc_thread thread = {.interpreter = hc_interpreter_number(tracer, interpreter),
                                   .place = ret->count};
        uint64_t next;
        bool is_new;
        if (!hc_address_map_insert(seen, address, 0, &is_new))
            return hc_error_out_of_memory();
        if (!is_new || ret->count >= MOST_THREADS || !read_member(tracer, address, at->thread_next, &next)) {
            *ret_cut = true;
            return NULL;
        }
        read_thread(tracer, address, &thread);
        thread.holds_gil = holder == address;
        thread.name = thread_name(&active, thread.ident);
        if (!hc_thread_vector_push(ret, thread)) {
            free(thread.name);
            return hc_error_out_of_memory();
        }
        address = next;
    }
    return NULL;
}

struct hc_error *hc_threads_find(struct hc_tracer *tracer, struct hc_thread_vector *ret, bool *ret_cut)
{
    _cleanup_(hc_threads_deinit) struct hc_thread_vector threads = {0};
    _cleanup_(hc_address_map_deinit) struct hc_address_map seen = {0};
    const struct hc_runtime *runtime = tracer->runtime;
    *ret_cut = false;
    for (size_t i = 0; i < runtime->interpreters.count; i++)
        HC_TRY(find_threads(tracer, runtime->interpreters.items[i], &seen, &threads, ret_cut));
    if (threads.count)
        qsort(threads.items, threads.count, sizeof(*threads.items), by_importance);
    *ret = threads;
    threads = (struct hc_thread_vector){0};
    return NULL;
}
