#include "report/session_reports.h"

#include "report/analyze.h"
#include "report/dump.h"
#include "report/json.h"
#include "report/memory.h"
#include "report/references.h"
#include "report/retained.h"
#include "report/screen.h"
#include "report/suspects.h"
#include "report/text.h"
#include "report/threads.h"
#include "report/verify.h"

#include <string.h>

static struct hc_error *make_analyze(const struct hc_session *session,
                                     const struct hc_report_options *options, struct hc_report *report)
{
    const struct hc_screen_options screen = {
        .baseline = options->baseline, .limit = options->render.limit, .width = options->render.width};
    if (options->full || options->json)
        HC_TRY(hc_report_analyze(session, options->baseline, options->render.limit, options->json, report));
    else
        HC_TRY(hc_report_screen(session, &screen, report));
    return options->verify ? hc_report_verification(session, report) : NULL;
}

static struct hc_error *make_threads(const struct hc_session *session,
                                     const struct hc_report_options *options, struct hc_report *report)
{
    return hc_report_threads(session, options->locals, report);
}

static struct hc_error *make_layouts(const struct hc_session *session,
                                     const struct hc_report_options *options, struct hc_report *report)
{
    (void)options;
    return hc_report_layouts(session, report);
}

static struct hc_error *make_retained(const struct hc_session *session,
                                      const struct hc_report_options *options, struct hc_report *report)
{
    return hc_report_retained(session, options->render.limit, report);
}

static struct hc_error *make_suspects(const struct hc_session *session,
                                      const struct hc_report_options *options, struct hc_report *report)
{
    return hc_report_suspects(session, options->baseline, report);
}

static struct hc_error *make_references(const struct hc_session *session,
                                        const struct hc_report_options *options, struct hc_report *report)
{
    (void)options;
    return hc_report_references(session, report);
}

static struct hc_error *make_memory(const struct hc_session *session, const struct hc_report_options *options,
                                    struct hc_report *report)
{
    return hc_report_memory(session, options->render.limit, options->json, report);
}

const struct hc_session_report hc_session_reports[] = {
    {
        .name = "analyze",
        .summary = "the post-mortem: how the process ended, what leaks, where its memory is",
        .help =
            "Prints on one screen what somebody wants to know first whose process is dead: how and when it "
            "ended,\n"
            "what the thread was about that crashed or holds the GIL, what deserves a look, where the memory "
            "is, the\n"
            "heap by kind, what keeps most of it alive, where the other threads are, what is missing or "
            "doubtful.\n"
            "With --full it prints all that it has: every thread, every suspect, the whole table of memory, "
            "heapy's\n"
            "table of the heap, how sizes and references are known, and every loss. --json has that as "
            "data.\n"
            "With --baseline CORE, a core of the same process dumped earlier, it tells what has grown. "
            "With --verify\n"
            "it runs the tp_traverse of every type, in an emulator, for some of its objects, and tells "
            "whether\n"
            "heapcore knows these as their own code does.\n",
        .takes_baseline = true,
        .takes_full = true,
        .takes_verify = true,
        .is_slow = true,
        .make = make_analyze,
    },
    {
        .name = "threads",
        .summary = "each thread's Python stack, and what asyncio's tasks wait for",
        .help = "Prints the threads of every interpreter, the one that crashed first, then the one that "
                "holds the GIL:\n"
                "name, kernel's number, exception, native frames of a crash, and the frames of Python "
                "functions from the\n"
                "innermost outwards. asyncio's tasks that are not done follow, each with what it waits for. "
                "With\n"
                "--locals every frame's variables are shown with type, size, retained size and value. A line "
                "of source is "
                "shown where\n"
                "its file is here and no younger than the core.\n",
        .layouts_only = true,
        .takes_locals = true,
        .make = make_threads,
    },
    {
        .name = "memory",
        .summary = "where the memory is, in a table that adds up to the core",
        .help = "Prints what each byte of the process's memory is: Python objects and what they own, the "
                "interpreter,\n"
                "pymalloc's and malloc's blocks that are free or not known to be Python's, stacks, binaries, "
                "files, and\n"
                "what is not known. Tables follow of types, pymalloc's sizes of blocks, malloc's arenas, "
                "blocks that\n"
                "nothing known owns, and mappings; --limit says how many rows of each.\n",
        .is_slow = true,
        .make = make_memory,
    },
    {
        .name = "dump",
        .summary = "every object, a JSON object a line",
        .help =
            "Prints each object with its address, type, size, reference count, state (reachable, tracked, "
            "stray),\n"
            "how its size and references are known, and the addresses of the objects that it refers to.\n"
            "Attributes that live in inline values and never were made a dict follow as dicts with\n"
            "\"virtual\":true.\n",
    },
    {
        .name = "layouts",
        .summary = "every struct member used, its offset and where it comes from",
        .help = "Prints each member of CPython's structs that heapcore reads, with its offset and size in "
                "bytes and\n"
                "the source that says so; `absent` where this version of CPython has no such member. With "
                "--emit it\n"
                "writes what debug information says as a table, which --layouts reads where there is none.\n",
        .takes_emit = true,
        .layouts_only = true,
        .make = make_layouts,
    },
    {
        .name = "retained",
        .summary = "what keeps most memory alive: objects, kinds, variables, threads",
        .help = "Prints what would be freed if an object went, its own bytes included, for the largest "
                "objects, each\n"
                "with the shortest path from the interpreter; for kinds of objects; and for the variables "
                "of modules\n"
                "and classes, for variables of frames, and for threads. 20 of each, unless --limit says "
                "otherwise.\n",
        .is_slow = true,
        .make = make_retained,
    },
    {
        .name = "suspects",
        .summary = "what looks wrong: what holds too much, grows, repeats itself or waits to be freed",
        .help = "Prints findings, the largest first, each with its figures, the path that holds what it is "
                "about, "
                "and\nthe query that shows it: objects that keep a large share of the heap alive, values "
                "that stand "
                "there\nmany times, containers far larger than their contents, garbage that awaits "
                "collection. With\n"
                "--baseline CORE, a core of the same process dumped earlier, the kinds that grew.\n",
        .takes_baseline = true,
        .is_slow = true,
        .make = make_suspects,
    },
    {
        .name = "references",
        .summary = "reference counts that do not agree with the references found",
        .help =
            "Counts the references to each object that the heap, the interpreters and the frames hold, and "
            "compares\n"
            "them with its reference count. What is missing is looked for in C variables, stacks, "
            "registers and\n"
            "memory that belongs to no object. A count that stays too high is a reference that was never "
            "given\n"
            "back; one too low is a crash to come. With --json every object and word is told.\n",
        .is_slow = true,
        .make = make_references,
    },
};

struct hc_error *hc_session_report_write(const struct hc_session_report *kind,
                                         const struct hc_session *session,
                                         const struct hc_report_options *options, FILE *file)
{
    if (!kind->make) // a line an object is not to be held in memory
        return hc_dump_write(session, &options->render, file);
    _cleanup_(hc_report_deinit) struct hc_report report = {.name = kind->name};
    HC_TRY(kind->make(session, options, &report));
    return options->json ? hc_json_write(&report, &options->render, file)
                         : hc_text_write(&report, &options->render, file);
}

size_t hc_session_report_count(void)
{
    return sizeof(hc_session_reports) / sizeof(*hc_session_reports);
}

const struct hc_session_report *hc_session_report_find(const char *name)
{
    for (size_t i = 0; i < hc_session_report_count(); i++)
        if (!strcmp(hc_session_reports[i].name, name))
            return &hc_session_reports[i];
    return NULL;
}
