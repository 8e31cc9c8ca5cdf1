#include "report/retained_frames.h"

#include "base/interrupt.h"
#include "python/frames.h"
#include "report/retained.h"
#include "sets/brief.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum {
    MOST_FRAMES = 1 << 20,    // of all threads
    MOST_VARIABLES = 1 << 20, // of all frames
};

static const struct hc_column local_columns[] = {
    {.key = "retained", .heading = "Retained", .kind = HC_COLUMN_RIGHT},
    {.heading = "%", .kind = HC_COLUMN_RIGHT},
    {.key = "thread", .heading = "Thread", .kind = HC_COLUMN_LEFT},
    {.key = "frame", .heading = "Frame", .kind = HC_COLUMN_RIGHT},
    {.key = "function", .heading = "Function", .kind = HC_COLUMN_LEFT},
    {.key = "variable", .heading = "Variable", .kind = HC_COLUMN_LEFT},
    {.key = "address", .kind = HC_COLUMN_HIDDEN},
    {.key = "object", .heading = "Object", .kind = HC_COLUMN_LEFT},
};

static const struct hc_column thread_columns[] = {
    {.key = "retained", .heading = "Retained", .kind = HC_COLUMN_RIGHT},
    {.heading = "%", .kind = HC_COLUMN_RIGHT},
    {.key = "count", .heading = "Count", .kind = HC_COLUMN_RIGHT},
    {.key = "thread", .heading = "Thread", .kind = HC_COLUMN_LEFT},
};

static void free_local(struct hc_retained_local *local)
{
    free(local->name);
}

void hc_retained_frames_deinit(struct hc_retained_frames *frames)
{
    for (size_t i = 0; i < frames->locals.count; i++)
        free_local(&frames->locals.items[i]);
    hc_retained_local_vector_deinit(&frames->locals);
    hc_threads_deinit(&frames->threads);
    hc_holds_deinit(&frames->holds);
}

static int larger_local_first(const void *left, const void *right)
{
    const struct hc_retained_local *a = left, *b = right;
    if (a->retained != b->retained)
        return a->retained < b->retained ? 1 : -1;
    if (a->thread != b->thread)
        return a->thread < b->thread ? -1 : 1;
    return (a->object > b->object) - (a->object < b->object);
}

static void keep_largest(struct hc_retained_frames *frames)
{
    struct hc_retained_local_vector *locals = &frames->locals;
    if (locals->count > 1)
        qsort(locals->items, locals->count, sizeof(*locals->items), larger_local_first);
    while (locals->count > frames->most)
        free_local(&locals->items[--locals->count]);
}

// A module's own frame has its globals: those have a table of their own.
static bool is_of_module(const struct hc_graph *graph, const struct hc_variable *variable)
{
    hc_object_id dict, owner;
    return variable->holder && hc_graph_find(graph, variable->holder, &dict) &&
           hc_graph_dict_owner(graph, dict, &owner);
}

// Takes the variable's name if the row is kept.
static struct hc_error *add_local(struct hc_retained_frames *frames, const struct hc_frame *frame,
                                  struct hc_variable *variable, struct hc_retained_local row)
{
    enum { SPARE = 4096 };
    hc_object_id object;
    row.retained = hc_holds_of_variable(&frames->holds, frame->address, variable->holder, variable->value);
    if (!row.retained || is_of_module(frames->universe->graph, variable) ||
        !hc_graph_find(frames->universe->graph, variable->value, &object))
        return NULL;
    row.object = object.i;
    row.code = frame->code;
    row.name = variable->name;
    if (!hc_retained_local_vector_push(&frames->locals, row))
        return hc_error_out_of_memory();
    variable->name = NULL;
    if (frames->locals.count / 2 >= frames->most && frames->locals.count >= SPARE)
        keep_largest(frames);
    return NULL;
}

static struct hc_error *add_thread(struct hc_retained_frames *frames, size_t thread, size_t *frames_left,
                                   size_t *variables_left)
{
    struct hc_tracer *tracer = frames->holds.tracer;
    _cleanup_(hc_frame_vector_deinit) struct hc_frame_vector stack = {0};
    enum hc_frames_end end;
    HC_TRY(hc_thread_frames(tracer, frames->threads.items[thread].address, *frames_left, &stack, &end));
    *frames_left -= stack.count;
    for (size_t i = 0; i < stack.count && *variables_left; i++) {
        _cleanup_(hc_variables_deinit) struct hc_variable_vector variables = {0};
        HC_TRY(hc_interrupt_check());
        HC_TRY(hc_frame_variables(tracer, &stack.items[i], &variables));
        for (size_t k = 0; k < variables.count && *variables_left; k++, --*variables_left)
            HC_TRY(add_local(frames, &stack.items[i], &variables.items[k],
                             (struct hc_retained_local){.thread = thread, .number = i}));
    }
    return NULL;
}

static struct hc_error *find(struct hc_retained_frames *frames)
{
    struct hc_tracer *tracer;
    size_t frames_left = MOST_FRAMES, variables_left = MOST_VARIABLES;
    bool is_cut;
    HC_TRY(hc_universe_tracer(frames->universe, &tracer));
    HC_TRY(hc_threads_find(tracer, &frames->threads, &is_cut));
    HC_TRY(hc_holds_find(frames->universe->graph, tracer, &frames->holds));
    for (size_t i = 0; i < frames->threads.count; i++)
        HC_TRY(add_thread(frames, i, &frames_left, &variables_left));
    keep_largest(frames);
    return NULL;
}

struct hc_error *hc_retained_frames_find(struct hc_universe *universe, size_t most,
                                         struct hc_retained_frames *ret)
{
    _cleanup_(hc_retained_frames_deinit) struct hc_retained_frames frames = {.universe = universe,
                                                                             .most = most};
    HC_TRY(find(&frames));
    *ret = frames;
    frames = (struct hc_retained_frames){0};
    return NULL;
}

static void thread_cell(const struct hc_thread *thread, struct hc_report *report)
{
    char number[32];
    if (thread->tid)
        snprintf(number, sizeof(number), "%d", thread->tid);
    else
        snprintf(number, sizeof(number), "0x%" PRIx64, thread->ident);
    if (!thread->name) {
        hc_report_cell_text(report, number);
        return;
    }
    _cleanup_(hc_freep) char *text = NULL;
    hc_report_cell_text(report, asprintf(&text, "%s \"%s\"", number, thread->name) < 0 ? number : text);
}

static struct hc_error *report_locals(const struct hc_retained_frames *frames, uint64_t whole,
                                      struct hc_report *report)
{
    hc_report_section(report, "locals", "Variables of frames: what would go if the variable went");
    hc_report_table(report, local_columns, COUNT_OF(local_columns));
    for (size_t i = 0; i < frames->locals.count; i++) {
        const struct hc_retained_local *row = &frames->locals.items[i];
        _cleanup_(hc_freep) char *function = hc_code_qualname(frames->holds.tracer, row->code);
        if (!function)
            function = hc_code_name(frames->holds.tracer, row->code);
        hc_report_retained_cells(report, row->retained, whole);
        thread_cell(&frames->threads.items[row->thread], report);
        hc_report_cell_number(report, row->number);
        hc_report_cell_text(report, function);
        hc_report_cell_text(report, row->name);
        HC_TRY(hc_report_object_cells(report, frames->universe, row->object));
    }
    return NULL;
}

static int larger_hold_first(const void *left, const void *right)
{
    const struct hc_hold *a = *(const struct hc_hold *const *)left,
                         *b = *(const struct hc_hold *const *)right;
    if (a->size != b->size)
        return a->size < b->size ? 1 : -1;
    return (a->thread > b->thread) - (a->thread < b->thread);
}

static const struct hc_thread *thread_at(const struct hc_retained_frames *frames, uint64_t address)
{
    for (size_t i = 0; i < frames->threads.count; i++)
        if (frames->threads.items[i].address == address)
            return &frames->threads.items[i];
    return NULL;
}

static struct hc_error *report_threads(const struct hc_retained_frames *frames, uint64_t whole,
                                       struct hc_report *report)
{
    size_t count = frames->holds.threads.count;
    _cleanup_(hc_freep) const struct hc_hold **holds = malloc((count + 1) * sizeof(*holds));
    if (!holds)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < count; i++)
        holds[i] = &frames->holds.threads.items[i];
    qsort(holds, count, sizeof(*holds), larger_hold_first);
    hc_report_section(report, "threads", "Threads: what would go with the frames of each");
    hc_report_table(report, thread_columns, COUNT_OF(thread_columns));
    for (size_t i = 0; i < count && i < frames->most; i++) {
        const struct hc_thread *thread = thread_at(frames, holds[i]->thread);
        if (!thread)
            continue;
        hc_report_retained_cells(report, holds[i]->size, whole);
        hc_report_cell_number(report, holds[i]->count);
        thread_cell(thread, report);
    }
    return NULL;
}

struct hc_error *hc_report_retained_frames(const struct hc_retained_frames *frames, uint64_t whole,
                                           struct hc_report *report)
{
    HC_TRY(report_locals(frames, whole, report));
    return report_threads(frames, whole, report);
}
