#include "memory/malloc_state.h"

#include "base/interrupt.h"
#include "python/chunks.h"

#include <stdlib.h>

// malloc/malloc.c and malloc/arena.c of glibc, 64-bit. In a malloc_state stand, one after the other: lists
// for small sizes (until 2.42), top, last_remainder, bins, and behind these four ints of a bitmap, next,
// next_free, attached_threads, system_mem, max_system_mem.
enum {
    WORD = 8,
    BINS = 127,
    BIN_SIZE = 2 * WORD,
    BITMAP_SIZE = 16,
    MOST_BEFORE_BINS = 512,
    LEAST_EMPTY_BINS = 4, // those of large sizes mostly are
    CHUNK_ALIGNMENT = 16,
};

#define HEAP_MAX_SIZE (UINT64_C(1) << 26) // heaps of arenas other than the main one begin at a multiple of it

void hc_malloc_map_deinit(struct hc_malloc_map *map)
{
    hc_malloc_state_vector_deinit(&map->states);
    hc_malloc_heap_vector_deinit(&map->heaps);
}

// An empty bin's two links lead to where a chunk would have to begin for them to be its links.
static bool is_empty_bin(const struct hc_target *target, const uint8_t *bytes, uint64_t address)
{
    return hc_load_u64(target, bytes) == address - BIN_SIZE &&
           hc_load_u64(target, bytes + WORD) == address - BIN_SIZE;
}

static bool is_linked_bin(struct hc_reader *reader, uint64_t address)
{
    uint64_t first, last, back, on;
    return hc_reader_word(reader, address, &first) && hc_reader_word(reader, address + WORD, &last) &&
           hc_reader_word(reader, first + 3 * WORD, &back) && hc_reader_word(reader, last + 2 * WORD, &on) &&
           back == address - BIN_SIZE && on == address - BIN_SIZE;
}

static bool is_bin(struct hc_reader *reader, const uint8_t *bytes, uint64_t address)
{
    return is_empty_bin(&reader->target, bytes, address) || is_linked_bin(reader, address);
}

// Do bins[] of a malloc_state begin at `address`? A process that died in malloc may have some in disorder,
// but where they end is certain.
static bool has_bins(struct hc_reader *reader, uint64_t address)
{
    enum { MOST_BROKEN = 4, LAST = BINS - 1 };
    const uint8_t *bytes = hc_reader_view(reader, address, (BINS + 1) * BIN_SIZE);
    // Of the large sizes' bins most are empty: this is asked for each word of all data.
    if (!bytes ||
        (!is_empty_bin(&reader->target, bytes + LAST * BIN_SIZE, address + LAST * BIN_SIZE) &&
         !is_empty_bin(&reader->target, bytes + (LAST - 8) * BIN_SIZE, address + (LAST - 8) * BIN_SIZE)))
        return false;
    if (!is_bin(reader, bytes + LAST * BIN_SIZE, address + LAST * BIN_SIZE) ||
        is_bin(reader, bytes + BINS * BIN_SIZE, address + BINS * BIN_SIZE))
        return false;
    unsigned empty = 0, broken = 0;
    for (unsigned i = 0; i < BINS && broken <= MOST_BROKEN; i++) {
        uint64_t offset = (uint64_t)i * BIN_SIZE;
        if (is_empty_bin(&reader->target, bytes + offset, address + offset))
            empty++;
        else if (!is_linked_bin(reader, address + offset))
            broken++;
    }
    return empty >= LEAST_EMPTY_BINS && broken <= MOST_BROKEN;
}

static bool read_state(struct hc_account *account, uint64_t bins, struct hc_malloc_state *ret)
{
    struct hc_reader *reader = &account->reader;
    uint64_t behind = bins + BINS * BIN_SIZE + BITMAP_SIZE, maximum;
    struct hc_chunk top;
    *ret = (struct hc_malloc_state){.bins = bins, .end = behind + 5 * WORD};
    return hc_reader_word(reader, bins - 2 * WORD, &ret->top) &&
           hc_reader_word(reader, behind + 3 * WORD, &ret->system_memory) &&
           hc_reader_word(reader, behind + 4 * WORD, &maximum) && ret->system_memory <= maximum &&
           hc_chunk_read(reader, ret->top, &top);
}

static bool find_state(struct hc_account *account, uint64_t start, uint64_t end, struct hc_malloc_state *ret)
{
    for (uint64_t bins = (start + WORD - 1) & ~(uint64_t)(WORD - 1); bins < end; bins += WORD)
        if (has_bins(&account->reader, bins) && read_state(account, bins, ret))
            return true;
    return false;
}

// main_arena lies in the C library's data, or in the program's if it is linked statically.
static struct hc_error *find_main_state(struct hc_account *account, struct hc_malloc_map *map)
{
    size_t count;
    const struct hc_segment *segments = hc_image_segments(account->image, &count);
    for (size_t i = 0; i < count; i++) {
        struct hc_malloc_state state;
        if (!segments[i].writable || segments[i].length <= (BINS + 1) * BIN_SIZE ||
            !hc_image_find_module(account->image, segments[i].address))
            continue;
        HC_TRY(hc_interrupt_check());
        if (!find_state(account, segments[i].address,
                        segments[i].address + segments[i].length - BINS * BIN_SIZE, &state))
            continue;
        state.is_main = true;
        state.address = state.bins;
        return hc_malloc_state_vector_push(&map->states, state) ? NULL : hc_error_out_of_memory();
    }
    return NULL;
}

static uint32_t find_known_state(const struct hc_malloc_map *map, uint64_t address)
{
    for (size_t i = 0; i < map->states.count; i++)
        if (map->states.items[i].address == address)
            return (uint32_t)i;
    return HC_NOTHING;
}

// heap_info: the arena, the heap before, size, the part of it that may be used, and since 2.35 the page size.
static struct hc_error *read_heap(struct hc_account *account, struct hc_malloc_map *map, uint64_t heap)
{
    enum { SMALLEST_INFO = 4 * WORD, LARGEST_INFO = 8 * WORD };
    struct hc_reader *reader = &account->reader;
    uint64_t arena, before, size, usable;
    if (!hc_reader_word(reader, heap, &arena) || !hc_reader_word(reader, heap + WORD, &before) ||
        !hc_reader_word(reader, heap + 2 * WORD, &size) || !hc_reader_word(reader, heap + 3 * WORD, &usable))
        return NULL;
    uint64_t info = arena % HEAP_MAX_SIZE, owner;
    if (info < SMALLEST_INFO || info > LARGEST_INFO || before % HEAP_MAX_SIZE || size > usable ||
        usable > HEAP_MAX_SIZE || size < account->page_size || size % account->page_size ||
        !hc_reader_word(reader, arena - info, &owner) || owner != arena)
        return NULL;
    struct hc_malloc_state state;
    uint32_t number = find_known_state(map, arena);
    if (number == HC_NOTHING && find_state(account, arena, arena + MOST_BEFORE_BINS, &state)) {
        state.address = arena;
        number = (uint32_t)map->states.count;
        if (!hc_malloc_state_vector_push(&map->states, state))
            return hc_error_out_of_memory();
    }
    if (number == HC_NOTHING)
        return NULL;
    const struct hc_malloc_state *known = &map->states.items[number];
    uint64_t first = arena - info == heap ? known->end : heap + info;
    struct hc_malloc_heap found = {
        .start = heap,
        .first = (first + CHUNK_ALIGNMENT - 1) & ~(uint64_t)(CHUNK_ALIGNMENT - 1),
        .end = heap + size,
        .top = known->top >= heap && known->top < heap + size ? known->top : 0,
        .state = number,
    };
    // Address space that the heap may grow into; gdb's gcore writes it out.
    if (hc_account_touches(account, found.end, heap + HEAP_MAX_SIZE))
        HC_TRY(hc_account_claim(account, found.end, heap + HEAP_MAX_SIZE, HC_RANK_RESERVED,
                                hc_record_of(HC_MEMORY_MALLOC_TOP)));
    return hc_malloc_heap_vector_push(&map->heaps, found) ? NULL : hc_error_out_of_memory();
}

static struct hc_error *find_other_heaps(struct hc_account *account, struct hc_malloc_map *map)
{
    for (size_t i = 0; i < account->bounds.count; i++) {
        const struct hc_claim *bound = &account->bounds.items[i];
        uint64_t heap = (bound->start + HEAP_MAX_SIZE - 1) & ~(HEAP_MAX_SIZE - 1);
        for (; heap >= bound->start && heap < bound->end && bound->end - heap >= account->page_size;
             heap += HEAP_MAX_SIZE)
            HC_TRY(read_heap(account, map, heap));
    }
    return NULL;
}

// The main arena's heap ends with its top, and is as large as what it got from the kernel, unless somebody
// else moved the program break.
static struct hc_error *find_main_heap(struct hc_account *account, struct hc_malloc_map *map)
{
    struct hc_chunk top;
    if (!map->states.count || !hc_chunk_read(&account->reader, map->states.items[0].top, &top))
        return NULL;
    const struct hc_malloc_state *state = &map->states.items[0];
    const struct hc_claim *bound = hc_account_bound(account, state->top);
    if (!bound || bound->end - state->top < top.size)
        return NULL;
    uint64_t end = state->top + top.size, start = end - state->system_memory;
    if (state->system_memory > end || start < bound->start || start % CHUNK_ALIGNMENT || start > state->top)
        start = bound->start;
    struct hc_malloc_heap heap = {start, start, end, state->top, 0};
    return hc_malloc_heap_vector_push(&map->heaps, heap) ? NULL : hc_error_out_of_memory();
}

static int by_start(const void *a, const void *b)
{
    const struct hc_malloc_heap *left = a, *right = b;
    return (left->start > right->start) - (left->start < right->start);
}

struct hc_error *hc_malloc_map_find(struct hc_account *account, struct hc_malloc_map *ret)
{
    if (account->reader.target.word_size != WORD)
        return NULL;
    HC_TRY(find_main_state(account, ret));
    HC_TRY(find_main_heap(account, ret));
    HC_TRY(find_other_heaps(account, ret));
    if (ret->heaps.count)
        qsort(ret->heaps.items, ret->heaps.count, sizeof(*ret->heaps.items), by_start);
    return NULL;
}
