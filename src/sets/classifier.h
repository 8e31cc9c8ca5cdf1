// heapy's equivalence relations: what two objects have in common to be of one class.
#pragma once

#include "sets/set.h"

#include <stdint.h>

enum hc_relation {
    HC_BY_UNITY,  // all are one
    HC_BY_TYPE,   // the type
    HC_BY_CLODO,  // the type, or for a dict that of its owner
    HC_BY_SIZE,   // the size
    HC_BY_RCS,    // the set of the referrers' kinds
    HC_BY_VIA,    // the set of the links by which referrers refer to it
    HC_BY_MODULE, // a module by itself; all others together
    HC_BY_ID,     // each by itself
    HC_BY_IDSET,  // … as a set of its own
    HC_BY_PROD,   // the line that allocated it
    HC_RELATION_COUNT,
};

enum { HC_CLASSIFIER_PARTS = 4 };

// One relation, or several at once ("Type&Size").
struct hc_classifier {
    uint8_t count;
    uint16_t parts[HC_CLASSIFIER_PARTS]; // enum hc_relation; beyond: sets/findex.h, sets/derived.h
};

// What a classifier makes of an object: a key for each part. Keys of HC_BY_TYPE are type indexes, of
// HC_BY_CLODO kinds, of HC_BY_SIZE bytes, of HC_BY_RCS and HC_BY_VIA numbers of lists, of HC_BY_MODULE object
// numbers
// + 1 or 0, of HC_BY_ID object numbers, of HC_BY_PROD numbers of producers (sets/producers.h).
struct hc_class {
    uint64_t keys[HC_CLASSIFIER_PARTS];
};

static inline struct hc_classifier hc_classifier_of(enum hc_relation relation)
{
    return (struct hc_classifier){.count = 1, .parts = {(uint16_t)relation}};
}

// "Type", "Clodo" …, "findex".
const char *hc_relation_name(enum hc_relation relation);
// Takes "Type" and "Type&Size"; false if there is no such relation or there are too many.
bool hc_classifier_parse(const char *text, struct hc_classifier *ret);
// The table's header for the classes: "Kind (class / dict of class)". Free it.
char *hc_classifier_header(const struct hc_universe *universe, const struct hc_classifier *classifier);

// A working set for one pass over many objects.
struct hc_classify {
    struct hc_universe *universe;
    struct hc_classifier classifier;
    uint32_t *kinds; // of one object's referrers
    size_t kind_capacity;
    const struct hc_type *module_type;
    const struct hc_roots *roots;                   // of HC_BY_RCS
    uint32_t frame_kind;                            // … what a frame's variables are referred by
    struct hc_producers *producers;                 // of HC_BY_PROD
    struct hc_set **found[HC_CLASSIFIER_PARTS];     // of a findex: what of the set each kind selects
    struct hc_classify *bases[HC_CLASSIFIER_PARTS]; // of a derived relation: of the one that it is made of
};

// Only members of `set` can be classified.
struct hc_error *hc_classify_init(struct hc_classify *classify, struct hc_universe *universe,
                                  const struct hc_classifier *classifier, const struct hc_set *set);
void hc_classify_deinit(struct hc_classify *classify);
struct hc_error *hc_classify_object(struct hc_classify *classify, uint32_t object, struct hc_class *ret);

static inline bool hc_class_equal(const struct hc_class *left, const struct hc_class *right, unsigned parts)
{
    for (unsigned i = 0; i < parts; i++)
        if (left->keys[i] != right->keys[i])
            return false;
    return true;
}

// What a table calls the class: "str", "dict of m.C", "dict, list", "       48". Free it; NULL: out of
// memory.
char *hc_class_name(const struct hc_universe *universe, const struct hc_classifier *classifier,
                    const struct hc_class *class);
// The name of a kind: "str", "dict of m.C", "dict (no owner)". Free it; NULL: out of memory.
char *hc_universe_kind_name(const struct hc_universe *universe, uint32_t kind);
