// Where the memory of the process is, as a table that adds up.
#pragma once

#include "memory/memory.h"
#include "report/report.h"

// `limit`: rows of the tables beside it; HC_NO_LIMIT: all where `is_whole`, else a page of each.
struct hc_error *hc_report_memory(const struct hc_session *session, long limit, bool is_whole,
                                  struct hc_report *report);
