// Attributes of instances, by name.
#pragma once

#include "python/trace.h"

#include <stdbool.h>
#include <stdint.h>

// The attribute `name` in the object's own __dict__, whether that was ever made or not; false if there is
// none. What tracer->references held is gone after that.
bool hc_attribute_find(struct hc_tracer *tracer, uint64_t address, const char *name, uint64_t *ret);
