// A set in one line.
#pragma once

#include "sets/partition.h"

// "<5 str: 'a', 'b'>", "<2 (int | str): <1 int: 7> | <1 str: 'a'>>"; at most 80 bytes. `partition`: the
// set's. Free it.
struct hc_error *hc_set_brief(const struct hc_set *set, struct hc_partition *partition, char **ret);
