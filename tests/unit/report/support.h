// What the tests of this folder share.
#pragma once

#include "report/json.h"
#include "report/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct hc_render_options plain = {.limit = HC_NO_LIMIT};

typedef struct hc_error *render_fn(const struct hc_report *report, const struct hc_render_options *options,
                                   FILE *file);

// What `render` writes. Free it.
static inline char *rendered(render_fn *render, const struct hc_report *report,
                             const struct hc_render_options *options)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    assert_null(render(report, options, file));
    assert_int_equal(fclose(file), 0);
    return text;
}
