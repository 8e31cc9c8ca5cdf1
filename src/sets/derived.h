// Relations made of another one: heapy's er.refdby, by what the referrers of an object are, and er.dictof, by
// what the owner of a dict is.
#pragma once

#include "sets/set.h"

#include <stdbool.h>
#include <stdint.h>

// Added to the number of the relation that they are made of.
enum {
    HC_BY_REFERRERS = 0x4000,
    HC_BY_DICT_OWNER = 0x8000,
    HC_DERIVED_BASE = 0x3fff,
};

static inline bool hc_relation_is_derived(unsigned relation)
{
    return relation > HC_DERIVED_BASE;
}

// Keys of HC_BY_DICT_OWNER: no dict; nobody's; from here on numbers of classes.
enum { HC_NO_DICT, HC_NO_OWNER, HC_FIRST_OWNER };

// What the interpreter itself is among referrers, by whatever relation.
#define HC_ROOT_CLASS UINT64_MAX

// Classes of other relations by number, so that lists of them can be interned.
struct hc_numbered_class {
    uint16_t relation;
    uint64_t key;
};

struct hc_numbered_classes {
    struct hc_numbered_class *items;
    size_t count, capacity;
    uint32_t *buckets; // number + 1, open addressing
    size_t bucket_count;
};

struct hc_error *hc_universe_number_class(struct hc_universe *universe, uint16_t relation, uint64_t key,
                                          uint32_t *ret);
void hc_numbered_classes_destroy(struct hc_numbered_classes *classes);
