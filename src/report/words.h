// Sizes, paths and the like as people read them.
#pragma once

#include "image/image.h"

#include <stdint.h>

typedef char hc_bytes_buffer[64];

// "123 bytes", "12.3 MiB".
const char *hc_bytes_rounded(uint64_t bytes, hc_bytes_buffer buffer);
// The same with the exact number before it: "12345678 bytes (11.8 MiB)".
const char *hc_bytes_exact(uint64_t bytes, hc_bytes_buffer buffer);

typedef char hc_build_id_buffer[2 * sizeof(((struct hc_module *)0)->build_id) + 1];

// In hexadecimal digits; NULL if none is known.
const char *hc_build_id(const struct hc_module *module, hc_build_id_buffer buffer);
