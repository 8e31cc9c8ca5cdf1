// The program's commands: those that work on a session for long have a file each, the others are the reports
// of report/session_reports.h. main(), `heapcore help` and --help read this table.
#pragma once

#include "graph/session.h"
#include "report/session_reports.h"
#include "sets/reference.h"

#include <stdbool.h>
#include <stdio.h>

enum { HC_CLI_DEFINITIONS = 64 };

// Strings point into argv. A copy must not outlive the original, whose `definitions` it uses.
struct hc_cli_options {
    const struct hc_session_report *report; // of commands that are one
    struct hc_session_options session;
    const char *definitions[HC_CLI_DEFINITIONS]; // of the session
    struct hc_render_options render;
    const char *baseline; // a core of the same process, dumped earlier; NULL: none
    char **expressions;   // of commands that take them
    size_t expression_count;
    bool json;
    bool locals;
    bool full;
    bool emit;
    bool verify;
    bool quiet;
};

enum hc_exit_status {
    HC_EXIT_DONE,
    HC_EXIT_FAILED,
    HC_EXIT_USAGE,
    HC_EXIT_NOTHING, // of commands that wait: what they wait for never came
};

struct hc_command {
    const char *name;
    const char *arguments;  // after "heapcore NAME"
    const char *summary;    // one line, lower case
    const char *help;       // paragraphs
    bool takes_expressions; // after the core
    bool takes_second;      // core, which becomes the baseline
    bool takes_baseline;
    bool takes_locals;
    bool takes_full;
    bool takes_emit;
    bool takes_verify;
    const struct hc_session_report *report; // NULL: none
    struct hc_error *(*run)(const struct hc_cli_options *options);
    // Commands without a session parse their own options: what --help says of these, and what to run. argv[0]
    // is the command's name; with an error the status is FAILED or USAGE.
    const char *own_options;
    struct hc_error *(*run_alone)(int argc, char **argv, enum hc_exit_status *ret_status);
};

extern const struct hc_command hc_command_capture, hc_command_diff, hc_command_query, hc_command_shell;
extern const struct hc_command hc_command_collect, hc_command_watch;

// NULL past the last.
const struct hc_command *hc_command_at(size_t index);
// NULL if there is no such command.
const struct hc_command *hc_command_find(const char *name);

// Opens the session that `options` name, with a note on stderr if that takes its time.
struct hc_error *hc_command_open(const struct hc_cli_options *options, struct hc_session **ret);
// Reads the baseline that `options` name; NULL in `*ret` if they name none. It is closed before the session
// is opened: two heaps need not fit into memory at once.
struct hc_error *hc_command_baseline(const struct hc_cli_options *options, struct hc_reference **ret);
