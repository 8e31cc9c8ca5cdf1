// Lines of source: co_lnotab up to 3.9, co_linetable of PEP 626 in 3.10, the location table of PEP 657 since.
#pragma once

#include "python/trace.h"

#include <stdbool.h>
#include <stdint.h>

// The line of the instruction at byte `instruction` of `code`; below 0: not begun, the first line. False if
// the table cannot be read, or gives the instruction no line.
bool hc_code_line(struct hc_tracer *tracer, uint64_t code, int64_t instruction, int64_t *ret);
