// The report on retained size: what `heapcore retained` prints.
#pragma once

#include "graph/session.h"
#include "report/report.h"

// The objects, kinds and variables that keep most alive; `limit` of each, or a page if that is HC_NO_LIMIT.
struct hc_error *hc_report_retained(const struct hc_session *session, long limit, struct hc_report *report);
