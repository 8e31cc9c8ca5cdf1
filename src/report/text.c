#include "report/text.h"

#include "report/clean.h"
#include "report/wrap.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { HEAPY_PAGE = 10, HEAPY_WIDTH = 100 };

static const char *const tone_codes[] = {
    [HC_TONE_PLAIN] = "",
    [HC_TONE_ALARM] = "\033[31m",
    [HC_TONE_WARNING] = "\033[33m",
    [HC_TONE_QUIET] = "\033[2m",
};

static void write_bold(const char *text, enum hc_tone tone, size_t width,
                       const struct hc_render_options *options, FILE *file)
{
    if (options->color)
        fprintf(file, "%s\033[1m", tone_codes[tone]);
    hc_wrap_cut(text, width, file);
    fputs(options->color ? "\033[0m\n" : "\n", file);
}

static const struct hc_value *cell(const struct hc_table *table, size_t row, size_t column)
{
    return &table->cells.items[row * table->column_count + column];
}

// Numbers need at most 20 digits.
typedef char cell_buffer[24];

// A cell's text, in `buffer` if it has none of its own.
static const char *cell_text(const struct hc_value *value, cell_buffer buffer)
{
    switch (value->kind) {
    case HC_VALUE_NUMBER:
        snprintf(buffer, sizeof(cell_buffer), "%" PRIu64, value->number);
        return buffer;
    case HC_VALUE_TRUTH:
        return value->number ? "yes" : "no";
    case HC_VALUE_TEXT:
        return value->text;
    default:
        return "";
    }
}

static struct hc_error *write_heapy_row(const struct hc_table *table, size_t row, FILE *file)
{
    char *text;
    size_t size;
    FILE *line = open_memstream(&text, &size);
    if (!line)
        return hc_error_out_of_memory();
    size_t indent = 0, last = table->column_count - 1;
    for (size_t i = 0; i <= last; i++) {
        cell_buffer buffer;
        const char *shown = cell_text(cell(table, row, i), buffer);
        int printed = i < last ? fprintf(line, "%*s ", (int)table->columns[i].width, shown)
                               : fprintf(line, "%s", shown);
        indent += i < last && printed > 0 ? (size_t)printed : 0;
    }
    bool complete = !ferror(line);
    complete = !fclose(line) && complete;
    _cleanup_(hc_freep) char *clean = complete ? hc_clean_controls(text) : NULL;
    free(text);
    if (!clean)
        return hc_error_out_of_memory();
    hc_wrap_write(clean, HEAPY_WIDTH, indent, file);
    return NULL;
}

static size_t rows_shown(const struct hc_table *table, const struct hc_render_options *options)
{
    size_t rows = hc_table_rows(table);
    if (table->is_limited && options->limit != HC_NO_LIMIT)
        return rows < (size_t)options->limit ? rows : (size_t)options->limit;
    // "1 more row" would take the line that the row takes.
    return table->header && !table->is_page && rows > HEAPY_PAGE + 1 ? HEAPY_PAGE : rows;
}

static void write_more(const struct hc_table *table, size_t shown, FILE *file)
{
    size_t more = hc_table_rows(table) - shown + table->hidden;
    if (more && table->header)
        fprintf(file, "<%zu more rows. Type e.g. '_.more' to view.>\n", more);
    else if (more)
        fprintf(file, "<%zu more rows>\n", more);
}

// Labels and headers tell of classes, and may come from a file: they are made harmless, too.
static struct hc_error *write_heading_line(const char *text, enum hc_tone tone, size_t width,
                                           const struct hc_render_options *options, FILE *file)
{
    _cleanup_(hc_freep) char *clean = hc_clean_lines(text);
    if (!clean)
        return hc_error_out_of_memory();
    write_bold(clean, tone, width, options, file);
    return NULL;
}

struct hc_error *hc_text_write_heapy_table(const struct hc_table *table,
                                           const struct hc_render_options *options, FILE *file)
{
    if (!hc_table_rows(table) && table->empty) {
        fprintf(file, "%s\n", table->empty);
        return NULL;
    }
    if (table->label)
        HC_TRY(write_heading_line(table->label, HC_TONE_PLAIN, 0, options, file));
    if (!hc_table_rows(table))
        return NULL;
    HC_TRY(write_heading_line(table->header, HC_TONE_PLAIN, 0, options, file));
    size_t shown = rows_shown(table, options);
    for (size_t row = 0; row < shown; row++)
        HC_TRY(write_heapy_row(table, row, file));
    write_more(table, shown, file);
    return NULL;
}

static void write_padded(const char *text, size_t width, bool right, bool is_last, FILE *file)
{
    size_t length = hc_wrap_length(text);
    int padding = length < width ? (int)(width - length) : 0;
    if (right)
        fprintf(file, "%*s%s", padding, "", text);
    else
        fprintf(file, "%s%*s", text, is_last ? 0 : padding, "");
}

// A last cell without text leaves no blanks behind.
static void write_fitted_cell(const char *text, size_t width, bool right, bool is_last, FILE *file)
{
    if (is_last && !*text)
        return;
    fputs("  ", file);
    write_padded(text, width, right, is_last, file);
}

struct fitted_column {
    size_t width;
    bool is_last;
};

static void write_heading(const struct hc_table *table, const struct fitted_column *fitted,
                          const struct hc_render_options *options, FILE *file)
{
    fputs(options->color ? "\033[1m" : "", file);
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].kind != HC_COLUMN_HIDDEN)
            write_fitted_cell(table->columns[i].heading, fitted[i].width,
                              table->columns[i].kind == HC_COLUMN_RIGHT, fitted[i].is_last, file);
    }
    fputs(options->color ? "\033[0m\n" : "\n", file);
}

static struct hc_error *write_fitted_row(const struct hc_table *table, const struct fitted_column *fitted,
                                         size_t row, FILE *file)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].kind == HC_COLUMN_HIDDEN)
            continue;
        cell_buffer buffer;
        _cleanup_(hc_freep) char *clean = hc_clean_controls(cell_text(cell(table, row, i), buffer));
        if (!clean)
            return hc_error_out_of_memory();
        write_fitted_cell(clean, fitted[i].width, table->columns[i].kind == HC_COLUMN_RIGHT,
                          fitted[i].is_last, file);
    }
    fputc('\n', file);
    return NULL;
}

static void fit_columns(const struct hc_table *table, size_t shown, struct fitted_column *fitted)
{
    size_t last = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].kind == HC_COLUMN_HIDDEN)
            continue;
        last = i;
        fitted[i].width = hc_wrap_length(table->columns[i].heading);
        for (size_t row = 0; row < shown; row++) {
            cell_buffer buffer;
            size_t length = hc_wrap_length(cell_text(cell(table, row, i), buffer));
            fitted[i].width = length > fitted[i].width ? length : fitted[i].width;
        }
    }
    fitted[last].is_last = true;
}

static struct hc_error *write_fitted_table(const struct hc_table *table,
                                           const struct hc_render_options *options, FILE *file)
{
    if (!hc_table_rows(table)) {
        if (table->empty)
            fprintf(file, "  %s\n", table->empty);
        return NULL;
    }
    _cleanup_(hc_freep) struct fitted_column *fitted = calloc(table->column_count, sizeof(*fitted));
    if (!fitted)
        return hc_error_out_of_memory();
    size_t shown = rows_shown(table, options);
    fit_columns(table, shown, fitted);
    write_heading(table, fitted, options, file);
    for (size_t row = 0; row < shown; row++)
        HC_TRY(write_fitted_row(table, fitted, row, file));
    write_more(table, shown, file);
    return NULL;
}

// How the lines of a section are laid out.
struct line_layout {
    size_t label_width;
    size_t width; // longer lines are cut; 0: none is
};

// What is left of a line of `width` characters behind `used` ones.
static size_t room_of(size_t width, size_t used)
{
    return !width ? 0 : width > used ? width - used : 1;
}

static struct hc_error *write_fact(const struct hc_fact *fact, const struct line_layout *layout,
                                   const struct hc_render_options *options, FILE *file)
{
    _cleanup_(hc_freep) char *clean = hc_clean_controls(fact->text);
    const char *code = options->color ? tone_codes[fact->tone] : "";
    size_t used = 2;
    if (!clean)
        return hc_error_out_of_memory();
    fputs("  ", file);
    if (fact->label) {
        write_padded(fact->label, layout->label_width, false, false, file);
        fputs("  ", file);
        used += layout->label_width + 2;
    }
    fputs(code, file);
    hc_wrap_cut(clean, room_of(layout->width, used), file);
    fputs(*code ? "\033[0m\n" : "\n", file);
    return NULL;
}

// Of the section and those that go on without a title of their own.
static size_t widest_label(const struct hc_report *report, size_t first)
{
    size_t widest = 0;
    for (size_t i = first; i < report->sections.count && (i == first || !report->sections.items[i].title);
         i++) {
        const struct hc_fact_vector *facts = &report->sections.items[i].facts;
        for (size_t j = 0; j < facts->count; j++) {
            size_t length = facts->items[j].label ? hc_wrap_length(facts->items[j].label) : 0;
            widest = length > widest ? length : widest;
        }
    }
    return widest;
}

static bool has_columns(const struct hc_table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].kind != HC_COLUMN_HIDDEN)
            return true;
    return false;
}

static bool has_text(const struct hc_section *section)
{
    const struct hc_table *table = &section->table;
    bool has =
        section->own_title || (has_columns(table) && (hc_table_rows(table) || table->empty || table->label));
    for (size_t i = 0; i < section->facts.count; i++)
        has |= section->facts.items[i].text != NULL;
    return has;
}

static struct hc_error *write_section(const struct hc_section *section, const struct line_layout *layout,
                                      const struct hc_render_options *options, FILE *file)
{
    if (section->title)
        HC_TRY(write_heading_line(section->title, section->tone, layout->width, options, file));
    for (size_t i = 0; i < section->facts.count; i++)
        if (section->facts.items[i].text)
            HC_TRY(write_fact(&section->facts.items[i], layout, options, file));
    if (!has_columns(&section->table))
        return NULL;
    return section->table.header ? hc_text_write_heapy_table(&section->table, options, file)
                                 : write_fitted_table(&section->table, options, file);
}

struct hc_error *hc_text_write(const struct hc_report *report, const struct hc_render_options *options,
                               FILE *file)
{
    HC_TRY(hc_report_check(report));
    struct line_layout layout = {.width = report->width};
    bool is_first = true;
    for (size_t i = 0; i < report->sections.count; i++) {
        const struct hc_section *section = &report->sections.items[i];
        if (!has_text(section))
            continue;
        if (!is_first && (section->title || section->table.header))
            fputc('\n', file);
        if (is_first || section->title)
            layout.label_width = widest_label(report, i);
        is_first = false;
        HC_TRY(write_section(section, &layout, options, file));
    }
    return NULL;
}
