// Runs what a user typed and writes what it prints.
#pragma once

#include "query/interpreter.h"
#include "report/report.h"

#include <json.h>
#include <stdio.h>

// Each statement of `expression` in turn; an interrupt ends it. Answers go to `file` as text, or into
// `answers` where that is an array.
struct hc_error *hc_run_expression(struct hc_interpreter *interpreter, const char *expression,
                                   const struct hc_render_options *options, json_object *answers, FILE *file);

// What `more` means where a person types it alone on a line: the next page of the last answer.
extern const char hc_next_page[];
