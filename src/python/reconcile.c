#include "python/reconcile.h"

#include <string.h>

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static uint64_t *sorted(const uint64_t *items, size_t count)
{
    uint64_t *copy = malloc((count + 1) * sizeof(*copy));
    if (!copy)
        return NULL;
    if (count) {
        memcpy(copy, items, count * sizeof(*copy));
        qsort(copy, count, sizeof(*copy), by_value);
    }
    return copy;
}

bool hc_same_multiset(const uint64_t *left, size_t left_count, const uint64_t *right, size_t right_count)
{
    if (left_count != right_count)
        return false;
    _cleanup_(hc_freep) uint64_t *one = sorted(left, left_count);
    _cleanup_(hc_freep) uint64_t *other = sorted(right, right_count);
    return one && other && !memcmp(one, other, left_count * sizeof(*one));
}

static bool append(struct hc_word_vector *vector, const uint64_t *items, size_t count)
{
    if (!hc_word_vector_reserve(vector, vector->count + count))
        return false;
    if (count)
        memcpy(vector->items + vector->count, items, count * sizeof(*items));
    vector->count += count;
    return true;
}

bool hc_references_reconcile(struct hc_references *references, size_t first, const uint64_t *items,
                             size_t count)
{
    struct hc_word_vector *visited = &references->visited;
    size_t known_count = visited->count - first;
    if (!known_count)
        return append(visited, items, count);
    _cleanup_(hc_freep) uint64_t *known = sorted(visited->items + first, known_count);
    _cleanup_(hc_freep) uint64_t *all = sorted(items, count);
    if (!known || !all)
        return false;
    size_t next = 0, missing = 0;
    for (size_t i = 0; i < count; i++) {
        if (next < known_count && known[next] == all[i])
            next++;
        else
            all[missing++] = all[i];
    }
    if (next == known_count)
        return append(visited, all, missing);
    visited->count = first;
    references->items_count = references->values_count = 0;
    references->values_address = 0;
    return append(visited, items, count);
}
