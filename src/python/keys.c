#include "python/keys.h"

#include "base/min_max.h"

enum { DICT_KEYS_GENERAL = 0 }; // Include/internal/pycore_dict.h, since 3.11

// USABLE_FRACTION(), Objects/dictobject.c.
static uint64_t usable_fraction(uint64_t size)
{
    return (size << 1) / 3;
}

// DK_IXSIZE up to 3.10: what it takes to number the slots. Since 3.11 dk_log2_index_bytes says it.
static uint64_t index_bytes(uint64_t size, unsigned word)
{
    if (size <= 0xff)
        return size;
    if (size <= 0xffff)
        return size * 2;
    return word == 8 && size > 0xffffffff ? size * 8 : size * 4;
}

// Since 3.11: do entries and what is left for more add up to a table of that many slots?
static bool adds_up(const struct hc_dict_keys *keys, uint64_t size)
{
    return keys->count + keys->usable == usable_fraction(size);
}

// The two sizes of a table are one number twice; 0 stands for what none can be. Where one is overwritten the
// other is believed.
static bool settle_sizes(const struct hc_target *target, uint64_t *indices, struct hc_dict_keys *keys)
{
    // Of no keys at all there is one table, with some bytes or with none (empty_keys_struct).
    if (keys->index_size == 1 && !keys->count && !keys->usable)
        return true;
    if (*indices == index_bytes(keys->index_size, target->word_size))
        return keys->index_size != 0;
    keys->is_contradictory = true;
    uint64_t size = 1;
    while (size < 1ull << 40 && index_bytes(size, target->word_size) < *indices)
        size *= 2;
    if (index_bytes(size, target->word_size) == *indices && adds_up(keys, size)) {
        keys->index_size = size;
        return true;
    }
    *indices = index_bytes(keys->index_size, target->word_size);
    return keys->index_size && adds_up(keys, keys->index_size);
}

// False if the numbers make no sense.
static bool read_sizes(const struct hc_runtime *runtime, const struct hc_target *target, const uint8_t *bytes,
                       uint64_t *indices, struct hc_dict_keys *keys)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    if (hc_is_present(at->keys_log2_size)) {
        uint8_t log2_size = bytes[at->keys_log2_size];
        uint8_t log2_bytes = bytes[at->keys_log2_index_bytes];
        keys->index_size = log2_size > 40 ? 0 : 1ull << log2_size;
        *indices = log2_bytes > 44 ? 0 : 1ull << log2_bytes;
        keys->is_unicode = bytes[at->keys_kind] != DICT_KEYS_GENERAL;
        return settle_sizes(target, indices, keys);
    }
    keys->index_size = hc_load_word(target, bytes + at->keys_size);
    if (keys->index_size > 1ull << 40)
        return false;
    *indices = index_bytes(keys->index_size, target->word_size);
    keys->is_unicode = hc_load_word(target, bytes + at->keys_lookup) != runtime->general_lookup;
    return true;
}

bool hc_dict_keys_read(const struct hc_runtime *runtime, struct hc_reader *reader, uint64_t address,
                       struct hc_dict_keys *ret)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    const struct hc_target *target = &reader->target;
    uint64_t available, indices;
    const uint8_t *bytes = hc_reader_span(reader, address, &available);
    if (!bytes || available < at->sizeof_keys)
        return false;
    ret->is_contradictory = ret->is_cut = false;
    ret->refcnt = hc_load_word(target, bytes + at->keys_refcnt);
    ret->count = hc_load_word(target, bytes + at->keys_nentries);
    ret->usable = hc_load_word(target, bytes + at->keys_usable);
    if (!read_sizes(runtime, target, bytes, &indices, ret))
        return false;
    bool small_entries = ret->is_unicode && hc_is_present(at->sizeof_unicode_entry);
    ret->entry_size = small_entries ? at->sizeof_unicode_entry : at->sizeof_entry;
    ret->key_offset = small_entries ? at->unicode_entry_key : at->entry_key;
    ret->value_offset = small_entries ? at->unicode_entry_value : at->entry_value;
    ret->size = at->sizeof_keys + indices + usable_fraction(ret->index_size) * ret->entry_size;
    uint64_t start = at->keys_indices + indices;
    ret->start = start;
    // What was left out on purpose has no pointers: every entry was deleted.
    if (start > available) {
        ret->entries = bytes;
        ret->count = 0;
        return hc_reader_extent(reader, address, start) == start;
    }
    ret->entries = bytes + start;
    uint64_t readable = (available - start) / ret->entry_size;
    ret->is_cut = ret->count > readable;
    if (ret->count > usable_fraction(ret->index_size) || ret->is_cut)
        ret->count = hc_min(readable, usable_fraction(ret->index_size));
    return true;
}
