#include "report/references.h"

#include "base/path.h"
#include "graph/audit.h"
#include "layout/native.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static const struct hc_column high_columns[] = {
    {.key = "type", .heading = "Type", .kind = HC_COLUMN_LEFT},
    {.key = "objects", .heading = "Objects", .kind = HC_COLUMN_RIGHT},
    {.key = "excess", .heading = "Excess", .kind = HC_COLUMN_RIGHT},
    {.key = "stray", .heading = "Stray", .kind = HC_COLUMN_RIGHT},
    {.key = "example", .heading = "Example", .kind = HC_COLUMN_LEFT},
};

static const struct hc_column low_columns[] = {
    {.key = "type", .heading = "Type", .kind = HC_COLUMN_LEFT},
    {.key = "objects", .heading = "Objects", .kind = HC_COLUMN_RIGHT},
    {.key = "deficit", .heading = "Deficit", .kind = HC_COLUMN_RIGHT},
    {.key = "example", .heading = "Example", .kind = HC_COLUMN_LEFT},
};

static const struct hc_column holder_columns[] = {
    {.key = "holder", .heading = "Held by", .kind = HC_COLUMN_LEFT},
    {.key = "references", .heading = "References", .kind = HC_COLUMN_RIGHT},
    {.key = "example", .heading = "Example", .kind = HC_COLUMN_LEFT},
};

static const struct hc_column object_columns[] = {
    {.key = "address", .kind = HC_COLUMN_HIDDEN},   {.key = "type", .kind = HC_COLUMN_HIDDEN},
    {.key = "state", .kind = HC_COLUMN_HIDDEN},     {.key = "refcount", .kind = HC_COLUMN_HIDDEN},
    {.key = "found", .kind = HC_COLUMN_HIDDEN},     {.key = "doubtful", .kind = HC_COLUMN_HIDDEN},
    {.key = "explained", .kind = HC_COLUMN_HIDDEN}, {.key = "held_by", .kind = HC_COLUMN_HIDDEN},
};

static const struct hc_column word_columns[] = {
    {.key = "holder", .kind = HC_COLUMN_HIDDEN},
    {.key = "word", .kind = HC_COLUMN_HIDDEN},
};

// Of the objects of one type, or of the words of one holder.
struct row {
    char *name;
    uint64_t objects, references, strays, example;
};

HC_DEFINE_VECTOR(row_vector, struct row)

struct writing {
    const struct hc_session *session;
    const struct hc_graph *graph;
    struct hc_report *report;
    struct hc_native_names *names;
    struct hc_audit audit;
    char **holders; // what each of audit.holders is called
};

static void writing_deinit(struct writing *writing)
{
    for (size_t i = 0; writing->holders && i < writing->audit.holders.count; i++)
        free(writing->holders[i]);
    free(writing->holders);
    hc_audit_deinit(&writing->audit);
    if (writing->names)
        hc_native_names_close(writing->names);
}

static void rows_deinit(struct row_vector *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->items[i].name);
    row_vector_deinit(rows);
}

static char *type_name(const struct hc_graph *graph, uint32_t object)
{
    const struct hc_type *type = hc_graph_type(graph, (hc_object_id){object});
    char *name;
    return asprintf(&name, "%s.%s", type->module, type->qualname) < 0 ? NULL : name;
}

static int most_first(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    if (left->references != right->references)
        return left->references < right->references ? 1 : -1;
    return strcmp(left->name, right->name);
}

// Rows by type of what is too high or too low, and their sum.
static struct hc_error *make_rows(const struct hc_graph *graph, const struct hc_audit_item_vector *items,
                                  uint32_t (*number)(const struct hc_audit_item *item),
                                  struct row_vector *ret, struct row *ret_sum)
{
    size_t type_count = graph->types.types.count;
    _cleanup_(hc_freep) struct row *by_type = calloc(type_count + 1, sizeof(*by_type));
    if (!by_type)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < items->count; i++) {
        uint32_t object = items->items[i].object, references = number(&items->items[i]);
        struct row *row = &by_type[graph->type_indexes[object]];
        if (!references)
            continue;
        if (!row->objects)
            row->example = object;
        row->objects++;
        row->references += references;
        row->strays += graph->states[object] == HC_STATE_STRAY;
        ret_sum->objects++;
        ret_sum->references += references;
    }
    for (size_t i = 0; i < type_count; i++) {
        struct row row = by_type[i];
        if (!row.objects)
            continue;
        row.name = type_name(graph, (uint32_t)row.example);
        row.example = hc_graph_address(graph, (hc_object_id){(uint32_t)row.example});
        if (!row.name || !row_vector_push(ret, row)) {
            free(row.name);
            return hc_error_out_of_memory();
        }
    }
    if (ret->count)
        qsort(ret->items, ret->count, sizeof(*ret->items), most_first);
    return NULL;
}

static void add_address(struct hc_report *report, uint64_t address)
{
    char text[32];
    snprintf(text, sizeof(text), "0x%" PRIx64, address);
    hc_report_cell_text(report, text);
}

static struct hc_error *write_high(struct writing *writing)
{
    _cleanup_(rows_deinit) struct row_vector rows = {0};
    struct row sum = {0};
    uint64_t explained = 0;
    HC_TRY(make_rows(writing->graph, &writing->audit.high, hc_audit_excess, &rows, &sum));
    for (size_t i = 0; i < writing->audit.high.count; i++)
        explained += writing->audit.high.items[i].explained;
    struct hc_report *report = writing->report;
    hc_report_section(report, "too_high", "Counts higher than the references found");
    hc_report_number(report, "objects", writing->audit.high.count);
    hc_report_number(report, "explained_references", explained);
    hc_report_number(report, "unexplained_objects", sum.objects);
    hc_report_number(report, "excess", sum.references);
    hc_report_line(report, NULL, "%zu objects; words of C memory may hold %" PRIu64 " of what is missing",
                   writing->audit.high.count, explained);
    if (hc_image_losses(writing->session->image)->truncated)
        hc_report_line(report, NULL, "the core is cut short: what is gone may hold the rest");
    if (!sum.objects)
        return NULL;
    hc_report_line(report, NULL, "%" PRIu64 " objects have %" PRIu64 " references too many:", sum.objects,
                   sum.references);
    hc_report_table(report, high_columns, COUNT_OF(high_columns))->is_limited = true;
    for (size_t i = 0; i < rows.count; i++) {
        hc_report_cell_text(report, rows.items[i].name);
        hc_report_cell_number(report, rows.items[i].objects);
        hc_report_cell_number(report, rows.items[i].references);
        hc_report_cell_number(report, rows.items[i].strays);
        add_address(report, rows.items[i].example);
    }
    return NULL;
}

static struct hc_error *write_low(struct writing *writing)
{
    _cleanup_(rows_deinit) struct row_vector rows = {0};
    struct row sum = {0};
    HC_TRY(make_rows(writing->graph, &writing->audit.low, hc_audit_deficit, &rows, &sum));
    struct hc_report *report = writing->report;
    hc_report_section(report, "too_low", "Counts lower than the references found");
    hc_report_number(report, "objects", sum.objects);
    hc_report_number(report, "deficit", sum.references);
    if (!sum.objects) {
        hc_report_line(report, NULL, "none");
        return NULL;
    }
    hc_report_line(report, NULL,
                   "%" PRIu64 " objects lack %" PRIu64
                   " references: they will be freed while something still refers to them",
                   sum.objects, sum.references);
    hc_report_table(report, low_columns, COUNT_OF(low_columns))->is_limited = true;
    for (size_t i = 0; i < rows.count; i++) {
        hc_report_cell_text(report, rows.items[i].name);
        hc_report_cell_number(report, rows.items[i].objects);
        hc_report_cell_number(report, rows.items[i].references);
        add_address(report, rows.items[i].example);
    }
    return NULL;
}

static char *static_name(struct writing *writing, uint64_t address)
{
    const struct hc_module *module = hc_image_find_module(writing->session->image, address);
    const char *symbol = hc_native_name(writing->names, address);
    const char *file = module && module->path ? hc_path_name(module->path) : "a binary";
    char *name;
    int length = symbol ? asprintf(&name, "C variable %s in %s", symbol, file)
                        : asprintf(&name, "C variable in %s", file);
    return length < 0 ? NULL : name;
}

static char *thread_name(struct writing *writing, const char *what, uint32_t thread)
{
    const struct hc_process_info *process = hc_image_process(writing->session->image);
    char *name;
    return asprintf(&name, "%s of thread %d", what, (int)process->threads[thread].tid) < 0 ? NULL : name;
}

static char *holder_name(struct writing *writing, const struct hc_holder *holder)
{
    switch (holder->kind) {
    case HC_HOLDER_STATIC:
        return static_name(writing, holder->address);
    case HC_HOLDER_STACK:
        return thread_name(writing, "stack", holder->thread);
    case HC_HOLDER_REGISTER:
        return thread_name(writing, "a register", holder->thread);
    case HC_HOLDER_FRAME:
        return strdup("a running frame's value stack");
    case HC_HOLDER_STATE:
        return strdup("an interpreter's own struct");
    case HC_HOLDER_OBJECT:
        return strdup("a member of an object that its tp_traverse leaves out");
    case HC_HOLDER_BLOCK:
        return strdup("a block of pymalloc's that no object owns");
    case HC_HOLDER_CHUNK:
    case HC_HOLDER_COUNT:
        break;
    }
    return strdup("C memory that no object owns");
}

static struct hc_error *name_holders(struct writing *writing)
{
    const struct hc_holder_vector *holders = &writing->audit.holders;
    HC_TRY(hc_native_names_open(writing->session->image, &writing->names));
    writing->holders = calloc(holders->count + 1, sizeof(*writing->holders));
    if (!writing->holders)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < holders->count; i++) {
        writing->holders[i] = holder_name(writing, &holders->items[i]);
        if (!writing->holders[i])
            return hc_error_out_of_memory();
    }
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static struct hc_error *write_holders(struct writing *writing)
{
    const struct hc_holder_vector *holders = &writing->audit.holders;
    _cleanup_(row_vector_deinit) struct row_vector rows = {0}; // names belong to `writing`
    for (size_t i = 0; i < holders->count; i++) {
        uint32_t object = writing->audit.high.items[holders->items[i].item].object;
        struct row row = {.name = writing->holders[i],
                          .references = 1,
                          .example = hc_graph_address(writing->graph, (hc_object_id){object})};
        if (!row_vector_push(&rows, row))
            return hc_error_out_of_memory();
    }
    if (rows.count)
        qsort(rows.items, rows.count, sizeof(*rows.items), by_name);
    size_t kept = 0;
    for (size_t i = 0; i < rows.count; i++)
        if (kept && !strcmp(rows.items[kept - 1].name, rows.items[i].name))
            rows.items[kept - 1].references++;
        else
            rows.items[kept++] = rows.items[i];
    rows.count = kept;
    if (rows.count)
        qsort(rows.items, rows.count, sizeof(*rows.items), most_first);
    struct hc_report *report = writing->report;
    hc_report_section(report, "holders", "What may hold those that are explained");
    hc_report_table(report, holder_columns, COUNT_OF(holder_columns))->is_limited = true;
    for (size_t i = 0; i < rows.count; i++) {
        hc_report_cell_text(report, rows.items[i].name);
        hc_report_cell_number(report, rows.items[i].references);
        add_address(report, rows.items[i].example);
    }
    return NULL;
}

// Every object with a count that is not what was found: in JSON only.
static struct hc_error *write_objects(struct writing *writing, const char *key,
                                      const struct hc_audit_item_vector *items, bool are_high)
{
    struct hc_report *report = writing->report;
    const struct hc_holder_vector *holders = &writing->audit.holders;
    size_t next = 0;
    hc_report_section(report, key, NULL);
    hc_report_table(report, object_columns, COUNT_OF(object_columns));
    for (size_t i = 0; i < items->count; i++) {
        const struct hc_audit_item *item = &items->items[i];
        _cleanup_(hc_freep) char *name = type_name(writing->graph, item->object);
        if (!name)
            return hc_error_out_of_memory();
        add_address(report, hc_graph_address(writing->graph, (hc_object_id){item->object}));
        hc_report_cell_text(report, name);
        hc_report_cell_text(report, hc_state_name(writing->graph->states[item->object]));
        hc_report_cell_number(report, item->refcount);
        hc_report_cell_number(report, item->found);
        hc_report_cell_number(report, item->doubtful);
        hc_report_cell_number(report, item->explained);
        hc_report_open_rows(report, word_columns, COUNT_OF(word_columns));
        for (; are_high && next < holders->count && holders->items[next].item == i; next++) {
            hc_report_cell_text(report, writing->holders[next]);
            add_address(report, holders->items[next].address);
        }
        hc_report_close_rows(report);
    }
    return NULL;
}

struct hc_error *hc_report_references(const struct hc_session *session, struct hc_report *report)
{
    _cleanup_(writing_deinit) struct writing writing = {
        .session = session, .graph = session->graph, .report = report};
    struct hc_audit *audit = &writing.audit;
    HC_TRY(hc_audit_run(session->graph, 0, audit));
    HC_TRY(name_holders(&writing));
    hc_report_section(report, "references", "Reference counts");
    hc_report_number(report, "agreeing", audit->agreeing);
    hc_report_number(report, "immortal", audit->immortal);
    hc_report_number(report, "static", audit->fixed);
    hc_report_number(report, "too_high", audit->high.count);
    hc_report_number(report, "too_low", audit->low.count);
    hc_report_line(report, NULL,
                   "%" PRIu64 " objects have the count of the references found; %" PRIu64
                   " are immortal, %" PRIu64 " lie in binaries",
                   audit->agreeing, audit->immortal, audit->fixed);
    HC_TRY(write_low(&writing));
    HC_TRY(write_high(&writing));
    HC_TRY(write_holders(&writing));
    HC_TRY(write_objects(&writing, "too_low_objects", &audit->low, false));
    HC_TRY(write_objects(&writing, "too_high_objects", &audit->high, true));
    return hc_report_check(report);
}
