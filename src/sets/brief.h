// What tables and patterns call single objects, and where the objects are.
#pragma once

#include "python/value_summary.h"
#include "sets/set.h"

#include <stdbool.h>
#include <stdint.h>

// "str: 'abc'", "dict of module: os", "m.C: 0x7f…". Free it.
struct hc_error *hc_universe_brief(struct hc_universe *universe, uint32_t object, char **ret);
// The same without its kind; a dict that belongs to something is called by its owner's rendering. Free it.
struct hc_error *hc_universe_rendering(struct hc_universe *universe, uint32_t object, char **ret);
// What that rendering is for the objects of a kind: "Address*Length", "Owner Name" … Free it.
struct hc_error *hc_universe_rendering_header(struct hc_universe *universe, uint32_t kind, char **ret);

// The address of any object; a virtual dict has that of its values, which tracing its owner tells. 0: its
// owner cannot be read any more.
struct hc_error *hc_universe_address(struct hc_universe *universe, uint32_t object, uint64_t *ret);
// The object or virtual dict at an address.
struct hc_error *hc_universe_find(struct hc_universe *universe, uint64_t address, uint32_t *ret,
                                  bool *ret_found);
