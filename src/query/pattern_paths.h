// The paths through a reference pattern: from a line's set down to the set that the pattern is of.
#pragma once

#include "query/answer.h"
#include "sets/pattern.h"

// Of the pattern that `self`, a first page, is of; keeps it. The paths begin at `line`.
struct hc_error *hc_pattern_paths(const struct hc_answer *self, struct hc_pattern *pattern, uint32_t line,
                                  struct hc_answer *ret);
