// The reports on a session: what `heapcore analyze --full` and `heapcore layouts` print.
#pragma once

#include "graph/session.h"
#include "report/report.h"
#include "sets/partition.h"
#include "sets/reference.h"

// The process, its threads, what deserves a look, where its memory is, its heap as heapy shows it, and all
// that is not known about it. `baseline`: an earlier dump to tell the growth against, or NULL. `limit`: rows
// of tables that are long otherwise, or HC_NO_LIMIT: all where `is_whole`, else a page of each.
struct hc_error *hc_report_analyze(const struct hc_session *session, const struct hc_reference *baseline,
                                   long limit, bool is_whole, struct hc_report *report);
// Every struct member that heapcore reads, where it is, and who says so.
struct hc_error *hc_report_layouts(const struct hc_session *session, struct hc_report *report);

enum { HC_PARTITION_COLUMNS = 8 };
extern const struct hc_column hc_partition_columns[HC_PARTITION_COLUMNS];

// Adds heapy's table of a partition as a section.
void hc_report_partition_page(
    struct hc_report *report, const char *key, struct hc_partition *partition, size_t first,
    size_t end); // the rows from `first` to before `end`; the label only on the first page
void hc_report_partition(struct hc_report *report, const char *key, const char *title,
                         struct hc_partition *partition);
