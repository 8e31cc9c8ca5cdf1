// The reference audit, as a report.
#pragma once

#include "graph/session.h"
#include "report/report.h"

struct hc_error *hc_report_references(const struct hc_session *session, struct hc_report *report);
