#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct hc_error {
    char *message;
    bool has_place;
};

static struct hc_error out_of_memory = {.message = "out of memory"};

struct hc_error *hc_error_create(const char *format, ...)
{
    struct hc_error *error = malloc(sizeof(*error));
    if (!error)
        return &out_of_memory;
    va_list arguments;
    error->has_place = false;
    va_start(arguments, format);
    int length = vasprintf(&error->message, format, arguments);
    va_end(arguments);
    if (length < 0) {
        free(error);
        return &out_of_memory;
    }
    return error;
}

struct hc_error *hc_error_wrap(struct hc_error *error, const char *format, ...)
{
    _cleanup_(hc_freep) char *context = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&context, format, arguments);
    va_end(arguments);
    if (length < 0) {
        context = NULL;
        return error;
    }
    struct hc_error *wrapped = hc_error_create("%s: %s", context, error->message);
    hc_error_destroy(error);
    return wrapped;
}

struct hc_error *hc_error_out_of_memory(void)
{
    return &out_of_memory;
}

struct hc_error *hc_error_with_place(struct hc_error *error)
{
    if (error != &out_of_memory)
        error->has_place = true;
    return error;
}

bool hc_error_has_place(const struct hc_error *error)
{
    return error->has_place;
}

const char *hc_error_message(const struct hc_error *error)
{
    return error->message;
}

void hc_error_destroy(struct hc_error *error)
{
    if (!error || error == &out_of_memory)
        return;
    free(error->message);
    free(error);
}
