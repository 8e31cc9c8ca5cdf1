// Names of types whose own name is in a file that is not here: recovered from where modules keep them.
#pragma once

#include "python/runtime.h"

struct hc_type_names;

// NULL in `*ret` if all modules' files are here.
struct hc_error *hc_type_names_create(const struct hc_runtime *runtime, struct hc_reader *reader,
                                      struct hc_type_names **ret);
void hc_type_names_destroy(struct hc_type_names *names);

// As tp_name would have it, "collections.deque"; "?.type_at_0x…" for a type that no module has. False if the
// name at `tp_name` should be readable, so that this is no type. `names` may be NULL.
bool hc_type_names_find(const struct hc_type_names *names, const struct hc_image *image, uint64_t type,
                        uint64_t tp_name, char *buffer, size_t size);
