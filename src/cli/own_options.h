// The options of a command that works on no session.
#pragma once

#include "base/error.h"

#include <getopt.h>

// `value` is NULL where the option takes none.
typedef struct hc_error *hc_own_option_fn(void *argument, int code, const char *value);

// Calls back for each option, and leaves optind at the first argument. `shorts` begins as getopt() wants it
// for its ':' of a missing value.
struct hc_error *hc_read_own_options(int argc, char **argv, const char *shorts, const struct option *longs,
                                     hc_own_option_fn *take, void *argument);
