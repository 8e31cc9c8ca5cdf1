// Text for the caller: a stdio stream whose bytes go to the caller's function.
#include "api/api.h"

#include <stdlib.h>

struct sink {
    heapcore_write_fn *write;
    void *argument;
};

static ssize_t sink_write(void *cookie, const char *text, size_t length)
{
    struct sink *sink = cookie;
    return sink->write(sink->argument, text, length) ? (ssize_t)length : 0;
}

static int sink_close(void *cookie)
{
    free(cookie);
    return 0;
}

struct hc_error *api_open_stream(heapcore_write_fn *write, void *argument, FILE **ret)
{
    struct sink *sink = malloc(sizeof(*sink));
    if (!sink)
        return hc_error_out_of_memory();
    *sink = (struct sink){write, argument};
    FILE *file = fopencookie(sink, "w", (cookie_io_functions_t){.write = sink_write, .close = sink_close});
    if (!file) {
        free(sink);
        return hc_error_out_of_memory();
    }
    *ret = file;
    return NULL;
}

struct hc_render_options api_render_options(const struct heapcore_format *format)
{
    long limit = API_MEMBER(format, limit, -1);
    return (struct hc_render_options){
        .limit = limit < 0 ? HC_NO_LIMIT : limit,
        .color = API_MEMBER(format, color, false),
    };
}
