#include "report/analyze.h"

#include "base/size_text.h"
#include "report/analyze_parts.h"
#include "report/memory.h"
#include "report/retained.h"
#include "report/suspects.h"
#include "report/threads.h"

#include <inttypes.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static const struct hc_column state_columns[] = {
    {.key = "state", .kind = HC_COLUMN_HIDDEN},
    {.heading = "State", .kind = HC_COLUMN_LEFT},
    {.key = "count", .heading = "Count", .kind = HC_COLUMN_RIGHT},
    {.key = "size", .heading = "Size", .kind = HC_COLUMN_RIGHT},
    {.heading = "", .kind = HC_COLUMN_LEFT},
};

static void report_states(struct hc_report *report, const struct hc_state_totals *totals)
{
    static const struct {
        enum hc_state state;
        const char *title, *meaning;
    } rows[] = {
        {HC_STATE_REACHABLE, "reachable", "from the interpreter: the heap's table above"},
        {HC_STATE_TRACKED, "tracked only", "garbage that awaits collection, or held from C"},
        {HC_STATE_STRAY, "stray", "nothing known refers to these: a leaked reference looks so"},
    };
    hc_report_section(report, "states", "Objects");
    hc_report_table(report, state_columns, COUNT_OF(state_columns));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        hc_report_cell_text(report, hc_state_name(rows[i].state));
        hc_report_cell_text(report, rows[i].title);
        hc_report_cell_number(report, totals->count[rows[i].state]);
        hc_report_cell_number(report, totals->size[rows[i].state]);
        hc_report_cell_text(report, rows[i].meaning);
    }
}

static const struct hc_column how_columns[] = {
    {.key = "how", .heading = "Known by", .kind = HC_COLUMN_LEFT},
    {.key = "count", .heading = "Count", .kind = HC_COLUMN_RIGHT},
    {.heading = "", .kind = HC_COLUMN_LEFT},
};

static void report_how(struct hc_report *report, const struct hc_graph *graph)
{
    static const char *const meanings[HC_HOW_COUNT] = {
        [HC_HOW_DECODER] = "the type's own layout: exact",
        [HC_HOW_DEFINITION] = "a heap definition that was given: as exact as it is",
        [HC_HOW_DWARF] = "the struct that its debug information describes: mostly exact",
        [HC_HOW_EMULATED] = "its own tp_traverse, run over the image: exact",
        [HC_HOW_WORDS] = "each word that points to an object: approximate",
    };
    hc_report_section(report, "how", "Sizes and references");
    hc_report_table(report, how_columns, COUNT_OF(how_columns));
    for (int how = 0; how < HC_HOW_COUNT; how++) {
        if (!graph->tally.how[how] && how != HC_HOW_DECODER && how != HC_HOW_WORDS)
            continue;
        hc_report_cell_text(report, hc_how_name((enum hc_how)how));
        hc_report_cell_number(report, graph->tally.how[how]);
        hc_report_cell_text(report, meanings[how]);
    }
}

static void report_pymalloc(struct hc_report *report, const struct hc_pools *pools)
{
    hc_report_section(report, "pymalloc", "Allocator");
    hc_report_number(report, "arenas", pools->arenas);
    hc_report_number(report, "pools", pools->count);
    hc_report_number(report, "used_blocks", pools->used_blocks);
    hc_report_number(report, "free_blocks", pools->free_blocks);
    if (pools->arenas)
        hc_report_line(report, "pymalloc",
                       "%" PRIu64 " blocks used, %" PRIu64 " free, in %zu pools of %" PRIu64 " arenas",
                       pools->used_blocks, pools->free_blocks, pools->count, pools->arenas);
    else
        hc_report_line(report, "pymalloc",
                       "not in use: objects are found by what refers to them, and among malloc's blocks");
}

// With the end of a core go the roots and much of what holds the rest: what is left would stand in no table.
static struct hc_error *report_unreached(struct hc_report *report, const struct hc_session *session)
{
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    _cleanup_(hc_universe_deinit) struct hc_universe universe = {0};
    _cleanup_(hc_set_releasep) struct hc_set *unreached = NULL;
    _cleanup_(hc_partition_deinit) struct hc_partition partition = {0};
    HC_TRY(hc_universe_init(&universe, session->graph, 1));
    HC_TRY(hc_set_of_states(&universe, 1u << HC_STATE_TRACKED | 1u << HC_STATE_STRAY, &unreached));
    HC_TRY(hc_partition_set(unreached, &clodo, &partition));
    hc_report_partition(report, "unreached", "Not reached, for the core is cut short", &partition);
    return NULL;
}

// The same numbers as heap() of a query with this baseline.
static struct hc_error *report_growth(struct hc_report *report, const struct hc_session *session,
                                      const struct hc_reference *baseline)
{
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    _cleanup_(hc_universe_deinit) struct hc_universe universe = {0};
    _cleanup_(hc_set_releasep) struct hc_set *heap = NULL, *known = NULL, *kept = NULL, *grown = NULL;
    _cleanup_(hc_partition_deinit) struct hc_partition partition = {0};
    HC_TRY(hc_reference_check(baseline, session->graph));
    HC_TRY(hc_universe_init(&universe, session->graph, 1));
    HC_TRY(hc_set_of_states(&universe, 1u << HC_STATE_REACHABLE, &heap));
    HC_TRY(hc_reference_members(baseline, HC_REFERENCE_REACHED, &universe, &known));
    HC_TRY(hc_set_combine(heap, known, HC_SET_MINUS, &grown));
    HC_TRY(hc_set_combine(heap, known, HC_SET_AND, &kept));
    HC_TRY(hc_partition_set(grown, &clodo, &partition));
    hc_report_partition(report, "baseline", "Against the baseline: what is new", &partition);
    uint64_t then = hc_reference_count(baseline, HC_REFERENCE_REACHED);
    hc_report_section(report, "baseline_objects", NULL);
    hc_report_number(report, "then", then);
    hc_report_number(report, "still_there", kept->count);
    hc_report_line(report, NULL, "%" PRIu64 " objects were reachable then; %" PRIu64 " of them still are",
                   then, kept->count);
    return NULL;
}

struct hc_error *hc_report_analyze(const struct hc_session *session, const struct hc_reference *baseline,
                                   long limit, bool is_whole, struct hc_report *report)
{
    _cleanup_(hc_partition_deinit) struct hc_partition heap = {0};
    struct hc_state_totals totals;
    HC_TRY(hc_partition_heap(session->graph, &heap, &totals));
    hc_report_process(report, session->image);
    hc_report_python(report, &session->runtime);
    hc_report_image(report, session->image);
    HC_TRY(hc_report_first_thread(session, report));
    HC_TRY(hc_report_threads(session, false, report));
    HC_TRY(hc_report_suspects(session, baseline, report));
    HC_TRY(hc_report_memory(session, limit, is_whole, report));
    hc_report_partition(report, "heap", NULL, &heap);
    if (baseline)
        HC_TRY(report_growth(report, session, baseline));
    if (hc_image_losses(session->image)->truncated)
        HC_TRY(report_unreached(report, session));
    report_states(report, &totals);
    report_how(report, session->graph);
    hc_report_own_code(report, &session->graph->tally);
    HC_TRY(hc_report_definitions(report, session));
    report_pymalloc(report, &session->graph->pools);
    report->part = "retained";
    HC_TRY(hc_report_retained(session, limit, report));
    report->part = NULL;
    hc_report_losses(report, session);
    hc_report_files(report, session->image);
    return hc_report_check(report);
}
