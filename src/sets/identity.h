// A set taken apart into its objects, as heapy's byid shows it: by size, descending, those of one size by
// address, value or name. Of a million objects only those are put in order that are looked at.
#pragma once

#include "sets/set.h"

enum hc_identity_look {
    HC_IDENTITY_OBJECTS, // byid: a row is an object, named by what it is
    HC_IDENTITY_SETS,    // byidset: a row is a set of one, `<1 str: 'abc'>`
};

struct hc_identity {
    enum hc_identity_look look;
    struct hc_universe *universe;
    uint32_t *order; // objects, by size descending
    size_t count;
    uint64_t size; // bytes
    // Objects of one size each.
    struct hc_identity_cluster {
        size_t first, end; // rows
        uint64_t size;     // bytes of each
        bool is_sorted;
    } * clusters;
    size_t cluster_count;
    bool is_mixed;   // of several kinds
    char *kind_name; // "str", "<mixed>"
    char *header;    // "Address", "Brief" …
};

struct hc_error *hc_identity_create(const struct hc_set *set, enum hc_identity_look look,
                                    struct hc_identity **ret);
void hc_identity_destroy(struct hc_identity *identity);
HC_DEFINE_POINTER_CLEANUP(hc_identity_destroy, struct hc_identity)

// Puts the rows from `first` to before `end` in their final order.
struct hc_error *hc_identity_settle(struct hc_identity *identity, size_t first, size_t end);
// Of a settled row.
uint32_t hc_identity_object(const struct hc_identity *identity, size_t row);
// Free it.
struct hc_error *hc_identity_name(struct hc_identity *identity, size_t row, char **ret);
uint64_t hc_identity_size(const struct hc_identity *identity, size_t row);
// The objects of the rows from `first` to before `end`.
struct hc_error *hc_identity_rows(struct hc_identity *identity, size_t first, size_t end,
                                  struct hc_set **ret);
