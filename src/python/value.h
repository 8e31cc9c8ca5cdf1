// Values of objects as Python would show them. Works on untrusted memory: what cannot be read is shown as an
// address.
#pragma once

#include "python/trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// repr(): str, bytes, bytearray, int, float, complex, bool, None; tuple, list, set, frozenset and dict with
// their items; classes, functions, modules …; all else `<m.C object at 0x…>`. No __repr__ is run: what has
// one of its own is `<m.C object at 0x…>`, too. Bounded in depth and length (`…` stands for what is left
// out); an int of more than nine thousand digits is hexadecimal. UTF-8. Free it; NULL: out of memory.
char *hc_value_repr(struct hc_tracer *tracer, uint64_t address);
// Of about `limit` bytes.
char *hc_value_repr_within(struct hc_tracer *tracer, uint64_t address, size_t limit);
enum { HC_VALUE_MAX_LENGTH = 1 << 16 };
// Of the attributes of `owner` that never were made a dict, as that dict; `…` if there are none.
char *hc_value_repr_attributes(struct hc_tracer *tracer, uint64_t owner, size_t limit);
// As reprlib.repr() shortens str and bytes: 'kkkkkkkkkkkk...kkkkkkkkkkkkk', 30 characters. Free it.
char *hc_value_repr_limited(struct hc_tracer *tracer, uint64_t address);

// An exact int that fits; an exact bool; None.
bool hc_value_integer(struct hc_tracer *tracer, uint64_t address, int64_t *ret);
bool hc_value_truth(struct hc_tracer *tracer, uint64_t address, bool *ret);
bool hc_value_is_none(struct hc_tracer *tracer, uint64_t address);
// An exact str as UTF-8, whole, up to 64 MiB (longer ones are cut); NUL and lone surrogates are U+FFFD. Free
// it; NULL: none, or out of memory.
char *hc_value_text(struct hc_tracer *tracer, uint64_t address);

// Below, equal to or above 0, as Python orders two of the exact type str, bytes or int; 0 for all else.
int hc_value_compare(struct hc_tracer *tracer, uint64_t left, uint64_t right);
