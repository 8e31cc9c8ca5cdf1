// Reports as text for people.
#pragma once

#include "report/report.h"

#include <stdio.h>

// What cannot be written shows in ferror(file).
struct hc_error *hc_text_write(const struct hc_report *report, const struct hc_render_options *options,
                               FILE *file);
// One table as heapy prints it: label, header, rows of fixed columns, "more rows" line.
struct hc_error *hc_text_write_heapy_table(const struct hc_table *table,
                                           const struct hc_render_options *options, FILE *file);
