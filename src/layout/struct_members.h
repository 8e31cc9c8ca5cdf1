// The members of a struct that lead to structs of its like, and those that count them.
#pragma once

#include "layout/struct_of_function.h"
#include "layout/types.h"

// Does the struct begin with the head: has it, or what it begins with, the member `head`?
bool hc_struct_has_head(struct hc_type_walk *walk, Dwarf_Die type, const char *head);
// ret->members = those of `type`, and of the blocks that it points to: structs of another sort.
struct hc_error *hc_struct_gather_members(const struct hc_struct_request *request, Dwarf_Die type,
                                          const char *name, struct hc_struct *ret);
