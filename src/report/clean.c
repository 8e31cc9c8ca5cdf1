#include "report/clean.h"

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Bytes of the UTF-8 character at `text`, 0 if there is none (RFC 3629: no overlong forms, no surrogates).
static size_t character_length(const unsigned char *text)
{
    static const struct {
        unsigned char first, last, second_first, second_last, length;
    } forms[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        if (*text < forms[i].first || *text > forms[i].last)
            continue;
        if (forms[i].length > 1 && (text[1] < forms[i].second_first || text[1] > forms[i].second_last))
            return 0;
        for (size_t rest = 2; rest < forms[i].length; rest++)
            if ((text[rest] & 0xc0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
}

char *hc_clean_utf8(const char *text)
{
    char *clean = malloc(3 * strlen(text) + 1);
    if (!clean)
        return NULL;
    char *end = clean;
    while (*text) {
        size_t length = character_length((const unsigned char *)text);
        end = mempcpy(end, length ? text : "\xef\xbf\xbd", length ? length : 3);
        text += length ? length : 1;
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
