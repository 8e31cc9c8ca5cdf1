#include "cli/numbers.h"

#include <errno.h>
#include <string.h>

struct hc_error *hc_parse_number(const char *what, const char *text, long least, long most, long *ret)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno || end == text || *end || number < least || number > most)
        return hc_error_create("%s takes a number from %ld to %ld, not '%s'", what, least, most, text);
    *ret = number;
    return NULL;
}

struct hc_error *hc_parse_size(const char *what, const char *text, uint64_t *ret)
{
    static const char units[] = "KMGT";
    char *end;
    errno = 0;
    double number = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (unit)
        end += strlen("K");
    if (unit && (!strcmp(end, "iB") || !strcmp(end, "B")))
        end += strlen(end);
    for (long i = unit ? unit - units : -1; i >= 0; i--)
        number *= 1024;
    if (errno || end == text || *end || !(number >= 1 && number < 0x1p62))
        return hc_error_create("%s takes a number of bytes, such as 512M or 4G, not '%s'", what, text);
    *ret = (uint64_t)number;
    return NULL;
}
