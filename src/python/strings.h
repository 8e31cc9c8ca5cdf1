// Reading names: str objects, and dicts looked up by a str key.
#pragma once

#include "python/runtime.h"

#include <stdbool.h>
#include <stdint.h>

// The str at `address` as UTF-8, at most 1000 characters of it; NULL if it is no readable str. Free it.
char *hc_string_read(const struct hc_runtime *runtime, struct hc_reader *reader, uint64_t address);

// Calls back for every live entry of a dict. Return false from the callback to stop. False if there may be
// more of them, that cannot be read.
typedef bool hc_dict_entry_fn(void *argument, uint64_t key, uint64_t value);
bool hc_dict_each(const struct hc_runtime *runtime, struct hc_reader *reader, uint64_t dict,
                  hc_dict_entry_fn *callback, void *argument);

enum hc_lookup {
    HC_LOOKUP_ABSENT,
    HC_LOOKUP_FOUND,
    HC_LOOKUP_UNREADABLE, // what can be read of the dict has not the key
};

// dict[key] for a str key.
enum hc_lookup hc_dict_look_up(const struct hc_runtime *runtime, struct hc_reader *reader, uint64_t dict,
                               const char *key, uint64_t *ret);
// The same; false if there is none to be read.
bool hc_dict_find_string(const struct hc_runtime *runtime, struct hc_reader *reader, uint64_t dict,
                         const char *key, uint64_t *ret);
