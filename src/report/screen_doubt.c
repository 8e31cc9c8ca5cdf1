// What is missing, damaged or guessed, and what to type next.
#include "report/screen_parts.h"

#include "base/path.h"
#include "base/size_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LINES = 3, WORTH_TELLING = 100 }; // one in so many objects

// Clauses joined by semicolons.
struct doubts {
    FILE *file;
    size_t count;
};

static void add_doubt(struct doubts *doubts, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_doubt(struct doubts *doubts, const char *format, ...)
{
    va_list arguments;
    fputs(doubts->count++ ? "; " : "", doubts->file);
    va_start(arguments, format);
    vfprintf(doubts->file, format, arguments);
    va_end(arguments);
}

static void doubt_image(struct doubts *doubts, const struct hc_image *image)
{
    const struct hc_image_losses *losses = hc_image_losses(image);
    hc_size_buffer size;
    if (losses->compressed_damaged)
        add_doubt(doubts, "the compressed file is damaged: what was read may be wrong");
    if (losses->truncated)
        add_doubt(doubts, "the core is cut short: %s of memory are lost",
                  hc_size_text(losses->truncated_bytes, size));
    else if (losses->compressed_cut)
        add_doubt(doubts, "the compressed file is cut short");
    if (losses->not_dumped_bytes)
        add_doubt(doubts, "%s of memory were not dumped", hc_size_text(losses->not_dumped_bytes, size));
}

static void doubt_files(struct doubts *doubts, const struct hc_image *image)
{
    size_t count, missing = hc_image_losses(image)->missing_modules, trusted = 0;
    const struct hc_module *modules = hc_image_modules(image, &count), *first = NULL;
    for (size_t i = 0; i < count; i++) {
        enum hc_module_state state = modules[i].state;
        trusted += state == HC_MODULE_UNVERIFIED;
        if (!first && state != HC_MODULE_UNVERIFIED && state != HC_MODULE_FOUND)
            first = &modules[i];
    }
    if (missing == 1 && first)
        add_doubt(doubts, "%s is not here as it was (--sysroot)", hc_path_name(first->path));
    else if (missing && first)
        add_doubt(doubts, "%zu files, %s among them, are not here as they were (--sysroot)", missing,
                  hc_path_name(first->path));
    if (trusted)
        add_doubt(doubts, "%zu files are read on trust, without a build-id", trusted);
}

static void doubt_objects(struct doubts *doubts, const struct hc_session *session)
{
    const struct hc_graph *graph = session->graph;
    const struct hc_graph_tally *tally = &graph->tally;
    uint64_t not_run = 0;
    for (int cause = HC_EMULATION_DONE + 1; cause < HC_EMULATION_COUNT; cause++)
        not_run += tally->emulation[cause];
    if (graph->pools.damaged_pools)
        add_doubt(doubts, "%" PRIu64 " damaged pools of pymalloc", graph->pools.damaged_pools);
    if (graph->pools.unreadable_pools)
        add_doubt(doubts, "%" PRIu64 " unreadable pools of pymalloc", graph->pools.unreadable_pools);
    if (tally->unreadable)
        add_doubt(doubts, "%" PRIu64 " pointers into memory that is not there", tally->unreadable);
    if (tally->dangling)
        add_doubt(doubts, "%" PRIu64 " references to where no object is", tally->dangling);
    if (tally->how[HC_HOW_WORDS] > graph->count / WORTH_TELLING)
        add_doubt(doubts, "%" PRIu64 " objects are known approximately", tally->how[HC_HOW_WORDS]);
    if (not_run > graph->count / WORTH_TELLING)
        add_doubt(doubts, "of %" PRIu64 " objects the own code could not be run", not_run);
}

static void doubt_damage(struct doubts *doubts, const struct hc_damage *damage)
{
    const struct {
        uint64_t number;
        const char *meaning;
    } rows[] = {
        {damage->being_collected, "objects were being collected"},
        {damage->collector_breaks, "of the collector's links are overwritten"},
        {damage->freed_referents, "freed blocks are still referred to"},
        {damage->damaged_referents, "objects' headers make no sense"},
        {damage->unreadable_types, "types make no sense"},
        {damage->untyped_objects, "objects have no type"},
        {damage->bounded_sizes, "sizes are impossible"},
        {damage->contradictory, "containers contradict themselves"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (rows[i].number)
            add_doubt(doubts, "%" PRIu64 " %s", rows[i].number, rows[i].meaning);
}

static void doubt_layouts(struct doubts *doubts, const struct hc_runtime *runtime)
{
    if (runtime->choice.is_guess)
        add_doubt(doubts, "the layouts are a guess, from the table %s",
                  hc_debug_info_file(runtime->debug_info));
}

static void doubt_interpreters(struct doubts *doubts, const struct hc_runtime *runtime)
{
    if (runtime->interpreters_broken)
        add_doubt(doubts, "the list of interpreters is broken: others than the main one may be missing");
}

static void doubt_threads(struct doubts *doubts, const struct hc_thread_report *threads)
{
    size_t cut = 0;
    for (size_t i = 0; i < threads->threads.count; i++)
        cut += threads->facts[i].end != HC_FRAMES_COMPLETE;
    if (threads->is_cut)
        add_doubt(doubts, "the list of threads ends in memory that is not there");
    if (cut)
        add_doubt(doubts, "the frames of %zu thread%s end too early", cut, cut == 1 ? "" : "s");
}

struct hc_error *hc_screen_find_doubts(struct hc_screen *screen)
{
    _cleanup_(hc_freep) char *text = NULL;
    size_t length;
    struct doubts doubts = {.file = open_memstream(&text, &length)};
    if (!doubts.file)
        return hc_error_out_of_memory();
    doubt_image(&doubts, screen->session->image);
    doubt_files(&doubts, screen->session->image);
    doubt_layouts(&doubts, &screen->session->runtime);
    doubt_interpreters(&doubts, &screen->session->runtime);
    doubt_threads(&doubts, &screen->threads);
    doubt_damage(&doubts, &screen->session->graph->tally.damage);
    doubt_objects(&doubts, screen->session);
    bool is_complete = !ferror(doubts.file);
    is_complete = !fclose(doubts.file) && is_complete;
    if (!is_complete)
        return hc_error_out_of_memory();
    if (doubts.count) {
        screen->doubts = text;
        text = NULL;
    }
    return NULL;
}

struct hc_error *hc_screen_doubts(struct hc_screen *screen)
{
    size_t room = screen->room - 2;
    hc_report_section(screen->report, "doubts", "Not sure");
    hc_screen_text(screen, screen->doubts, room < MOST_LINES ? room : MOST_LINES, HC_TONE_WARNING);
    return NULL;
}

struct hc_error *hc_screen_next(struct hc_screen *screen)
{
    const struct hc_process_info *process = hc_image_process(screen->session->image);
    const char *evidence = screen->suspects.count ? "suspects" : "retained";
    char target[32] = "CORE";
    if (process->live)
        snprintf(target, sizeof(target), "-p %d", process->pid);
    hc_report_section(screen->report, "next", NULL);
    hc_report_title(screen->report, "Next: heapcore %s %s; threads --locals %s; analyze --full %s", evidence,
                    target, target, target);
    return NULL;
}
