// A report is data: sections of facts and tables. What it says in JSON and what it says to people stand side
// by side; renderers (text.h, json.h) know nothing else.
#pragma once

#include "base/error.h"
#include "base/vector.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hc_value_kind {
    HC_VALUE_NONE, // an empty cell; null in JSON
    HC_VALUE_NUMBER,
    HC_VALUE_TEXT,
    HC_VALUE_TRUTH,
    HC_VALUE_ROWS, // a table of its own, in JSON only
};

struct hc_table;

struct hc_value {
    enum hc_value_kind kind;
    uint64_t number;       // truth: 0 or 1
    char *text;            // owned
    struct hc_table *rows; // owned
};

// What a line is to people who see colours.
enum hc_tone {
    HC_TONE_PLAIN,
    HC_TONE_ALARM,   // what went wrong
    HC_TONE_WARNING, // what deserves a look
    HC_TONE_QUIET,   // what may be skipped
};

struct hc_fact {
    const char *key; // in JSON; "signal.name" is member `name` of the object `signal`; NULL: not in JSON
    struct hc_value value; // in JSON
    const char *label;     // in text, before `text`; NULL: a line of its own
    char *text;            // owned; NULL: not in text
    enum hc_tone tone;     // of the text
};

enum hc_column_kind {
    HC_COLUMN_LEFT,
    HC_COLUMN_RIGHT,
    HC_COLUMN_HIDDEN, // JSON only
};

struct hc_column {
    const char *key;     // in JSON, "exception.type" as of facts; NULL: not in JSON
    const char *heading; // in text
    enum hc_column_kind kind;
    unsigned width; // of a table with a `header`: wider cells push the rest of their row to the right
};

HC_DEFINE_VECTOR(hc_fact_vector, struct hc_fact)
HC_DEFINE_VECTOR(hc_value_vector, struct hc_value)

struct hc_table {
    const struct hc_column *columns; // static
    size_t column_count;             // 0: the section has no table
    struct hc_value_vector cells;    // by rows
    // heapy's tables: a header of their own, fixed widths, the last column wrapped, 10 rows shown unless
    // there is a limit. The others: headings of their columns, widths that fit, every row shown.
    char *label;            // owned; the line above; NULL: none
    char *header;           // owned; NULL: not heapy's
    const char *empty;      // printed in place of a table without rows
    struct hc_table *outer; // of a table in a cell that is being filled; NULL: the section's
    bool is_limited;        // --limit counts for it
    bool is_page;           // a page of a longer one: every row of it is shown,
    size_t hidden;          // and this many follow
};

struct hc_section {
    const char *key;   // in JSON
    const char *title; // in text; NULL: goes on without a gap
    const char *part;  // in JSON: the member of the report that has it; NULL: the report itself
    char *own_title;   // owned; in place of `title`
    enum hc_tone tone; // of the title
    struct hc_fact_vector facts;
    struct hc_table table;
};

HC_DEFINE_VECTOR(hc_section_vector, struct hc_section)

// Members are filled through the functions below. They fail only for want of memory; then the report is
// incomplete, and hc_report_check() says so.
struct hc_report {
    struct hc_section_vector sections;
    const char *name;      // in JSON; NULL: none
    const char *part;      // of the sections to come, a report of its own: "retained"; NULL: none
    size_t width;          // longer lines are cut in text; 0: none is
    struct hc_table *open; // the table in a cell that is being filled; NULL: the section's
    bool out_of_memory;
};

void hc_report_deinit(struct hc_report *report);
struct hc_error *hc_report_check(const struct hc_report *report);

// Opens a section; what follows goes into it.
void hc_report_section(struct hc_report *report, const char *key, const char *title);
// Gives the section a title made for it.
void hc_report_title(struct hc_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));
// For JSON.
void hc_report_number(struct hc_report *report, const char *key, uint64_t number);
void hc_report_truth(struct hc_report *report, const char *key, bool truth);
void hc_report_text(struct hc_report *report, const char *key, const char *text); // NULL: left out
// For people.
void hc_report_line(struct hc_report *report, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Of the section's last line or, before there is one, of its title.
void hc_report_tone(struct hc_report *report, enum hc_tone tone);
// Opens the section's table. The functions below fill its cells from left to right, row by row.
struct hc_table *hc_report_table(struct hc_report *report, const struct hc_column *columns, size_t count);
void hc_report_cell_number(struct hc_report *report, uint64_t number);
void hc_report_cell_text(struct hc_report *report, const char *text); // NULL: empty
void hc_report_cell_truth(struct hc_report *report, bool truth);
void hc_report_cell_empty(struct hc_report *report);
// A cell that is a table: what follows fills it, until it is closed.
void hc_report_open_rows(struct hc_report *report, const struct hc_column *columns, size_t count);
void hc_report_close_rows(struct hc_report *report);

static inline size_t hc_table_rows(const struct hc_table *table)
{
    return table->column_count ? table->cells.count / table->column_count : 0;
}

enum { HC_NO_LIMIT = -1 };

struct hc_render_options {
    long limit; // rows of a table, or HC_NO_LIMIT
    bool color;
    size_t width; // characters of the terminal; 0: not known
};
