// The reports on a session, by name: one table for the command line, the C API and gdb.
#pragma once

#include "graph/session.h"
#include "report/report.h"
#include "sets/reference.h"

#include <stdio.h>

struct hc_report_options {
    struct hc_render_options render;
    bool json;
    const struct hc_reference *baseline; // an earlier dump of the process; NULL: none
    bool locals;                         // of threads: every frame's variables, too
    bool full;                           // of analyze: all of it in place of a screen
    bool verify;                         // of analyze: whether types' own code agrees
};

struct hc_session_report {
    const char *name;
    const char *summary; // one line, lower case
    const char *help;    // paragraphs
    bool layouts_only;   // needs no objects
    bool is_slow;        // computes for a while before it writes
    bool takes_baseline;
    bool takes_emit;
    bool takes_locals;
    bool takes_full;
    bool takes_verify;
    struct hc_error *(*make)(const struct hc_session *session, const struct hc_report_options *options,
                             struct hc_report *report); // NULL: of dump, which is no report but lines
};

struct hc_error *hc_session_report_write(const struct hc_session_report *kind,
                                         const struct hc_session *session,
                                         const struct hc_report_options *options, FILE *file);

extern const struct hc_session_report hc_session_reports[];
size_t hc_session_report_count(void);

// NULL if there is no such report.
const struct hc_session_report *hc_session_report_find(const char *name);
