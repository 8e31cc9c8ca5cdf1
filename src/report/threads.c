#include "report/threads.h"

#include "base/path.h"
#include "python/value.h"
#include "report/thread_facts.h"

#include <inttypes.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum {
    MOST_AWAITED = 80, // bytes of its text
};

static const char *end_name(enum hc_frames_end end)
{
    static const char *const names[] = {[HC_FRAMES_COMPLETE] = "complete",
                                        [HC_FRAMES_HOLE] = "unreadable",
                                        [HC_FRAMES_CYCLE] = "cycle",
                                        [HC_FRAMES_MANY] = "many"};
    return names[end];
}

static void write_title(struct hc_thread_report *work, const struct hc_thread_facts *facts)
{
    const struct hc_thread *thread = facts->thread;
    const struct hc_process_info *process = hc_image_process(work->session->image);
    const char *signal = thread->has_crashed ? sigabbrev_np(process->signal) : NULL;
    char number[32], interpreter[40] = "", crash[48] = "";
    if (thread->tid)
        snprintf(number, sizeof(number), "%d", thread->tid);
    else
        snprintf(number, sizeof(number), "0x%" PRIx64, thread->ident);
    if (work->session->runtime.interpreters.count > 1)
        snprintf(interpreter, sizeof(interpreter), ", interpreter %" PRIu64, thread->interpreter);
    if (thread->has_crashed && signal)
        snprintf(crash, sizeof(crash), ", took SIG%s", signal);
    else if (thread->has_crashed)
        snprintf(crash, sizeof(crash), ", took signal %d", process->signal);
    hc_report_title(work->frames.report, "Thread %s%s%s%s%s%s%s", number, thread->name ? " \"" : "",
                    thread->name ? thread->name : "", thread->name ? "\"" : "", interpreter, crash,
                    thread->holds_gil ? ", holds the GIL" : "");
}

static void write_native_lines(struct hc_thread_report *work, const struct hc_thread_facts *facts)
{
    for (size_t i = 0; i < facts->native.count; i++) {
        const struct hc_native_frame *frame = &facts->native.items[i];
        const char *library = frame->module ? hc_path_name(frame->module->path) : "no library";
        if (frame->symbol)
            hc_report_line(work->frames.report, NULL, "in C: %s+%" PRIu64 " (%s)", frame->symbol,
                           frame->offset, library);
        else
            hc_report_line(work->frames.report, NULL, "in C: 0x%" PRIx64 " (%s)", frame->address, library);
    }
}

static struct hc_error *write_thread_lines(struct hc_thread_report *work, const struct hc_thread_facts *facts)
{
    struct hc_report *report = work->frames.report;
    hc_report_exception_lines(&work->frames, "raising", &facts->raised);
    hc_report_exception_lines(&work->frames, "handling", &facts->handled);
    if (facts->abort_message)
        hc_report_line(report, NULL, "aborted with the message: %s", facts->abort_message);
    write_native_lines(work, facts);
    if (work->frames.holds)
        hc_report_line(report, NULL, "its frames retain %" PRIu64 " bytes",
                       hc_thread_report_retained(work, facts->thread));
    HC_TRY(hc_report_frame_lines(&work->frames, &facts->frames, SIZE_MAX));
    if (!facts->frames.count && facts->end == HC_FRAMES_COMPLETE)
        hc_report_line(report, NULL, "no Python frame");
    else if (facts->end == HC_FRAMES_HOLE)
        hc_report_line(report, NULL, "the next frame cannot be read: the rest is not known");
    else if (facts->end == HC_FRAMES_CYCLE)
        hc_report_line(report, NULL, "the next frame was there before: the core is damaged");
    else if (facts->end == HC_FRAMES_MANY)
        hc_report_line(report, NULL, "more frames than heapcore looks at");
    return NULL;
}

static const struct hc_column native_columns[] = {
    {.key = "address", .kind = HC_COLUMN_HIDDEN},
    {.key = "symbol", .kind = HC_COLUMN_HIDDEN},
    {.key = "offset", .kind = HC_COLUMN_HIDDEN},
    {.key = "library", .kind = HC_COLUMN_HIDDEN},
};

static void write_native_cells(struct hc_thread_report *work, const struct hc_thread_facts *facts)
{
    struct hc_report *report = work->frames.report;
    hc_report_open_rows(report, native_columns, COUNT_OF(native_columns));
    for (size_t i = 0; i < facts->native.count; i++) {
        const struct hc_native_frame *frame = &facts->native.items[i];
        char address[24];
        snprintf(address, sizeof(address), "0x%" PRIx64, frame->address);
        hc_report_cell_text(report, address);
        hc_report_cell_text(report, frame->symbol);
        if (frame->symbol)
            hc_report_cell_number(report, frame->offset);
        else
            hc_report_cell_empty(report);
        hc_report_cell_text(report, frame->module ? frame->module->path : NULL);
    }
    hc_report_close_rows(report);
}

static const struct hc_column thread_columns[] = {
    {.key = "tid", .kind = HC_COLUMN_HIDDEN},
    {.key = "ident", .kind = HC_COLUMN_HIDDEN},
    {.key = "name", .kind = HC_COLUMN_HIDDEN},
    {.key = "interpreter", .kind = HC_COLUMN_HIDDEN},
    {.key = "crashed", .kind = HC_COLUMN_HIDDEN},
    {.key = "holds_gil", .kind = HC_COLUMN_HIDDEN},
    HC_EXCEPTION_COLUMNS("handling"),
    HC_EXCEPTION_COLUMNS("raising"),
    {.key = "abort_message", .kind = HC_COLUMN_HIDDEN},
    {.key = "native", .kind = HC_COLUMN_HIDDEN},
    {.key = "frames", .kind = HC_COLUMN_HIDDEN},
    {.key = "end", .kind = HC_COLUMN_HIDDEN},
    {.key = "retained", .kind = HC_COLUMN_HIDDEN}, // with --locals only
};

static size_t thread_column_count(const struct hc_thread_report *work)
{
    return COUNT_OF(thread_columns) - !work->frames.holds;
}

static struct hc_error *write_thread_cells(struct hc_thread_report *work, const struct hc_thread_facts *facts)
{
    const struct hc_thread *thread = facts->thread;
    struct hc_report *report = work->frames.report;
    if (thread->tid)
        hc_report_cell_number(report, (uint64_t)thread->tid);
    else
        hc_report_cell_empty(report);
    hc_report_cell_number(report, thread->ident);
    hc_report_cell_text(report, thread->name);
    hc_report_cell_number(report, thread->interpreter);
    hc_report_cell_truth(report, thread->has_crashed);
    hc_report_cell_truth(report, thread->holds_gil);
    hc_report_exception_cells(&work->frames, &facts->handled);
    hc_report_exception_cells(&work->frames, &facts->raised);
    hc_report_cell_text(report, facts->abort_message);
    write_native_cells(work, facts);
    HC_TRY(hc_report_frame_cells(&work->frames, &facts->frames));
    hc_report_cell_text(report, end_name(facts->end));
    if (work->frames.holds)
        hc_report_cell_number(report, hc_thread_report_retained(work, thread));
    return NULL;
}

static struct hc_error *write_threads(struct hc_thread_report *work)
{
    struct hc_report *report = work->frames.report;
    for (size_t i = 0; i < work->threads.count; i++)
        HC_TRY(hc_thread_report_gather(work, i));
    hc_report_section(report, "threads", NULL);
    hc_report_table(report, thread_columns, thread_column_count(work));
    for (size_t i = 0; i < work->threads.count; i++)
        HC_TRY(write_thread_cells(work, &work->facts[i]));
    for (size_t i = 0; i < work->threads.count; i++) {
        hc_report_section(report, "thread", NULL);
        write_title(work, &work->facts[i]);
        HC_TRY(write_thread_lines(work, &work->facts[i]));
    }
    return NULL;
}

// Threads of the process that no interpreter knows.
static void write_others(struct hc_thread_report *work)
{
    static const struct hc_column columns[] = {{.key = "tid", .kind = HC_COLUMN_HIDDEN},
                                               {.key = "crashed", .kind = HC_COLUMN_HIDDEN}};
    struct hc_report *report = work->frames.report;
    const struct hc_process_info *process = hc_image_process(work->session->image);
    size_t others = 0;
    hc_report_section(report, "other_threads", "Other threads");
    hc_report_table(report, columns, COUNT_OF(columns));
    for (size_t i = 0; i < process->thread_count; i++) {
        pid_t tid = process->threads[i].tid;
        bool is_known = false;
        for (size_t j = 0; j < work->threads.count && !is_known; j++)
            is_known = work->threads.items[j].tid == tid;
        if (is_known)
            continue;
        bool has_crashed = process->signal && process->faulting_thread == tid;
        others++;
        hc_report_cell_number(report, (uint64_t)tid);
        hc_report_cell_truth(report, has_crashed);
        if (has_crashed)
            hc_report_line(report, NULL, "thread %d took the signal, and runs no Python", tid);
    }
    if (others)
        hc_report_line(report, NULL, "%zu run%s no Python", others, others == 1 ? "s" : "");
    if (work->is_cut)
        hc_report_line(report, NULL, "the list of threads breaks off: the core is cut short or damaged");
}

static const char *state_name(enum hc_task_state state)
{
    static const char *const names[] = {
        [HC_TASK_WAITING] = "waiting", [HC_TASK_RUNNING] = "running", [HC_TASK_CREATED] = "created"};
    return names[state];
}

static const char *task_name(const struct hc_task *task)
{
    return task->name ? task->name : "?";
}

// The task at `address`, or NULL.
static const struct hc_task *task_at(const struct hc_thread_report *work, uint64_t address)
{
    uint32_t index;
    return address && hc_address_map_find(&work->tasks_by_address, address, &index)
               ? &work->tasks.items[index]
               : NULL;
}

static const struct hc_column gathered_columns[] = {{.key = "address", .kind = HC_COLUMN_HIDDEN},
                                                    {.key = "task", .kind = HC_COLUMN_HIDDEN}};

// What a task waits for together, by asyncio.hc_thread_report_gather(); done tasks and plain futures have no
// name here.
static struct hc_error *write_gathered(struct hc_thread_report *work, const struct hc_task *task,
                                       bool as_lines)
{
    _cleanup_(hc_word_vector_deinit) struct hc_word_vector gathered = {0};
    struct hc_report *report = work->frames.report;
    HC_TRY(hc_tasks_gathered(&work->tracer, task->awaited, &gathered));
    if (!as_lines && gathered.count)
        hc_report_open_rows(report, gathered_columns, COUNT_OF(gathered_columns));
    for (size_t i = 0; i < gathered.count; i++) {
        const struct hc_task *child = task_at(work, gathered.items[i]);
        char address[24];
        snprintf(address, sizeof(address), "0x%" PRIx64, gathered.items[i]);
        if (as_lines && child) {
            hc_report_line(report, NULL, "  which waits for task \"%s\"", task_name(child));
        } else if (!as_lines) {
            hc_report_cell_text(report, address);
            hc_report_cell_text(report, child ? task_name(child) : NULL);
        }
    }
    if (!as_lines && gathered.count)
        hc_report_close_rows(report);
    else if (!as_lines)
        hc_report_cell_empty(report);
    return NULL;
}

static const struct hc_column task_columns[] = {
    {.key = "name", .kind = HC_COLUMN_HIDDEN},
    {.key = "address", .kind = HC_COLUMN_HIDDEN},
    {.key = "interpreter", .kind = HC_COLUMN_HIDDEN},
    {.key = "state", .kind = HC_COLUMN_HIDDEN},
    {.key = "frames", .kind = HC_COLUMN_HIDDEN},
    {.key = "awaits.type", .kind = HC_COLUMN_HIDDEN},
    {.key = "awaits.address", .kind = HC_COLUMN_HIDDEN},
    {.key = "awaits.task", .kind = HC_COLUMN_HIDDEN},
    {.key = "awaits.gathered", .kind = HC_COLUMN_HIDDEN},
    {.key = "complete", .kind = HC_COLUMN_HIDDEN},
};

static struct hc_error *write_task_cells(struct hc_thread_report *work, const struct hc_task *task)
{
    struct hc_report *report = work->frames.report;
    const struct hc_task *awaited = task_at(work, task->awaited);
    struct hc_object_view object;
    _cleanup_(hc_freep) char *type = NULL;
    char address[24];
    snprintf(address, sizeof(address), "0x%" PRIx64, task->address);
    if (task->awaited && hc_tracer_view(&work->tracer, task->awaited, &object) &&
        !(type = hc_exception_type_name(object.type)))
        return hc_error_out_of_memory();
    hc_report_cell_text(report, task->name);
    hc_report_cell_text(report, address);
    hc_report_cell_number(report, task->interpreter);
    hc_report_cell_text(report, state_name(task->state));
    HC_TRY(hc_report_frame_cells(&work->frames, &task->frames));
    snprintf(address, sizeof(address), "0x%" PRIx64, task->awaited);
    hc_report_cell_text(report, type);
    hc_report_cell_text(report, task->awaited ? address : NULL);
    hc_report_cell_text(report, awaited ? task_name(awaited) : NULL);
    HC_TRY(write_gathered(work, task, false));
    hc_report_cell_truth(report, !task->is_cut);
    return NULL;
}

// The coroutine that the task was made of first: each waits for the next.
static struct hc_error *write_task_lines(struct hc_thread_report *work, const struct hc_task *task)
{
    struct hc_report *report = work->frames.report;
    const struct hc_task *awaited = task_at(work, task->awaited);
    HC_TRY(hc_report_frame_lines(&work->frames, &task->frames, SIZE_MAX));
    if (awaited) {
        hc_report_line(report, NULL, "waits for task \"%s\"", task_name(awaited));
    } else if (task->awaited) {
        _cleanup_(hc_freep) char *text = hc_value_repr_within(&work->tracer, task->awaited, MOST_AWAITED);
        hc_report_line(report, NULL, "waits for %s", text ? text : "?");
        HC_TRY(write_gathered(work, task, true));
    }
    if (task->is_cut)
        hc_report_line(report, NULL, "what follows cannot be read");
    return NULL;
}

static struct hc_error *write_tasks(struct hc_thread_report *work)
{
    struct hc_report *report = work->frames.report;
    HC_TRY(hc_tasks_find(&work->tracer, &work->tasks));
    for (size_t i = 0; i < work->tasks.count; i++) {
        bool is_new;
        if (!hc_address_map_insert(&work->tasks_by_address, work->tasks.items[i].address, (uint32_t)i,
                                   &is_new))
            return hc_error_out_of_memory();
    }
    hc_report_section(report, "tasks", NULL);
    hc_report_table(report, task_columns, COUNT_OF(task_columns));
    for (size_t i = 0; i < work->tasks.count; i++)
        HC_TRY(write_task_cells(work, &work->tasks.items[i]));
    for (size_t i = 0; i < work->tasks.count; i++) {
        const struct hc_task *task = &work->tasks.items[i];
        hc_report_section(report, "task", NULL);
        hc_report_title(report, "Task \"%s\", %s", task_name(task), state_name(task->state));
        HC_TRY(write_task_lines(work, task));
    }
    return NULL;
}

static void write_notes(struct hc_thread_report *work)
{
    struct hc_report *report = work->frames.report;
    hc_report_section(report, "source", "Source");
    hc_report_number(report, "younger", work->sources.younger);
    if (work->sources.younger)
        hc_report_line(report, NULL, "lines of %zu file%s are not shown: changed after the core was written",
                       work->sources.younger, work->sources.younger == 1 ? "" : "s");
}

struct hc_error *hc_report_threads(const struct hc_session *session, bool with_locals,
                                   struct hc_report *report)
{
    _cleanup_(hc_thread_report_deinit) struct hc_thread_report work = {0};
    HC_TRY(hc_thread_report_init(&work, session, report, with_locals));
    if (with_locals)
        HC_TRY(hc_thread_report_find_holds(&work));
    HC_TRY(write_threads(&work));
    write_others(&work);
    HC_TRY(write_tasks(&work));
    write_notes(&work);
    return NULL;
}

struct hc_error *hc_report_first_thread(const struct hc_session *session, struct hc_report *report)
{
    _cleanup_(hc_thread_report_deinit) struct hc_thread_report work = {0};
    HC_TRY(hc_thread_report_init(&work, session, report, false));
    if (!work.threads.count)
        return NULL;
    HC_TRY(hc_thread_report_gather(&work, 0));
    hc_report_section(report, "thread", NULL);
    hc_report_table(report, thread_columns, thread_column_count(&work));
    return write_thread_cells(&work, &work.facts[0]);
}
