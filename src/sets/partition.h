// Sets of objects divided by a relation, as heapy's tables show them. Knows kinds; knows nothing of printing.
#pragma once

#include "base/error.h"
#include "graph/graph.h"
#include "sets/classifier.h"

#include <stdint.h>

struct hc_partition_row {
    char
        *name; // "str", "dict of m.C", "dict (no owner)": owned by the partition; NULL until it was asked for
    uint64_t count;
    uint64_t size; // bytes
    struct hc_class class;
};

struct hc_partition {
    struct hc_partition_row *rows; // by size descending, then name by code point
    size_t row_count;
    uint64_t count, size;               // of the whole set
    char *kind_header;                  // "Kind (class / dict of class)"
    const struct hc_universe *universe; // NULL: every row has its name
    struct hc_classifier classifier;
};

// Objects by state.
struct hc_state_totals {
    uint64_t count[HC_STATE_COUNT];
    uint64_t size[HC_STATE_COUNT]; // bytes
};

// The reachable objects by class or dict owner: heapy's heap(). `ret_totals`: of all objects; NULL: not
// wanted.
struct hc_error *hc_partition_heap(struct hc_graph *graph, struct hc_partition *ret,
                                   struct hc_state_totals *ret_totals);
// Any set by any classifier. Names are made when they are asked for: a million rows are seldom all looked at.
struct hc_error *hc_partition_set(const struct hc_set *set, const struct hc_classifier *classifier,
                                  struct hc_partition *ret);
// The members of `set`, which was divided into `partition`, that are in its rows from `first` to before
// `end`.
struct hc_error *hc_partition_rows(struct hc_partition *partition, const struct hc_set *set, size_t first,
                                   size_t end, struct hc_set **ret);
void hc_partition_deinit(struct hc_partition *partition);
// The row's name; NULL: out of memory.
const char *hc_partition_name(struct hc_partition *partition, size_t row);

// heapy's name of a class: builtins bare, interpreter types as `types.X`, all else `__module__.__name__`.
// Free it; NULL: out of memory.
char *hc_kind_class_name(const struct hc_type *type);
