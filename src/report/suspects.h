// `heapcore suspects`.
#pragma once

#include "report/report.h"
#include "suspects/suspects.h"

struct hc_error *hc_report_suspects(const struct hc_session *session, const struct hc_reference *baseline,
                                    struct hc_report *report);
// As a section of another report.
void hc_report_suspects_section(struct hc_report *report, const struct hc_suspect_vector *suspects);
