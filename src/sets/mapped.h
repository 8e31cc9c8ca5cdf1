// What the members of a set have under one name: the values of an attribute, or of a key or an index.
#pragma once

#include "sets/set.h"

#include <stdint.h>

// The values of the attribute, of what the object itself holds: in its dict, its slots, its members. A member
// without it adds nothing.
struct hc_error *hc_set_map_attribute(const struct hc_set *set, const char *name, struct hc_set **ret);
// The values of a mapping's key, which is a str; the items at an index (negative: from the end), or values of
// the key that is this int.
struct hc_error *hc_set_map_key(const struct hc_set *set, const char *key, struct hc_set **ret);
struct hc_error *hc_set_map_index(const struct hc_set *set, int64_t index, struct hc_set **ret);
