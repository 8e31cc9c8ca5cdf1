// Two accounts of what an object visits, made one.
#pragma once

#include "python/trace.h"

// The same items, as often, in any order? Out of memory they seem to differ.
bool hc_same_multiset(const uint64_t *left, size_t left_count, const uint64_t *right, size_t right_count);

// From `first` on, references->visited has what the layout of a base and the dict slot say; `items` is what
// the tp_traverse visited. That is the truth: what is missing is added, and if there was anything that it did
// not visit, it takes the place of all. False when out of memory.
bool hc_references_reconcile(struct hc_references *references, size_t first, const uint64_t *items,
                             size_t count);
