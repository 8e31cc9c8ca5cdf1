#include "random_heap.h"

#include "graph/dominators.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { TYPE_SPACING = 16 * 8, TYPES_AT = 0x10000, OBJECTS_AT = 0x400000 };

// The method resolution orders, object left out; `class Mixed(Other, Base)`.
static const uint32_t orders[TYPE_COUNT][4] = {
    [STR] = {STR},
    [DICT] = {DICT},
    [MODULE] = {MODULE},
    [BASE] = {BASE},
    [OTHER] = {OTHER},
    [SUB] = {SUB, BASE},
    [MIXED] = {MIXED, OTHER, BASE},
    [MYDICT] = {MYDICT, DICT},
};
static const uint32_t order_lengths[TYPE_COUNT] = {1, 1, 1, 1, 1, 2, 3, 2};

bool is_subclass(uint32_t type, uint32_t base)
{
    for (uint32_t i = 0; i < order_lengths[type]; i++)
        if (orders[type][i] == base)
            return true;
    return false;
}

uint32_t below(uint32_t limit)
{
    return (uint32_t)rand() % limit;
}

static void make_type(struct heap *heap, uint32_t index, const char *module, const char *name, uint32_t flags)
{
    struct hc_type *type = &heap->types[index];
    *type = (struct hc_type){.index = index,
                             .address = TYPES_AT + (uint64_t)index * TYPE_SPACING,
                             .module = (char *)module,
                             .name = (char *)name,
                             .qualname = (char *)name,
                             .flags = flags,
                             .is_dict = index == DICT};
    if (order_lengths[index] > 1)
        type->base = &heap->types[orders[index][1]];
    heap->type_pointers[index] = type;
    // The type's mro member, and behind it the tuple.
    uint64_t *memory = &heap->memory[16 * index];
    memory[0] = type->address + 8;
    memory[2] = order_lengths[index];
    for (uint32_t i = 0; i < order_lengths[index]; i++)
        memory[3 + i] = TYPES_AT + (uint64_t)orders[index][i] * TYPE_SPACING;
}

void heap_init(struct heap *heap)
{
    *heap = (struct heap){.image = {.target = {.word_size = 8}}};
    make_type(heap, STR, "builtins", "str", 0);
    make_type(heap, DICT, "builtins", "dict", 0);
    make_type(heap, MODULE, "builtins", "module", 0);
    make_type(heap, BASE, "m", "Base", HC_TYPE_HEAPTYPE);
    make_type(heap, OTHER, "m", "Other", HC_TYPE_HEAPTYPE);
    make_type(heap, SUB, "m", "Sub", HC_TYPE_HEAPTYPE);
    make_type(heap, MIXED, "m", "Mixed", HC_TYPE_HEAPTYPE);
    make_type(heap, MYDICT, "m", "MyDict", HC_TYPE_HEAPTYPE);
    heap->segment = (struct hc_segment){
        .address = TYPES_AT, .length = sizeof(heap->memory), .bytes = (const uint8_t *)heap->memory};
    heap->image.segments = (struct hc_segment_vector){&heap->segment, 1, 1};
    heap->runtime.image = &heap->image;
    heap->runtime.module = &heap->module;
    heap->runtime.layouts.at.type_mro = 0;
    heap->runtime.layouts.at.var_size = 8;
    heap->runtime.layouts.at.tuple_items = 16;
    heap->graph = (struct hc_graph){
        .types = {.runtime = &heap->runtime, .types = {heap->type_pointers, TYPE_COUNT, TYPE_COUNT}},
        .type_indexes = heap->type_indexes,
        .sizes = heap->sizes,
        .states = heap->states,
        .others = heap->others,
        .owned_dicts = heap->owned_dicts,
        .owned_ranks = heap->owned_ranks,
        .dict_owners = heap->dict_owners,
        .virtual_owners = heap->virtual_owners,
        .edge_starts = heap->edge_starts,
        .edges = heap->edges,
        .roots = {heap->roots, 0, MOST_OBJECTS},
        .large_sizes = &heap->large,
    };
}

uint32_t heap_add(struct heap *heap, uint32_t type, uint16_t size, enum hc_state state)
{
    uint32_t object = heap->graph.count++;
    assert_true(object < MOST_OBJECTS && heap->graph.real_count == object);
    heap->graph.real_count++;
    heap->type_indexes[object] = type;
    heap->sizes[object] = size;
    heap->states[object] = (uint8_t)state;
    heap->others[object] = OBJECTS_AT + 16ull * object;
    return object;
}

void heap_add_edge(struct heap *heap, uint32_t from, uint32_t to)
{
    assert_true(heap->out_counts[from] < MOST_EDGES);
    heap->out[from][heap->out_counts[from]++] = to;
}

void heap_add_root(struct heap *heap, uint32_t object)
{
    heap->roots[heap->graph.roots.count++] = object;
}

void heap_own(struct heap *heap, uint32_t owner, uint32_t dict)
{
    heap->owned_dicts[dict / 64] |= 1ull << (dict % 64);
    heap->owners[dict] = owner + 1;
    heap_add_edge(heap, owner, dict);
}

uint32_t heap_add_virtual_dict(struct heap *heap, uint32_t owner, uint16_t size)
{
    uint32_t dict = heap->graph.count++;
    assert_true(dict < MOST_OBJECTS);
    heap->type_indexes[dict] = DICT;
    heap->sizes[dict] = size;
    heap->states[dict] = heap->states[owner];
    heap->owners[dict] = owner + 1;
    heap->virtual_owners[dict - heap->graph.real_count] = owner;
    heap_add_edge(heap, owner, dict);
    return dict;
}

void heap_finish(struct heap *heap)
{
    uint32_t next = 0, owned = 0;
    for (uint32_t i = 0; i < heap->graph.count; i++) {
        heap->edge_starts[i] = next;
        for (uint32_t e = 0; e < heap->out_counts[i]; e++)
            heap->edges[next++] = heap->out[i][e];
        if (i % 64 == 0)
            heap->owned_ranks[i / 64] = owned;
        if (i < heap->graph.real_count && heap->owners[i])
            heap->dict_owners[owned++] = heap->owners[i] - 1;
    }
    heap->edge_starts[heap->graph.count] = next;
    assert_null(hc_universe_init(&heap->universe, &heap->graph, 1));
}

static void mark(struct heap *heap, uint32_t object)
{
    if (heap->states[object] == HC_STATE_REACHABLE)
        return;
    heap->states[object] = HC_STATE_REACHABLE;
    for (uint32_t e = 0; e < heap->out_counts[object]; e++)
        mark(heap, heap->out[object][e]);
}

void heap_make_random(struct heap *heap)
{
    static const uint16_t sizes[] = {16, 48, 48, 56, 64, 1000};
    static const uint8_t states[] = {HC_STATE_TRACKED, HC_STATE_TRACKED, HC_STATE_STRAY, HC_STATE_NONE};
    heap_init(heap);
    uint32_t real = 1 + below(MOST_RANDOM_OBJECTS - 10), density = below(MOST_EDGES - 2);
    for (uint32_t i = 0; i < real; i++) {
        uint32_t object = heap_add(heap, below(TYPE_COUNT), sizes[below(6)], states[below(4)]);
        if (i && heap->type_indexes[object] == DICT && below(2))
            heap_own(heap, object - 1, object);
    }
    for (uint32_t i = 0; i < real; i++)
        for (uint32_t e = density ? below(density + 1) : 0; e > 0 && heap->out_counts[i] < MOST_EDGES - 1;
             e--)
            heap_add_edge(heap, i, below(real));
    for (uint32_t i = below(10); i > 0; i--) {
        uint32_t owner = below(real);
        if (heap->out_counts[owner] == MOST_EDGES)
            continue;
        uint32_t dict = heap_add_virtual_dict(heap, owner, 40);
        heap_add_edge(heap, dict, below(real));
    }
    uint32_t large = below(real);
    heap->sizes[large] = HC_LARGE;
    heap->large = (struct hc_large_size){.object = large, .size = 70000};
    heap->graph.large_count = 1;
    for (uint32_t i = below(4); i > 0; i--)
        heap_add_root(heap, below(real));
    for (size_t i = 0; i < heap->graph.roots.count; i++)
        mark(heap, heap->roots[i]);
    for (uint32_t i = real; i < heap->graph.count; i++)
        heap->states[i] = heap->states[heap->owners[i] - 1];
    heap_finish(heap);
}

void heap_deinit(struct heap *heap)
{
    hc_universe_deinit(&heap->universe);
    free(heap->graph.referrer_starts);
    free(heap->graph.referrers);
    hc_dominators_destroy(heap->graph.dominators);
}
