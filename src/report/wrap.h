// Lines of at most `width` characters.
#pragma once

#include <stddef.h>
#include <stdio.h>

// Writes `text` (UTF-8) and a newline as heapy does: broken at blanks and hyphens, words that fit no line
// broken anywhere, continuation lines indented by `indent` blanks.
void hc_wrap_write(const char *text, size_t width, size_t indent, FILE *file);
// Characters of a UTF-8 string.
size_t hc_wrap_length(const char *text);
