// Garbage that awaits the collector, and why it does; and what the collector has put into gc.garbage.
#include "suspects/kinds.h"

#include "base/interrupt.h"
#include "base/size_text.h"
#include "graph/dominators.h"
#include "python/collector.h"

#include <inttypes.h>
#include <stdlib.h>

// docs/suspects.md
enum {
    SHARE = 5,          // per cent of the heap, where the collector is off
    SHARE_ENABLED = 25, // where it is on: it lets the old grow by a quarter before it looks at them
    LEAST = 1 << 18,    // bytes
};

#define ALIVE INT64_MIN // in place of a count

struct garbage {
    uint64_t objects, bytes;
};

struct survey {
    const struct hc_graph *graph;
    int64_t *references;       // by object: those that no unreached object gives it
    struct hc_id_vector alive; // that something unknown holds, and what they lead to
};

static void survey_deinit(struct survey *survey)
{
    free(survey->references);
    hc_id_vector_deinit(&survey->alive);
}

static bool is_unreached(const struct hc_graph *graph, uint32_t object)
{
    return graph->states[object] == HC_STATE_TRACKED;
}

static uint64_t reference_count(const struct hc_graph *graph, struct hc_tracer *tracer, uint32_t object)
{
    struct hc_object_view view;
    if (hc_graph_is_virtual(graph, (hc_object_id){object}))
        return 1; // its owner's
    return hc_tracer_view(tracer, hc_graph_address(graph, (hc_object_id){object}), &view)
               ? hc_tracer_refcount(tracer, &view)
               : 0;
}

// As the collector does: what has more references than its like give it is held from outside.
static struct hc_error *subtract(struct survey *survey, struct hc_tracer *tracer)
{
    const struct hc_graph *graph = survey->graph;
    for (uint32_t i = 0; i < graph->count; i++) {
        if (i % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (!is_unreached(graph, i))
            continue;
        survey->references[i] += (int64_t)reference_count(graph, tracer, i);
        for (uint32_t edge = graph->edge_starts[i]; edge < graph->edge_starts[i + 1]; edge++)
            survey->references[graph->edges[edge]]--;
    }
    return NULL;
}

static struct hc_error *keep_what_is_held(struct survey *survey)
{
    const struct hc_graph *graph = survey->graph;
    for (uint32_t i = 0; i < graph->count; i++)
        if (is_unreached(graph, i) && survey->references[i] > 0 && !hc_id_vector_push(&survey->alive, i))
            return hc_error_out_of_memory();
    while (survey->alive.count) {
        uint32_t object = survey->alive.items[--survey->alive.count];
        survey->references[object] = ALIVE;
        for (uint32_t edge = graph->edge_starts[object]; edge < graph->edge_starts[object + 1]; edge++) {
            uint32_t referent = graph->edges[edge];
            if (!is_unreached(graph, referent) || survey->references[referent] == ALIVE)
                continue;
            survey->references[referent] = ALIVE;
            if (!hc_id_vector_push(&survey->alive, referent))
                return hc_error_out_of_memory();
        }
    }
    return NULL;
}

static struct hc_error *find_garbage(const struct hc_inquiry *inquiry, struct garbage *ret)
{
    const struct hc_graph *graph = inquiry->universe->graph;
    _cleanup_(survey_deinit) struct survey survey = {
        .graph = graph, .references = calloc(graph->count + 1ull, sizeof(*survey.references))};
    struct hc_tracer *tracer;
    if (!survey.references)
        return hc_error_out_of_memory();
    HC_TRY(hc_universe_tracer(inquiry->universe, &tracer));
    HC_TRY(subtract(&survey, tracer));
    HC_TRY(keep_what_is_held(&survey));
    for (uint32_t i = 0; i < graph->count; i++)
        if (is_unreached(graph, i) && survey.references[i] != ALIVE) {
            ret->objects++;
            ret->bytes += hc_graph_size(graph, (hc_object_id){i});
        }
    return NULL;
}

static struct hc_error *report_waiting(const struct hc_inquiry *inquiry, struct hc_tracer *tracer)
{
    const struct hc_word_vector *interpreters = &inquiry->session->runtime.interpreters;
    struct garbage garbage = {0};
    bool is_known = interpreters->count != 0, is_off = false;
    for (size_t i = 0; i < interpreters->count; i++) {
        struct hc_collector collector = hc_collector_read(tracer, interpreters->items[i]);
        is_known &= collector.is_known;
        is_off |= collector.is_known && !collector.is_enabled;
    }
    HC_TRY(find_garbage(inquiry, &garbage));
    uint64_t share = is_known && !is_off ? SHARE_ENABLED : SHARE;
    if (garbage.bytes < LEAST || garbage.bytes < inquiry->heap->size / 100 * share)
        return NULL;
    hc_size_buffer size;
    const char *why = is_off     ? "the collector is switched off (gc.disable())"
                      : is_known ? "the collector is on, and its thresholds have not brought it there"
                                 : "whether the collector is on is not known";
    struct hc_suspect *suspect =
        hc_suspect_add(inquiry, "garbage", garbage.bytes,
                       "%" PRIu64 " objects in cycles that nothing holds wait to be collected, %s: %s",
                       garbage.objects, hc_size_text(garbage.bytes, size), why);
    if (!suspect || !hc_suspect_query(suspect, "heapu()"))
        return hc_error_out_of_memory();
    hc_suspect_figure(suspect, "objects", garbage.objects);
    hc_suspect_bytes(suspect, "garbage", garbage.bytes);
    if (is_known)
        hc_suspect_figure(suspect, "collector_enabled", !is_off);
    return NULL;
}

static struct hc_error *report_kept(const struct hc_inquiry *inquiry, struct hc_tracer *tracer,
                                    uint64_t interpreter)
{
    struct hc_graph *graph = inquiry->universe->graph;
    struct hc_object_view view;
    hc_object_id list;
    hc_size_buffer size;
    uint64_t address = hc_collector_garbage(tracer, interpreter);
    uint64_t count = address ? hc_trace_length(tracer, address) : 0;
    if (!count || !hc_graph_find(graph, address, &list) || !hc_tracer_view(tracer, address, &view))
        return NULL;
    bool keeps_all = hc_collector_read(tracer, interpreter).debug & HC_DEBUG_SAVEALL;
    HC_TRY(hc_graph_find_dominators(graph));
    uint64_t bytes = hc_graph_retained(graph, list);
    struct hc_suspect *suspect = hc_suspect_add(
        inquiry, "gc.garbage", bytes, "gc.garbage has %" PRIu64 " objects and keeps %s alive: %s", count,
        hc_size_text(bytes, size),
        keeps_all ? "gc.set_debug(gc.DEBUG_SAVEALL) puts all garbage there"
                  : "the collector could not free them");
    if (!suspect)
        return hc_error_out_of_memory();
    hc_suspect_figure(suspect, "objects", count);
    hc_suspect_bytes(suspect, "retained", bytes);
    hc_suspect_figure(suspect, "save_all", keeps_all);
    return hc_suspect_about(inquiry, suspect, list.i);
}

struct hc_error *hc_find_garbage(const struct hc_inquiry *inquiry)
{
    const struct hc_word_vector *interpreters = &inquiry->session->runtime.interpreters;
    struct hc_tracer *tracer;
    HC_TRY(hc_universe_tracer(inquiry->universe, &tracer));
    HC_TRY(report_waiting(inquiry, tracer));
    for (size_t i = 0; i < interpreters->count; i++)
        HC_TRY(report_kept(inquiry, tracer, interpreters->items[i]));
    return NULL;
}
