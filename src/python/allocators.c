#include "python/allocators.h"

#include "python/allocator_signature.h"
#include "python/globals.h"

#include <stddef.h>

enum { MAX_LAYERS = 8 }; // hooks, tracemalloc and the allocator below them

// What an allocator's malloc function is, and where the allocator below it stands.
enum layer_kind {
    LAYER_END,
    LAYER_HOOKS,   // context is a debug_alloc_api_t
    LAYER_TRACING, // context is a PyMemAllocatorEx
};

static const struct layer {
    const char *function, *unit;
    enum layer_kind kind;
    enum hc_allocator allocator;
} layers[] = {
    {"_PyObject_Malloc", "Objects/obmalloc.c", LAYER_END, HC_ALLOCATOR_PYMALLOC},
    {"_PyMem_RawMalloc", "Objects/obmalloc.c", LAYER_END, HC_ALLOCATOR_MALLOC},
    {"_PyMem_DebugMalloc", "Objects/obmalloc.c", LAYER_HOOKS, HC_ALLOCATOR_UNKNOWN},
    {"tracemalloc_malloc_gil", "tracemalloc.c", LAYER_TRACING, HC_ALLOCATOR_UNKNOWN},
};

static const struct layer *find_layer(const struct hc_runtime *runtime, uint64_t function)
{
    for (size_t i = 0; i < sizeof(layers) / sizeof(*layers); i++) {
        uint64_t address, size;
        if (hc_debug_info_find_symbol(runtime->debug_info, layers[i].function, layers[i].unit, &address,
                                      &size) &&
            address == function)
            return &layers[i];
    }
    return NULL;
}

// Its length, the letter of the allocator, and forbidden bytes up to the second word's end
// (_PyMem_DebugRawAlloc(), Objects/obmalloc.c); these were 0xfb up to 3.7.
bool hc_hooks_stand_before(const uint8_t *block, unsigned word)
{
    if (block[word] != 'o' && block[word] != 'm' && block[word] != 'r')
        return false;
    for (unsigned i = word + 1; i < 2 * word; i++)
        if (block[i] != 0xfd && block[i] != 0xfb)
            return false;
    return true;
}

void hc_allocators_read(const struct hc_runtime *runtime, struct hc_allocators *ret)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    struct hc_reader reader;
    hc_reader_init(&reader, runtime->image);
    *ret = (struct hc_allocators){0};
    uint64_t allocator, function;
    if (runtime->choice.table) {
        hc_signature_allocators(runtime, ret);
        return;
    }
    if (!hc_is_present(at->allocator_malloc) || !hc_is_present(at->allocator_context) ||
        !hc_global_find(runtime, HC_GLOBAL_OBJECT_ALLOCATOR, &allocator))
        return;
    for (unsigned i = 0; i < MAX_LAYERS; i++) {
        const struct layer *layer = hc_reader_word(&reader, allocator + at->allocator_malloc, &function)
                                        ? find_layer(runtime, function)
                                        : NULL;
        if (!layer)
            return;
        if (layer->kind == LAYER_END) {
            ret->objects = layer->allocator;
            return;
        }
        if (!hc_reader_word(&reader, allocator + at->allocator_context, &allocator))
            return;
        if (layer->kind == LAYER_HOOKS) {
            ret->has_hooks = true;
            if (!hc_is_present(at->hooks_allocator))
                return;
            allocator += at->hooks_allocator;
        }
    }
}
