// Whether what heapcore knows of types agrees with their own code.
#pragma once

#include "graph/session.h"
#include "report/report.h"

// Adds the section "verification", a row for each type.
struct hc_error *hc_report_verification(const struct hc_session *session, struct hc_report *report);
