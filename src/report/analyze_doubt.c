// What is not known, or not surely.
#include "report/analyze_parts.h"
#include "report/damage.h"
#include "report/words.h"

#include <inttypes.h>
#include <stdio.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

// Where types' own code should have been run, and was not.
void hc_report_own_code(struct hc_report *report, const struct hc_graph_tally *tally)
{
    hc_report_section(report, "own_code", NULL);
    hc_report_number(report, "sizes_inexact", tally->inexact_sizes);
    if (tally->inexact_sizes)
        hc_report_line(report, "inexact",
                       "%" PRIu64 " objects are sized by their layout: their __sizeof__ could not be run",
                       tally->inexact_sizes);
    for (int cause = HC_EMULATION_DONE + 1; cause < HC_EMULATION_COUNT; cause++) {
        hc_report_number(report, hc_emulation_key((enum hc_emulation)cause), tally->emulation[cause]);
        if (tally->emulation[cause])
            hc_report_line(report, "not run", "the tp_traverse of %" PRIu64 " objects: %s",
                           tally->emulation[cause], hc_emulation_name((enum hc_emulation)cause));
    }
}

// Instances of the type at `native` and of classes made from it; `counts` are those of each type.
static uint64_t count_instances(const struct hc_type_vector *types, const uint64_t *counts, uint64_t native)
{
    uint64_t count = 0;
    for (size_t i = 0; i < types->count; i++)
        if (types->items[i]->native && types->items[i]->native->address == native)
            count += counts[i];
    return count;
}

static const struct hc_column note_columns[] = {
    {.key = "type", .heading = "Definition not used", .kind = HC_COLUMN_LEFT},
    {.key = "count", .heading = "Objects", .kind = HC_COLUMN_RIGHT},
    {.key = "cause", .heading = "Because", .kind = HC_COLUMN_LEFT},
};

// Definitions that name a type of the process and do not fit it.
struct hc_error *hc_report_definitions(struct hc_report *report, const struct hc_session *session)
{
    const struct hc_graph *graph = session->graph;
    size_t count;
    const struct hc_definition_note *notes = hc_definitions_notes(session->definitions, &count);
    if (!count)
        return NULL;
    _cleanup_(hc_freep) uint64_t *counts = calloc(graph->types.types.count, sizeof(*counts));
    if (!counts)
        return hc_error_out_of_memory();
    for (uint32_t i = 0; i < graph->real_count; i++)
        counts[graph->type_indexes[i]]++;
    struct hc_table *table = NULL;
    for (size_t i = 0; i < count; i++) {
        uint64_t instances = count_instances(&graph->types.types, counts, notes[i].address);
        if (!instances) // of an abstract base, as often as not
            continue;
        if (!table) {
            hc_report_section(report, "definitions", "Heap definitions");
            table = hc_report_table(report, note_columns, COUNT_OF(note_columns));
        }
        hc_report_cell_text(report, notes[i].type);
        hc_report_cell_number(report, instances);
        hc_report_cell_text(report, notes[i].cause);
    }
    return NULL;
}

void hc_report_losses(struct hc_report *report, const struct hc_session *session)
{
    const struct hc_image_losses *losses = hc_image_losses(session->image);
    const struct hc_graph *graph = session->graph;
    const struct {
        const char *key, *label;
        uint64_t number;
        bool in_bytes;
        const char *meaning;
    } rows[] = {
        {"truncated_bytes", "cut off", losses->truncated_bytes, true, "of memory, with the end of the core"},
        {"not_dumped_bytes", "not dumped", losses->not_dumped_bytes, true,
         "of memory: the core leaves them out, and no file surely has them"},
        {"unreadable_pointers", "unreadable pointers", graph->tally.unreadable, false,
         "into memory that is not there"},
        {"dangling_references", "dangling references", graph->tally.dangling, false, "to where no object is"},
        {"damaged_pools", "damaged pools", graph->pools.damaged_pools, false,
         "of pymalloc: what they hold is counted as far as it makes sense"},
        {"unreadable_pools", "unreadable pools", graph->pools.unreadable_pools, false,
         "of pymalloc: their objects are lost"},
    };
    hc_report_section(report, "losses", "Not known");
    bool is_broken = session->runtime.interpreters_broken;
    bool any = losses->missing_modules || losses->compressed_cut || losses->compressed_damaged || is_broken;
    hc_report_truth(report, "compressed_cut", losses->compressed_cut);
    hc_report_truth(report, "compressed_damaged", losses->compressed_damaged);
    if (losses->compressed_cut)
        hc_report_line(report, "compressed file", "cut short: what was before the cut is read");
    if (losses->compressed_damaged)
        hc_report_line(report, "compressed file",
                       "damaged: read as far as it goes, and what is read may be wrong before that, too");
    hc_report_truth(report, "interpreters_broken", is_broken);
    if (is_broken)
        hc_report_line(report, "interpreters",
                       "their list is broken: others than the main one may be missing");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        hc_report_number(report, rows[i].key, rows[i].number);
        any |= rows[i].number != 0;
        hc_bytes_buffer number;
        snprintf(number, sizeof(number), "%" PRIu64 ",", rows[i].number);
        if (rows[i].number)
            hc_report_line(report, rows[i].label, "%s %s",
                           rows[i].in_bytes ? hc_bytes_exact(rows[i].number, number) : number,
                           rows[i].meaning);
    }
    any |= hc_report_damage(report, &graph->tally.damage);
    if (!any)
        hc_report_line(report, NULL, "nothing: no holes, no missing files");
}

static const struct hc_column file_columns[] = {
    {.key = "state", .kind = HC_COLUMN_HIDDEN},
    {.heading = "State", .kind = HC_COLUMN_LEFT},
    {.key = "path", .heading = "File", .kind = HC_COLUMN_LEFT},
    {.key = "build_id", .kind = HC_COLUMN_HIDDEN},
};

static const struct {
    const char *name;
    const char *shown; // NULL: nothing to tell
} module_states[] = {
    [HC_MODULE_FOUND] = {"found", NULL},
    [HC_MODULE_UNVERIFIED] = {"unverified", "read on trust: no build-id to compare"},
    [HC_MODULE_MISSING] = {"missing", "not there"},
    [HC_MODULE_MISMATCH] = {"mismatch", "another build than the process had"},
    [HC_MODULE_BAD] = {"bad", "unreadable, or no ELF file"},
};

void hc_report_files(struct hc_report *report, const struct hc_image *image)
{
    size_t count, missing = hc_image_losses(image)->missing_modules;
    const struct hc_module *modules = hc_image_modules(image, &count);
    if (missing)
        hc_report_line(
            report, "files not read",
            "%zu: what the core leaves out of these (their constants, names of types among them) is "
            "unknown; see --sysroot",
            missing);
    hc_report_section(report, "files", NULL);
    hc_report_table(report, file_columns, COUNT_OF(file_columns));
    for (size_t i = 0; i < count; i++) {
        const char *shown = module_states[modules[i].state].shown;
        hc_build_id_buffer build_id;
        if (!shown)
            continue;
        hc_report_cell_text(report, module_states[modules[i].state].name);
        hc_report_cell_text(report, shown);
        hc_report_cell_text(report, modules[i].path);
        hc_report_cell_text(report, hc_build_id(&modules[i], build_id));
    }
}
