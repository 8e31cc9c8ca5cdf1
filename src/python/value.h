// Values of objects as Python would show them. Works on untrusted memory: what cannot be read is shown as an
// address.
#pragma once

#include "python/trace.h"

#include <stdbool.h>
#include <stdint.h>

enum { HC_NO_VALUE_LIMIT = 0 };

// repr(): str, bytes, bytearray, int, float, complex, bool, None; tuple, list, set, frozenset and dict with
// their items; classes, functions, modules …; all else `<m.C object at 0x…>`. Bounded in depth and length
// (`…` stands for what is left out). Free it; NULL: out of memory.
char *hc_value_repr(struct hc_tracer *tracer, uint64_t address);
// As reprlib.repr() shortens str and bytes: 'kkkkkkkkkkkk...kkkkkkkkkkkkk', 30 characters. Free it.
char *hc_value_repr_limited(struct hc_tracer *tracer, uint64_t address);

// An exact int that fits.
bool hc_value_integer(struct hc_tracer *tracer, uint64_t address, int64_t *ret);
// An exact str as UTF-8, whole, up to 64 MiB (longer ones are cut). Free it; NULL: none, or out of memory.
char *hc_value_text(struct hc_tracer *tracer, uint64_t address);
