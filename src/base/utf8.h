// Characters of UTF-8, one at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

// The character at the front of `bytes` and its length; 0: no valid UTF-8.
size_t hc_utf8_decode(const char *bytes, size_t length, uint32_t *ret);
// Writes at most four bytes, and returns how many. What is no character of Unicode becomes U+FFFD.
size_t hc_utf8_encode(uint32_t character, char ret[static 4]);
