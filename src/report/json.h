// Reports as JSON: the same data for programs. docs/json.md lists the keys.
#pragma once

#include "report/report.h"

#include <stdio.h>

// What cannot be written shows in ferror(file).
struct hc_error *hc_json_write(const struct hc_report *report, const struct hc_render_options *options,
                               FILE *file);
