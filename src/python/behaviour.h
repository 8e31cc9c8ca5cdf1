// What the interpreter's code does one way or the other with no trace in its structs, and in fixed minor
// versions too, because distributions take single changes into theirs: found by running it.
#pragma once

#include "python/runtime.h"

// Once an instance's inline values have a dict, is it the dict that visits them, not the instance? Since
// 3.13.13 (gh-130327), and in Debian's 3.13.5.
struct hc_error *hc_behaviour_of_inline_values(const struct hc_runtime *runtime, bool *ret);
