// Equal values of immutable types, each stored on its own: what sharing them would win.
//
// Most values of most heaps are like no other. Two bitmaps by hash find those that may have an equal in one
// pass over hashes; only these go into a table, where they are compared.
#include "suspects/kinds.h"

#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/size_text.h"
#include "python/content.h"
#include "python/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

// docs/suspects.md
enum {
    SHARE = 5,       // per cent of the heap that sharing would win
    LEAST = 1 << 20, // bytes
};

enum {
    OBJECTS_PER_TASK = 1 << 15,
    SHOWN_OBJECTS = 4, // of the value that costs most: their addresses fit into a line
    SHOWN_VALUE = 60,  // bytes of its repr()
};

struct value {
    uint32_t object; // the first of them
    uint32_t count;  // 0: an empty slot
};

struct family {
    uint64_t objects; // that have an equal before them
    uint64_t bytes;   // of these
    uint32_t most;    // slot of the value whose repetitions take most
    uint64_t most_bytes;
};

struct search {
    const struct hc_inquiry *inquiry;
    struct hc_graph *graph;
    uint8_t *family_of; // by type index
    uint32_t *hashes;   // by object; 0: no value, or one that cannot be read
    struct hc_tracer *tracers;
    unsigned threads;
    struct value *values; // open addressing
    size_t capacity;
    uint64_t allowance; // bytes that may still be compared: forged values could all be one
    struct family families[HC_FAMILY_COUNT];
};

static void search_deinit(struct search *search)
{
    for (unsigned i = 0; search->tracers && i < search->threads; i++)
        hc_tracer_deinit(&search->tracers[i]);
    free(search->tracers);
    free(search->family_of);
    free(search->hashes);
    free(search->values);
}

static enum hc_family family_of(const struct search *search, uint32_t object)
{
    return (enum hc_family)search->family_of[search->graph->type_indexes[object]];
}

static bool find_content(const struct search *search, struct hc_tracer *tracer, uint32_t object,
                         struct hc_content *ret)
{
    struct hc_object_view view;
    return hc_tracer_view(tracer, hc_graph_address(search->graph, (hc_object_id){object}), &view) &&
           hc_content_find(tracer, family_of(search, object), &view, ret);
}

static struct hc_error *hash_task(void *argument, unsigned worker, size_t task)
{
    struct search *search = argument;
    uint32_t end = search->graph->real_count;
    uint32_t first = (uint32_t)(task * OBJECTS_PER_TASK);
    HC_TRY(hc_interrupt_check());
    if (end - first > OBJECTS_PER_TASK)
        end = first + OBJECTS_PER_TASK;
    for (uint32_t object = first; object < end; object++) {
        struct hc_content content;
        if (search->graph->states[object] != HC_STATE_REACHABLE ||
            family_of(search, object) == HC_FAMILY_NONE ||
            !find_content(search, &search->tracers[worker], object, &content))
            continue;
        uint32_t hash = hc_content_hash(&content) + (uint32_t)family_of(search, object);
        search->hashes[object] = hash ? hash : 1;
    }
    return NULL;
}

static bool test_and_set(uint64_t *bits, uint64_t bit)
{
    bool was_set = bits[bit / 64] >> (bit % 64) & 1;
    bits[bit / 64] |= 1ull << (bit % 64);
    return was_set;
}

// Forged values could all have one hash.
enum { MOST_PROBES = 256 };

// Clears the hashes that occur once. The table is made for what is left.
static struct hc_error *sift(struct search *search)
{
    uint32_t count = search->graph->real_count, left = 0;
    uint64_t bits = 1 << 16;
    while (bits < 8ull * count && bits < 1ull << 32)
        bits *= 2;
    _cleanup_(hc_freep) uint64_t *once = calloc(bits / 64, sizeof(*once));
    _cleanup_(hc_freep) uint64_t *again = calloc(bits / 64, sizeof(*again));
    if (!once || !again)
        return hc_error_out_of_memory();
    for (uint32_t i = 0; i < count; i++)
        if (search->hashes[i] && test_and_set(once, search->hashes[i] & (bits - 1)))
            test_and_set(again, search->hashes[i] & (bits - 1));
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bit = search->hashes[i] & (bits - 1);
        if (!(again[bit / 64] >> (bit % 64) & 1))
            search->hashes[i] = 0;
        left += search->hashes[i] != 0;
    }
    // Most of these do have an equal: half of the slots stay empty.
    search->capacity = left + MOST_PROBES;
    search->values = calloc(search->capacity, sizeof(*search->values));
    return search->values ? NULL : hc_error_out_of_memory();
}

static bool is_equal(struct search *search, uint32_t left, uint32_t right)
{
    struct hc_content contents[2];
    struct hc_tracer *tracer = &search->tracers[0];
    if (family_of(search, left) != family_of(search, right) ||
        !find_content(search, tracer, left, &contents[0]) ||
        !find_content(search, tracer, right, &contents[1]) || contents[0].length > search->allowance)
        return false;
    search->allowance -= contents[0].length;
    return hc_content_equal(&contents[0], &contents[1]);
}

static struct value *find_slot(struct search *search, uint32_t object)
{
    uint32_t hash = search->hashes[object], spread = hash * 0x9e3779b1u;
    size_t first = spread * (uint64_t)(search->capacity - MOST_PROBES) >> 32;
    for (size_t slot = first; slot < first + MOST_PROBES; slot++) {
        struct value *value = &search->values[slot];
        if (!value->count ||
            (search->hashes[value->object] == hash && is_equal(search, value->object, object)))
            return value;
    }
    return NULL;
}

static struct hc_error *count_values(struct search *search)
{
    for (uint32_t i = 0; i < search->graph->real_count; i++) {
        if (i % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        struct value *value = search->hashes[i] ? find_slot(search, i) : NULL;
        if (!value)
            continue;
        if (!value->count++) {
            value->object = i;
            continue;
        }
        struct family *family = &search->families[family_of(search, i)];
        uint64_t size = hc_graph_size(search->graph, (hc_object_id){i});
        family->objects++;
        family->bytes += size;
        if (size * (value->count - 1) > family->most_bytes) {
            family->most = (uint32_t)(value - search->values);
            family->most_bytes = size * (value->count - 1);
        }
    }
    return NULL;
}

// "iso(0x…, 0x…).rp" of the first objects that have the value.
static struct hc_error *write_query(struct search *search, const struct value *value,
                                    struct hc_suspect *suspect)
{
    _cleanup_(hc_freep) char *list = NULL;
    size_t length;
    unsigned shown = 0;
    FILE *file = open_memstream(&list, &length);
    if (!file)
        return hc_error_out_of_memory();
    for (uint32_t i = value->object; i < search->graph->real_count && shown < SHOWN_OBJECTS; i++)
        if (search->hashes[i] == search->hashes[value->object] && is_equal(search, i, value->object))
            fprintf(file, "%s0x%" PRIx64, shown++ ? ", " : "",
                    hc_graph_address(search->graph, (hc_object_id){i}));
    bool is_whole = !fclose(file) && list;
    return is_whole && hc_suspect_query(suspect, "iso(%s).rp", list) ? NULL : hc_error_out_of_memory();
}

static struct hc_error *report(struct search *search, enum hc_family kind)
{
    const struct family *family = &search->families[kind];
    const struct value *most = &search->values[family->most];
    struct hc_tracer *tracer;
    hc_size_buffer won, most_won;
    HC_TRY(hc_universe_tracer(search->inquiry->universe, &tracer));
    _cleanup_(hc_freep) char *shown = hc_value_repr_within(
        tracer, hc_graph_address(search->graph, (hc_object_id){most->object}), SHOWN_VALUE);
    if (!shown)
        return hc_error_out_of_memory();
    struct hc_suspect *suspect = hc_suspect_add(
        search->inquiry, "equal values", family->bytes,
        "%" PRIu64
        " object%s of the type %s repeat%s the value of another: sharing would win %s; most of all %s, "
        "%" PRIu32 " times (%s)",
        family->objects, family->objects == 1 ? "" : "s", hc_family_name(kind),
        family->objects == 1 ? "s" : "", hc_size_text(family->bytes, won), shown, most->count,
        hc_size_text(family->most_bytes, most_won));
    if (!suspect)
        return hc_error_out_of_memory();
    hc_suspect_figure(suspect, "objects", family->objects);
    hc_suspect_bytes(suspect, "to_win", family->bytes);
    hc_suspect_figure(suspect, "most_often", most->count);
    hc_suspect_bytes(suspect, "most_to_win", family->most_bytes);
    return write_query(search, most, suspect);
}

static struct hc_error *prepare(struct search *search)
{
    struct hc_graph *graph = search->graph;
    uint32_t types = search->inquiry->universe->type_count;
    search->allowance = 4 * hc_image_size(search->inquiry->session->image) + (1 << 20);
    search->threads = hc_parallel_threads(search->inquiry->universe->threads);
    search->tracers = hc_calloc_alone(search->threads, sizeof(*search->tracers));
    search->family_of = calloc(types + 1ull, 1);
    search->hashes = calloc(graph->real_count + 1ull, sizeof(*search->hashes));
    if (!search->tracers || !search->family_of || !search->hashes)
        return hc_error_out_of_memory();
    for (unsigned i = 0; i < search->threads; i++)
        HC_TRY(hc_tracer_init(&search->tracers[i], &graph->types));
    for (uint32_t i = 0; i < types; i++)
        search->family_of[i] = (uint8_t)hc_content_family(&search->tracers[0], graph->types.types.items[i]);
    return NULL;
}

struct hc_error *hc_find_equal_values(const struct hc_inquiry *inquiry)
{
    _cleanup_(search_deinit) struct search search = {.inquiry = inquiry, .graph = inquiry->universe->graph};
    HC_TRY(prepare(&search));
    size_t tasks = (search.graph->real_count + OBJECTS_PER_TASK - 1) / OBJECTS_PER_TASK;
    HC_TRY(hc_parallel_run(search.threads, tasks, hash_task, &search));
    HC_TRY(sift(&search));
    HC_TRY(count_values(&search));
    for (int kind = HC_FAMILY_NONE + 1; kind < HC_FAMILY_COUNT; kind++)
        if (search.families[kind].bytes >= inquiry->heap->size / 100 * SHARE &&
            search.families[kind].bytes >= LEAST)
            HC_TRY(report(&search, (enum hc_family)kind));
    return NULL;
}
