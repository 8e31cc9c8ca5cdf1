// Running a fixed list of tasks on a few threads.
#pragma once

#include "base/error.h"

#include <stddef.h>

// For structs that threads write to side by side: no two of them share a cache line (or the pair of lines
// that is fetched at once).
#define HC_ALONE __attribute__((aligned(128)))

// A zeroed array of such structs; free() it. NULL: out of memory.
void *hc_calloc_alone(size_t count, size_t size);

// How many threads to use when `wanted` are asked for: 0 is one per processor; there is a limit.
unsigned hc_parallel_threads(unsigned wanted);

// Runs one task. `worker` is a number below the thread count, for per-thread state.
typedef struct hc_error *hc_task_fn(void *argument, unsigned worker, size_t task);

// Runs tasks 0 … count - 1 in any order on `threads` threads (the caller is one of them); returns the first
// error, which may be "interrupted": then some tasks have not run.
struct hc_error *hc_parallel_run(unsigned threads, size_t count, hc_task_fn *run, void *argument);
