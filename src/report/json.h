// Reports as JSON: the same data for programs. docs/json.md lists the keys.
#pragma once

#include "report/report.h"

#include <json.h>
#include <stdio.h>

// What every report begins with: which one it is, by which of docs/schema, of which heapcore. `name`: NULL
// for none.
struct hc_error *hc_json_add_header(json_object *root, const char *name);
// What cannot be written shows in ferror(file).
struct hc_error *hc_json_write(const struct hc_report *report, const struct hc_render_options *options,
                               FILE *file);
