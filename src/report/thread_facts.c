#include "report/thread_facts.h"

#include "base/interrupt.h"

#include <string.h>

enum {
    MOST_FRAMES = 1 << 20,    // of all threads
    MOST_VARIABLES = 1 << 20, // of all frames, in text and in JSON
    MOST_NATIVE = 64,         // frames
};

void hc_thread_report_deinit(struct hc_thread_report *work)
{
    for (size_t i = 0; work->facts && i < work->threads.count; i++) {
        hc_frame_vector_deinit(&work->facts[i].frames);
        hc_exception_deinit(&work->facts[i].handled);
        hc_exception_deinit(&work->facts[i].raised);
        hc_native_frames_deinit(&work->facts[i].native);
        free(work->facts[i].abort_message);
    }
    free(work->facts);
    hc_threads_deinit(&work->threads);
    hc_tasks_deinit(&work->tasks);
    hc_address_map_deinit(&work->tasks_by_address);
    hc_sources_deinit(&work->sources);
    hc_holds_deinit(&work->holds);
    hc_graph_destroy(work->graph);
    hc_tracer_deinit(&work->tracer);
    hc_type_table_deinit(&work->types);
}

struct hc_error *hc_thread_report_init(struct hc_thread_report *work, const struct hc_session *session,
                                       struct hc_report *report, bool with_locals)
{
    work->session = session;
    HC_TRY(hc_type_table_init(&work->types, &session->runtime));
    HC_TRY(hc_tracer_init(&work->tracer, &work->types));
    hc_sources_init(&work->sources, session->image);
    work->frames = (struct hc_frames_report){.tracer = &work->tracer,
                                             .report = report,
                                             .sources = &work->sources,
                                             .with_locals = with_locals,
                                             .variables_left = &work->variables_left};
    work->frames_left = MOST_FRAMES;
    work->variables_left = MOST_VARIABLES;
    HC_TRY(hc_threads_find(&work->tracer, &work->threads, &work->is_cut));
    work->facts = calloc(work->threads.count + 1, sizeof(*work->facts));
    return work->facts ? NULL : hc_error_out_of_memory();
}

// What was on its way, which up to 3.11 may be a class whose instance is not made yet.
static bool read_raised(struct hc_tracer *tracer, const struct hc_thread *thread, struct hc_exception *ret)
{
    const struct hc_type *type =
        thread->raised_type ? hc_tracer_find_type(tracer, thread->raised_type) : NULL;
    if (!hc_exception_read(tracer, thread->raised, ret))
        return false;
    if (!type || (ret->type && !strcmp(ret->type, type->qualname)))
        return true;
    free(ret->type);
    ret->type = hc_exception_type_name(type);
    return ret->type != NULL;
}

struct hc_error *hc_thread_report_gather(struct hc_thread_report *work, size_t index)
{
    struct hc_thread_facts *facts = &work->facts[index];
    const struct hc_thread *thread = facts->thread = &work->threads.items[index];
    HC_TRY(hc_interrupt_check());
    HC_TRY(hc_thread_frames(&work->tracer, thread->address, work->frames_left, &facts->frames, &facts->end));
    work->frames_left -= facts->frames.count;
    if (!hc_exception_read(&work->tracer, thread->handled, &facts->handled) ||
        !read_raised(&work->tracer, thread, &facts->raised))
        return hc_error_out_of_memory();
    if (!thread->has_crashed)
        return NULL;
    HC_TRY(hc_native_stack(work->session->image, thread->native, work->session->runtime.module, MOST_NATIVE,
                           &facts->native));
    return hc_native_abort_message(work->session->image, &facts->abort_message);
}

struct hc_error *hc_thread_report_find_holds(struct hc_thread_report *work)
{
    struct hc_graph *graph = work->session->graph;
    if (!graph) {
        HC_TRY(hc_graph_build(&work->session->runtime, 0, &work->graph));
        graph = work->graph;
    }
    HC_TRY(hc_holds_find(graph, &work->tracer, &work->holds));
    work->frames.holds = &work->holds;
    return NULL;
}

uint64_t hc_thread_report_retained(const struct hc_thread_report *work, const struct hc_thread *thread)
{
    const struct hc_hold *hold = hc_holds_of_thread(&work->holds, thread->address);
    return hold ? hold->size : 0;
}
