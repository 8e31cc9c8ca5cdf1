#include "sets/set_brief.h"

#include "sets/brief.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LENGTH = 80 };

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// What is after the count.
static int by_kind(const void *a, const void *b)
{
    return strcmp(strchr(*(char *const *)a, ' '), strchr(*(char *const *)b, ' '));
}

static struct hc_error *join(char *const *texts, size_t count, const char *between, char **ret)
{
    size_t length = 1;
    for (size_t i = 0; i < count; i++)
        length += strlen(texts[i]) + strlen(between);
    char *joined = calloc(length, 1), *end = joined;
    for (size_t i = 0; joined && i < count; i++)
        end = stpcpy(stpcpy(end, i ? between : ""), texts[i]);
    *ret = joined;
    return joined ? NULL : hc_error_out_of_memory();
}

// The first members in order of their addresses, as many as `space` has room for; then sorted.
static struct hc_error *render_members(const struct hc_set *set, size_t space, char **ret)
{
    char *texts[MOST_LENGTH] = {0};
    size_t count = 0, length = 0;
    struct hc_error *error = NULL;
    uint32_t end = set->universe->graph->count, object = hc_set_next(set, 0);
    for (; object < end && count < MOST_LENGTH && !error; object = hc_set_next(set, object + 1)) {
        _cleanup_(hc_freep) char *text = NULL;
        if ((error = hc_universe_rendering(set->universe, object, &text)))
            break;
        if (length && length + strlen(text) + 2 >= space)
            break;
        length += strlen(text) + 2;
        texts[count++] = hc_take(text);
    }
    if (!error && object < end && count) {
        char *cut;
        if (asprintf(&cut, "%s...", texts[count - 1]) < 0)
            error = hc_error_out_of_memory();
        else {
            free(texts[count - 1]);
            texts[count - 1] = cut;
        }
    }
    qsort(texts, count, sizeof(*texts), by_text);
    if (!error)
        error = join(texts, count, ", ", ret);
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    return error;
}

static struct hc_error *write_row(const struct hc_set *set, struct hc_partition *partition, size_t row,
                                  size_t space, char **ret)
{
    _cleanup_(hc_set_releasep) struct hc_set *members = NULL;
    _cleanup_(hc_freep) char *rendering = NULL;
    HC_TRY(hc_partition_rows(partition, set, row, row + 1, &members));
    HC_TRY(render_members(members, space, &rendering));
    if (partition->row_count == 1) {
        *ret = hc_take(rendering);
        return NULL;
    }
    const char *name = hc_partition_name(partition, row);
    if (!name || asprintf(ret, "<%" PRIu64 " %s: %s>", members->count, name, rendering) < 0)
        return hc_error_out_of_memory();
    return NULL;
}

// "str", "(int | str)".
static struct hc_error *write_kinds(struct hc_partition *partition, char **ret)
{
    _cleanup_(hc_freep) const char **names = calloc(partition->row_count + 1, sizeof(*names));
    _cleanup_(hc_freep) char *joined = NULL;
    for (size_t i = 0; names && i < partition->row_count; i++)
        if (!(names[i] = hc_partition_name(partition, i)))
            return hc_error_out_of_memory();
    if (!names)
        return hc_error_out_of_memory();
    qsort(names, partition->row_count, sizeof(*names), by_text);
    HC_TRY(join((char *const *)names, partition->row_count, " | ", &joined));
    if (asprintf(ret, partition->row_count > 1 ? "(%s)" : "%s", joined) < 0)
        return hc_error_out_of_memory();
    return NULL;
}

static struct hc_error *write_rows(const struct hc_set *set, struct hc_partition *partition, size_t length,
                                   char **ret)
{
    char *rows[MOST_LENGTH] = {0};
    size_t count = 0;
    struct hc_error *error = NULL;
    for (size_t i = 0; i < partition->row_count && count < MOST_LENGTH && !error; i++) {
        if (i && length > MOST_LENGTH)
            break;
        error = write_row(set, partition, i, length < MOST_LENGTH ? MOST_LENGTH - length : 0, &rows[count]);
        if (!error)
            length += strlen(rows[count++]) + 3;
    }
    if (count > 1)
        qsort(rows, count, sizeof(*rows), by_kind);
    if (!error)
        error = join(rows, count, " | ", ret);
    for (size_t i = 0; i < count; i++)
        free(rows[i]);
    return error;
}

struct hc_error *hc_set_brief(const struct hc_set *set, struct hc_partition *partition, char **ret)
{
    _cleanup_(hc_freep) char *kinds = NULL, *rows = NULL, *start = NULL, *brief = NULL;
    if (!set->count)
        return (*ret = strdup("<Nothing>")) ? NULL : hc_error_out_of_memory();
    HC_TRY(write_kinds(partition, &kinds));
    if (asprintf(&start, "<%" PRIu64 " %s: ", set->count, kinds) < 0)
        return hc_error_out_of_memory();
    HC_TRY(write_rows(set, partition, strlen(start), &rows));
    if (asprintf(&brief, "%s%s>", start, rows) < 0)
        return hc_error_out_of_memory();
    if (strlen(brief) > MOST_LENGTH) {
        size_t end = MOST_LENGTH - 4;
        while (end && ((unsigned char)brief[end] & 0xc0) == 0x80) // not within a character
            end--;
        strcpy(brief + end, "...>");
    }
    *ret = hc_take(brief);
    return NULL;
}
