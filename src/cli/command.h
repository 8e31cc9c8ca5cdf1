// The program's commands: one static record and one file each. main(), `heapcore help` and --help read this
// table.
#pragma once

#include "graph/session.h"
#include "report/report.h"
#include "sets/reference.h"

#include <stdbool.h>
#include <stdio.h>

// Strings point into argv.
struct hc_cli_options {
    struct hc_session_options session;
    struct hc_render_options render;
    const char *baseline; // a core of the same process, dumped earlier; NULL: none
    char **expressions;   // of commands that take them
    size_t expression_count;
    bool json;
    bool quiet;
};

struct hc_command {
    const char *name;
    const char *arguments;  // after "heapcore NAME"
    const char *summary;    // one line, lower case
    const char *help;       // paragraphs
    bool takes_expressions; // after the core
    bool takes_baseline;
    struct hc_error *(*run)(const struct hc_cli_options *options);
};

extern const struct hc_command hc_command_analyze, hc_command_dump, hc_command_layouts, hc_command_query,
    hc_command_shell;

extern const struct hc_command *const hc_commands[]; // ended by NULL

// NULL if there is no such command.
const struct hc_command *hc_command_find(const char *name);

// Opens the session that `options` name, with a note on stderr if that takes its time.
struct hc_error *hc_command_open(const struct hc_cli_options *options, struct hc_session **ret);
// Reads the baseline that `options` name; NULL in `*ret` if they name none. It is closed before the session
// is opened: two heaps need not fit into memory at once.
struct hc_error *hc_command_baseline(const struct hc_cli_options *options, struct hc_reference **ret);
// Prints `report` as options say.
struct hc_error *hc_command_print(const struct hc_report *report, const struct hc_cli_options *options);
