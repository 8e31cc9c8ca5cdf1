// Walks over glibc's chunks: what the files of this folder share of it.
#pragma once

#include "memory/malloc_state.h"

// Chunks that were freed though their neighbours think them in use, ascending.
struct hc_error *hc_malloc_find_cached(struct hc_account *account, const struct hc_malloc_map *map,
                                       struct hc_word_vector *ret);

// Who owns what lies from `start` to `end`.
struct hc_ownership {
    enum hc_memory_category category; // HC_MEMORY_MALLOC_OTHER: nobody known
    uint32_t type;                    // HC_NOTHING: of no object
    bool is_object;
};

// Walks upwards through objects outside of the pools and through account->owned.
struct hc_owner_cursor {
    const struct hc_account *account;
    size_t object, owned; // the first at or behind where it is
};

void hc_owner_cursor_init(struct hc_owner_cursor *cursor, const struct hc_account *account, uint64_t address);
// The owner of the block that malloc gave out at `start`. Call it with ascending blocks.
struct hc_ownership hc_owner_cursor_find(struct hc_owner_cursor *cursor, uint64_t start, uint64_t end);
// The next address after `address` at which a chunk may begin, because what is known begins in it;
// UINT64_MAX: none below `limit`.
uint64_t hc_owner_cursor_anchor(const struct hc_owner_cursor *cursor, uint64_t address, uint64_t limit);
// Notes with its type who owns a block of `size` bytes.
void hc_account_own(struct hc_account *account, const struct hc_ownership *owner, uint64_t size);
