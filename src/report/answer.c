#include "report/answer.h"

#include "base/interrupt.h"
#include "report/analyze.h"
#include "report/clean.h"
#include "report/identity.h"
#include "report/statistics.h"
#include "report/text.h"
#include "sets/brief.h"

#include <inttypes.h>
#include <string.h>

static struct hc_error *write_set(const struct hc_answer *answer, const struct hc_render_options *options,
                                  FILE *file)
{
    struct hc_partition *partition;
    struct hc_identity *identity;
    size_t rows;
    HC_TRY(hc_view_row_count(answer->view, &rows));
    size_t end = hc_answer_page_end(answer, rows);
    if (options->limit != HC_NO_LIMIT) {
        size_t left = rows - answer->first_row;
        end = answer->first_row + ((size_t)options->limit < left ? (size_t)options->limit : left);
    }
    _cleanup_(hc_report_deinit) struct hc_report report = {0};
    if (hc_view_is_by_identity(answer->view)) {
        HC_TRY(hc_view_identify(answer->view, &identity));
        HC_TRY(hc_report_identity_page(&report, "set", identity, answer->first_row, end));
    } else {
        HC_TRY(hc_view_divide(answer->view, &partition));
        hc_report_partition_page(&report, "set", partition, answer->first_row, end);
    }
    HC_TRY(hc_report_check(&report));
    return hc_text_write(&report, options, file);
}

// The row after the last that a page of `rows` shows.
static size_t page_end(const struct hc_statistics_page *page, const struct hc_render_options *options)
{
    const struct hc_answer shown = {.first_row = page->first_row, .all_rows = page->all_rows};
    size_t rows = page->statistics->rows.count;
    if (options->limit == HC_NO_LIMIT)
        return hc_answer_page_end(&shown, rows);
    size_t left = rows - page->first_row;
    return page->first_row + ((size_t)options->limit < left ? (size_t)options->limit : left);
}

static struct hc_error *write_table(const struct hc_statistics_page *page,
                                    const struct hc_render_options *options, FILE *file)
{
    _cleanup_(hc_report_deinit) struct hc_report report = {0};
    hc_report_statistics(&report, page->statistics, page->first_row, page_end(page, options));
    HC_TRY(hc_report_check(&report));
    return hc_text_write(&report, options, file);
}

static struct hc_error *write_text(const char *text, FILE *file)
{
    _cleanup_(hc_freep) char *clean = hc_clean_controls(text);
    if (!clean)
        return hc_error_out_of_memory();
    fprintf(file, "'%s'\n", clean);
    return NULL;
}

// A kind, a function, hp.
static struct hc_error *write_symbol(const struct hc_answer *answer, FILE *file)
{
    _cleanup_(hc_freep) char *clean = answer->text ? hc_clean_controls(answer->text) : NULL;
    if (answer->text && !clean)
        return hc_error_out_of_memory();
    if (clean)
        fprintf(file, "%s\n", clean);
    else
        fprintf(file, "<%s>\n", hc_answer_name(answer));
    return NULL;
}

// What a thing prints, made harmless to a terminal. Free it.
static struct hc_error *thing_text(struct hc_thing *thing, char **ret)
{
    _cleanup_(hc_freep) char *text = NULL;
    size_t length;
    FILE *memory = open_memstream(&text, &length);
    if (!memory)
        return hc_error_out_of_memory();
    struct hc_error *error = thing->class->print(thing, memory);
    bool is_whole = !fclose(memory) && text;
    HC_TRY(error);
    *ret = is_whole ? hc_clean_lines(text) : NULL;
    return *ret ? NULL : hc_error_out_of_memory();
}

static struct hc_error *write_thing(struct hc_thing *thing, const struct hc_render_options *options,
                                    FILE *file)
{
    if (thing->class->table) {
        const struct hc_statistics_page page = thing->class->table(thing);
        return write_table(&page, options, file);
    }
    _cleanup_(hc_freep) char *text = NULL;
    HC_TRY(thing_text(thing, &text));
    fputs(text, file);
    return NULL;
}

struct hc_error *hc_answer_write(const struct hc_answer *answer, const struct hc_render_options *options,
                                 FILE *file)
{
    switch (answer->type) {
    case HC_ANSWER_NONE:
        return NULL;
    case HC_ANSWER_INTEGER:
        fprintf(file, "%" PRId64 "\n", answer->integer);
        return NULL;
    case HC_ANSWER_TRUTH:
        fprintf(file, "%s\n", answer->integer ? "True" : "False");
        return NULL;
    case HC_ANSWER_TEXT:
        return write_text(answer->text, file);
    case HC_ANSWER_SET:
        return write_set(answer, options, file);
    case HC_ANSWER_THING:
        return write_thing(answer->thing, options, file);
    default:
        return write_symbol(answer, file);
    }
}

// What is not text becomes clean UTF-8 first: names come from the core, expressions from a command line.
static struct hc_error *add_text(json_object *object, const char *key, const char *text)
{
    _cleanup_(hc_freep) char *clean = text ? hc_clean_utf8(text) : NULL;
    json_object *string = clean ? json_object_new_string(clean) : NULL;
    if (!string || json_object_object_add(object, key, string))
        return hc_error_out_of_memory();
    return NULL;
}

// The next row of `rows`.
static struct hc_error *add_row(json_object *rows, size_t index, uint64_t count, uint64_t size,
                                const char *name, json_object **ret)
{
    json_object *row = json_object_new_object();
    if (!row || json_object_array_add(rows, row))
        return hc_error_out_of_memory();
    json_object_object_add(row, "index", json_object_new_uint64(index));
    json_object_object_add(row, "count", json_object_new_uint64(count));
    json_object_object_add(row, "size", json_object_new_uint64(size));
    *ret = row;
    return add_text(row, "name", name);
}

static struct hc_error *add_rows(json_object *rows, struct hc_partition *partition, size_t first, size_t end)
{
    json_object *row;
    for (size_t i = first; i < end; i++)
        HC_TRY(add_row(rows, i, partition->rows[i].count, partition->rows[i].size,
                       hc_partition_name(partition, i), &row));
    return NULL;
}

// Rows of single objects, with their addresses.
static struct hc_error *add_objects(json_object *rows, struct hc_identity *identity, size_t first, size_t end)
{
    HC_TRY(hc_identity_settle(identity, first, end));
    for (size_t i = first; i < end; i++) {
        _cleanup_(hc_freep) char *name = NULL;
        json_object *row;
        uint64_t address;
        char text[32];
        HC_TRY(hc_interrupt_check());
        HC_TRY(hc_identity_name(identity, i, &name));
        HC_TRY(add_row(rows, i, 1, hc_identity_size(identity, i), name, &row));
        HC_TRY(hc_universe_address(identity->universe, hc_identity_object(identity, i), &address));
        snprintf(text, sizeof(text), "0x%" PRIx64, address);
        HC_TRY(add_text(row, "address", text));
    }
    return NULL;
}

static struct hc_error *add_set(json_object *object, const struct hc_answer *answer,
                                const struct hc_render_options *options)
{
    struct hc_partition *partition = NULL;
    struct hc_identity *identity = NULL;
    size_t count;
    HC_TRY(hc_view_row_count(answer->view, &count));
    if (hc_view_is_by_identity(answer->view))
        HC_TRY(hc_view_identify(answer->view, &identity));
    else
        HC_TRY(hc_view_divide(answer->view, &partition));
    size_t first = answer->first_row < count ? answer->first_row : count;
    size_t end = options->limit == HC_NO_LIMIT || count - first < (size_t)options->limit
                     ? count
                     : first + (size_t)options->limit;
    json_object_object_add(object, "count", json_object_new_uint64(answer->view->set->count));
    json_object_object_add(object, "size", json_object_new_uint64(answer->view->set->size));
    HC_TRY(add_text(object, "header", identity ? identity->header : partition->kind_header));
    json_object *rows = json_object_new_array();
    if (!rows || json_object_object_add(object, "rows", rows))
        return hc_error_out_of_memory();
    return identity ? add_objects(rows, identity, first, end) : add_rows(rows, partition, first, end);
}

static struct hc_error *fill_value(json_object *object, const struct hc_answer *answer)
{
    switch (answer->type) {
    case HC_ANSWER_NONE:
        return json_object_object_add(object, "value", NULL) ? hc_error_out_of_memory() : NULL;
    case HC_ANSWER_INTEGER:
        json_object_object_add(object, "value", json_object_new_int64(answer->integer));
        return NULL;
    case HC_ANSWER_TRUTH:
        json_object_object_add(object, "value", json_object_new_boolean(answer->integer));
        return NULL;
    case HC_ANSWER_TEXT:
        return add_text(object, "value", answer->text);
    default:
        return add_text(object, "value", answer->text ? answer->text : hc_answer_name(answer));
    }
}

// As a set's.
static struct hc_error *add_table(json_object *object, const struct hc_statistics_page *page,
                                  const struct hc_render_options *options)
{
    const struct hc_statistics *statistics = page->statistics;
    json_object *rows = json_object_new_array();
    size_t end = options->limit == HC_NO_LIMIT ? statistics->rows.count : page_end(page, options);
    json_object_object_add(object, "count", json_object_new_int64(statistics->count));
    json_object_object_add(object, "size", json_object_new_int64(statistics->size));
    HC_TRY(add_text(object, "header", statistics->kind_header));
    if (!rows || json_object_object_add(object, "rows", rows))
        return hc_error_out_of_memory();
    for (size_t i = page->first_row; i < end; i++) {
        json_object *row = json_object_new_object();
        if (!row || json_object_array_add(rows, row))
            return hc_error_out_of_memory();
        json_object_object_add(row, "index", json_object_new_uint64(i));
        json_object_object_add(row, "count", json_object_new_int64(statistics->rows.items[i].count));
        json_object_object_add(row, "size", json_object_new_int64(statistics->rows.items[i].size));
        HC_TRY(add_text(row, "name", statistics->rows.items[i].name));
    }
    return NULL;
}

static struct hc_error *add_lines(json_object *object, char *text)
{
    json_object *lines = json_object_new_array();
    if (!lines || json_object_object_add(object, "lines", lines))
        return hc_error_out_of_memory();
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); rest; line = strsep(&rest, "\n")) {
        json_object *string = json_object_new_string(line);
        if (!string || json_object_array_add(lines, string))
            return hc_error_out_of_memory();
    }
    return NULL;
}

static struct hc_error *fill_thing(json_object *object, struct hc_thing *thing,
                                   const struct hc_render_options *options)
{
    if (thing->class->table) {
        const struct hc_statistics_page page = thing->class->table(thing);
        return add_table(object, &page, options);
    }
    if (thing->class->value) {
        _cleanup_(hc_answer_deinit) struct hc_answer value = {0};
        HC_TRY(thing->class->value(thing, &value));
        return fill_value(object, &value);
    }
    _cleanup_(hc_freep) char *text = NULL;
    HC_TRY(thing_text(thing, &text));
    return add_lines(object, text);
}

static struct hc_error *fill(json_object *object, const char *expression, const struct hc_answer *answer,
                             const struct hc_render_options *options)
{
    HC_TRY(add_text(object, "expr", expression));
    switch (answer->type) {
    case HC_ANSWER_SET:
        return add_set(object, answer, options);
    case HC_ANSWER_THING:
        return fill_thing(object, answer->thing, options);
    default:
        return fill_value(object, answer);
    }
}

struct hc_error *hc_answer_json(const char *expression, const struct hc_answer *answer,
                                const struct hc_render_options *options, json_object **ret)
{
    json_object *object = json_object_new_object();
    struct hc_error *error = object ? fill(object, expression, answer, options) : hc_error_out_of_memory();
    if (error) {
        json_object_put(object);
        return error;
    }
    *ret = object;
    return NULL;
}

struct hc_error *hc_failure_json(const char *expression, const char *message, json_object **ret)
{
    json_object *object = json_object_new_object();
    struct hc_error *error = object ? add_text(object, "expr", expression) : hc_error_out_of_memory();
    if (!error)
        error = add_text(object, "error", message);
    if (error) {
        json_object_put(object);
        return error;
    }
    *ret = object;
    return NULL;
}
