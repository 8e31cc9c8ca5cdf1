// What the tests of this folder share.
#pragma once

#include "layout/layout.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

// Shared libraries of shapes.c and twins.c, each with another kind of debug information.
static const char *const shape_libraries[] = {SHAPE_LIBRARIES};
#define SHAPE_LIBRARY_COUNT (sizeof(shape_libraries) / sizeof(*shape_libraries))

#define assert_no_error(expression)                                                                          \
    do {                                                                                                     \
        struct hc_error *unexpected = (expression);                                                          \
        if (unexpected)                                                                                      \
            fail_msg("%s", hc_error_message(unexpected));                                                    \
    } while (0)

// A module as the image layer would give it. `build_id` is hexadecimal, or NULL to let the file tell its own.
static inline struct hc_error *open_module(const char *path, const char *build_id,
                                           const struct hc_debug_options *options, struct hc_debug_info **ret)
{
    _cleanup_(hc_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct hc_module module = {.path = path, .file = fd >= 0 ? path : NULL, .fd = fd, .load_bias = 0x10000};
    for (; build_id && build_id[0] && build_id[1]; build_id += 2)
        sscanf(build_id, "%2hhx", &module.build_id[module.build_id_length++]);
    return hc_debug_info_open(&module, options, ret);
}

static inline struct hc_field find_field(struct hc_debug_info *info, const char *structure,
                                         const char *member, const char *unit)
{
    struct hc_field_request request = {structure, member, unit};
    struct hc_field field;
    assert_no_error(hc_debug_info_find_fields(info, &request, 1, &field));
    return field;
}
