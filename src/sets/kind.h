// Symbolic sets: what belongs to them is told by a condition, not by a list. Immutable and counted, like
// sets.
#pragma once

#include "sets/classifier.h"
#include "sets/set.h"

enum hc_comparison {
    HC_EQUAL,
    HC_NOT_EQUAL,
    HC_LESS,
    HC_LESS_EQUAL,
    HC_GREATER,
    HC_GREATER_EQUAL,
};

// "<=" …
const char *hc_comparison_text(enum hc_comparison comparison);
// Two partial orders at once: is left within right, is right within left.
bool hc_compare(bool left_within, bool right_within, enum hc_comparison comparison);

enum hc_kind_operation {
    HC_KIND_CLASS, // cls(x) `comparison` class, by one relation
    HC_KIND_SET,   // x is in a set
    HC_KIND_ALL,
    HC_KIND_NOT,
    HC_KIND_DICTS, // x is the dict of what is of a kind
    HC_KIND_AND,
    HC_KIND_OR,
};

struct hc_kind {
    unsigned references;
    unsigned depth; // of the tree: selecting descends it
    unsigned parts; // of the tree
    enum hc_kind_operation operation;
    enum hc_relation relation; // of HC_KIND_CLASS
    enum hc_comparison comparison;
    uint64_t key;
    struct hc_set *set;
    struct hc_kind *left, *right; // of HC_KIND_NOT and HC_KIND_DICTS: left only
};

struct hc_kind *hc_kind_keep(struct hc_kind *kind);
void hc_kind_release(struct hc_kind *kind);
HC_DEFINE_POINTER_CLEANUP(hc_kind_release, struct hc_kind)

enum {
    HC_KIND_MAX_DEPTH = 10000,
    HC_KIND_MAX_PARTS =
        20001, // each is a pass over the set; a kind that is part of another twice counts twice
};

// Why hc_kind_not() or hc_kind_both() gave NULL.
struct hc_error *hc_kind_refused(void);

// NULL: out of memory, or deeper than HC_KIND_MAX_DEPTH. They keep what they are given.
struct hc_kind *hc_kind_of_class(enum hc_relation relation, uint64_t key);
// A kind by class or dict owner (hc_universe_kind()); classes other than dict are classes of HC_BY_TYPE.
struct hc_kind *hc_kind_of_clodo(const struct hc_universe *universe, uint64_t kind);
struct hc_kind *hc_kind_of_set(struct hc_set *set);
struct hc_kind *hc_kind_of_all(void);
struct hc_kind *hc_kind_not(struct hc_kind *kind);
struct hc_kind *hc_kind_dicts(struct hc_kind *kind);
struct hc_kind *hc_kind_both(enum hc_kind_operation operation, struct hc_kind *left, struct hc_kind *right);

// heapy's alt(): the kind with another comparison. Type: `<=` is subtype. Size: numbers. Rcs and Via:
// inclusion of sets; `<` is a strict subset, so that an object without any referrer matches. Prod: `<=` is a
// file whose name begins so, and a line not beyond; what is None does not count. NULL in `*ret` if the kind
// is no class of these.
struct hc_error *hc_kind_alternative(const struct hc_kind *kind, enum hc_comparison comparison,
                                     struct hc_kind **ret);

// The members of `set` that are of the kind.
struct hc_error *hc_kind_select(const struct hc_kind *kind, const struct hc_set *set, struct hc_set **ret);
