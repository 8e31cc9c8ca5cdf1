#include "report/wrap.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static size_t length_of(const char *text, size_t bytes)
{
    size_t length = 0;
    for (size_t i = 0; i < bytes; i++)
        length += !is_continuation(text[i]);
    return length;
}

size_t hc_wrap_length(const char *text)
{
    return length_of(text, strlen(text));
}

static bool is_letter(char byte)
{
    return isalpha((unsigned char)byte) || byte == '_' || (unsigned char)byte >= 0x80;
}

// Does a line break after the hyphen at text[i]? It does between two letters and two letters.
static bool breaks_after(const char *text, size_t i)
{
    return text[i] == '-' && i >= 2 && is_letter(text[i - 1]) && is_letter(text[i - 2]) &&
           is_letter(text[i + 1]) && is_letter(text[i + 2]);
}

// Bytes of the next piece that stays together: blanks, or a word or the part of one up to a hyphen.
static size_t next_piece(const char *text)
{
    if (*text == ' ')
        return strspn(text, " ");
    size_t bytes = 0;
    while (text[bytes] && text[bytes] != ' ')
        if (breaks_after(text, bytes++))
            break;
    return bytes;
}

static size_t bytes_of(const char *text, size_t characters)
{
    size_t bytes = 0;
    while (text[bytes] && (characters || is_continuation(text[bytes])))
        characters -= !is_continuation(text[bytes++]);
    return bytes;
}

size_t hc_wrap_line(const char *text, size_t width)
{
    size_t bytes = bytes_of(text, width), end = bytes;
    if (!text[bytes])
        return bytes;
    while (end && text[end] != ' ')
        end--;
    return end ? end : bytes;
}

void hc_wrap_cut(const char *text, size_t width, FILE *file)
{
    if (!width || hc_wrap_length(text) <= width)
        fputs(text, file);
    else
        fprintf(file, "%.*s…", (int)bytes_of(text, width - 1), text);
}

void hc_wrap_write(const char *text, size_t width, size_t indent, FILE *file)
{
    size_t room = width, used = 0;
    size_t blanks = 0; // held back: a line does not end in blanks
    bool first = true;
    while (*text) {
        size_t bytes = next_piece(text), length = length_of(text, bytes);
        bool is_blank = *text == ' ';
        if (used + length > room || (is_blank && !first && !used)) {
            if (!is_blank && length > room) {
                bytes = bytes_of(text, room - used);
                fprintf(file, "%*s%.*s", bytes ? (int)blanks : 0, "", (int)bytes, text);
            } else if (!is_blank) {
                bytes = 0;
            }
            text += bytes;
            if (is_blank && !used)
                continue;
            if (*text)
                fprintf(file, "\n%*s", (int)indent, "");
            room = width > indent ? width - indent : 1;
            used = blanks = 0;
            first = false;
            continue;
        }
        if (is_blank) {
            blanks = length;
        } else {
            fprintf(file, "%*s%.*s", (int)blanks, "", (int)bytes, text);
            blanks = 0;
        }
        used += length;
        text += bytes;
    }
    fputc('\n', file);
}
