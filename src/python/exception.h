// Exceptions: what they say, and where they were raised.
#pragma once

#include "python/frames.h"

struct hc_exception {
    char *type;    // "ValueError", "m.Error"; NULL: there is no exception
    char *message; // str() of it, as its class in C would give; NULL: not readable
    // The innermost entry of its traceback; no code: there is none.
    uint64_t code;
    int64_t instruction;
    // What a traceback would show before it: owned; NULL: nothing, or HC_EARLIER_EXCEPTIONS are told.
    struct hc_exception *earlier;
    bool is_from_earlier; // by `raise … from`; else it was raised while the earlier one was handled
};

enum { HC_EARLIER_EXCEPTIONS = 100 };

// Of the object at `address`; nothing is filled if there is none. False: out of memory.
bool hc_exception_read(struct hc_tracer *tracer, uint64_t address, struct hc_exception *ret);
// "m.C", without the module of what is built in. NULL: out of memory. Free it.
char *hc_exception_type_name(const struct hc_type *type);
void hc_exception_deinit(struct hc_exception *exception);
