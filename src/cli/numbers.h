// Numbers in options.
#pragma once

#include "base/error.h"

#include <stdint.h>

// `what` is the option's name, for the error.
struct hc_error *hc_parse_number(const char *what, const char *text, long least, long most, long *ret);
// "4096", "512K", "64M", "1.5G", "2T": at least 1 byte.
struct hc_error *hc_parse_size(const char *what, const char *text, uint64_t *ret);
