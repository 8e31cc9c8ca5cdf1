// _Py_DebugOffsets, which _PyRuntime begins with since 3.13 (gh-106597): offsets that the process itself
// tells.
#pragma once

#include "image/image.h"
#include "layout/source.h"

// `runtime` is the address of _PyRuntime, `version` as sys.hexversion. Free `*ret`.
struct hc_error *hc_debug_offsets_read(struct hc_reader *reader, uint64_t runtime, uint32_t version,
                                       struct hc_told_offset **ret, size_t *ret_count);
