// Which allocator serves objects, and what stands before each of its blocks: as the process's own table of
// allocators says.
#pragma once

#include "python/runtime.h"

#include <stdbool.h>
#include <stdint.h>

enum hc_allocator {
    HC_ALLOCATOR_UNKNOWN, // the table cannot be read, or somebody has put an allocator of his own there
    HC_ALLOCATOR_PYMALLOC,
    HC_ALLOCATOR_MALLOC, // the C library's (PYTHONMALLOC=malloc)
};

struct hc_allocators {
    enum hc_allocator objects;
    bool has_hooks; // PYTHONMALLOC=debug, -X dev, Py_DEBUG: words before and after each block
};

// Does a block begin with what the hooks put there: two words?
bool hc_hooks_stand_before(const uint8_t *block, unsigned word);
void hc_allocators_read(const struct hc_runtime *runtime, struct hc_allocators *ret);
