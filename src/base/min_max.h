// The lesser and the greater of two numbers of bytes or addresses.
#pragma once

#include <stdint.h>

static inline uint64_t hc_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t hc_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}
