// The keys object of a dict, in any version from 3.8 on. Objects/dict-common.h,
// Include/internal/pycore_dict.h.
#pragma once

#include "python/runtime.h"

#include <stdbool.h>
#include <stdint.h>

struct hc_dict_keys {
    const uint8_t *entries;
    uint64_t start;  // of the entries, from that of the keys
    uint64_t count;  // entries in use or deleted, as far as they can be read
    uint64_t usable; // free entries
    uint64_t refcnt;
    uint64_t size;       // bytes, as _PyDict_KeysSize() counts them
    uint64_t index_size; // DK_SIZE
    uint32_t entry_size, key_offset, value_offset;
    bool is_cut;           // not all of them can
    bool is_contradictory; // its numbers are not those of one table
    bool is_unicode;       // all keys are str, so that tp_traverse leaves them out
};

bool hc_dict_keys_read(const struct hc_runtime *runtime, struct hc_reader *reader, uint64_t address,
                       struct hc_dict_keys *ret);
