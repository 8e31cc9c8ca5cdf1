// The links of an object through memory of its own that lies apart: arrays of pointers, and structs that are
// no objects, as debug information describes them.
#pragma once

#include "python/relate.h"

// Adds the links that relater->members->apart tells of. Asked while the referents are known: the words of an
// array are referents or NULL, and as many as a member of the same struct counts; the first few without such
// a count, too, if nothing else names them.
void hc_relate_blocks(struct hc_relater *relater, const struct hc_object_view *object);

// For modules: names what nothing else has a name for, by the members of the struct behind the module's
// state.
void hc_relate_state(struct hc_relater *relater, const struct hc_object_view *module);

// Names what nothing else has a name for, and an object of its own leads to: what a cache of functools keeps
// hangs on a list of objects that it does not visit, but visits what these refer to.
void hc_relate_through(struct hc_relater *relater, const struct hc_object_view *object);

// While hc_relate() works on the object: is it one of the object's own referents?
bool hc_relate_is_referent(const struct hc_relater *relater, uint64_t address);
// … and nothing has named it?
bool hc_relate_is_unnamed(const struct hc_relater *relater, uint64_t address);
// What the links from the `first` on lead to is named now.
void hc_relate_mark_named(struct hc_relater *relater, size_t first);
