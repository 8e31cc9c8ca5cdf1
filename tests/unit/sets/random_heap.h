// Small graphs, by hand and by chance, over types with multiple inheritance.
#pragma once

#include "image/internal.h"
#include "sets/set.h"

enum { STR, DICT, MODULE, BASE, OTHER, SUB, MIXED, MYDICT, TYPE_COUNT };
enum { MOST_OBJECTS = 3000, MOST_RANDOM_OBJECTS = 100, MOST_EDGES = 6 };

struct heap {
    struct hc_graph graph;
    struct hc_universe universe;
    struct hc_module module; // of no extent: no type is the interpreter's own
    struct hc_runtime runtime;
    struct hc_image image;
    struct hc_segment segment;
    uint64_t memory[16 * TYPE_COUNT]; // the types' method resolution orders
    struct hc_type types[TYPE_COUNT];
    struct hc_type *type_pointers[TYPE_COUNT];
    uint32_t type_indexes[MOST_OBJECTS];
    uint16_t sizes[MOST_OBJECTS];
    uint8_t states[MOST_OBJECTS];
    uint64_t others[MOST_OBJECTS];
    uint64_t owned_dicts[MOST_OBJECTS / 64 + 1];
    uint32_t owned_ranks[MOST_OBJECTS / 64 + 1], dict_owners[MOST_OBJECTS], virtual_owners[MOST_OBJECTS];
    uint32_t owners[MOST_OBJECTS]; // + 1, or 0
    uint32_t out[MOST_OBJECTS][MOST_EDGES], out_counts[MOST_OBJECTS];
    uint32_t edge_starts[MOST_OBJECTS + 1], edges[MOST_OBJECTS * MOST_EDGES];
    uint32_t roots[MOST_OBJECTS];
    struct hc_large_size large;
};

uint32_t below(uint32_t limit);
// Real objects first, then virtual dicts.
void heap_init(struct heap *heap);
uint32_t heap_add(struct heap *heap, uint32_t type, uint16_t size, enum hc_state state);
void heap_add_edge(struct heap *heap, uint32_t from, uint32_t to);
void heap_add_root(struct heap *heap, uint32_t object);
// Makes `dict` the __dict__ of `owner`, which then refers to it.
void heap_own(struct heap *heap, uint32_t owner, uint32_t dict);
uint32_t heap_add_virtual_dict(struct heap *heap, uint32_t owner, uint16_t size);
// Lays out the edges and opens the universe; nothing is added any more.
void heap_finish(struct heap *heap);
void heap_make_random(struct heap *heap);
void heap_deinit(struct heap *heap);
// Plainly: is `type` `base`, or a subclass of it?
bool is_subclass(uint32_t type, uint32_t base);
