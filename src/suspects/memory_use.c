// Memory that Python has and does not use, or that is not Python's at all: arenas of pymalloc that a few
// objects keep from being given back, and memory of C code that no object is known to own.
#include "suspects/kinds.h"

#include "base/size_text.h"
#include "memory/memory.h"

#include <inttypes.h>
#include <stdlib.h>

// docs/suspects.md
enum {
    PINNED_FREE = 75,       // per cent of an arena's blocks
    PINNED_SHARE = 10,      // per cent of the memory in use
    PINNED_LEAST = 4 << 20, // bytes
    NATIVE_SHARE = 25,
    NATIVE_LEAST = 16 << 20,
};

struct pinned {
    uint64_t arenas, free, used;
    uint64_t *arenas_of_type; // of these, those that have objects of a type
    uint64_t *last_of_type;   // the last one that was counted there
};

static void pinned_deinit(struct pinned *pinned)
{
    free(pinned->arenas_of_type);
    free(pinned->last_of_type);
}

// Pages of zeros are mostly no memory at all.
static uint64_t bytes_in_use(const struct hc_memory *memory)
{
    uint64_t bytes = memory->total;
    for (int category = 0; category < HC_MEMORY_COUNT; category++)
        bytes -= memory->sums[category].zero;
    return bytes;
}

static bool is_pinned(const struct hc_memory_arena *arena)
{
    return arena->used && arena->free / PINNED_FREE >= (arena->used + arena->free) / 100;
}

static void count_pool(const struct hc_graph *graph, const struct hc_pool *pool, struct pinned *pinned)
{
    for (uint32_t i = 0; i < (pool->block_count + 63u) / 64; i++) {
        const struct hc_slot_word *word = &graph->pools.words[pool->first_word + i];
        uint32_t count = (uint32_t)__builtin_popcountll(word->objects);
        for (uint32_t number = word->first_object; number < word->first_object + count; number++) {
            uint32_t type = graph->type_indexes[number];
            if (graph->states[number] == HC_STATE_NONE || pinned->last_of_type[type] == pinned->arenas)
                continue;
            pinned->last_of_type[type] = pinned->arenas;
            pinned->arenas_of_type[type]++;
        }
    }
}

static struct hc_error *survey_arenas(const struct hc_graph *graph, const struct hc_memory *memory,
                                      struct pinned *ret)
{
    uint64_t size = 1ull << graph->pools.pool_bits;
    ret->arenas_of_type = calloc(graph->types.types.count + 1, sizeof(*ret->arenas_of_type));
    ret->last_of_type = calloc(graph->types.types.count + 1, sizeof(*ret->last_of_type));
    if (!ret->arenas_of_type || !ret->last_of_type)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < memory->arenas.count; i++) {
        const struct hc_memory_arena *arena = &memory->arenas.items[i];
        if (!is_pinned(arena))
            continue;
        ret->arenas++;
        ret->free += arena->free;
        ret->used += arena->used;
        for (uint64_t at = arena->address; at < arena->address + arena->size; at += size) {
            const struct hc_pool *pool = hc_pools_find(&graph->pools, at);
            if (pool)
                count_pool(graph, pool, ret);
        }
    }
    return NULL;
}

// The type with objects in most of them.
static size_t find_widespread(const struct hc_graph *graph, const struct pinned *pinned)
{
    size_t most = 0;
    for (size_t i = 0; i < graph->types.types.count; i++)
        if (pinned->arenas_of_type[i] > pinned->arenas_of_type[most])
            most = i;
    return most;
}

static struct hc_error *report_pinned(const struct hc_inquiry *inquiry, const struct hc_memory *memory)
{
    const struct hc_graph *graph = inquiry->session->graph;
    _cleanup_(pinned_deinit) struct pinned pinned = {0};
    hc_size_buffer free_text, used_text;
    HC_TRY(survey_arenas(graph, memory, &pinned));
    if (pinned.free < PINNED_LEAST || pinned.free < bytes_in_use(memory) / 100 * PINNED_SHARE)
        return NULL;
    size_t widespread = find_widespread(graph, &pinned);
    const struct hc_type *type = graph->types.types.items[widespread];
    struct hc_suspect *suspect = hc_suspect_add(
        inquiry, "pinned arenas", pinned.free,
        "%" PRIu64 " of %zu arenas of pymalloc are mostly free: %s that cannot be given back, for %s in use "
        "there; %" PRIu64 " of them have objects of the type %s",
        pinned.arenas, memory->arenas.count, hc_size_text(pinned.free, free_text),
        hc_size_text(pinned.used, used_text), pinned.arenas_of_type[widespread],
        type->qualname ? type->qualname : "?");
    if (!suspect)
        return hc_error_out_of_memory();
    suspect->elsewhere = "heapcore memory CORE";
    hc_suspect_figure(suspect, "arenas", pinned.arenas);
    hc_suspect_bytes(suspect, "free", pinned.free);
    hc_suspect_bytes(suspect, "used", pinned.used);
    return NULL;
}

static struct hc_error *report_native(const struct hc_inquiry *inquiry, const struct hc_memory *memory)
{
    static const enum hc_memory_category native[] = {HC_MEMORY_MALLOC_OTHER, HC_MEMORY_MALLOC_MAPPED,
                                                     HC_MEMORY_OTHER_ALLOCATOR, HC_MEMORY_UNKNOWN};
    enum { OF_MALLOC = 2 }; // the first of these
    uint64_t bytes = 0, of_malloc = 0, blocks = 0, whole = bytes_in_use(memory);
    hc_size_buffer size;
    for (size_t i = 0; i < sizeof(native) / sizeof(*native); i++) {
        const struct hc_memory_sum *sum = &memory->sums[native[i]];
        bytes += sum->bytes - sum->zero;
        of_malloc += i < OF_MALLOC ? sum->bytes - sum->zero : 0;
        blocks += i < OF_MALLOC ? sum->count : 0;
    }
    if (bytes < NATIVE_LEAST || bytes < whole / 100 * NATIVE_SHARE)
        return NULL;
    struct hc_memory_chunks most =
        memory->chunks.count ? memory->chunks.items[0] : (struct hc_memory_chunks){0};
    char where[96] = "malloc has little of it";
    if (of_malloc > bytes / 2)
        snprintf(where, sizeof(where),
                 "%" PRIu64 " blocks of malloc have most, %" PRIu64 " of these of %" PRIu64 " bytes each",
                 blocks, most.count, most.size);
    struct hc_suspect *suspect = hc_suspect_add(inquiry, "native memory", bytes,
                                                "%s are C code's: nothing known to Python owns them; %s",
                                                hc_size_text(bytes, size), where);
    if (!suspect)
        return hc_error_out_of_memory();
    suspect->elsewhere = "heapcore memory CORE";
    hc_suspect_figure(suspect, "blocks", blocks);
    hc_suspect_bytes(suspect, "native", bytes);
    hc_suspect_figure(suspect, "of_one_size", most.count);
    hc_suspect_bytes(suspect, "that_size", most.size);
    return NULL;
}

struct hc_error *hc_find_memory_use(const struct hc_inquiry *inquiry)
{
    _cleanup_(hc_memory_deinit) struct hc_memory memory = {0};
    HC_TRY(hc_memory_account(inquiry->session, &memory));
    HC_TRY(report_pinned(inquiry, &memory));
    return report_native(inquiry, &memory);
}
