// Which blocks belong to which objects: every object's buffers, as tracing finds them; where an extension's
// object is concerned, also the blocks that its words point to; and those that the interpreter's own data
// point to.
#include "memory/account.h"

#include "base/interrupt.h"
#include "base/parallel.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { TASKS_PER_THREAD = 8 };

// What has to be done with the instances of a type.
enum plan {
    PLAN_NOTHING, // they own no buffer
    PLAN_TRACE,
    PLAN_WORDS, // … and what their words point to may be theirs, too
    PLAN_ONLY_WORDS,
};

struct HC_ALONE worker {
    struct hc_tracer tracer;
    struct hc_owned_vector owned; // outside of the pools
    struct hc_owned_vector words; // in pools: settled when all buffers are known
    uint64_t *buffer_bytes;       // in pools, by type
};

struct search {
    struct hc_account *account;
    const struct hc_graph *graph;
    const struct hc_pools *pools;
    uint8_t *plans;   // by type, enum plan
    uint8_t *is_data; // by type: its buffers are the data of an extension
    struct worker *workers;
    size_t task_count;
    _Atomic uint64_t allowance; // of the tracers
};

static void search_deinit(struct search *search)
{
    for (unsigned i = 0; search->workers && i < search->account->threads; i++) {
        hc_tracer_deinit(&search->workers[i].tracer);
        hc_owned_vector_deinit(&search->workers[i].owned);
        hc_owned_vector_deinit(&search->workers[i].words);
        free(search->workers[i].buffer_bytes);
    }
    free(search->workers);
    free(search->plans);
    free(search->is_data);
}

static enum plan plan_of(const struct hc_type *type)
{
    const struct hc_type *native = type->native;
    bool has_values_block = type->dict_place == HC_DICT_OR_VALUES || type->dict_place == HC_DICT_TAGGED;
    if (native && native->base && !native->has_row)
        return type->definition || has_values_block ? PLAN_WORDS : PLAN_ONLY_WORDS;
    return type->is_leaf ? PLAN_NOTHING : PLAN_TRACE;
}

// CPython's own containers have buffers of references; whatever else has buffers has data in them.
static bool has_data(const struct hc_type *type)
{
    const struct hc_type *native = type->native;
    return native && native->base &&
           (!native->has_row || (native->name && !strcmp(native->name, "bytearray")));
}

// Adds the block at `address` to the type's, unless an object or another owner has it.
static void claim_block(const struct search *search, struct worker *worker, uint64_t address, uint32_t type,
                        bool is_data)
{
    const struct hc_pools *pools = search->pools;
    const struct hc_pool *pool = hc_pools_find(pools, address);
    uint32_t block = hc_pool_block(pools, pool, address), object;
    if (block == UINT32_MAX || hc_pool_block_address(pools, pool, block) + pools->debug_header != address)
        return;
    if (hc_pools_block_object(pools, address, &object) && search->graph->states[object] != HC_STATE_NONE)
        return;
    uint32_t index = pool->first_word + block / 64;
    uint64_t bit = 1ull << (block % 64);
    if (__atomic_fetch_or(&search->account->buffer_slots[index], bit, __ATOMIC_RELAXED) & bit)
        return;
    if (is_data)
        __atomic_fetch_or(&search->account->data_slots[index], bit, __ATOMIC_RELAXED);
    if (type < search->account->kind_count)
        worker->buffer_bytes[type] += pool->block_size;
}

static struct hc_error *add_owned(struct hc_owned_vector *vector, uint64_t address, uint32_t type,
                                  enum hc_owner_kind kind)
{
    struct hc_owned owned = {address, type, kind};
    return hc_owned_vector_push(vector, owned) ? NULL : hc_error_out_of_memory();
}

// A word that may point to a block.
static struct hc_error *add_word(const struct search *search, struct worker *worker, uint64_t word,
                                 uint32_t type, enum hc_owner_kind kind)
{
    uint64_t available;
    if (!word || word % worker->tracer.reader.target.word_size)
        return NULL;
    if (hc_pools_find(search->pools, word))
        return add_owned(&worker->words, word, type, kind);
    if (!hc_reader_span(&worker->tracer.reader, word, &available))
        return NULL;
    return add_owned(&worker->owned, word, type, kind);
}

static struct hc_error *add_object_words(const struct search *search, struct worker *worker,
                                         const struct hc_object_view *object)
{
    unsigned word = worker->tracer.reader.target.word_size;
    uint64_t end = object->type->native->basicsize;
    if (end > object->available)
        end = object->available;
    if (!hc_trace_afford(&worker->tracer, end / word))
        return NULL;
    for (uint64_t offset = worker->tracer.at->object_type + word; offset + word <= end; offset += word)
        HC_TRY(add_word(search, worker, hc_view_word(&worker->tracer, object, offset), object->type->index,
                        HC_OWNER_WORD));
    return NULL;
}

static struct hc_error *add_object(const struct search *search, struct worker *worker,
                                   const struct hc_object_view *object)
{
    uint32_t type = object->type->index;
    enum plan plan = type < search->account->kind_count ? search->plans[type] : PLAN_NOTHING;
    if (plan == PLAN_NOTHING)
        return NULL;
    bool is_data = search->is_data[type];
    if (plan == PLAN_ONLY_WORDS)
        return add_object_words(search, worker, object);
    hc_tracer_trace(&worker->tracer, object);
    const struct hc_word_vector *buffers = &worker->tracer.references.buffers;
    for (size_t i = 0; i < buffers->count; i++)
        if (hc_pools_find(search->pools, buffers->items[i]))
            claim_block(search, worker, buffers->items[i], type, is_data);
        else
            HC_TRY(add_owned(&worker->owned, buffers->items[i], type,
                             is_data ? HC_OWNER_DATA : HC_OWNER_BUFFER));
    if (worker->tracer.out_of_memory)
        return hc_error_out_of_memory();
    return plan == PLAN_WORDS ? add_object_words(search, worker, object) : NULL;
}

static bool is_wanted(const struct search *search, uint32_t number)
{
    uint32_t type = search->graph->type_indexes[number];
    return search->graph->states[number] != HC_STATE_NONE && type < search->account->kind_count &&
           search->plans[type] != PLAN_NOTHING;
}

static struct hc_error *search_slots(const struct search *search, struct worker *worker, size_t index)
{
    const struct hc_pools *pools = search->pools;
    const struct hc_slot_word *word = &pools->words[index];
    const struct hc_pool *pool = &pools->pools[word->pool];
    uint32_t number = word->first_object;
    for (uint64_t left = word->objects; left; left &= left - 1, number++) {
        if (!is_wanted(search, number))
            continue;
        unsigned bit = (unsigned)__builtin_ctzll(left);
        uint32_t block = (uint32_t)(index - pool->first_word) * 64 + bit;
        uint64_t address = hc_pool_block_address(pools, pool, block) + hc_slot_header(pools, word, bit);
        uint64_t offset = address - pool->address;
        struct hc_object_view object = {
            .type = search->graph->types.types.items[search->graph->type_indexes[number]],
            .address = address,
            .bytes = pool->bytes + offset,
            .available = (1ull << pools->pool_bits) - offset,
        };
        HC_TRY(add_object(search, worker, &object));
    }
    return NULL;
}

static struct hc_error *search_others(const struct search *search, struct worker *worker, uint32_t first,
                                      uint32_t end)
{
    for (uint32_t number = first; number < end; number++) {
        struct hc_object_view object;
        if (is_wanted(search, number) &&
            hc_tracer_view(&worker->tracer, hc_graph_address(search->graph, (hc_object_id){number}),
                           &object) &&
            object.type->index == search->graph->type_indexes[number])
            HC_TRY(add_object(search, worker, &object));
        if (number % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
    }
    return NULL;
}

static struct hc_error *search_task(void *argument, unsigned number, size_t task)
{
    struct search *search = argument;
    struct worker *worker = &search->workers[number];
    size_t words = search->pools->word_count, tasks = search->task_count;
    size_t end = words * (task + 1) / tasks;
    for (size_t i = words * task / tasks; i < end; i++)
        HC_TRY(search_slots(search, worker, i));
    uint64_t others = search->graph->real_count - search->graph->pool_count;
    return search_others(search, worker, search->graph->pool_count + (uint32_t)(others * task / tasks),
                         search->graph->pool_count + (uint32_t)(others * (task + 1) / tasks));
}

static struct hc_error *search_types(const struct search *search)
{
    const struct hc_type_vector *types = &search->graph->types.types;
    struct worker *worker = &search->workers[0];
    for (size_t i = 0; i < search->account->kind_count; i++) {
        struct hc_object_view object;
        if (hc_tracer_view(&worker->tracer, types->items[i]->address, &object))
            HC_TRY(add_object(search, worker, &object));
    }
    return NULL;
}

static struct hc_error *search_memory(const struct search *search, uint64_t start, uint64_t end)
{
    struct worker *worker = &search->workers[0];
    unsigned word = worker->tracer.reader.target.word_size;
    const uint8_t *bytes = start < end ? hc_reader_view(&search->account->reader, start, end - start) : NULL;
    for (uint64_t offset = 0; bytes && offset + word <= end - start; offset += word)
        HC_TRY(add_word(search, worker, hc_load_word(&worker->tracer.reader.target, bytes + offset),
                        HC_NOTHING, HC_OWNER_INTERPRETER));
    return NULL;
}

// The interpreters' states, and the data of the binary that they are of.
static struct hc_error *search_interpreter(const struct search *search)
{
    struct hc_account *account = search->account;
    const struct hc_runtime *runtime = account->runtime;
    const struct hc_module *module = runtime->module;
    size_t count;
    const struct hc_segment *segments = hc_image_segments(account->image, &count);
    for (size_t i = 0; module && i < count; i++) {
        const struct hc_segment *segment = &segments[i];
        uint64_t end = segment->address + segment->length;
        if (segment->writable && segment->address < module->end && end > module->start)
            HC_TRY(search_memory(search, segment->address > module->start ? segment->address : module->start,
                                 end < module->end ? end : module->end));
    }
    for (size_t i = 0; i < runtime->interpreters.count; i++) {
        uint64_t interpreter = runtime->interpreters.items[i];
        HC_TRY(search_memory(search, interpreter, interpreter + runtime->layouts.at.sizeof_interpreter));
        HC_TRY(add_owned(&search->workers[0].owned, interpreter, HC_NOTHING, HC_OWNER_INTERPRETER));
    }
    for (size_t i = 0; i < account->python_threads.count; i++)
        HC_TRY(add_owned(&search->workers[0].owned, account->python_threads.items[i], HC_NOTHING,
                         HC_OWNER_INTERPRETER));
    for (size_t i = 0; i < search->pools->arena_lists.count; i++)
        HC_TRY(add_owned(&search->workers[0].owned, search->pools->arena_lists.items[i].arenas, HC_NOTHING,
                         HC_OWNER_INTERPRETER));
    return NULL;
}

// Keys that its instances' dicts share are their type's. Types are numbered as they are met.
static uint64_t type_rank(const struct hc_type_vector *types, uint32_t index)
{
    if (index >= types->count)
        return UINT64_MAX;
    const struct hc_type *type = types->items[index];
    return type->address | (type->flags & HC_TYPE_TYPE_SUBCLASS ? 0 : UINT64_C(1) << 63);
}

static int by_address(const void *a, const void *b, void *argument)
{
    const struct hc_owned *left = a, *right = b;
    if (left->address != right->address)
        return left->address < right->address ? -1 : 1;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    uint64_t left_rank = type_rank(argument, left->type), right_rank = type_rank(argument, right->type);
    return (left_rank > right_rank) - (left_rank < right_rank);
}

static struct hc_error *append(struct hc_owned_vector *all, const struct hc_owned_vector *more)
{
    if (!hc_owned_vector_reserve(all, all->count + more->count))
        return hc_error_out_of_memory();
    if (more->count)
        memcpy(all->items + all->count, more->items, more->count * sizeof(*more->items));
    all->count += more->count;
    return NULL;
}

static void sort(const struct search *search, struct hc_owned_vector *owned)
{
    void *types = (void *)&search->graph->types.types;
    if (owned->count)
        qsort_r(owned->items, owned->count, sizeof(*owned->items), by_address, types);
}

static struct hc_error *collect(struct search *search)
{
    struct hc_account *account = search->account;
    struct worker *first = &search->workers[0];
    for (unsigned i = 0; i < account->threads; i++) {
        HC_TRY(append(&account->owned, &search->workers[i].owned));
        if (i)
            HC_TRY(append(&first->words, &search->workers[i].words));
    }
    sort(search, &account->owned);
    sort(search, &first->words);
    for (size_t i = 0; i < first->words.count; i++) {
        const struct hc_owned *word = &first->words.items[i];
        if (word->kind == HC_OWNER_WORD)
            claim_block(search, first, word->address, word->type, true);
    }
    for (unsigned i = 0; i < account->threads; i++)
        for (size_t type = 0; type < account->kind_count; type++)
            account->kinds[type].buffers += search->workers[i].buffer_bytes[type];
    return NULL;
}

static struct hc_error *prepare(struct search *search)
{
    struct hc_account *account = search->account;
    size_t types = account->kind_count;
    search->plans = calloc(types + 1, 1);
    search->is_data = calloc(types + 1, 1);
    search->workers = hc_calloc_alone(account->threads, sizeof(*search->workers));
    account->buffer_slots = calloc(search->pools->word_count + 1, sizeof(*account->buffer_slots));
    account->data_slots = calloc(search->pools->word_count + 1, sizeof(*account->data_slots));
    if (!search->plans || !search->is_data || !search->workers || !account->buffer_slots ||
        !account->data_slots)
        return hc_error_out_of_memory();
    atomic_init(&search->allowance, hc_tracer_allowance(account->image));
    for (size_t i = 0; i < types; i++) {
        search->plans[i] = plan_of(search->graph->types.types.items[i]);
        search->is_data[i] = has_data(search->graph->types.types.items[i]);
    }
    for (unsigned i = 0; i < account->threads; i++) {
        search->workers[i].buffer_bytes = calloc(types + 1, sizeof(*search->workers[i].buffer_bytes));
        if (!search->workers[i].buffer_bytes)
            return hc_error_out_of_memory();
        HC_TRY(hc_tracer_init(&search->workers[i].tracer, (struct hc_type_table *)&search->graph->types));
        search->workers[i].tracer.allowance = &search->allowance;
    }
    return NULL;
}

struct hc_error *hc_account_owners(struct hc_account *account)
{
    _cleanup_(search_deinit) struct search search = {
        .account = account,
        .graph = account->graph,
        .pools = &account->graph->pools,
        .task_count = (size_t)account->threads * TASKS_PER_THREAD,
    };
    HC_TRY(prepare(&search));
    HC_TRY(search_types(&search));
    HC_TRY(hc_parallel_run(account->threads, search.task_count, search_task, &search));
    HC_TRY(search_interpreter(&search));
    return collect(&search);
}
