// Writes a file anew, compressed with zstd.
#pragma once

#include "base/error.h"

#include <stdint.h>

// From `from` (open for reading, `size` bytes) to `to`. Paths are for messages.
struct hc_error *hc_compress(int from, uint64_t size, int to, const char *path, unsigned threads);
