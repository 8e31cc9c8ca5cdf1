// Growable arrays of one type. HC_DEFINE_VECTOR(hc_word_vector, uint64_t) defines the struct
// { items, count, capacity } and its functions; a zeroed struct is an empty vector.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// Grows `*items` to hold at least `needed` items; false when out of memory (nothing is lost).
static inline bool hc_vector_grow(void **items, size_t *capacity, size_t needed, size_t item_size)
{
    if (needed <= *capacity)
        return true;
    size_t grown = *capacity + *capacity / 2;
    if (grown < needed)
        grown = needed < 8 ? 8 : needed;
    if (grown > SIZE_MAX / item_size)
        return false;
    void *moved = realloc(*items, grown * item_size);
    if (!moved)
        return false;
    *items = moved;
    *capacity = grown;
    return true;
}

#define HC_DEFINE_VECTOR(name, type)                                                                         \
    struct name {                                                                                            \
        type *items;                                                                                         \
        size_t count;                                                                                        \
        size_t capacity;                                                                                     \
    };                                                                                                       \
    static inline void name##_deinit(struct name *vector)                                                    \
    {                                                                                                        \
        free(vector->items);                                                                                 \
        *vector = (struct name){0};                                                                          \
    }                                                                                                        \
    __attribute__((warn_unused_result)) static inline bool name##_reserve(struct name *vector, size_t n)     \
    {                                                                                                        \
        return hc_vector_grow((void **)&vector->items, &vector->capacity, n, sizeof(type));                  \
    }                                                                                                        \
    __attribute__((warn_unused_result)) static inline bool name##_push(struct name *vector, type item)       \
    {                                                                                                        \
        if (vector->count == vector->capacity && !name##_reserve(vector, vector->count + 1))                 \
            return false;                                                                                    \
        vector->items[vector->count++] = item;                                                               \
        return true;                                                                                         \
    }

HC_DEFINE_VECTOR(hc_word_vector, uint64_t)
