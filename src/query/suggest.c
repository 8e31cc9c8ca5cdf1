#include "query/suggest.h"

#include "base/min_max.h"

#include <ctype.h>
#include <string.h>

enum {
    MAX_WRONG = 60,               // longer ones are no slip of the finger
    MAX_NAME = MAX_WRONG * 4 / 3, // longer ones are too far from any
};

static size_t at_least_one(size_t n)
{
    return n ? n : 1;
}

static int lower(char c)
{
    return tolower((unsigned char)c);
}

// Optimal string alignment distance (Damerau 1964), where capitals cost nothing; both at most MAX_NAME long.
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][MAX_NAME + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        above[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = above[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
            row[j] = hc_min(replaced, hc_min(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
                row[j] = hc_min(row[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b_length];
}

const char *hc_suggest(const char *wrong, const char *const *names, size_t count)
{
    size_t length = strlen(wrong);
    if (!length || length > MAX_WRONG)
        return NULL;
    // A name that shares no letter with it is no suggestion.
    size_t limit = hc_min(at_least_one(length / 3), length - 1);
    const char *ret = NULL;
    size_t nearest = limit + 1;
    for (size_t i = 0; i < count; i++) {
        size_t name_length = strlen(names[i]);
        if (name_length > length + limit || length > name_length + limit)
            continue;
        size_t found = distance(wrong, length, names[i], name_length);
        if (found < nearest) {
            nearest = found;
            ret = names[i];
        }
    }
    return ret;
}
