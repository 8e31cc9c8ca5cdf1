// Compresses bytes as zstd, lz4 (frames), xz and gzip do, with the checksums that those programs write.
#pragma once

#include <stddef.h>
#include <stdint.h>

// NULL ends it.
extern const char *const compressing_formats[];

// The result is for free(). Aborts for an unknown format or when a library fails.
uint8_t *compress_bytes(const char *format, const void *bytes, size_t length, size_t *ret_length);
