// What the files of the public API share. heapcore_error is a struct hc_error by another name.
#pragma once

#include "graph/session.h"
#include "heapcore/heapcore.h"
#include "query/interpreter.h"
#include "report/report.h"

#include <stdio.h>

struct heapcore_session {
    struct hc_session *session;
    struct hc_interpreter interpreter;
    char **type_names; // by type index; NULL where nobody asked
};

struct heapcore_value {
    heapcore_session *session;
    struct hc_answer answer;
};

static inline heapcore_error *api_error(struct hc_error *error)
{
    return (heapcore_error *)error;
}

// A member of a struct that the caller filled and that may be of an older, shorter shape; else `fallback`.
#define API_MEMBER(structure, member, fallback)                                                              \
    ((structure) &&                                                                                          \
             (structure)->size >= offsetof(__typeof__(*(structure)), member) + sizeof((structure)->member)   \
         ? (structure)->member                                                                               \
         : (fallback))

struct hc_render_options api_render_options(const struct heapcore_format *format);
// A stream whose bytes go to `write`; hc_error_out_of_memory() if there is none. fclose() it.
struct hc_error *api_open_stream(heapcore_write_fn *write, void *argument, FILE **ret);

// What each call begins with that may work long: an earlier wish to stop is not its. While
// heapcore_interrupt_by_signal() is on, every wish is.
void api_forget_interrupts(void);
