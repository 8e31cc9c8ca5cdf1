// What of a heap deserves a look: findings by name, each with figures, the path that holds what it is about,
// and the query that shows it. What counts as too much stands in docs/suspects.md.
#pragma once

#include "graph/session.h"
#include "sets/reference.h"
#include "sets/set.h"

#include <stdbool.h>
#include <stdint.h>

struct hc_figure {
    const char *key; // static; "retained", "objects" …
    uint64_t number;
    bool is_bytes;
};

enum { HC_SUSPECT_FIGURES = 6 };

struct hc_suspect {
    const char *name;      // static: the finding's
    uint64_t bytes;        // at stake: the largest come first
    char *sentence;        // owned, as is what follows
    char *path;            // to the object it is about; NULL: it is about many, or nothing leads there
    char *query;           // an expression of `heapcore query`; NULL: the heap does not show it
    const char *elsewhere; // static: the command that shows it then; NULL: none
    struct hc_figure figures[HC_SUSPECT_FIGURES];
    unsigned figure_count;
};

HC_DEFINE_VECTOR(hc_suspect_vector, struct hc_suspect)

// What a finding looks at, and where it puts what it finds.
struct hc_inquiry {
    const struct hc_session *session;
    struct hc_universe *universe;
    const struct hc_set *heap;           // what the roots reach
    const struct hc_reference *baseline; // NULL: none
    struct hc_suspect_vector *suspects;
};

struct hc_finding_kind {
    const char *name;
    const char *summary; // one line
    struct hc_error *(*find)(const struct hc_inquiry *inquiry);
};

// NULL-terminated by name.
extern const struct hc_finding_kind hc_finding_kinds[];

// All findings, the most bytes first.
struct hc_error *hc_suspects_find(const struct hc_session *session, const struct hc_reference *baseline,
                                  struct hc_suspect_vector *ret);
void hc_suspects_deinit(struct hc_suspect_vector *suspects);

// For findings.

// Adds a suspect and returns it, to be filled at once; NULL: out of memory. `format` is its sentence.
struct hc_suspect *hc_suspect_add(const struct hc_inquiry *inquiry, const char *name, uint64_t bytes,
                                  const char *format, ...) __attribute__((format(printf, 4, 5)));
void hc_suspect_figure(struct hc_suspect *suspect, const char *key, uint64_t number);
void hc_suspect_bytes(struct hc_suspect *suspect, const char *key, uint64_t bytes);
// False: out of memory.
bool hc_suspect_query(struct hc_suspect *suspect, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// The object's path, and a query for it unless there is one.
struct hc_error *hc_suspect_about(const struct hc_inquiry *inquiry, struct hc_suspect *suspect,
                                  uint32_t object);
