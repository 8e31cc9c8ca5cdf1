#include "memory/account.h"

#include "base/address_map.h"
#include "base/parallel.h"
#include "base/path.h"
#include "memory/chunk_sizes.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *key, *name;
} categories[] = {
    [HC_MEMORY_OBJECTS] = {"objects", "Python objects, reachable"},
    [HC_MEMORY_TRACKED] = {"tracked_objects", "Python objects that no root reaches"},
    [HC_MEMORY_STRAY] = {"stray_objects", "what looks like an object (stray)"},
    [HC_MEMORY_BUFFERS] = {"buffers", "buffers of objects (keys of dicts, items of lists ...)"},
    [HC_MEMORY_DATA] = {"data", "data of objects (bytearrays, arrays, extensions)"},
    [HC_MEMORY_INTERPRETER] = {"interpreter", "the interpreter's own structures"},
    [HC_MEMORY_PYMALLOC_OTHER] = {"pymalloc_other", "pymalloc: other blocks in use"},
    [HC_MEMORY_PYMALLOC_FREE] = {"pymalloc_free", "pymalloc: free blocks of pools in use"},
    [HC_MEMORY_PYMALLOC_EMPTY] = {"pymalloc_empty", "pymalloc: empty pools"},
    [HC_MEMORY_PYMALLOC_OVERHEAD] = {"pymalloc_overhead", "pymalloc: headers, ends of pools, alignment"},
    [HC_MEMORY_PYMALLOC_NOT_WALKED] = {"pymalloc_not_walked", "pymalloc: damaged, not walked"},
    [HC_MEMORY_MALLOC_OTHER] = {"malloc_other", "malloc: in use, not known to be Python's"},
    [HC_MEMORY_MALLOC_MAPPED] = {"malloc_mapped", "malloc: the same, large (mmapped)"},
    [HC_MEMORY_MALLOC_CACHED] = {"malloc_cached", "malloc: freed and cached (tcache, fast bins)"},
    [HC_MEMORY_MALLOC_FREE] = {"malloc_free", "malloc: free"},
    [HC_MEMORY_MALLOC_TOP] = {"malloc_top", "malloc: free ends of heaps (top)"},
    [HC_MEMORY_MALLOC_OVERHEAD] = {"malloc_overhead", "malloc: headers"},
    [HC_MEMORY_MALLOC_NOT_WALKED] = {"malloc_not_walked", "malloc: damaged, not walked"},
    [HC_MEMORY_OTHER_ALLOCATOR] = {"other_allocator", "another allocator's, not walked"},
    [HC_MEMORY_STACK_USED] = {"stack_used", "stacks of threads, used"},
    [HC_MEMORY_STACK_UNUSED] = {"stack_unused", "stacks of threads, unused"},
    [HC_MEMORY_MODULE_DATA] = {"module_data", "binaries: writable data"},
    [HC_MEMORY_MODULE_CODE] = {"module_code", "binaries: code and constants"},
    [HC_MEMORY_FILES] = {"files", "other mapped files"},
    [HC_MEMORY_SHARED] = {"shared", "shared memory"},
    [HC_MEMORY_KERNEL] = {"kernel", "the kernel's (vdso)"},
    [HC_MEMORY_UNKNOWN] = {"unknown", "unknown"},
};

const char *hc_memory_category_name(enum hc_memory_category category)
{
    return categories[category].name;
}

const char *hc_memory_category_key(enum hc_memory_category category)
{
    return categories[category].key;
}

void hc_memory_deinit(struct hc_memory *memory)
{
    hc_memory_kind_vector_deinit(&memory->kinds);
    hc_memory_class_vector_deinit(&memory->classes);
    hc_memory_arena_vector_deinit(&memory->arenas);
    hc_memory_heap_vector_deinit(&memory->heaps);
    hc_memory_chunks_vector_deinit(&memory->chunks);
    hc_memory_place_vector_deinit(&memory->places);
}

static void account_deinit(struct hc_account *account)
{
    free(account->kinds);
    free(account->buffer_slots);
    free(account->data_slots);
    hc_word_vector_deinit(&account->python_threads);
    hc_owned_vector_deinit(&account->owned);
    hc_claim_vector_deinit(&account->bounds);
    hc_claim_vector_deinit(&account->taken);
    hc_claim_vector_deinit(&account->claims);
    hc_record_vector_deinit(&account->records);
    hc_parts_vector_deinit(&account->parts);
}

static int by_start(const void *a, const void *b)
{
    const struct hc_claim *left = a, *right = b;
    return (left->start > right->start) - (left->start < right->start);
}

static struct hc_error *add_bound(struct hc_account *account, uint64_t start, uint64_t end)
{
    account->memory->total += end - start;
    bool is_added = hc_claim_vector_push(&account->bounds, (struct hc_claim){.start = start, .end = end});
    return is_added ? NULL : hc_error_out_of_memory();
}

// What the core itself holds, pieces that touch joined.
static struct hc_error *find_bounds(struct hc_account *account)
{
    size_t segment_count, adopted_count, kept = 0;
    const struct hc_segment *segments = hc_image_segments(account->image, &segment_count);
    const struct hc_held_pages *adopted = hc_image_adopted(account->image, &adopted_count);
    struct hc_claim_vector *bounds = &account->bounds;
    for (size_t i = 0; i < segment_count; i++)
        if (segments[i].origin != HC_SEGMENT_FILE)
            HC_TRY(add_bound(account, segments[i].address, segments[i].address + segments[i].length));
    for (size_t i = 0; i < adopted_count; i++)
        HC_TRY(add_bound(account, adopted[i].start, adopted[i].end));
    qsort(bounds->items, bounds->count, sizeof(*bounds->items), by_start);
    for (size_t i = 0; i < bounds->count; i++)
        if (kept && bounds->items[kept - 1].end == bounds->items[i].start)
            bounds->items[kept - 1].end = bounds->items[i].end;
        else
            bounds->items[kept++] = bounds->items[i];
    bounds->count = kept;
    account->memory->mapped = hc_image_mapped_size(account->image);
    return NULL;
}

// Libraries that stand in for the C library's malloc, and a C library that has another.
static const char *find_other_allocator(const struct hc_image *image)
{
    static const struct {
        const char *file, *name;
    } libraries[] = {
        {"libjemalloc", "jemalloc"},
        {"libtcmalloc", "tcmalloc"},
        {"libmimalloc", "mimalloc"},
        {"ld-musl-", "musl"},
    };
    size_t count;
    const struct hc_module *modules = hc_image_modules(image, &count);
    for (size_t i = 0; i < count; i++) {
        const char *file = hc_path_name(modules[i].path);
        for (size_t k = 0; k < sizeof(libraries) / sizeof(*libraries); k++)
            if (!strncmp(file, libraries[k].file, strlen(libraries[k].file)))
                return libraries[k].name;
    }
    return NULL;
}

static struct hc_error *find_threads(struct hc_account *account)
{
    const struct hc_runtime *runtime = account->runtime;
    const struct hc_offsets *at = &runtime->layouts.at;
    _cleanup_(hc_address_map_deinit) struct hc_address_map seen = {0};
    for (size_t i = 0; i < runtime->interpreters.count; i++) {
        uint64_t thread = 0;
        bool is_new = true;
        hc_reader_word(&account->reader, runtime->interpreters.items[i] + at->interpreter_threads, &thread);
        while (thread) {
            if (!hc_address_map_insert(&seen, thread, 0, &is_new))
                return hc_error_out_of_memory();
            if (!is_new)
                break;
            if (!hc_word_vector_push(&account->python_threads, thread))
                return hc_error_out_of_memory();
            if (!hc_reader_word(&account->reader, thread + at->thread_next, &thread))
                break;
        }
    }
    return NULL;
}

static struct hc_error *add_unknown(struct hc_account *account, uint64_t start, uint64_t end)
{
    struct hc_memory *memory = account->memory;
    struct hc_memory_place place = {
        .category = account->other_allocator ? HC_MEMORY_OTHER_ALLOCATOR : HC_MEMORY_UNKNOWN,
        .address = start,
        .bytes = end - start,
    };
    HC_TRY(hc_account_count_zero(account, start, end, &place.zero));
    memory->sums[place.category].bytes += place.bytes;
    memory->sums[place.category].zero += place.zero;
    memory->sums[place.category].count++;
    return hc_memory_place_vector_push(&memory->places, place) ? NULL : hc_error_out_of_memory();
}

static void add_parts(struct hc_memory *memory, const struct hc_parts *parts)
{
    for (int category = 0; category < HC_MEMORY_COUNT; category++) {
        memory->sums[category].bytes += parts->bytes[category];
        memory->sums[category].count += parts->count[category];
        memory->sums[category].zero += parts->zero[category];
    }
}

static void add_kind(struct hc_account *account, const struct hc_record *record, uint64_t bytes)
{
    struct hc_memory_kind *kind = &account->kinds[record->type];
    if (record->category == HC_MEMORY_DATA) {
        kind->buffers += bytes;
        return;
    }
    kind->bytes += bytes;
    kind->count += !record->is_counted;
}

// Where it pays to look: what is meant to be used is not zero, and looking at it would mean reading it.
static bool may_be_zero(enum hc_memory_category category)
{
    return category == HC_MEMORY_STACK_UNUSED || category == HC_MEMORY_MODULE_DATA ||
           category == HC_MEMORY_SHARED || category == HC_MEMORY_MALLOC_TOP;
}

static struct hc_error *add_piece(void *argument, const struct hc_claim *claim, uint64_t start, uint64_t end)
{
    struct hc_account *account = argument;
    struct hc_memory *memory = account->memory;
    if (!claim)
        return add_unknown(account, start, end);
    struct hc_record *record = &account->records.items[claim->index];
    if (record->parts != HC_NOTHING && start == claim->start && end == claim->end) {
        add_parts(memory, &account->parts.items[record->parts]);
        return NULL;
    }
    uint64_t zero = 0;
    if (may_be_zero(record->category))
        HC_TRY(hc_account_count_zero(account, start, end, &zero));
    struct hc_memory_sum *sum = &memory->sums[record->category];
    sum->bytes += end - start;
    sum->zero += zero;
    sum->count += !record->is_counted;
    if (record->type != HC_NOTHING)
        add_kind(account, record, end - start);
    if (record->place != HC_NOTHING) {
        memory->places.items[record->place].bytes += end - start;
        memory->places.items[record->place].zero += zero;
    }
    record->is_counted = true;
    return NULL;
}

static int by_kind_bytes(const void *a, const void *b)
{
    const struct hc_memory_kind *left = a, *right = b;
    uint64_t left_bytes = left->bytes + left->buffers, right_bytes = right->bytes + right->buffers;
    if (left_bytes != right_bytes)
        return left_bytes > right_bytes ? -1 : 1;
    return (left->type->address > right->type->address) - (left->type->address < right->type->address);
}

static struct hc_error *list_kinds(struct hc_account *account)
{
    struct hc_memory_kind_vector *kinds = &account->memory->kinds;
    for (size_t i = 0; i < account->kind_count; i++) {
        struct hc_memory_kind kind = account->kinds[i];
        kind.type = account->graph->types.types.items[i];
        if ((kind.bytes || kind.buffers) && !hc_memory_kind_vector_push(kinds, kind))
            return hc_error_out_of_memory();
    }
    if (kinds->count)
        qsort(kinds->items, kinds->count, sizeof(*kinds->items), by_kind_bytes);
    return NULL;
}

static int by_category(const void *a, const void *b)
{
    const struct hc_memory_place *left = a, *right = b;
    if (left->category != right->category)
        return left->category < right->category ? -1 : 1;
    if (left->bytes != right->bytes)
        return left->bytes > right->bytes ? -1 : 1;
    return (left->address > right->address) - (left->address < right->address);
}

static void list_places(struct hc_memory *memory)
{
    struct hc_memory_place_vector *places = &memory->places;
    size_t kept = 0;
    for (size_t i = 0; i < places->count; i++)
        if (places->items[i].bytes)
            places->items[kept++] = places->items[i];
    places->count = kept;
    if (kept)
        qsort(places->items, kept, sizeof(*places->items), by_category);
}

static struct hc_error *run(struct hc_account *account)
{
    _cleanup_(hc_chunk_sizes_deinit) struct hc_chunk_sizes others = {0};
    HC_TRY(find_bounds(account));
    HC_TRY(find_threads(account));
    HC_TRY(hc_account_owners(account));
    HC_TRY(hc_account_pymalloc(account));
    HC_TRY(hc_account_heaps(account, &others));
    account->other_allocator = find_other_allocator(account->image);
    if (account->other_allocator)
        account->memory->allocator = account->other_allocator;
    HC_TRY(hc_account_places(account));
    HC_TRY(hc_account_mapped_chunks(account, &others));
    HC_TRY(hc_account_ended_stacks(account));
    HC_TRY(hc_account_objects(account));
    HC_TRY(hc_sweep(&account->claims, &account->bounds, add_piece, account));
    HC_TRY(hc_chunk_sizes_list(&others, &account->memory->chunks));
    HC_TRY(list_kinds(account));
    list_places(account->memory);
    return NULL;
}

struct hc_error *hc_memory_account(const struct hc_session *session, struct hc_memory *ret)
{
    _cleanup_(hc_memory_deinit) struct hc_memory memory = {0};
    _cleanup_(account_deinit) struct hc_account account = {
        .session = session,
        .graph = session->graph,
        .image = session->image,
        .runtime = &session->runtime,
        .memory = &memory,
        .page_size = hc_image_page_size(session->image),
        .threads = hc_parallel_threads(0),
        .kind_count = session->graph->types.types.count,
    };
    hc_reader_init(&account.reader, session->image);
    account.kinds = calloc(account.kind_count + 1, sizeof(*account.kinds));
    if (!account.kinds)
        return hc_error_out_of_memory();
    HC_TRY(run(&account));
    uint64_t sum = 0;
    for (int category = 0; category < HC_MEMORY_COUNT; category++)
        sum += memory.sums[category].bytes;
    if (sum != memory.total)
        return hc_error_create("the categories of memory add up to %lu bytes, not to the %lu of the core: "
                               "this is an error of heapcore",
                               (unsigned long)sum, (unsigned long)memory.total);
    *ret = memory;
    memory = (struct hc_memory){0};
    return NULL;
}
