// The sections of the full report on a process, a function each.
#pragma once

#include "graph/session.h"
#include "report/report.h"

void hc_report_process(struct hc_report *report, const struct hc_image *image);
void hc_report_python(struct hc_report *report, const struct hc_runtime *runtime);
void hc_report_image(struct hc_report *report, const struct hc_image *image);

// Where types' own code should have been run, and was not.
void hc_report_own_code(struct hc_report *report, const struct hc_graph_tally *tally);
// Definitions that name a type of the process and do not fit it.
struct hc_error *hc_report_definitions(struct hc_report *report, const struct hc_session *session);
void hc_report_losses(struct hc_report *report, const struct hc_session *session);
void hc_report_files(struct hc_report *report, const struct hc_image *image);
