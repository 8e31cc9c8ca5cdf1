// Every object as a JSON object a line: docs/json.md has the keys.
#pragma once

#include "graph/session.h"
#include "report/report.h"

#include <stdio.h>

// Reachable, tracked and stray objects in number order, virtual dicts last; at most options->limit of them.
// Stops when `file` cannot be written; that shows in ferror(file).
struct hc_error *hc_dump_write(const struct hc_session *session, const struct hc_render_options *options,
                               FILE *file);
