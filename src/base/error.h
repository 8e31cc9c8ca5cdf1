// Errors as values: NULL is success, anything else says what, where and what to try.
#pragma once

#include "base/cleanup.h"

#include <stdbool.h>

// Owned by whoever receives it; free with hc_error_destroy() or hand it on.
struct hc_error;

struct hc_error *hc_error_create(const char *format, ...) __attribute__((format(printf, 1, 2)));
// Prefixes `error` with context ("reading notes: …") and returns it; consumes `error`.
struct hc_error *hc_error_wrap(struct hc_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// Needs no memory, so it can be returned when there is none.
struct hc_error *hc_error_out_of_memory(void);
// An error that shows where in its input it lies: nothing has to be said of that again.
struct hc_error *hc_error_with_place(struct hc_error *error);
bool hc_error_has_place(const struct hc_error *error);
const char *hc_error_message(const struct hc_error *error);
void hc_error_destroy(struct hc_error *error);

HC_DEFINE_POINTER_CLEANUP(hc_error_destroy, struct hc_error)

// Returns from the calling function when `expression` fails.
#define HC_TRY(expression)                                                                                   \
    do {                                                                                                     \
        struct hc_error *hc_try_error = (expression);                                                        \
        if (hc_try_error)                                                                                    \
            return hc_try_error;                                                                             \
    } while (0)
