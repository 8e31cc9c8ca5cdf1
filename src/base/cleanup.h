// Scope frees things: `_cleanup_(hc_vector_deinit) struct …`.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

// Defines `FUNCTIONp`, for _cleanup_() on a `type *` variable that may be NULL.
#define HC_DEFINE_POINTER_CLEANUP(function, type)                                                            \
    static inline void function##p(type **pointer)                                                           \
    {                                                                                                        \
        if (*pointer)                                                                                        \
            function(*pointer);                                                                              \
    }

static inline void hc_freep(void *pointer)
{
    free(*(void **)pointer);
}

static inline void hc_closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void hc_fclosep(FILE **file)
{
    if (*file)
        fclose(*file);
}

// Gives ownership away: `*ret = hc_take(value);`
#define hc_take(variable)                                                                                    \
    ({                                                                                                       \
        __typeof__(variable) hc_taken = (variable);                                                          \
        (variable) = 0;                                                                                      \
        hc_taken;                                                                                            \
    })
