#include "memory/chunk_sizes.h"

enum { STEP = 8, SMALL = 1 << 13, MOST_LISTED = 100 };

void hc_chunk_sizes_deinit(struct hc_chunk_sizes *sizes)
{
    free(sizes->small);
    hc_chunk_size_vector_deinit(&sizes->large);
}

struct hc_error *hc_chunk_sizes_add(struct hc_chunk_sizes *sizes, uint64_t size, uint64_t address)
{
    struct hc_memory_chunks one = {size, 1, address};
    if (size / STEP >= SMALL)
        return hc_chunk_size_vector_push(&sizes->large, one) ? NULL : hc_error_out_of_memory();
    if (!sizes->small && !(sizes->small = calloc(SMALL, sizeof(*sizes->small))))
        return hc_error_out_of_memory();
    struct hc_memory_chunks *small = &sizes->small[size / STEP];
    if (!small->count)
        *small = (struct hc_memory_chunks){size, 0, address};
    small->count++;
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    const struct hc_memory_chunks *left = a, *right = b;
    if (left->size != right->size)
        return left->size < right->size ? -1 : 1;
    return (left->example > right->example) - (left->example < right->example);
}

static int by_bytes(const void *a, const void *b)
{
    const struct hc_memory_chunks *left = a, *right = b;
    uint64_t left_bytes = left->size * left->count, right_bytes = right->size * right->count;
    if (left_bytes != right_bytes)
        return left_bytes > right_bytes ? -1 : 1;
    return by_size(a, b);
}

// Equal sizes become one.
static void merge(struct hc_chunk_size_vector *large)
{
    size_t kept = 0;
    if (large->count)
        qsort(large->items, large->count, sizeof(*large->items), by_size);
    for (size_t i = 0; i < large->count; i++)
        if (kept && large->items[kept - 1].size == large->items[i].size)
            large->items[kept - 1].count += large->items[i].count;
        else
            large->items[kept++] = large->items[i];
    large->count = kept;
}

struct hc_error *hc_chunk_sizes_list(struct hc_chunk_sizes *sizes, struct hc_memory_chunks_vector *ret)
{
    merge(&sizes->large);
    for (size_t i = 0; sizes->small && i < SMALL; i++)
        if (sizes->small[i].count && !hc_chunk_size_vector_push(&sizes->large, sizes->small[i]))
            return hc_error_out_of_memory();
    if (sizes->large.count)
        qsort(sizes->large.items, sizes->large.count, sizeof(*sizes->large.items), by_bytes);
    for (size_t i = 0; i < sizes->large.count && i < MOST_LISTED; i++)
        if (!hc_memory_chunks_vector_push(ret, sizes->large.items[i]))
            return hc_error_out_of_memory();
    return NULL;
}
