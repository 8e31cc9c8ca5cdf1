// By which links its referrers refer to an object.
#pragma once

#include "sets/set.h"

#include <stdint.h>

// universe->vias of every member of `set` = 1 + the number of its list of links (sets/links.h), sorted and
// each once. Each referrer is read once, whatever it holds; what was found before is not looked for again.
struct hc_error *hc_universe_find_vias(struct hc_universe *universe, const struct hc_set *set);
