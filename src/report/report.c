#include "report/report.h"

#include "report/clean.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void table_deinit(struct hc_table *table)
{
    for (size_t i = 0; i < table->cells.count; i++) {
        free(table->cells.items[i].text);
        if (table->cells.items[i].rows)
            table_deinit(table->cells.items[i].rows);
        free(table->cells.items[i].rows);
    }
    hc_value_vector_deinit(&table->cells);
    free(table->label);
    free(table->header);
}

static void section_deinit(struct hc_section *section)
{
    for (size_t i = 0; i < section->facts.count; i++) {
        free(section->facts.items[i].value.text);
        free(section->facts.items[i].text);
    }
    hc_fact_vector_deinit(&section->facts);
    free(section->own_title);
    table_deinit(&section->table);
}

void hc_report_deinit(struct hc_report *report)
{
    for (size_t i = 0; i < report->sections.count; i++)
        section_deinit(&report->sections.items[i]);
    hc_section_vector_deinit(&report->sections);
}

struct hc_error *hc_report_check(const struct hc_report *report)
{
    return report->out_of_memory ? hc_error_out_of_memory() : NULL;
}

// NULL after an allocation failed.
static struct hc_section *last_section(struct hc_report *report)
{
    return report->out_of_memory ? NULL : &report->sections.items[report->sections.count - 1];
}

void hc_report_section(struct hc_report *report, const char *key, const char *title)
{
    if (!report->out_of_memory &&
        !hc_section_vector_push(&report->sections,
                                (struct hc_section){.key = key, .title = title, .part = report->part}))
        report->out_of_memory = true;
}

void hc_report_title(struct hc_report *report, const char *format, ...)
{
    struct hc_section *section = last_section(report);
    va_list arguments;
    char *text = NULL, *clean = NULL;
    va_start(arguments, format);
    if (section && vasprintf(&text, format, arguments) >= 0) {
        clean = hc_clean_utf8(text);
        free(text);
    }
    va_end(arguments);
    if (clean)
        section->title = section->own_title = clean;
    else
        report->out_of_memory = true;
}

void hc_report_tone(struct hc_report *report, enum hc_tone tone)
{
    struct hc_section *section = last_section(report);
    if (section && section->facts.count)
        section->facts.items[section->facts.count - 1].tone = tone;
    else if (section)
        section->tone = tone;
}

static void add_fact(struct hc_report *report, struct hc_fact fact)
{
    struct hc_section *section = last_section(report);
    if (section && hc_fact_vector_push(&section->facts, fact))
        return;
    free(fact.value.text);
    free(fact.text);
    report->out_of_memory = true;
}

void hc_report_number(struct hc_report *report, const char *key, uint64_t number)
{
    add_fact(report, (struct hc_fact){.key = key, .value = {.kind = HC_VALUE_NUMBER, .number = number}});
}

void hc_report_truth(struct hc_report *report, const char *key, bool truth)
{
    add_fact(report, (struct hc_fact){.key = key, .value = {.kind = HC_VALUE_TRUTH, .number = truth}});
}

void hc_report_text(struct hc_report *report, const char *key, const char *text)
{
    if (!text)
        return;
    char *clean = hc_clean_utf8(text);
    if (clean)
        add_fact(report, (struct hc_fact){.key = key, .value = {.kind = HC_VALUE_TEXT, .text = clean}});
    else
        report->out_of_memory = true;
}

void hc_report_line(struct hc_report *report, const char *label, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text, *clean = NULL;
    if (vasprintf(&text, format, arguments) >= 0) {
        clean = hc_clean_utf8(text);
        free(text);
    }
    va_end(arguments);
    if (clean)
        add_fact(report, (struct hc_fact){.label = label, .text = clean});
    else
        report->out_of_memory = true;
}

struct hc_table *hc_report_table(struct hc_report *report, const struct hc_column *columns, size_t count)
{
    struct hc_section *section = last_section(report);
    if (!section)
        return NULL;
    section->table = (struct hc_table){.columns = columns, .column_count = count};
    return &section->table;
}

// The table that is being filled; NULL after an allocation failed.
static struct hc_table *open_table(struct hc_report *report)
{
    struct hc_section *section = last_section(report);
    return section && report->open ? report->open : section ? &section->table : NULL;
}

static void add_cell(struct hc_report *report, struct hc_value value)
{
    struct hc_table *table = open_table(report);
    if (table && hc_value_vector_push(&table->cells, value))
        return;
    free(value.text);
    free(value.rows);
    report->out_of_memory = true;
}

void hc_report_cell_number(struct hc_report *report, uint64_t number)
{
    add_cell(report, (struct hc_value){.kind = HC_VALUE_NUMBER, .number = number});
}

void hc_report_cell_text(struct hc_report *report, const char *text)
{
    char *clean = text ? hc_clean_utf8(text) : NULL;
    if (text && !clean)
        report->out_of_memory = true;
    else
        add_cell(report, (struct hc_value){.kind = text ? HC_VALUE_TEXT : HC_VALUE_NONE, .text = clean});
}

void hc_report_cell_truth(struct hc_report *report, bool truth)
{
    add_cell(report, (struct hc_value){.kind = HC_VALUE_TRUTH, .number = truth});
}

void hc_report_cell_empty(struct hc_report *report)
{
    add_cell(report, (struct hc_value){.kind = HC_VALUE_NONE});
}

void hc_report_open_rows(struct hc_report *report, const struct hc_column *columns, size_t count)
{
    struct hc_table *rows = calloc(1, sizeof(*rows));
    if (!rows) {
        report->out_of_memory = true;
        return;
    }
    *rows = (struct hc_table){.columns = columns, .column_count = count, .outer = report->open};
    add_cell(report, (struct hc_value){.kind = HC_VALUE_ROWS, .rows = rows});
    if (!report->out_of_memory)
        report->open = rows;
}

void hc_report_close_rows(struct hc_report *report)
{
    if (!report->out_of_memory)
        report->open = report->open->outer;
}
