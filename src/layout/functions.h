// Functions by where they begin.
#pragma once

#include "layout/debug_info.h"

struct hc_function_table;

// The entry of the function that begins at `address`, in the process; false if it is not known. All of a
// module are listed when the first is asked for.
bool hc_debug_info_find_function(struct hc_debug_info *info, uint64_t address, Dwarf_Die *ret);
void hc_function_table_destroy(struct hc_function_table *table);
