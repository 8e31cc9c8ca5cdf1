// The report on retained size: what `heapcore retained` prints.
#pragma once

#include "graph/session.h"
#include "report/report.h"
#include "sets/set.h"

// The objects, kinds and variables that keep most alive; `limit` of each, or a page if that is HC_NO_LIMIT.
struct hc_error *hc_report_retained(const struct hc_session *session, long limit, struct hc_report *report);

// Cells of its tables: bytes retained and their share of `whole`; an object's address and short form.
void hc_report_retained_cells(struct hc_report *report, uint64_t bytes, uint64_t whole);
struct hc_error *hc_report_object_cells(struct hc_report *report, struct hc_universe *universe,
                                        uint32_t object);
