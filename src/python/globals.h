// What CPython keeps once for the whole process: in _PyRuntime, or in variables of its source files. Each
// thing moved from these to there with some version.
#pragma once

#include "python/runtime.h"

#include <stdbool.h>
#include <stdint.h>

enum hc_global {
    HC_GLOBAL_INTERPRETERS,     // the first PyInterpreterState
    HC_GLOBAL_CURRENT_THREAD,   // the PyThreadState that holds the GIL, or NULL; up to 3.11
    HC_GLOBAL_OBJECT_ALLOCATOR, // a PyMemAllocatorEx
};

// Address of the variable; false if this build has none.
bool hc_global_find(const struct hc_runtime *runtime, enum hc_global global, uint64_t *ret);
