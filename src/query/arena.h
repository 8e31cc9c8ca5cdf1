// Memory that is freed all at once.
#pragma once

#include "base/cleanup.h"

#include <stddef.h>

struct hc_arena;

struct hc_arena *hc_arena_create(void); // NULL: out of memory
void hc_arena_destroy(struct hc_arena *arena);
// Zeroed and aligned for any type; NULL: out of memory.
void *hc_arena_allocate(struct hc_arena *arena, size_t count, size_t size);

HC_DEFINE_POINTER_CLEANUP(hc_arena_destroy, struct hc_arena)
