// Freed chunks that glibc keeps for the next of their size: their neighbours think them in use. They are on
// singly linked lists, whose heads are in each thread's tcache_perthread_struct, itself a chunk, and up
// to 2.42 in fastbinsY of each arena.
#include "memory/malloc.h"

#include "base/interrupt.h"
#include "python/chunks.h"

#include <stdlib.h>

enum { WORD = 8, HEADER = 2 * WORD, ALIGNMENT = 16, LEAST_CHUNK = 32, FAST_BINS = 10, SMALL_BINS = 64 };

// malloc/malloc.c: counts, then heads.
static const struct tcache_shape {
    uint64_t chunk; // size
    uint32_t heads; // offset
    uint32_t bins;
} tcache_shapes[] = {
    {0x250, 64, SMALL_BINS},             // 2.26: counts of a byte
    {0x290, 2 * SMALL_BINS, SMALL_BINS}, // 2.30: of two
    {0x300, 2 * 76, 76},                 // 2.42: lists of large chunks, too
};

struct search {
    struct hc_account *account;
    struct hc_word_vector *found;
};

static bool is_chunk(struct search *search, uint64_t block, uint64_t size)
{
    struct hc_chunk chunk;
    return block % ALIGNMENT == 0 && block >= HEADER &&
           hc_chunk_read(&search->account->reader, block - HEADER, &chunk) &&
           (size ? chunk.size == size : chunk.size >= LEAST_CHUNK + SMALL_BINS * ALIGNMENT);
}

// A list of chunks of one size.
struct list {
    uint64_t size;  // 0: any large one
    uint32_t shift; // from what its links lead to, to what malloc gave out: tcache 0, fast bins a header
};

// Since 2.32 a link is masked with the upper bits of its own address. `*ret` = 0 at the end of the list.
static bool follow(struct search *search, const struct list *list, uint64_t place, uint64_t *ret)
{
    enum { MASK_SHIFT = 12 };
    uint64_t word;
    if (!hc_reader_word(&search->account->reader, place, &word))
        return false;
    const uint64_t meanings[] = {word ^ place >> MASK_SHIFT, word};
    for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
        if (!meanings[i] || is_chunk(search, meanings[i] + list->shift, list->size)) {
            *ret = meanings[i];
            return true;
        }
    return false;
}

static struct hc_error *add_list(struct search *search, const struct list *list, uint64_t link)
{
    enum { LONGEST = 1 << 20 };
    for (unsigned i = 0; link && i < LONGEST && is_chunk(search, link + list->shift, list->size); i++) {
        if (!hc_word_vector_push(search->found, link + list->shift - HEADER))
            return hc_error_out_of_memory();
        if (!follow(search, list, link + list->shift, &link))
            break;
    }
    return NULL;
}

static uint64_t size_of_bin(uint32_t bin)
{
    return bin < SMALL_BINS ? LEAST_CHUNK + (uint64_t)bin * ALIGNMENT : 0;
}

static uint64_t head(struct search *search, uint64_t block, const struct tcache_shape *shape, uint32_t bin)
{
    uint64_t first = 0;
    hc_reader_word(&search->account->reader, block + shape->heads + (uint64_t)bin * WORD, &first);
    return first;
}

// All heads of a thread's cache lead to chunks of their size.
static bool is_tcache(struct search *search, uint64_t block, const struct tcache_shape *shape)
{
    bool has_some = false;
    for (uint32_t bin = 0; bin < shape->bins; bin++) {
        uint64_t first = head(search, block, shape, bin);
        if (first && !is_chunk(search, first, size_of_bin(bin)))
            return false;
        has_some |= first != 0;
    }
    return has_some;
}

static struct hc_error *add_tcache(struct search *search, uint64_t chunk, uint64_t size)
{
    for (size_t i = 0; i < sizeof(tcache_shapes) / sizeof(*tcache_shapes); i++) {
        const struct tcache_shape *shape = &tcache_shapes[i];
        if (size != shape->chunk || !is_tcache(search, chunk + HEADER, shape))
            continue;
        for (uint32_t bin = 0; bin < shape->bins; bin++)
            HC_TRY(add_list(search, &(struct list){size_of_bin(bin), 0},
                            head(search, chunk + HEADER, shape, bin)));
    }
    return NULL;
}

static struct hc_error *add_tcaches(struct search *search, const struct hc_malloc_heap *heap)
{
    struct hc_chunk chunk;
    uint64_t steps = 0;
    for (uint64_t at = heap->first; at < heap->end && hc_chunk_read(&search->account->reader, at, &chunk);
         at += chunk.size) {
        HC_TRY(add_tcache(search, at, chunk.size));
        if (++steps % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
    }
    return NULL;
}

static struct hc_error *add_fast_bins(struct search *search, const struct hc_malloc_state *state)
{
    uint64_t heads = state->bins - 2 * WORD - FAST_BINS * WORD, first;
    for (uint32_t bin = 0; bin < FAST_BINS; bin++)
        if (hc_reader_word(&search->account->reader, heads + bin * WORD, &first))
            HC_TRY(add_list(search, &(struct list){size_of_bin(bin), HEADER}, first));
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

struct hc_error *hc_malloc_find_cached(struct hc_account *account, const struct hc_malloc_map *map,
                                       struct hc_word_vector *ret)
{
    struct search search = {account, ret};
    for (size_t i = 0; i < map->heaps.count; i++)
        HC_TRY(add_tcaches(&search, &map->heaps.items[i]));
    for (size_t i = 0; i < map->states.count; i++)
        HC_TRY(add_fast_bins(&search, &map->states.items[i]));
    if (ret->count)
        qsort(ret->items, ret->count, sizeof(*ret->items), by_value);
    return NULL;
}
