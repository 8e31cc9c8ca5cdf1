#include "python/allocator_signature.h"

#include "python/globals.h"
#include "python/signature.h"

enum { FUNCTIONS = 4, MAX_LAYERS = 8 }; // of a PyMemAllocatorEx: malloc, calloc, realloc, free

// _PyMem_Debug, Objects/obmalloc.c: a letter and an allocator for each of three domains. Until hooks are put
// in, they are the raw one, pymalloc, and pymalloc again; after that what the hooks call.
struct allocator_search {
    const struct hc_offsets *at;
    struct hc_reader reader;
    uint64_t stride;       // of _PyMem_Debug
    uint64_t debug;        // its address, or 0
    uint64_t raw, objects; // malloc functions there
    bool has_hooks;        // somewhere else is an allocator whose context is the objects' entry
    bool has_default;      // somewhere else is an allocator that is the objects'
};

static uint64_t word_at(struct allocator_search *search, uint64_t address)
{
    uint64_t word;
    return hc_reader_word(&search->reader, address, &word) ? word : 0;
}

static bool see_debug(void *argument, uint64_t address, uint64_t word)
{
    struct allocator_search *search = argument;
    if (word == 'r' && word_at(search, address + search->stride) == 'm' &&
        word_at(search, address + 2 * search->stride) == 'o')
        search->debug = address;
    return !search->debug;
}

static bool see_objects(void *argument, uint64_t address, uint64_t word)
{
    struct allocator_search *search = argument;
    uint64_t entry = search->debug + 2 * search->stride;
    if (address - search->debug < 3 * search->stride)
        return true;
    uint64_t function =
        word_at(search, address + search->at->allocator_malloc - search->at->allocator_context);
    search->has_hooks |= word == entry && function;
    search->has_default |= word == 0 && function == search->objects;
    return true;
}

static enum hc_allocator what_is(const struct allocator_search *search, uint64_t function)
{
    if (function == search->raw)
        return HC_ALLOCATOR_MALLOC;
    return function == search->objects ? HC_ALLOCATOR_PYMALLOC : HC_ALLOCATOR_UNKNOWN;
}

// Since 3.12 it is known where the objects' allocator stands. Each layer's context leads to the one below.
static void follow(struct allocator_search *search, uint64_t allocator, struct hc_allocators *ret)
{
    const struct hc_offsets *at = search->at;
    for (unsigned i = 0; i < MAX_LAYERS; i++) {
        uint64_t context = word_at(search, allocator + at->allocator_context);
        if (!context) {
            ret->objects = what_is(search, word_at(search, allocator + at->allocator_malloc));
            return;
        }
        bool is_hook = context == search->debug + 2 * search->stride;
        ret->has_hooks |= is_hook;
        allocator = context + (is_hook ? at->hooks_allocator : 0);
    }
}

void hc_signature_allocators(const struct hc_runtime *runtime, struct hc_allocators *ret)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    struct allocator_search search = {.at = at};
    uint64_t allocator;
    *ret = (struct hc_allocators){0};
    if (!hc_is_present(at->allocator_malloc) || !hc_is_present(at->allocator_context) ||
        !hc_is_present(at->hooks_allocator))
        return;
    hc_reader_init(&search.reader, runtime->image);
    unsigned word = search.reader.target.word_size;
    search.stride = at->hooks_allocator + (1 + FUNCTIONS) * word;
    hc_signature_scan(runtime, see_debug, &search);
    if (!search.debug)
        return;
    uint64_t function = at->hooks_allocator + at->allocator_malloc;
    search.raw = word_at(&search, search.debug + function);
    search.objects = word_at(&search, search.debug + 2 * search.stride + function);
    if (hc_global_find(runtime, HC_GLOBAL_OBJECT_ALLOCATOR, &allocator)) {
        follow(&search, allocator, ret);
        return;
    }
    hc_signature_scan(runtime, see_objects, &search);
    ret->has_hooks = search.has_hooks;
    if (search.has_hooks || search.has_default)
        ret->objects = what_is(&search, search.objects);
    else
        ret->objects = HC_ALLOCATOR_MALLOC;
}
