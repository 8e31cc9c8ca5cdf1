// Tables without objects as heapy prints them.
#pragma once

#include "report/report.h"
#include "sets/statistics.h"

// Adds the rows from `first` to before `end` as a section; the label only on the first page.
void hc_report_statistics(struct hc_report *report, const struct hc_statistics *statistics, size_t first,
                          size_t end);
