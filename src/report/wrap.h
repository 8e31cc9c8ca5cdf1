// Lines of at most `width` characters.
#pragma once

#include <stddef.h>
#include <stdio.h>

// Writes `text` (UTF-8) and a newline as heapy does: broken at blanks and hyphens, words that fit no line
// broken anywhere, continuation lines indented by `indent` blanks.
void hc_wrap_write(const char *text, size_t width, size_t indent, FILE *file);
// Writes `text`; of what is longer than `width` characters (0: nothing is) the start and an
// ellipsis.
void hc_wrap_cut(const char *text, size_t width, FILE *file);
// Bytes of the first line of `text`, of at most `width` characters: broken at a blank if there is one.
size_t hc_wrap_line(const char *text, size_t width);
// Characters of a UTF-8 string.
size_t hc_wrap_length(const char *text);
