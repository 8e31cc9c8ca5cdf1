// The findings, a file each.
#pragma once

#include "suspects/suspects.h"

struct hc_error *hc_find_large_holders(const struct hc_inquiry *inquiry);
struct hc_error *hc_find_equal_values(const struct hc_inquiry *inquiry);
struct hc_error *hc_find_oversized(const struct hc_inquiry *inquiry);
struct hc_error *hc_find_growth(const struct hc_inquiry *inquiry);
struct hc_error *hc_find_garbage(const struct hc_inquiry *inquiry);
struct hc_error *hc_find_memory_use(const struct hc_inquiry *inquiry);
struct hc_error *hc_find_wrong_counts(const struct hc_inquiry *inquiry);
