// pymalloc's table of arenas up to 3.11, a static variable, found by how it looks where no symbol tells.
#pragma once

#include "python/runtime.h"

// `*ret_count`: at least as many entries as are in use. False if it is not found.
bool hc_signature_find_arenas(const struct hc_runtime *runtime, uint64_t *ret_arenas, uint64_t *ret_count);
