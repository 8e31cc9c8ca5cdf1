// Whose __sizeof__ sizes a type's instances.
#pragma once

#include "python/types.h"

// Fills type->has_own_sizeof and type->sizeof_function. The rows of the registry stand for the __sizeof__ of
// their types.
void hc_sizeof_find(struct hc_type_table *table, struct hc_reader *reader, struct hc_type *type,
                    unsigned depth);
