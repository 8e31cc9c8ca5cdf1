// glibc's heaps, chunk by chunk: they follow one another by their sizes, and each tells whether the one
// before it is in use.
#include "memory/malloc.h"

#include "base/interrupt.h"
#include "memory/chunk_sizes.h"
#include "python/chunks.h"

#include <stdlib.h>

struct walk {
    struct hc_account *account;
    const struct hc_word_vector *cached; // chunks, ascending
    size_t next_cached;
    struct hc_owner_cursor cursor;
    struct hc_chunk_sizes *others;
    struct hc_memory_heap *result; // of the arena
    struct hc_parts parts;         // of what is walked since `start`
    uint64_t start;
    uint64_t end; // of the heap
    uint64_t top;
    uint64_t steps;
};

static unsigned word_size(const struct walk *walk)
{
    return walk->account->reader.target.word_size;
}

// The smallest chunk has four words.
static uint64_t least_chunk(const struct walk *walk)
{
    return 4 * word_size(walk);
}

// A chunk whose end is another chunk, the heap's last one, or the heap's end.
static bool read_chunk(struct walk *walk, uint64_t at, struct hc_chunk *ret)
{
    struct hc_chunk next;
    if (!hc_chunk_read(&walk->account->reader, at, ret) || ret->size > walk->end - at)
        return false;
    uint64_t rest = walk->end - at - ret->size;
    return rest < least_chunk(walk) || hc_chunk_read(&walk->account->reader, at + ret->size, &next) ||
           rest == least_chunk(walk); // a heap that another followed ends with two halves of a chunk
}

static bool is_used(struct walk *walk, uint64_t next)
{
    uint64_t size;
    return !hc_reader_word(&walk->account->reader, next + word_size(walk), &size) ||
           size & HC_CHUNK_PREVIOUS_IN_USE;
}

static bool is_cached(struct walk *walk, uint64_t at)
{
    const struct hc_word_vector *cached = walk->cached;
    while (walk->next_cached < cached->count && cached->items[walk->next_cached] < at)
        walk->next_cached++;
    return walk->next_cached < cached->count && cached->items[walk->next_cached] == at;
}

static struct hc_error *add_unused(struct walk *walk, enum hc_memory_category category, uint64_t at,
                                   uint64_t size)
{
    uint64_t zero;
    HC_TRY(hc_account_count_zero(walk->account, at, at + size, &zero));
    hc_parts_add(&walk->parts, category, size, 1);
    walk->parts.zero[category] += zero;
    return NULL;
}

// An in-use chunk has one word of overhead: its last word is the first of the next chunk.
static struct hc_error *add_used(struct walk *walk, uint64_t at, uint64_t size)
{
    unsigned word = word_size(walk);
    struct hc_ownership owner = hc_owner_cursor_find(&walk->cursor, at + 2 * word, at + size + word);
    hc_parts_add(&walk->parts, HC_MEMORY_MALLOC_OVERHEAD, word, 0);
    hc_parts_add(&walk->parts, owner.category, size - word, 1);
    hc_account_own(walk->account, &owner, size - word);
    if (owner.category != HC_MEMORY_MALLOC_OTHER)
        return NULL;
    return hc_chunk_sizes_add(walk->others, size - word, at + 2 * word);
}

static struct hc_error *add_chunk(struct walk *walk, uint64_t at, uint64_t size)
{
    if (at == walk->top)
        return add_unused(walk, HC_MEMORY_MALLOC_TOP, at, size);
    if (!is_used(walk, at + size))
        return add_unused(walk, HC_MEMORY_MALLOC_FREE, at, size);
    if (is_cached(walk, at)) {
        hc_parts_add(&walk->parts, HC_MEMORY_MALLOC_CACHED, size, 1);
        return NULL;
    }
    return add_used(walk, at, size);
}

static uint64_t sum(const struct hc_parts *parts, enum hc_memory_category first, enum hc_memory_category last)
{
    uint64_t bytes = 0;
    for (int category = (int)first; category <= (int)last; category++)
        bytes += parts->bytes[category];
    return bytes;
}

// What is walked up to `end` is settled.
static struct hc_error *settle(struct walk *walk, uint64_t end)
{
    struct hc_memory_heap *result = walk->result;
    const struct hc_parts *parts = &walk->parts;
    HC_TRY(hc_account_settle(walk->account, walk->start, end, HC_MEMORY_MALLOC_NOT_WALKED, parts));
    result->owned += sum(parts, HC_MEMORY_OBJECTS, HC_MEMORY_INTERPRETER);
    result->other += parts->bytes[HC_MEMORY_MALLOC_OTHER];
    result->other_count += parts->count[HC_MEMORY_MALLOC_OTHER];
    result->cached += parts->bytes[HC_MEMORY_MALLOC_CACHED];
    result->free += parts->bytes[HC_MEMORY_MALLOC_FREE];
    result->top += parts->bytes[HC_MEMORY_MALLOC_TOP];
    result->overhead += parts->bytes[HC_MEMORY_MALLOC_OVERHEAD];
    result->size += end - walk->start;
    walk->parts = (struct hc_parts){0};
    walk->start = end;
    return NULL;
}

// Behind what is no chunk, the walk goes on at the next block that is known. `*ret` = where.
static struct hc_error *skip_damage(struct walk *walk, uint64_t at, uint64_t *ret)
{
    struct hc_chunk chunk;
    HC_TRY(settle(walk, at));
    *ret = at;
    do {
        hc_owner_cursor_find(&walk->cursor, *ret, *ret);
        *ret = hc_owner_cursor_anchor(&walk->cursor, *ret, walk->end);
        if (++walk->steps % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
    } while (*ret < walk->end && (*ret % (least_chunk(walk) / 2) || !read_chunk(walk, *ret, &chunk)));
    if (*ret > walk->end)
        *ret = walk->end;
    HC_TRY(
        hc_account_claim(walk->account, at, *ret, HC_RANK_BROKEN, hc_record_of(HC_MEMORY_MALLOC_NOT_WALKED)));
    walk->result->not_walked += *ret - at;
    walk->result->size += *ret - at;
    walk->start = *ret;
    return NULL;
}

static struct hc_error *walk_chunks(struct walk *walk, uint64_t at)
{
    struct hc_chunk chunk;
    while (at < walk->end) {
        if (++walk->steps % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (read_chunk(walk, at, &chunk)) {
            HC_TRY(add_chunk(walk, at, chunk.size));
            at += chunk.size;
        } else if (walk->end - at <= least_chunk(walk)) {
            hc_parts_add(&walk->parts, HC_MEMORY_MALLOC_OVERHEAD, walk->end - at, 0);
            at = walk->end;
        } else {
            HC_TRY(skip_damage(walk, at, &at));
        }
    }
    return settle(walk, walk->end);
}

// What of a heap is in the core and not another walk's.
static bool clip(const struct hc_account *account, struct hc_malloc_heap *heap)
{
    const struct hc_claim *bound = hc_account_bound(account, heap->start);
    if (!bound || hc_account_next_taken(account, heap->start) == heap->start)
        return false;
    uint64_t taken = hc_account_next_taken(account, heap->start);
    uint64_t limit = bound->end < taken ? bound->end : taken;
    heap->end = heap->end < limit ? heap->end : limit;
    heap->first = heap->first < heap->end ? heap->first : heap->end;
    return heap->start < heap->end;
}

static struct hc_error *walk_heap(struct hc_account *account, struct hc_malloc_heap heap,
                                  const struct hc_word_vector *cached, struct hc_chunk_sizes *others,
                                  struct hc_memory_heap *result)
{
    struct walk walk = {
        .account = account, .cached = cached, .others = others, .result = result, .top = heap.top};
    if (!clip(account, &heap))
        return NULL;
    walk.start = heap.start;
    walk.end = heap.end;
    hc_owner_cursor_init(&walk.cursor, account, heap.start);
    result->heaps++;
    hc_parts_add(&walk.parts, HC_MEMORY_MALLOC_OVERHEAD, heap.first - heap.start, 0);
    return walk_chunks(&walk, heap.first);
}

static struct hc_error *walk_heaps(struct hc_account *account, const struct hc_malloc_map *map,
                                   struct hc_chunk_sizes *others)
{
    _cleanup_(hc_word_vector_deinit) struct hc_word_vector cached = {0};
    HC_TRY(hc_malloc_find_cached(account, map, &cached));
    for (size_t i = 0; i < map->states.count; i++) {
        const struct hc_malloc_state *state = &map->states.items[i];
        struct hc_memory_heap result = {.address = state->is_main ? 0 : state->address,
                                        .is_main = state->is_main};
        if (!hc_memory_heap_vector_push(&account->memory->heaps, result))
            return hc_error_out_of_memory();
    }
    for (size_t i = 0; i < map->heaps.count; i++)
        HC_TRY(walk_heap(account, map->heaps.items[i], &cached, others,
                         &account->memory->heaps.items[map->heaps.items[i].state]));
    return NULL;
}

struct hc_error *hc_account_heaps(struct hc_account *account, struct hc_chunk_sizes *others)
{
    _cleanup_(hc_malloc_map_deinit) struct hc_malloc_map map = {0};
    HC_TRY(hc_malloc_map_find(account, &map));
    if (map.states.count)
        account->memory->allocator = "glibc";
    return walk_heaps(account, &map, others);
}
