// What of the heap was overwritten, or caught in the middle of a change: lines of the report's losses.
#pragma once

#include "graph/graph.h"
#include "report/report.h"

// True if there is any.
bool hc_report_damage(struct hc_report *report, const struct hc_damage *damage);
