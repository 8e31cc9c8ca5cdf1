// How a reference pattern reads.
#pragma once

#include "sets/pattern.h"

#include <stdio.h>

// "Reference Pattern by <[dict of] class>."
void hc_pattern_write_label(const struct hc_pattern *pattern, FILE *file);
// " 1: a      [S] 1 dict of module: __main__", for a line that was made.
struct hc_error *hc_pattern_write_line(const struct hc_pattern *pattern, uint32_t index, FILE *file);
