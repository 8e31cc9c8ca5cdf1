// `heapcore suspects`.
#pragma once

#include "report/report.h"
#include "suspects/suspects.h"

struct hc_error *hc_report_suspects(const struct hc_session *session, const struct hc_reference *baseline,
                                    struct hc_report *report);
