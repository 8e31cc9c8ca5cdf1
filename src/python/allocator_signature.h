// Which allocator serves objects, where no symbol tells what the functions in the process's table of
// allocators are: by how the table of the debug hooks looks.
#pragma once

#include "python/allocators.h"

void hc_signature_allocators(const struct hc_runtime *runtime, struct hc_allocators *ret);
