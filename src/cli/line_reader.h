// Lines of input, one at a time: from a pipe, a file or a plain terminal; or edited, with history and
// completion.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum hc_line_status {
    HC_LINE_READ,
    HC_LINE_END,
    HC_LINE_INTERRUPTED, // by Ctrl-C: what was typed is dropped
};

enum {
    HC_LINE_BUFFER = 4096,
    HC_LINE_LIMIT = 1 << 20, // bytes of a line
};

// A zeroed one with a descriptor stands at the beginning.
struct hc_line_reader {
    int descriptor;
    size_t first, end;
    char buffer[HC_LINE_BUFFER];
};

// Waits until there is something to read, or the end of it; false: a wish to stop came first.
bool hc_input_wait(int descriptor);

// `*ret` is the line without its end, to be freed; NULL unless HC_LINE_READ. What is no text in it becomes a
// character that is none of the language's.
struct hc_error *hc_line_read(struct hc_line_reader *reader, enum hc_line_status *ret_status, char **ret);
