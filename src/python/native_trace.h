// What an object visits, by the struct that the debug information of its type's code describes: for when that
// code itself cannot be run.
#pragma once

#include "python/trace.h"

// Visits what the members of the struct behind object->native lead to, from the end of what a base's decoder
// knows on. False: no such struct is known, nothing was visited. A borrowed reference counts as one that is
// visited; arrays in blocks of their own are left out.
bool hc_native_trace(struct hc_tracer *tracer, const struct hc_object_view *object);
