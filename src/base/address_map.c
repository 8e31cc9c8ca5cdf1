#include "base/address_map.h"

#include <stdlib.h>

static struct hc_address_slot *find_slot(struct hc_address_slot *slots, size_t capacity, uint64_t address)
{
    size_t slot = (address >> 3) * 0x9e3779b97f4a7c15u >> 20 & (capacity - 1);
    while (slots[slot].address && slots[slot].address != address)
        slot = (slot + 1) & (capacity - 1);
    return &slots[slot];
}

void hc_address_map_deinit(struct hc_address_map *map)
{
    free(map->slots);
    *map = (struct hc_address_map){0};
}

static bool grow(struct hc_address_map *map)
{
    size_t capacity = map->capacity ? map->capacity * 2 : 256;
    struct hc_address_slot *slots = calloc(capacity, sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].address)
            *find_slot(slots, capacity, map->slots[i].address) = map->slots[i];
    free(map->slots);
    map->slots = slots;
    map->capacity = capacity;
    return true;
}

struct hc_address_slot *hc_address_map_insert(struct hc_address_map *map, uint64_t address, uint32_t value,
                                              bool *ret_inserted)
{
    if ((map->count + 1) * 4 > map->capacity * 3 && !grow(map))
        return NULL;
    struct hc_address_slot *slot = find_slot(map->slots, map->capacity, address);
    *ret_inserted = !slot->address;
    if (*ret_inserted) {
        *slot = (struct hc_address_slot){.address = address, .value = value};
        map->count++;
    }
    return slot;
}

bool hc_address_map_find(const struct hc_address_map *map, uint64_t address, uint32_t *ret)
{
    if (!map->capacity)
        return false;
    const struct hc_address_slot *slot = find_slot(map->slots, map->capacity, address);
    if (!slot->address)
        return false;
    *ret = slot->value;
    return true;
}
