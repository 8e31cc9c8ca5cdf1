#include "report/clean.h"

#include "base/cleanup.h"
#include "base/utf8.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *hc_clean_utf8(const char *text)
{
    size_t left = strlen(text);
    char *clean = malloc(3 * left + 1);
    if (!clean)
        return NULL;
    char *end = clean;
    while (left) {
        uint32_t character;
        size_t length = hc_utf8_decode(text, left, &character);
        end = mempcpy(end, length ? text : "\xef\xbf\xbd", length ? length : 3);
        text += length ? length : 1;
        left -= length ? length : 1;
    }
    *end = '\0';
    return clean;
}

static char *clean_controls(const char *text, bool keeps_lines)
{
    char *clean = malloc(4 * strlen(text) + 1);
    if (!clean)
        return NULL;
    char *end = clean;
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        bool is_c1 = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
        if (is_c1)
            at++;
        if (*at == '\n' && !keeps_lines)
            end = mempcpy(end, "\\n", 2);
        else if (is_c1 || (*at < 0x20 && *at != '\n') || *at == 0x7f)
            end += sprintf(end, "\\x%02x", *at);
        else
            *end++ = (char)*at;
    }
    *end = '\0';
    return clean;
}

char *hc_clean_controls(const char *text)
{
    return clean_controls(text, false);
}

char *hc_clean_lines(const char *text)
{
    _cleanup_(hc_freep) char *clean = hc_clean_utf8(text);
    return clean ? clean_controls(clean, true) : NULL;
}
