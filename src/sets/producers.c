#include "sets/producers.h"

#include "base/interrupt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FILES = 1 << 24 };

static size_t find_bucket(const struct hc_producers *producers, const char *file)
{
    uint64_t hash = 0;
    for (const char *c = file; *c; c++)
        hash = (hash ^ (uint8_t)*c) * 0x9e3779b97f4a7c15u;
    size_t mask = producers->file_bucket_count - 1, bucket = (hash >> 32) & mask;
    while (producers->file_buckets[bucket] &&
           strcmp(producers->files.items[producers->file_buckets[bucket] - 1], file))
        bucket = (bucket + 1) & mask;
    return bucket;
}

static bool grow_buckets(struct hc_producers *producers)
{
    size_t grown = producers->file_bucket_count ? producers->file_bucket_count * 2 : 256;
    uint32_t *buckets = calloc(grown, sizeof(*buckets));
    if (!buckets)
        return false;
    free(producers->file_buckets);
    producers->file_buckets = buckets;
    producers->file_bucket_count = grown;
    for (size_t i = 0; i < producers->files.count; i++)
        buckets[find_bucket(producers, producers->files.items[i])] = (uint32_t)i + 1;
    return true;
}

static struct hc_error *intern_file(struct hc_producers *producers, const char *file, uint32_t *ret)
{
    if (producers->files.count * 2 >= producers->file_bucket_count && !grow_buckets(producers))
        return hc_error_out_of_memory();
    size_t bucket = find_bucket(producers, file);
    if (!producers->file_buckets[bucket]) {
        if (producers->files.count == MOST_FILES)
            return hc_error_create("tracemalloc's table names more than %d source files", MOST_FILES);
        char *copy = strdup(file);
        if (!copy || !hc_file_vector_push(&producers->files, copy)) {
            free(copy);
            return hc_error_out_of_memory();
        }
        producers->file_buckets[bucket] = (uint32_t)producers->files.count;
    }
    *ret = producers->file_buckets[bucket] - 1;
    return NULL;
}

static struct hc_error *intern_producer(struct hc_producers *producers, struct hc_producer producer,
                                        uint32_t *ret)
{
    uint64_t file = producer.file == HC_ANY_FILE ? MOST_FILES : producer.file;
    uint64_t key = (file + 1) << 36 | (uint64_t)producer.any_line << 35 | (uint64_t)producer.line << 3;
    bool is_new;
    struct hc_address_slot *slot =
        hc_address_map_insert(&producers->numbers, key, (uint32_t)producers->items.count, &is_new);
    if (!slot || (is_new && !hc_producer_vector_push(&producers->items, producer)))
        return hc_error_out_of_memory();
    *ret = slot->value;
    return NULL;
}

struct hc_error *hc_producers_intern(struct hc_producers *producers, const char *file, uint32_t line,
                                     bool any_line, uint32_t *ret)
{
    struct hc_producer producer = {.file = HC_ANY_FILE, .line = any_line ? 0 : line, .any_line = any_line};
    if (file)
        HC_TRY(intern_file(producers, file, &producer.file));
    return intern_producer(producers, producer, ret);
}

// Reads the table into a struct hc_producers.
struct reading {
    struct hc_producers *producers;
    const struct hc_graph *graph;
    struct hc_reader reader, name_reader;
};

static struct hc_error *number_file(struct reading *reading, uint64_t filename, uint32_t *ret)
{
    struct hc_producers *producers = reading->producers;
    if (filename && hc_address_map_find(&producers->filenames, filename, ret))
        return NULL;
    _cleanup_(hc_freep) char *name =
        hc_allocation_filename(&producers->allocations, &reading->name_reader, filename);
    bool is_new;
    HC_TRY(intern_file(producers, name ? name : "<unreadable>", ret));
    return !filename || hc_address_map_insert(&producers->filenames, filename, *ret, &is_new)
               ? NULL
               : hc_error_out_of_memory();
}

static struct hc_error *number_traceback(struct reading *reading, uint64_t address, uint32_t *ret)
{
    struct hc_producers *producers = reading->producers;
    struct hc_producer_traceback traceback = {.address = address, .producer = HC_PRODUCER_UNKNOWN};
    struct hc_producer producer = {0};
    struct hc_allocation_frame frame;
    bool is_new;
    struct hc_address_slot *slot = hc_address_map_insert(&producers->traceback_numbers, address,
                                                         (uint32_t)producers->tracebacks.count, &is_new);
    if (!slot)
        return hc_error_out_of_memory();
    *ret = slot->value;
    if (!is_new)
        return NULL;
    if (hc_traceback_length(&producers->allocations, &reading->reader, address) &&
        hc_traceback_frame(&producers->allocations, &reading->reader, address, 0, &frame)) {
        producer.line = frame.line;
        HC_TRY(number_file(reading, frame.filename, &producer.file));
        HC_TRY(intern_producer(producers, producer, &traceback.producer));
    }
    return hc_producer_traceback_vector_push(&producers->tracebacks, traceback) ? NULL
                                                                                : hc_error_out_of_memory();
}

// An object outside of the pools: the first from the block's start on, behind its own headers.
static bool find_other(const struct hc_graph *graph, uint64_t block, uint32_t *ret)
{
    uint32_t low = 0, count = graph->real_count - graph->pool_count, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (graph->others[middle] < block)
            low = middle + 1;
        else
            high = middle;
    }
    *ret = graph->pool_count + low;
    return low < count &&
           graph->others[low] - block == hc_graph_type(graph, (hc_object_id){*ret})->header_size;
}

static struct hc_error *take_block(void *argument, uint64_t block, uint64_t traceback)
{
    struct reading *reading = argument;
    uint32_t object, number = 0;
    if (!traceback || (!hc_pools_block_object(&reading->graph->pools, block, &object) &&
                       !find_other(reading->graph, block, &object)))
        return NULL;
    HC_TRY(number_traceback(reading, traceback, &number));
    reading->producers->object_tracebacks[object] = number + 1;
    return NULL;
}

// Values that never were made a dict came with their owner.
static void give_to_virtual_dicts(struct hc_producers *producers, const struct hc_graph *graph)
{
    for (uint32_t object = graph->real_count; object < graph->count; object++)
        producers->object_tracebacks[object] =
            producers->object_tracebacks[graph->virtual_owners[object - graph->real_count]];
}

struct hc_error *hc_universe_producers(struct hc_universe *universe, struct hc_producers **ret)
{
    const struct hc_runtime *runtime = universe->graph->types.runtime;
    uint32_t unknown;
    if (!universe->producers) {
        _cleanup_(hc_producers_destroyp) struct hc_producers *producers = calloc(1, sizeof(*producers));
        if (!producers || !(producers->object_tracebacks =
                                calloc(universe->graph->count + 1u, sizeof(*producers->object_tracebacks))))
            return hc_error_out_of_memory();
        struct reading reading = {.producers = producers, .graph = universe->graph};
        hc_reader_init(&reading.reader, runtime->image);
        reading.name_reader = reading.reader;
        HC_TRY(intern_producer(producers, (struct hc_producer){HC_ANY_FILE, UINT32_MAX, true}, &unknown));
        HC_TRY(hc_allocations_init(&producers->allocations, runtime));
        HC_TRY(hc_allocations_each(&producers->allocations, take_block, &reading));
        give_to_virtual_dicts(producers, universe->graph);
        universe->producers = hc_take(producers);
    }
    *ret = universe->producers;
    return NULL;
}

void hc_producers_destroy(struct hc_producers *producers)
{
    if (!producers)
        return;
    for (size_t i = 0; i < producers->files.count; i++)
        free(producers->files.items[i]);
    hc_file_vector_deinit(&producers->files);
    hc_producer_vector_deinit(&producers->items);
    hc_producer_traceback_vector_deinit(&producers->tracebacks);
    hc_address_map_deinit(&producers->numbers);
    hc_address_map_deinit(&producers->filenames);
    hc_address_map_deinit(&producers->traceback_numbers);
    free(producers->file_buckets);
    free(producers->object_tracebacks);
    free(producers);
}

char *hc_producers_name(const struct hc_producers *producers, uint32_t producer)
{
    const struct hc_producer *item = &producers->items.items[producer];
    char *name;
    if (producer == HC_PRODUCER_UNKNOWN)
        return strdup("unknown");
    const char *file = item->file == HC_ANY_FILE ? "None" : producers->files.items[item->file];
    int length =
        item->any_line ? asprintf(&name, "%s:None", file) : asprintf(&name, "%s:%u", file, item->line);
    return length < 0 ? NULL : name;
}

bool hc_producers_is_within(const struct hc_producers *producers, uint32_t producer, uint32_t other)
{
    const struct hc_producer *left = &producers->items.items[producer];
    const struct hc_producer *right = &producers->items.items[other];
    if (producer == HC_PRODUCER_UNKNOWN || other == HC_PRODUCER_UNKNOWN)
        return producer == other;
    if (left->file != right->file && left->file != HC_ANY_FILE && right->file != HC_ANY_FILE) {
        const char *file = producers->files.items[left->file], *start = producers->files.items[right->file];
        if (strncmp(file, start, strlen(start)))
            return false;
    }
    return left->any_line || right->any_line || left->line <= right->line;
}
