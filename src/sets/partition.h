// Sets of objects divided by a relation, as heapy's tables show them. Knows kinds; knows nothing of printing.
#pragma once

#include "base/error.h"
#include "graph/graph.h"

#include <stdint.h>

// Objects of each state, virtual dicts included.
struct hc_state_totals {
    uint64_t count[HC_STATE_COUNT];
    uint64_t size[HC_STATE_COUNT]; // bytes
};

struct hc_partition_row {
    char *name; // "str", "dict of m.C", "dict (no owner)": owned by the partition
    uint64_t count;
    uint64_t size; // bytes
};

struct hc_partition {
    struct hc_partition_row *rows; // by size descending, then name by code point
    size_t row_count;
    uint64_t count, size;    // of the whole set
    const char *kind_header; // "Kind (class / dict of class)"
};

// The reachable objects by class or dict owner: heapy's heap(). `ret_totals`: of all objects; NULL: not
// wanted.
struct hc_error *hc_partition_heap(const struct hc_graph *graph, struct hc_partition *ret,
                                   struct hc_state_totals *ret_totals);
void hc_partition_deinit(struct hc_partition *partition);

// heapy's name of a class: builtins bare, interpreter types as `types.X`, all else `__module__.__name__`.
// Free it; NULL: out of memory.
char *hc_kind_class_name(const struct hc_type *type);
