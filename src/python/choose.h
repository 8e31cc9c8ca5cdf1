// An interpreter without debug information: which of the known tables of layouts fits it.
#pragma once

#include "python/runtime.h"

// Finds the module, the layouts, and all that the layouts lead to. `missing` is why there is no debug
// information; it is consumed, and is the error when nothing else can be said.
struct hc_error *hc_runtime_choose_table(struct hc_runtime *runtime, const struct hc_debug_options *options,
                                         struct hc_error *missing);
