// Where the memory of the process is, as a table that adds up.
#pragma once

#include "memory/memory.h"
#include "report/report.h"

// `limit`: rows of the tables beside it, or HC_NO_LIMIT for a page of each.
struct hc_error *hc_report_memory(const struct hc_session *session, long limit, struct hc_report *report);
