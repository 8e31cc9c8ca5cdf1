// Do layouts that were not made for this very build fit it? What is known of every CPython is held against
// what they find in the image.
#pragma once

#include "python/runtime.h"

// The landmarks and interpreters are known. The error says what does not fit.
struct hc_error *hc_sanity_check(const struct hc_runtime *runtime, struct hc_reader *reader);

// How the interpreter was built: enum hc_build_flag.
unsigned hc_build_flags(const struct hc_runtime *runtime, struct hc_reader *reader);
