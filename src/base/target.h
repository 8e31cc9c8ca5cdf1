// Word size and byte order of the process under study, and loads in its terms.
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct hc_target {
    uint16_t machine;  // ELF e_machine
    uint8_t word_size; // 4 or 8
    bool big_endian;
};

static inline bool hc_target_is_native_order(const struct hc_target *target)
{
    return target->big_endian == (__BYTE_ORDER == __BIG_ENDIAN);
}

static inline uint16_t hc_load_u16(const struct hc_target *target, const void *bytes)
{
    uint16_t value;
    memcpy(&value, bytes, sizeof(value));
    return hc_target_is_native_order(target) ? value : __builtin_bswap16(value);
}

static inline uint32_t hc_load_u32(const struct hc_target *target, const void *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof(value));
    return hc_target_is_native_order(target) ? value : __builtin_bswap32(value);
}

static inline uint64_t hc_load_u64(const struct hc_target *target, const void *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof(value));
    return hc_target_is_native_order(target) ? value : __builtin_bswap64(value);
}

// A word (pointer, size_t) of the target, zero-extended.
static inline uint64_t hc_load_word(const struct hc_target *target, const void *bytes)
{
    return __builtin_expect(target->word_size == 8, 1) ? hc_load_u64(target, bytes)
                                                       : hc_load_u32(target, bytes);
}

// A signed word (Py_ssize_t) of the target.
static inline int64_t hc_load_signed_word(const struct hc_target *target, const void *bytes)
{
    return __builtin_expect(target->word_size == 8, 1) ? (int64_t)hc_load_u64(target, bytes)
                                                       : (int32_t)hc_load_u32(target, bytes);
}

// An unsigned integer of 1, 2, 4 or 8 bytes; 0 for any other size.
static inline uint64_t hc_load_unsigned(const struct hc_target *target, const void *bytes, unsigned size)
{
    switch (size) {
    case 1:
        return *(const uint8_t *)bytes;
    case 2:
        return hc_load_u16(target, bytes);
    case 4:
        return hc_load_u32(target, bytes);
    case 8:
        return hc_load_u64(target, bytes);
    default:
        return 0;
    }
}
