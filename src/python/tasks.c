#include "python/tasks.h"

#include "base/address_map.h"
#include "base/path.h"
#include "python/attribute.h"
#include "python/coroutines.h"
#include "python/strings.h"
#include "python/threads.h"
#include "python/value_write.h"

#include <inttypes.h>
#include <string.h>

enum {
    MOST_TASKS = 1 << 20,
    MOST_FRAMES = 1 << 20, // of all tasks together
    MOST_SLOTS = 1 << 24,  // of a set of tasks
    MOST_GATHERED = 1 << 12,
    MOST_TASK_SIZE = 1 << 10,
};

struct task_search {
    struct hc_tracer *tracer;
    uint64_t interpreter;       // number
    struct hc_address_map seen; // tasks
    struct hc_task_vector *ret;
    uint64_t frames_left;
    uint64_t node_offset; // of a task's link to the next, once one is known
    bool out_of_memory;
};

static void task_search_deinit(struct task_search *search)
{
    hc_address_map_deinit(&search->seen);
}

void hc_tasks_deinit(struct hc_task_vector *tasks)
{
    for (size_t i = 0; i < tasks->count; i++) {
        free(tasks->items[i].name);
        hc_frame_vector_deinit(&tasks->items[i].frames);
    }
    hc_task_vector_deinit(tasks);
}

// A name that nobody gave is a number until somebody asks, since 3.12.
static char *name_of(struct hc_tracer *tracer, uint64_t address)
{
    int64_t number;
    char *name;
    if (!hc_value_integer(tracer, address, &number))
        return hc_string_read(tracer->runtime, &tracer->reader, address);
    return asprintf(&name, "Task-%" PRId64, number) < 0 ? NULL : name;
}

static bool is_name(struct hc_tracer *tracer, uint64_t address)
{
    struct hc_object_view object;
    return hc_tracer_view(tracer, address, &object) &&
           (hc_value_is_exact(tracer, object.type, "str") || hc_value_is_exact(tracer, object.type, "int"));
}

// _asyncio.Task, whose library seldom has debug information: its coroutine is followed by its name, and
// nothing else in it is. Up to 3.7 tasks have no names, and no coroutine but that.
static bool find_in_words(struct hc_tracer *tracer, const struct hc_object_view *object,
                          uint64_t *ret_coroutine, uint64_t *ret_name)
{
    unsigned word = tracer->reader.target.word_size;
    uint64_t end = object->type->basicsize < object->available ? object->type->basicsize : object->available;
    bool has_name = hc_runtime_since(tracer->runtime, 3, 8);
    for (uint64_t offset = 2 * word; offset + 2 * word <= end; offset += word) {
        *ret_coroutine = hc_view_word(tracer, object, offset);
        *ret_name = hc_view_word(tracer, object, offset + word);
        if (hc_coroutine_is(tracer, *ret_coroutine) && (!has_name || is_name(tracer, *ret_name))) {
            *ret_name = has_name ? *ret_name : 0;
            return true;
        }
    }
    *ret_name = 0;
    return false;
}

static bool find_coroutine(struct hc_tracer *tracer, const struct hc_object_view *object,
                           uint64_t *ret_coroutine, uint64_t *ret_name)
{
    if (find_in_words(tracer, object, ret_coroutine, ret_name))
        return true;
    // A task written in Python.
    hc_attribute_find(tracer, object->address, "_name", ret_name);
    return hc_attribute_find(tracer, object->address, "_coro", ret_coroutine);
}

static bool follow(struct task_search *search, uint64_t coroutine, struct hc_task *task)
{
    _cleanup_(hc_address_map_deinit) struct hc_address_map seen = {0};
    struct hc_coroutine found;
    bool is_new = true;
    for (uint64_t address = coroutine; address; address = found.awaited) {
        address = hc_coroutine_behind(search->tracer, address);
        if (!hc_coroutine_is(search->tracer, address)) {
            task->awaited = address;
            return true;
        }
        if (!hc_address_map_insert(&seen, address, 0, &is_new))
            return false;
        if (!is_new || !search->frames_left || !hc_coroutine_read(search->tracer, address, &found)) {
            task->is_cut = true;
            return true;
        }
        if (found.state == HC_COROUTINE_FINISHED)
            return true;
        search->frames_left--;
        if (!hc_frame_vector_push(&task->frames, found.frame))
            return false;
        if (found.state == HC_COROUTINE_RUNNING)
            task->state = HC_TASK_RUNNING;
        else if (found.state == HC_COROUTINE_CREATED && address == coroutine)
            task->state = HC_TASK_CREATED;
    }
    return true;
}

// Tasks that are done stay in the list for a while; their coroutines have ended.
static bool add_task(struct task_search *search, uint64_t address)
{
    struct hc_task task = {.address = address, .interpreter = search->interpreter};
    struct hc_object_view object;
    uint64_t coroutine, name;
    bool is_new, is_kept = true;
    if (!hc_tracer_view(search->tracer, address, &object) || search->ret->count >= MOST_TASKS)
        return true;
    if (!hc_address_map_insert(&search->seen, address, 0, &is_new))
        return false;
    if (!is_new || !find_coroutine(search->tracer, &object, &coroutine, &name))
        return true;
    if (follow(search, coroutine, &task)) {
        if (!task.frames.count && !task.is_cut && !task.awaited)
            return true;
        task.name = name_of(search->tracer, name);
        is_kept = hc_task_vector_push(search->ret, task);
        if (is_kept)
            return true;
    }
    free(task.name);
    hc_frame_vector_deinit(&task.frames);
    return false;
}

static bool is_weak_reference(const struct hc_type *type)
{
    for (; type; type = type->base)
        if (!hc_type_is_heap(type) &&
            (!strcmp(type->name, "weakref") || !strcmp(type->name, "ReferenceType")))
            return true;
    return false;
}

// The members of a set: tasks, or weak references to them.
static void add_members(struct task_search *search, uint64_t set)
{
    struct hc_tracer *tracer = search->tracer;
    const struct hc_offsets *at = tracer->at;
    struct hc_object_view object, member;
    uint64_t mask, table, key, task;
    if (!hc_tracer_view(tracer, set, &object) || !hc_value_is_exact(tracer, object.type, "set"))
        return;
    mask = hc_view_word(tracer, &object, at->set_mask);
    table = hc_view_word(tracer, &object, at->set_table);
    for (uint64_t i = 0; i <= mask && i < MOST_SLOTS && !search->out_of_memory; i++) {
        if (!hc_reader_word(&tracer->reader, table + i * at->sizeof_set_entry + at->set_entry_key, &key))
            return;
        if (!key || !hc_tracer_view(tracer, key, &member))
            continue;
        task = key;
        if (is_weak_reference(member.type))
            task = hc_is_present(at->weakref_object) ? hc_view_word(tracer, &member, at->weakref_object) : 0;
        if (task && !add_task(search, task))
            search->out_of_memory = true;
    }
}

static bool is_task(const struct hc_type *type)
{
    for (; type; type = type->base)
        if (!strcmp(type->name, "Task") && !strcmp(type->module, "_asyncio"))
            return true;
    return false;
}

// The task that has the link at `node` in it; 0: there is none.
static uint64_t task_around(struct task_search *search, uint64_t node)
{
    struct hc_tracer *tracer = search->tracer;
    unsigned word = tracer->reader.target.word_size;
    struct hc_object_view object;
    if (search->node_offset)
        return node - search->node_offset;
    for (uint64_t offset = 2 * word; offset < MOST_TASK_SIZE && offset < node; offset += word)
        if (hc_tracer_view(tracer, node - offset, &object) && is_task(object.type) &&
            offset < object.type->basicsize) {
            search->node_offset = offset;
            return node - offset;
        }
    return 0;
}

// Tasks in a ring that begins and ends with the link at `head`.
static void add_ring(struct task_search *search, uint64_t head)
{
    uint64_t node = head, task;
    for (unsigned i = 0; i < MOST_TASKS && !search->out_of_memory; i++) {
        if (!hc_reader_word(&search->tracer->reader, node, &node) || !node || node == head ||
            !(task = task_around(search, node)))
            return;
        search->out_of_memory = !add_task(search, task);
    }
}

// Since 3.14 the tasks of C's making stand in rings: one in each thread, and one for threads that have ended.
static void find_in_rings(struct task_search *search, uint64_t interpreter)
{
    struct hc_tracer *tracer = search->tracer;
    const struct hc_offsets *at = tracer->at;
    uint64_t thread = 0;
    bool is_new = true;
    if (!hc_is_present(at->thread_tasks) || !hc_is_present(at->interpreter_tasks))
        return;
    add_ring(search, interpreter + at->interpreter_tasks);
    hc_reader_word(&tracer->reader, interpreter + at->interpreter_threads, &thread);
    while (thread && is_new && !search->out_of_memory) {
        add_ring(search, thread + at->thread_tasks);
        search->out_of_memory |= !hc_address_map_insert(&search->seen, thread, 0, &is_new);
        if (!hc_reader_word(&tracer->reader, thread + at->thread_next, &thread))
            return;
    }
}

// A set of tasks, or a weakref.WeakSet of them.
static void add_set(struct task_search *search, uint64_t tasks)
{
    struct hc_object_view object;
    uint64_t data;
    if (!hc_tracer_view(search->tracer, tasks, &object))
        return;
    if (hc_value_is_exact(search->tracer, object.type, "set"))
        add_members(search, tasks);
    else if (hc_attribute_find(search->tracer, tasks, "data", &data))
        add_members(search, data);
}

static void add_weak_sets(struct task_search *search, const struct hc_segment *segment, uint64_t start,
                          uint64_t end)
{
    struct hc_tracer *tracer = search->tracer;
    unsigned word = tracer->reader.target.word_size;
    struct hc_object_view object;
    start = start > segment->address ? start - segment->address : 0;
    end = end > segment->address ? end - segment->address : 0;
    for (; start + word <= end && start + word <= segment->length; start += word) {
        uint64_t address = hc_load_word(&tracer->reader.target, segment->bytes + start);
        if (address && hc_tracer_view(tracer, address, &object) && hc_type_is_heap(object.type) &&
            !strcmp(object.type->name, "WeakSet"))
            add_set(search, address);
    }
}

// Up to 3.6 no name leads to the set of the tasks of C's making: a variable of their library does. Those that
// are written in Python are an attribute of their class.
static void find_in_library(struct task_search *search, uint64_t asyncio_tasks)
{
    struct hc_tracer *tracer = search->tracer;
    const struct hc_image *image = tracer->runtime->image;
    size_t module_count, segment_count;
    const struct hc_module *modules = hc_image_modules(image, &module_count);
    const struct hc_segment *segments = hc_image_segments(image, &segment_count);
    uint64_t type, tasks;
    for (size_t m = 0; m < module_count; m++) {
        if (strncmp(hc_path_name(modules[m].path), "_asyncio.", strlen("_asyncio.")) != 0)
            continue;
        for (size_t i = 0; i < segment_count; i++)
            if (segments[i].writable)
                add_weak_sets(search, &segments[i], modules[m].start, modules[m].end);
    }
    if (hc_dict_find_string(tracer->runtime, &tracer->reader, asyncio_tasks, "_PyTask", &type) &&
        hc_dict_find_string(tracer->runtime, &tracer->reader,
                            hc_runtime_type_dict(tracer->runtime, &tracer->reader, type), "_all_tasks",
                            &tasks))
        add_set(search, tasks);
}

static void find_in_interpreter(struct task_search *search, uint64_t interpreter)
{
    // From 3.7 to 3.11; since 3.12, both; since 3.14, only what other libraries made.
    static const char *const names[] = {"_all_tasks", "_scheduled_tasks", "_eager_tasks"};
    struct hc_tracer *tracer = search->tracer;
    uint64_t module, tasks;
    if (!hc_interpreter_find_module(tracer, interpreter, "asyncio.tasks", &module))
        return;
    search->interpreter = hc_interpreter_number(tracer, interpreter);
    find_in_rings(search, interpreter);
    if (!hc_runtime_since(tracer->runtime, 3, 7))
        find_in_library(search, module);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (hc_dict_find_string(tracer->runtime, &tracer->reader, module, names[i], &tasks))
            add_set(search, tasks);
}

// "Task-2" before "Task-10".
static int by_name(const void *a, const void *b)
{
    const struct hc_task *left = a, *right = b;
    if (left->interpreter != right->interpreter)
        return left->interpreter < right->interpreter ? -1 : 1;
    int order = strverscmp(left->name ? left->name : "", right->name ? right->name : "");
    return order ? order : (left->address > right->address) - (left->address < right->address);
}

struct hc_error *hc_tasks_gathered(struct hc_tracer *tracer, uint64_t address, struct hc_word_vector *ret)
{
    struct hc_object_view list;
    uint64_t children, items, child;
    if (!address || !hc_attribute_find(tracer, address, "_children", &children) ||
        !hc_tracer_view(tracer, children, &list) || !hc_value_is_exact(tracer, list.type, "list"))
        return NULL;
    items = hc_view_word(tracer, &list, tracer->at->list_items);
    uint64_t count = hc_trace_length(tracer, children);
    for (uint64_t i = 0; i < count && i < MOST_GATHERED; i++) {
        if (!hc_reader_word(&tracer->reader, items + i * tracer->reader.target.word_size, &child))
            return NULL;
        if (!hc_word_vector_push(ret, child))
            return hc_error_out_of_memory();
    }
    return NULL;
}

struct hc_error *hc_tasks_find(struct hc_tracer *tracer, struct hc_task_vector *ret)
{
    _cleanup_(hc_tasks_deinit) struct hc_task_vector tasks = {0};
    _cleanup_(task_search_deinit) struct task_search search = {
        .tracer = tracer, .ret = &tasks, .frames_left = MOST_FRAMES};
    const struct hc_runtime *runtime = tracer->runtime;
    for (size_t i = 0; i < runtime->interpreters.count && !search.out_of_memory; i++)
        find_in_interpreter(&search, runtime->interpreters.items[i]);
    if (search.out_of_memory)
        return hc_error_out_of_memory();
    if (tasks.count)
        qsort(tasks.items, tasks.count, sizeof(*tasks.items), by_name);
    *ret = tasks;
    tasks = (struct hc_task_vector){0};
    return NULL;
}
