// The kernel's small files in /proc and /sys, read without taking memory.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HC_NO_BOUND UINT64_MAX

// As much of the file `name` below `folder` (or AT_FDCWD) as fits, with a NUL behind it; false if it cannot
// be read.
bool hc_small_file_read(int folder, const char *name, char *buffer, size_t size);
// A file with one number in it; "max" is HC_NO_BOUND.
bool hc_small_file_number(int folder, const char *name, uint64_t *ret);
bool hc_small_file_write(int folder, const char *name, const char *text);
// The number in the line of `text` that begins with `key`; 0 if there is none.
uint64_t hc_small_text_number(const char *text, const char *key);
