#include "suspects/kinds.h"

const struct hc_finding_kind hc_finding_kinds[] = {
    {"equal values", "values of immutable types stand there many times", hc_find_equal_values},
    {"oversized", "containers far larger than their contents", hc_find_oversized},
    {"growth", "kinds that have become more since the baseline", hc_find_growth},
    {"garbage", "cycles that nothing holds wait for the collector", hc_find_garbage},
    {"reference counts", "counts higher or lower than the references found", hc_find_wrong_counts},
    {"memory use", "arenas that few objects keep, and memory that is not Python's", hc_find_memory_use},
    // Last: it leaves the dominators to the reports that follow, and all others can do without their memory.
    {"large holder", "one object, or many of a kind, keep a large share of the heap alive",
     hc_find_large_holders},
    {0},
};
