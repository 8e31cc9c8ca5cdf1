// What an expression came to, for people and as JSON.
#pragma once

#include "query/answer.h"
#include "report/report.h"

#include <json.h>
#include <stdio.h>

// As heapy's session shows it; None prints nothing.
struct hc_error *hc_answer_write(const struct hc_answer *answer, const struct hc_render_options *options,
                                 FILE *file);
// The object of `query --json` for `expression`: docs/json.md. Give it to json_object_put().
struct hc_error *hc_answer_json(const char *expression, const struct hc_answer *answer,
                                const struct hc_render_options *options, json_object **ret);
// The same for an expression that came to nothing, and why.
struct hc_error *hc_failure_json(const char *expression, const char *message, json_object **ret);
