#include "query/parser.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <string.h>

enum {
    WINDOW = 100, // columns of a long line that are shown
    CONTEXT = 70, // of them before the place pointed at
};

#define ELLIPSIS "…"

// Where the character at `text` ends; sets whether a terminal can be given it.
static const char *next_character(const char *text, const char *end, bool *ret_printable)
{
    uint32_t c;
    size_t length = hc_utf8_decode(text, (size_t)(end - text), &c);
    *ret_printable = length && c >= 0x20 && (c < 0x7f || c >= 0xa0);
    return text + (length ? length : 1);
}

// Approximation: every character is one column wide.
static size_t count_columns(const char *text, const char *end)
{
    size_t columns = 0;
    for (bool printable; text < end; columns++)
        text = next_character(text, end, &printable);
    return columns;
}

// The columns of `line` from `first` on, tabs as spaces and unprintable characters as '?'.
static void copy_window(const char *line, const char *end, size_t first,
                        char ret[static WINDOW * 4 + 2 * sizeof(ELLIPSIS)])
{
    size_t column = 0;
    bool printable;
    if (first)
        ret = stpcpy(ret, ELLIPSIS);
    while (line < end && column < first + WINDOW) {
        const char *next = next_character(line, end, &printable);
        if (column++ >= first && printable)
            ret = mempcpy(ret, line, (size_t)(next - line));
        else if (column > first)
            *ret++ = *line == '\t' || *line == '\r' ? ' ' : '?';
        line = next;
    }
    strcpy(ret, line < end ? ELLIPSIS : "");
}

struct hc_error *hc_syntax_error(const char *source, size_t offset, const char *format, ...)
{
    _cleanup_(hc_freep) char *message = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&message, format, arguments);
    va_end(arguments);
    if (length < 0) {
        message = NULL;
        return hc_error_out_of_memory();
    }
    const char *place = source + strnlen(source, offset);
    const char *line = place;
    while (line > source && line[-1] != '\n')
        line--;
    const char *end = line + strcspn(line, "\n");
    size_t column = count_columns(line, place);
    size_t first = column < CONTEXT || count_columns(line, end) <= WINDOW ? 0 : column - CONTEXT;
    char window[WINDOW * 4 + 2 * sizeof(ELLIPSIS)];
    copy_window(line, end, first, window);
    int margin = (int)(column - first + (first ? 1 : 0));
    return hc_error_with_place(hc_error_create("%s\n%*s^ %s", window, margin, "", message));
}
