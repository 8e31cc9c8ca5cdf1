#include "query/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

enum { BLOCK_SIZE = 4096 };

struct block {
    struct block *next;
    alignas(max_align_t) char bytes[];
};

struct hc_arena {
    struct block *blocks;
    char *free;
    size_t left;
};

struct hc_arena *hc_arena_create(void)
{
    return calloc(1, sizeof(struct hc_arena));
}

void hc_arena_destroy(struct hc_arena *arena)
{
    if (!arena)
        return;
    for (struct block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

static struct block *add_block(struct hc_arena *arena, size_t size)
{
    struct block *block = calloc(1, sizeof(*block) + size);
    if (!block)
        return NULL;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *hc_arena_allocate(struct hc_arena *arena, size_t count, size_t size)
{
    if (size && count > (SIZE_MAX / 2) / size)
        return NULL;
    size_t align = alignof(max_align_t);
    size_t needed = (count * size + align - 1) & ~(align - 1);
    if (needed > BLOCK_SIZE / 4) {
        struct block *block = add_block(arena, needed);
        return block ? block->bytes : NULL;
    }
    if (!arena->free || needed > arena->left) {
        struct block *block = add_block(arena, BLOCK_SIZE);
        if (!block)
            return NULL;
        arena->free = block->bytes;
        arena->left = BLOCK_SIZE;
    }
    void *ret = arena->free;
    arena->free += needed;
    arena->left -= needed;
    return ret;
}
