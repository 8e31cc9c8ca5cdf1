// What an expression of the query language comes to.
#pragma once

#include "sets/identity.h"
#include "sets/kind.h"
#include "sets/partition.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum hc_answer_type {
    HC_ANSWER_NONE,
    HC_ANSWER_INTEGER,
    HC_ANSWER_TRUTH,
    HC_ANSWER_TEXT,
    HC_ANSWER_SET,      // a set, seen through a classifier
    HC_ANSWER_KIND,     // a symbolic set
    HC_ANSWER_FUNCTION, // something to call
    HC_ANSWER_HEAPY,    // hp itself
    HC_ANSWER_THING,    // a value with a behaviour of its own: paths, patterns, iterators, single objects …
};

struct hc_thing;
struct hc_statistics;

// Rows of a table without objects; it belongs to the thing.
struct hc_statistics_page {
    const struct hc_statistics *statistics;
    size_t first_row;
    bool all_rows;
};

// A set with the classifier that its table shows it by. Counted; the partition is made when it is first
// looked at.
struct hc_view {
    unsigned references;
    struct hc_set *set;
    struct hc_classifier classifier;
    struct hc_partition partition;
    bool is_divided;
    struct hc_identity *identity; // of a view by identity, in place of the partition
};

struct hc_answer;
struct hc_attribute;
struct hc_function;

struct hc_answer {
    enum hc_answer_type type;
    int64_t integer; // truth: 0 or 1
    char *text;      // owned
    struct hc_view *view;
    size_t first_row; // of a set: where its page of the table begins
    bool all_rows;    // … and whether the page ends with the table
    struct hc_kind *kind;
    const struct hc_function *function;
    struct hc_answer *self; // of a function: what it is a method of; owned
    struct hc_thing *thing;
};

// What a thing can be asked. Its first member is a struct hc_thing.
struct hc_thing_class {
    const char *name; // "a path" …
    void (*destroy)(struct hc_thing *thing);
    // Writes what a session shows of it, whole lines.
    struct hc_error *(*print)(struct hc_thing *thing, FILE *file);
    // A plain value (integer, truth, text, None) that stands for it in JSON; NULL: its lines do.
    struct hc_error *(*value)(struct hc_thing *thing, struct hc_answer *ret);
    const struct hc_attribute *const *attributes; // as hc_attribute_families() gives them
    const struct hc_function *const *methods;
    // thing[index], which may be negative; NULL: has no items.
    struct hc_error *(*item)(struct hc_thing *thing, int64_t index, struct hc_answer *ret);
    // thing[key] of any key, in place of item(); NULL: keys are integers.
    struct hc_error *(*key)(struct hc_thing *thing, const struct hc_answer *key, struct hc_answer *ret);
    // thing.name of a name that no table has; NULL: there are no others. False in `*ret_found`: nor has it
    // this.
    struct hc_error *(*attribute)(struct hc_thing *thing, const char *name, struct hc_answer *ret,
                                  bool *ret_found);
    // thing[first:end], 0 <= first <= end <= *length; with `ret` NULL it tells the length only. NULL: has no
    // slices.
    struct hc_error *(*slice)(struct hc_thing *thing, int64_t first, int64_t end, int64_t *length,
                              struct hc_answer *ret);
    // thing - other; NULL: has no differences.
    struct hc_error *(*subtract)(struct hc_thing *thing, const struct hc_answer *other,
                                 struct hc_answer *ret);
    // The part of a table that it shows, in place of print(); NULL: it is no table.
    struct hc_statistics_page (*table)(const struct hc_thing *thing);
};

// Counted.
struct hc_thing {
    const struct hc_thing_class *class;
    unsigned references;
};

// Takes the thing, whose members it sets; NULL is out of memory.
struct hc_error *hc_answer_thing(struct hc_thing *thing, const struct hc_thing_class *class,
                                 struct hc_answer *ret);

void hc_answer_deinit(struct hc_answer *answer);
struct hc_error *hc_answer_copy(const struct hc_answer *answer, struct hc_answer *ret);
// "a set", "an integer" …
const char *hc_answer_name(const struct hc_answer *answer);

// Takes the set.
struct hc_error *hc_answer_set(struct hc_set *set, const struct hc_classifier *classifier,
                               struct hc_answer *ret);
// Takes the kind; NULL is out of memory.
struct hc_error *hc_answer_kind(struct hc_kind *kind, struct hc_answer *ret);

enum { HC_ANSWER_PAGE = 10 };

// The row after the last that the page shows, of a table of `rows`: an eleventh is shown rather than
// announced.
size_t hc_answer_page_end(const struct hc_answer *answer, size_t rows);

static inline struct hc_answer hc_answer_integer(int64_t integer)
{
    return (struct hc_answer){.type = HC_ANSWER_INTEGER, .integer = integer};
}

static inline struct hc_answer hc_answer_truth(bool truth)
{
    return (struct hc_answer){.type = HC_ANSWER_TRUTH, .integer = truth};
}

// The view's partition, made now if it was not.
struct hc_error *hc_view_divide(struct hc_view *view, struct hc_partition **ret);
// Is it shown object by object? Then hc_view_identify() gives its rows at less cost.
bool hc_view_is_by_identity(const struct hc_view *view);
struct hc_error *hc_view_identify(struct hc_view *view, struct hc_identity **ret);
// The rows of its table, either way; the objects of the rows from `first` to before `end`.
struct hc_error *hc_view_row_count(struct hc_view *view, size_t *ret);
struct hc_error *hc_view_rows(struct hc_view *view, size_t first, size_t end, struct hc_set **ret);
