// heapy's files of tables: `.key: value` lines, a line a row, an end.
#include "sets/statistics.h"

#include "base/interrupt.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const format_names[] = {
    [HC_STATISTICS_SET] = "SetFormat",
    [HC_STATISTICS_ID] = "IdFormat",
    [HC_STATISTICS_DIFF] = "DiffFormat",
};

static const char loader[] = "_load_stat", end_line[] = ".end: .loader: _load_stat";

// A name is a line: what would end it stands as an escape.
static void write_name(const char *name, FILE *file)
{
    for (; *name; name++)
        if (*name == '\n' || *name == '\r')
            fputs(*name == '\n' ? "\\n" : "\\r", file);
        else
            fputc(*name, file);
    fputc('\n', file);
}

static void write_named(const char *key, const char *name, FILE *file)
{
    fprintf(file, ".%s: ", key);
    write_name(name, file);
}

void hc_statistics_write(const struct hc_statistics *statistics, FILE *file)
{
    bool is_diff = statistics->format == HC_STATISTICS_DIFF;
    fprintf(file, ".loader: %s\n.format: %s\n.timemade: %f\n", loader, format_names[statistics->format],
            statistics->time_made);
    if (is_diff)
        fprintf(file, ".b_count: %" PRId64 "\n.b_size: %" PRId64 "\n", statistics->b_count,
                statistics->b_size);
    fprintf(file, ".count: %" PRId64 "\n.size: %" PRId64 "\n", statistics->count, statistics->size);
    if (!is_diff) // heapy has another order there
        write_named("kindname", statistics->kind_name, file);
    write_named("kindheader", statistics->kind_header, file);
    if (is_diff)
        write_named("kindname", statistics->kind_name, file);
    fprintf(file, ".numrows: %zu\n", statistics->rows.count);
    for (size_t i = 0; i < statistics->rows.count; i++) {
        const struct hc_statistics_row *row = &statistics->rows.items[i];
        fputs(".r: ", file);
        if (statistics->format != HC_STATISTICS_ID)
            fprintf(file, "%" PRId64 " ", row->count);
        fprintf(file, "%" PRId64 " ", row->size);
        write_name(row->name, file);
    }
    fprintf(file, "%s\n", end_line);
}

void hc_statistics_reader_deinit(struct hc_statistics_reader *reader)
{
    if (reader->file)
        fclose(reader->file);
    free(reader->line);
    *reader = (struct hc_statistics_reader){0};
}

#define wrong(reader, ...)                                                                                   \
    hc_error_wrap(hc_error_create(__VA_ARGS__), "%s, line %" PRIu64, (reader)->path, (reader)->number)

// reader->line = the next line, without \n and \r at its end. Nothing in the file is trusted, its lengths
// neither.
static struct hc_error *read_line(struct hc_statistics_reader *reader)
{
    enum { LONGEST = 1 << 20 };
    size_t length = 0;
    int byte;
    if (reader->number++ % HC_INTERRUPT_STRIDE == 0)
        HC_TRY(hc_interrupt_check());
    while ((byte = getc_unlocked(reader->file)) != EOF && byte != '\n') {
        if (!byte || length == LONGEST)
            return wrong(reader, byte ? "longer than %d bytes" : "a zero byte among the first %d",
                         (int)LONGEST);
        if (!hc_vector_grow((void **)&reader->line, &reader->capacity, length + 2, 1))
            return hc_error_out_of_memory();
        reader->line[length++] = (char)byte;
    }
    if (ferror(reader->file))
        return wrong(reader, "cannot be read: %m");
    if (!hc_vector_grow((void **)&reader->line, &reader->capacity, length + 1, 1))
        return hc_error_out_of_memory();
    reader->is_at_end = byte == EOF && !length;
    while (length && reader->line[length - 1] == '\r')
        length--;
    reader->line[length] = '\0';
    return NULL;
}

// A decimal number; no INT64_MIN, so that every one can be negated.
static bool read_number(const char **text, char after, int64_t *ret)
{
    const char *digits = **text == '-' ? *text + 1 : *text;
    char *end;
    if (*digits < '0' || *digits > '9')
        return false;
    errno = 0;
    long long number = strtoll(*text, &end, 10);
    if (errno || *end != after || number == INT64_MIN)
        return false;
    *text = after ? end + 1 : end;
    *ret = number;
    return true;
}

// What the lines above the rows say.
enum header {
    HEADER_FORMAT,
    HEADER_TIME,
    HEADER_COUNT,
    HEADER_SIZE,
    HEADER_KIND_HEADER,
    HEADER_ROWS,
    HEADER_REQUIRED, // the ones above must be there
    HEADER_KIND_NAME = HEADER_REQUIRED,
    HEADER_B_COUNT,
    HEADER_B_SIZE,
    HEADER_COUNT_OF_ALL,
};

static const char *const header_names[] = {
    [HEADER_FORMAT] = "format",      [HEADER_TIME] = "timemade",   [HEADER_COUNT] = "count",
    [HEADER_SIZE] = "size",          [HEADER_ROWS] = "numrows",    [HEADER_KIND_HEADER] = "kindheader",
    [HEADER_KIND_NAME] = "kindname", [HEADER_B_COUNT] = "b_count", [HEADER_B_SIZE] = "b_size",
};

struct headers {
    struct hc_statistics *statistics;
    int64_t rows;
    unsigned seen; // bits by enum header
};

static bool take_format(const char *value, enum hc_statistics_format *ret)
{
    for (unsigned i = 0; i < HC_STATISTICS_FORMAT_COUNT; i++)
        if (!strcmp(format_names[i], value)) {
            *ret = (enum hc_statistics_format)i;
            return true;
        }
    return false;
}

static bool take_text(const char *value, char **ret)
{
    free(*ret);
    return (*ret = strdup(value)) != NULL;
}

static bool take_time(const char *value, double *ret)
{
    char *end;
    *ret = strtod(value, &end);
    return end != value && !*end && isfinite(*ret);
}

static bool take_header(struct headers *headers, enum header header, const char *value)
{
    struct hc_statistics *statistics = headers->statistics;
    switch (header) {
    case HEADER_FORMAT:
        return take_format(value, &statistics->format);
    case HEADER_TIME:
        return take_time(value, &statistics->time_made);
    case HEADER_COUNT:
        return read_number(&value, '\0', &statistics->count);
    case HEADER_SIZE:
        return read_number(&value, '\0', &statistics->size);
    case HEADER_B_COUNT:
        return read_number(&value, '\0', &statistics->b_count);
    case HEADER_B_SIZE:
        return read_number(&value, '\0', &statistics->b_size);
    case HEADER_ROWS:
        return read_number(&value, '\0', &headers->rows) && headers->rows >= 0;
    case HEADER_KIND_HEADER:
        return take_text(value, &statistics->kind_header);
    case HEADER_KIND_NAME:
        return take_text(value, &statistics->kind_name);
    case HEADER_COUNT_OF_ALL:
        break;
    }
    return false;
}

// ".count: 68121". Keys that are not known are left to whoever knows them.
static struct hc_error *read_header(struct hc_statistics_reader *reader, struct headers *headers)
{
    char *colon = *reader->line == '.' ? strchr(reader->line, ':') : NULL;
    if (!colon)
        return wrong(reader, "`.key: value` is expected here");
    *colon = '\0';
    const char *key = reader->line + 1, *value = colon + 1 + strspn(colon + 1, " \t");
    for (size_t length = strlen(value); length && strchr(" \t", value[length - 1]);)
        *(char *)(value + --length) = '\0';
    for (unsigned i = 0; i < HEADER_COUNT_OF_ALL; i++) {
        if (strcmp(header_names[i], key))
            continue;
        headers->seen |= 1u << i;
        if (!take_header(headers, (enum header)i, value))
            return wrong(reader, "'%.80s' is no %s", value, key);
    }
    return NULL;
}

static struct hc_error *read_row(struct hc_statistics_reader *reader, struct hc_statistics *statistics)
{
    const char *text = reader->line + strlen(".r: ");
    struct hc_statistics_row row = {.count = 1};
    if ((statistics->format != HC_STATISTICS_ID && !read_number(&text, ' ', &row.count)) ||
        !read_number(&text, ' ', &row.size))
        return wrong(reader, "a row is `.r: %ssize name`",
                     statistics->format == HC_STATISTICS_ID ? "" : "count ");
    row.name = strdup(text);
    if (!row.name || !hc_statistics_row_vector_push(&statistics->rows, row)) {
        free(row.name);
        return hc_error_out_of_memory();
    }
    return NULL;
}

static struct hc_error *read_headers(struct hc_statistics_reader *reader, struct headers *headers)
{
    HC_TRY(read_line(reader));
    while (!reader->is_at_end && strncmp(reader->line, ".r: ", 4) && strncmp(reader->line, ".end:", 5)) {
        HC_TRY(read_header(reader, headers));
        HC_TRY(read_line(reader));
    }
    for (unsigned i = 0; i < HEADER_REQUIRED; i++)
        if (!(headers->seen >> i & 1))
            return wrong(reader, "the table has no `.%s:` above", header_names[i]);
    if (headers->statistics->format == HC_STATISTICS_DIFF &&
        (~headers->seen & (1u << HEADER_B_COUNT | 1u << HEADER_B_SIZE)))
        return wrong(reader, "the difference has no `.b_count:` and `.b_size:` above");
    return NULL;
}

// Sums of rows are printed: they must be numbers, too.
static struct hc_error *check_sums(const struct hc_statistics_reader *reader,
                                   const struct hc_statistics *statistics)
{
    int64_t size = 0, sum;
    bool is_fine = !__builtin_add_overflow(statistics->count, statistics->b_count, &sum) &&
                   !__builtin_add_overflow(statistics->size, statistics->b_size, &sum);
    for (size_t i = 0; i < statistics->rows.count; i++)
        is_fine &= !__builtin_add_overflow(size, statistics->rows.items[i].size, &size);
    return is_fine ? NULL : wrong(reader, "the table above adds up to more than 2^63");
}

struct hc_error *hc_statistics_read(struct hc_statistics_reader *reader, struct hc_statistics **ret)
{
    *ret = NULL;
    HC_TRY(read_line(reader));
    if (reader->is_at_end)
        return NULL;
    const char *value = reader->line + strlen(".loader:");
    if (strncmp(reader->line, ".loader:", strlen(".loader:")))
        return wrong(reader, "no table of heapy's begins here: `.loader:` is expected");
    if (strcmp(value + strspn(value, " "), loader))
        return wrong(reader, "there is no loader '%.80s'", value + strspn(value, " "));
    _cleanup_(hc_statistics_releasep) struct hc_statistics *statistics = calloc(1, sizeof(*statistics));
    if (!statistics || !(statistics->kind_name = strdup("")))
        return hc_error_out_of_memory();
    statistics->references = 1;
    struct headers headers = {.statistics = statistics};
    HC_TRY(read_headers(reader, &headers));
    while (!reader->is_at_end && !strncmp(reader->line, ".r: ", 4)) {
        HC_TRY(read_row(reader, statistics));
        HC_TRY(read_line(reader));
    }
    if (!reader->is_at_end && strcmp(reader->line, end_line))
        return wrong(reader, "neither a row nor the end of the table");
    if (statistics->rows.count != (uint64_t)headers.rows)
        return wrong(reader, "the table above has %zu rows, not the %" PRId64 " that it tells of",
                     statistics->rows.count, headers.rows);
    HC_TRY(check_sums(reader, statistics));
    *ret = hc_take(statistics);
    return NULL;
}
