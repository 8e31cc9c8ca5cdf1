// Threads and tasks as a report. Needs no objects found: a session with layouts only will do.
#pragma once

#include "graph/session.h"
#include "report/report.h"

struct hc_error *hc_report_threads(const struct hc_session *session, bool with_locals,
                                   struct hc_report *report);
// The thread that crashed or holds the GIL, in JSON only.
struct hc_error *hc_report_first_thread(const struct hc_session *session, struct hc_report *report);
