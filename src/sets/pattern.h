// heapy's reference pattern: the referrers of a set by class, theirs, and so on, as a tree whose lines are
// made when they are asked for. Knows nothing of printing.
#pragma once

#include "base/vector.h"
#include "sets/kind.h"
#include "sets/partition.h"

enum { HC_PATTERN_DEPTH = 7, HC_PATTERN_MAX_DEPTH = 10000 };

enum hc_pattern_image {
    HC_PATTERN_REFERRERS,
    HC_PATTERN_DOMINATORS, // the immediate ones
};

struct hc_pattern_options {
    uint32_t depth;
    struct hc_classifier classifier; // what divides the referrers
    enum hc_pattern_image image;
    bool is_breadth_first;
    bool has_no_cycles;    // what is in a line above is in none below it
    struct hc_kind *stop;  // sets of nothing else have no lines below them; NULL: none
    struct hc_set *source; // only what these reach refers to anything; NULL: the roots
};

enum hc_pattern_mark {
    HC_PATTERN_SEEN,     // [^ n] the set of an earlier line
    HC_PATTERN_ROOT,     // [R] nothing refers to it
    HC_PATTERN_STOP,     // [S]
    HC_PATTERN_EXPANDED, // [-]
    HC_PATTERN_TOO_DEEP, // [+]
};

// The members of a line's set: a list if that is smaller, else a bitmap.
struct hc_members {
    uint64_t count;
    uint32_t *objects; // ascending
    struct hc_set *set;
};

enum { HC_NO_LINE = UINT32_MAX };

struct hc_pattern_line {
    char *kind;          // as tables show it
    bool has_renderings; // members are of one class, and are called by what they are
    struct hc_members members;
    uint64_t hash; // of the members
    enum hc_pattern_mark mark;
    uint32_t seen; // of HC_PATTERN_SEEN: the line
    uint32_t depth;
    uint32_t letter;                                        // among its siblings
    uint32_t parent, first_child, last_child, next_sibling; // HC_NO_LINE: none
    bool is_ready;                                          // all its children have lines
};

HC_DEFINE_VECTOR(hc_pattern_line_vector, struct hc_pattern_line)

// A line whose children are still being given lines.
struct hc_pattern_frame {
    uint32_t line;
    struct hc_partition partition; // of its referrers
    uint32_t *objects;             // by row
    uint64_t start;                // of the next row's
    size_t next;                   // row
};

HC_DEFINE_VECTOR(hc_pattern_frame_vector, struct hc_pattern_frame)

struct hc_pattern {
    struct hc_universe *universe;
    struct hc_pattern_options options; // keeps what it holds
    struct hc_set *reached;            // from options.source; NULL: all
    struct hc_pattern_line_vector lines;
    struct hc_pattern_frame_vector frames; // a stack; breadth first, a queue
    size_t first_frame;
    uint32_t *buckets; // lines by set, + 1, open addressing
    size_t bucket_count;
    uint64_t bytes; // that members and frames take
    bool is_whole;  // every line was made
};

// The set is shown as `kind` on its line, the members by what they are if that is one class. Keeps what the
// options hold.
struct hc_error *hc_pattern_create(struct hc_set *set, const char *kind, bool is_one_class,
                                   const struct hc_pattern_options *options, struct hc_pattern **ret);
void hc_pattern_destroy(struct hc_pattern *pattern);
HC_DEFINE_POINTER_CLEANUP(hc_pattern_destroy, struct hc_pattern)

// Makes lines up to `line`; it is there if lines.count is larger afterwards.
struct hc_error *hc_pattern_make(struct hc_pattern *pattern, size_t line);
// The line that is called `name`: "_", "a", "ba3"; HC_NO_LINE: there is none.
struct hc_error *hc_pattern_find(struct hc_pattern *pattern, const char *name, uint32_t *ret);
// What the line is called. Free it; NULL: out of memory.
char *hc_pattern_name(const struct hc_pattern *pattern, uint32_t line);
struct hc_error *hc_pattern_set(const struct hc_pattern *pattern, uint32_t line, struct hc_set **ret);
// The first member from object `from` on; the number of all objects if there is none.
uint32_t hc_members_next(const struct hc_members *members, const struct hc_universe *universe,
                         uint64_t *place, uint32_t from);
