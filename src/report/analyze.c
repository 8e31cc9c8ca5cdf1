#include "report/analyze.h"

#include "base/size_text.h"
#include "report/threads.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

// Byte counts as exact numbers with a rounded one for the eye.
typedef char bytes_buffer[64];

static const char *show_bytes(uint64_t bytes, bytes_buffer buffer)
{
    hc_size_buffer size;
    if (bytes < 1024)
        return hc_size_text(bytes, buffer);
    snprintf(buffer, sizeof(bytes_buffer), "%" PRIu64 " bytes (%s)", bytes, hc_size_text(bytes, size));
    return buffer;
}

typedef char build_id_buffer[2 * sizeof(((struct hc_module *)0)->build_id) + 1];

static const char *show_build_id(const struct hc_module *module, build_id_buffer buffer)
{
    size_t length = module->build_id_length;
    if (!length)
        return NULL;
    for (size_t i = 0; i < length && i < sizeof(module->build_id); i++)
        snprintf(buffer + 2 * i, 3, "%02x", module->build_id[i]);
    return buffer;
}

static void add_hexadecimal(struct hc_report *report, const char *key, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "0x%" PRIx64, number);
    hc_report_text(report, key, text);
}

static void report_signal(struct hc_report *report, const struct hc_process_info *process)
{
    const char *abbreviation = sigabbrev_np(process->signal);
    const char *meaning = sigdescr_np(process->signal);
    char name[32], address[48] = "", thread[48] = "";
    if (abbreviation)
        snprintf(name, sizeof(name), "SIG%s", abbreviation);
    else
        snprintf(name, sizeof(name), "signal %d", process->signal);
    hc_report_number(report, "signal.number", (uint64_t)process->signal);
    hc_report_text(report, "signal.name", name);
    hc_report_text(report, "signal.meaning", meaning);
    if (process->has_fault_address) {
        add_hexadecimal(report, "signal.fault_address", process->fault_address);
        snprintf(address, sizeof(address), " at address 0x%" PRIx64, process->fault_address);
    }
    if (process->faulting_thread) {
        hc_report_number(report, "signal.thread", (uint64_t)process->faulting_thread);
        snprintf(thread, sizeof(thread), " in thread %d", process->faulting_thread);
    }
    hc_report_line(report, "ended by", "%s%s%s%s%s%s", name, meaning ? " (" : "", meaning ? meaning : "",
                   meaning ? ")" : "", address, thread);
}

static void report_process(struct hc_report *report, const struct hc_process_info *process)
{
    hc_report_section(report, "process", "Process");
    hc_report_text(report, "command", process->command);
    hc_report_text(report, "program", process->program);
    hc_report_number(report, "pid", (uint64_t)process->pid);
    hc_report_truth(report, "live", process->live);
    hc_report_number(report, "threads", process->thread_count);
    if (process->command)
        hc_report_line(report, "command", "%s", process->command);
    hc_report_line(report, "process", "%d, %zu thread%s%s", process->pid, process->thread_count,
                   process->thread_count == 1 ? "" : "s", process->live ? ", live" : "");
    if (process->signal)
        report_signal(report, process);
}

static void report_choice(struct hc_report *report, const struct hc_runtime *runtime)
{
    const char *name = hc_debug_info_file(runtime->debug_info);
    if (!runtime->choice.table) {
        hc_report_line(report, "layouts", "DWARF of %s", name);
        return;
    }
    hc_report_line(report, "layouts", "no debug information; table %s%s", name,
                   runtime->choice.told_count ? ", and what the process itself tells" : "");
    if (runtime->choice.is_guess)
        hc_report_line(report, "",
                       "a guess: that table is of other versions, though it passed all checks; "
                       "`heapcore help layouts` says how to make the right one");
}

static void report_python(struct hc_report *report, const struct hc_runtime *runtime)
{
    build_id_buffer buffer;
    const char *build_id = show_build_id(runtime->module, buffer);
    const char *debug_file = hc_debug_info_file(runtime->debug_info);
    hc_report_section(report, "python", NULL);
    hc_report_text(report, "version", runtime->version_text);
    hc_report_number(report, "interpreters", runtime->interpreters.count);
    hc_report_text(report, "binary", runtime->module->path);
    hc_report_text(report, "build_id", build_id);
    hc_report_text(report, "layouts.source", hc_layout_source_name(runtime->choice.source));
    hc_report_text(report, "layouts.file", debug_file);
    hc_report_truth(report, "layouts.guess", runtime->choice.is_guess);
    hc_report_line(report, "Python", "%s, %s%s%s", runtime->version_text, runtime->module->path,
                   build_id ? ", build-id " : "", build_id ? build_id : "");
    if (runtime->interpreters.count > 1)
        hc_report_line(report, "", "%zu interpreters", runtime->interpreters.count);
    report_choice(report, runtime);
}

static void report_image(struct hc_report *report, const struct hc_image *image)
{
    const struct hc_image_losses *losses = hc_image_losses(image);
    bytes_buffer size, lost;
    show_bytes(hc_image_size(image), size);
    hc_report_section(report, "image", NULL);
    hc_report_text(report, "path", hc_image_path(image));
    hc_report_number(report, "size", hc_image_size(image));
    hc_report_truth(report, "truncated", losses->truncated);
    if (losses->truncated) {
        hc_report_number(report, "expected_size", losses->expected_size);
        hc_report_line(report, "core", "%s, %s: cut short, %s of memory are lost", hc_image_path(image), size,
                       show_bytes(losses->truncated_bytes, lost));
    } else if (hc_image_process(image)->live) {
        hc_report_line(report, "memory", "%s copied", size);
    } else {
        hc_report_line(report, "core", "%s, %s", hc_image_path(image), size);
    }
    uint64_t compressed_size;
    const char *compression = hc_image_compression(image, &compressed_size);
    hc_report_text(report, "compression", compression);
    if (compression) {
        hc_report_number(report, "compressed_size", compressed_size);
        hc_report_line(report, "", "unpacked in memory from %s, %s", compression,
                       show_bytes(compressed_size, size));
    }
}

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

// Where types' own code should have been run, and was not.
static void report_own_code(struct hc_report *report, const struct hc_graph_tally *tally)
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
static struct hc_error *report_definitions(struct hc_report *report, const struct hc_session *session)
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

static void report_losses(struct hc_report *report, const struct hc_session *session)
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
    bool any = losses->missing_modules || losses->compressed_cut || losses->compressed_damaged;
    hc_report_truth(report, "compressed_cut", losses->compressed_cut);
    hc_report_truth(report, "compressed_damaged", losses->compressed_damaged);
    if (losses->compressed_cut)
        hc_report_line(report, "compressed file", "cut short: what was before the cut is read");
    if (losses->compressed_damaged)
        hc_report_line(report, "compressed file",
                       "damaged: read as far as it goes, and what is read may be wrong before that, too");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        hc_report_number(report, rows[i].key, rows[i].number);
        any |= rows[i].number != 0;
        bytes_buffer number;
        snprintf(number, sizeof(number), "%" PRIu64 ",", rows[i].number);
        if (rows[i].number)
            hc_report_line(report, rows[i].label, "%s %s",
                           rows[i].in_bytes ? show_bytes(rows[i].number, number) : number, rows[i].meaning);
    }
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

static void report_files(struct hc_report *report, const struct hc_image *image)
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
        build_id_buffer build_id;
        if (!shown)
            continue;
        hc_report_cell_text(report, module_states[modules[i].state].name);
        hc_report_cell_text(report, shown);
        hc_report_cell_text(report, modules[i].path);
        hc_report_cell_text(report, show_build_id(&modules[i], build_id));
    }
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
                                   struct hc_report *report)
{
    _cleanup_(hc_partition_deinit) struct hc_partition heap = {0};
    struct hc_state_totals totals;
    HC_TRY(hc_partition_heap(session->graph, &heap, &totals));
    report_process(report, hc_image_process(session->image));
    report_python(report, &session->runtime);
    report_image(report, session->image);
    HC_TRY(hc_report_threads_briefly(session, report));
    hc_report_partition(report, "heap", NULL, &heap);
    if (baseline)
        HC_TRY(report_growth(report, session, baseline));
    if (hc_image_losses(session->image)->truncated)
        HC_TRY(report_unreached(report, session));
    report_states(report, &totals);
    report_how(report, session->graph);
    report_own_code(report, &session->graph->tally);
    HC_TRY(report_definitions(report, session));
    report_pymalloc(report, &session->graph->pools);
    report_losses(report, session);
    report_files(report, session->image);
    return hc_report_check(report);
}
