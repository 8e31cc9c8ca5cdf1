// Address → 32-bit number, open addressing.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hc_address_map {
    struct hc_address_slot {
        uint64_t address; // 0: empty
        uint32_t value;
    } * slots;
    size_t capacity; // 0 or a power of two
    size_t count;
};

void hc_address_map_deinit(struct hc_address_map *map);
// The slot of `address`, inserted with `value` if it was not there; NULL: out of memory. `*ret_inserted`
// tells which.
struct hc_address_slot *hc_address_map_insert(struct hc_address_map *map, uint64_t address, uint32_t value,
                                              bool *ret_inserted);
bool hc_address_map_find(const struct hc_address_map *map, uint64_t address, uint32_t *ret);
