#include "report/retained.h"

#include "report/retained_frames.h"
#include "sets/brief.h"
#include "sets/classifier.h"
#include "sets/paths.h"
#include "sets/retained.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum {
    PAGE = 20,
};

static const struct hc_column object_columns[] = {
    {.key = "retained", .heading = "Retained", .kind = HC_COLUMN_RIGHT},
    {.heading = "%", .kind = HC_COLUMN_RIGHT},
    {.key = "size", .heading = "Size", .kind = HC_COLUMN_RIGHT},
    {.key = "address", .kind = HC_COLUMN_HIDDEN},
    {.key = "object", .heading = "Object", .kind = HC_COLUMN_LEFT},
    {.key = "path", .heading = "Shortest path", .kind = HC_COLUMN_LEFT},
};

static const struct hc_column kind_columns[] = {
    {.key = "retained", .heading = "Retained", .kind = HC_COLUMN_RIGHT},
    {.heading = "%", .kind = HC_COLUMN_RIGHT},
    {.key = "count", .heading = "Count", .kind = HC_COLUMN_RIGHT},
    {.key = "size", .heading = "Size", .kind = HC_COLUMN_RIGHT},
    {.key = "kind", .heading = "Kind (class / dict of class)", .kind = HC_COLUMN_LEFT},
};

static const struct hc_column variable_columns[] = {
    {.key = "retained", .heading = "Retained", .kind = HC_COLUMN_RIGHT},
    {.heading = "%", .kind = HC_COLUMN_RIGHT},
    {.key = "holder", .heading = "In", .kind = HC_COLUMN_LEFT},
    {.key = "variable", .heading = "Variable", .kind = HC_COLUMN_LEFT},
    {.key = "address", .kind = HC_COLUMN_HIDDEN},
    {.key = "object", .heading = "Object", .kind = HC_COLUMN_LEFT},
};

struct writing {
    struct hc_universe *universe;
    struct hc_report *report;
    struct hc_relater relater;
    uint64_t whole; // bytes of all that is reachable
};

static void writing_deinit(struct writing *writing)
{
    hc_relater_deinit(&writing->relater);
}

void hc_report_retained_cells(struct hc_report *report, uint64_t bytes, uint64_t whole)
{
    char text[32];
    snprintf(text, sizeof(text), "%.1f", whole ? 100.0 * (double)bytes / (double)whole : 0);
    hc_report_cell_number(report, bytes);
    hc_report_cell_text(report, text);
}

static void add_share(const struct writing *writing, uint64_t bytes)
{
    hc_report_retained_cells(writing->report, bytes, writing->whole);
}

static struct hc_error *add_brief(const struct writing *writing, uint32_t object)
{
    _cleanup_(hc_freep) char *brief = NULL;
    HC_TRY(hc_universe_brief(writing->universe, object, &brief));
    hc_report_cell_text(writing->report, brief);
    return NULL;
}

struct hc_error *hc_report_object_cells(struct hc_report *report, struct hc_universe *universe,
                                        uint32_t object)
{
    _cleanup_(hc_freep) char *brief = NULL;
    uint64_t address;
    char text[24];
    HC_TRY(hc_universe_address(universe, object, &address));
    HC_TRY(hc_universe_brief(universe, object, &brief));
    snprintf(text, sizeof(text), "0x%" PRIx64, address);
    hc_report_cell_text(report, text);
    hc_report_cell_text(report, brief);
    return NULL;
}

static struct hc_error *add_path(const struct writing *writing, uint32_t object)
{
    _cleanup_(hc_freep) char *text = NULL;
    HC_TRY(hc_path_to(writing->universe, object, &text));
    hc_report_cell_text(writing->report, text);
    return NULL;
}

static struct hc_error *report_objects(const struct writing *writing,
                                       const struct hc_retained_object_vector *objects)
{
    hc_report_section(writing->report, "objects", "Objects");
    hc_report_table(writing->report, object_columns, COUNT_OF(object_columns));
    for (size_t i = 0; i < objects->count; i++) {
        const struct hc_retained_object *row = &objects->items[i];
        add_share(writing, row->retained);
        hc_report_cell_number(writing->report,
                              hc_graph_size(writing->universe->graph, (hc_object_id){row->object}));
        HC_TRY(hc_report_object_cells(writing->report, writing->universe, row->object));
        HC_TRY(add_path(writing, row->object));
    }
    return NULL;
}

static struct hc_error *report_kinds(const struct writing *writing,
                                     const struct hc_retained_kind_vector *kinds)
{
    hc_report_section(writing->report, "kinds", "Kinds: what the topmost objects of each retain");
    hc_report_table(writing->report, kind_columns, COUNT_OF(kind_columns));
    for (size_t i = 0; i < kinds->count; i++) {
        const struct hc_retained_kind *row = &kinds->items[i];
        _cleanup_(hc_freep) char *name = hc_universe_kind_name(writing->universe, row->kind);
        if (!name)
            return hc_error_out_of_memory();
        add_share(writing, row->retained);
        hc_report_cell_number(writing->report, row->count);
        hc_report_cell_number(writing->report, row->size);
        hc_report_cell_text(writing->report, name);
    }
    return NULL;
}

// The link without the brackets and quotes of a plain name.
static struct hc_error *add_name(const struct writing *writing, const struct hc_link *link)
{
    _cleanup_(hc_freep) char *text = NULL;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    if (!file)
        return hc_error_out_of_memory();
    struct hc_error *error = hc_path_write_link(file, writing->relater.tracer, link);
    bool is_whole = !fclose(file) && text;
    HC_TRY(error);
    if (!is_whole)
        return hc_error_out_of_memory();
    bool is_plain = length > 4 && !strncmp(text, "['", 2) && !strcmp(text + length - 2, "']");
    if (is_plain)
        text[length - 2] = 0;
    hc_report_cell_text(writing->report, is_plain ? text + 2 : text);
    return NULL;
}

static struct hc_error *add_variable(struct writing *writing, const struct hc_retained_object *row)
{
    const struct hc_graph *graph = writing->universe->graph;
    struct hc_relater *relater = &writing->relater;
    bool is_virtual = hc_graph_is_virtual(graph, (hc_object_id){row->holder});
    hc_object_id owner, real = {row->holder};
    struct hc_object_view view;
    uint64_t address;
    hc_graph_dict_owner(graph, (hc_object_id){row->holder}, &owner);
    HC_TRY(add_brief(writing, owner.i));
    HC_TRY(hc_universe_address(writing->universe, row->object, &address));
    relater->links.count = 0;
    if (hc_tracer_view(relater->tracer, hc_graph_address(graph, is_virtual ? owner : real), &view))
        hc_relate(relater, &view);
    if (relater->out_of_memory)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < relater->links.count; i++) {
        const struct hc_link *link = &relater->links.items[i];
        if (link->target == address && link->is_virtual == is_virtual)
            return add_name(writing, link);
    }
    hc_report_cell_text(writing->report, NULL);
    return NULL;
}

static struct hc_error *report_variables(struct writing *writing,
                                         const struct hc_retained_object_vector *variables)
{
    hc_report_section(writing->report, "variables",
                      "Variables of modules and classes: what would go if the variable went");
    hc_report_table(writing->report, variable_columns, COUNT_OF(variable_columns));
    for (size_t i = 0; i < variables->count; i++) {
        add_share(writing, variables->items[i].retained);
        HC_TRY(add_variable(writing, &variables->items[i]));
        HC_TRY(hc_report_object_cells(writing->report, writing->universe, variables->items[i].object));
    }
    return NULL;
}

struct hc_error *hc_report_retained(const struct hc_session *session, long limit, struct hc_report *report)
{
    _cleanup_(hc_universe_deinit) struct hc_universe universe = {0};
    _cleanup_(hc_retained_deinit) struct hc_retained retained = {0};
    _cleanup_(hc_retained_frames_deinit) struct hc_retained_frames frames = {0};
    _cleanup_(hc_set_releasep) struct hc_set *heap = NULL;
    _cleanup_(writing_deinit) struct writing writing = {.universe = &universe, .report = report};
    HC_TRY(hc_universe_init(&universe, session->graph, 0));
    HC_TRY(hc_set_of_states(&universe, 1u << HC_STATE_REACHABLE, &heap));
    size_t most = limit == HC_NO_LIMIT ? PAGE : (size_t)limit;
    HC_TRY(hc_retained_find(&universe, most, &retained));
    HC_TRY(hc_retained_frames_find(&universe, most, &frames));
    hc_graph_forget_dominators(session->graph); // paths take as much memory again
    HC_TRY(hc_universe_tracer(&universe, &writing.relater.tracer));
    writing.whole = heap->size;
    hc_report_section(report, "heap", "Retained size");
    hc_report_number(report, "count", heap->count);
    hc_report_number(report, "size", heap->size);
    hc_report_line(report, "heap", "%" PRIu64 " reachable objects, %" PRIu64 " bytes", heap->count,
                   heap->size);
    HC_TRY(report_objects(&writing, &retained.objects));
    HC_TRY(report_kinds(&writing, &retained.kinds));
    HC_TRY(report_variables(&writing, &retained.variables));
    HC_TRY(hc_report_retained_frames(&frames, writing.whole, report));
    return hc_report_check(report);
}
