#include "graph/verify.h"

#include "base/interrupt.h"
#include "python/emulated.h"
#include "python/reconcile.h"

#include <string.h>

enum {
    FIRST_SAMPLES = 32, // of each type; later ones ever more seldom: the 64th, the 128th …
};

static bool is_sample(uint32_t seen)
{
    return seen < FIRST_SAMPLES || !(seen & (seen - 1));
}

static void verify(struct hc_tracer *tracer, const struct hc_object_view *object,
                   struct hc_verified_type *row)
{
    const struct hc_references *references = &tracer->references;
    uint64_t function;
    const uint64_t *items;
    size_t count;
    if (!hc_tracer_is_gc(tracer, object) ||
        !hc_reader_word(&tracer->reader, object->type->address + tracer->at->type_traverse, &function) ||
        !function)
        return;
    hc_tracer_trace(tracer, object);
    if (references->how == HC_HOW_WORDS)
        return;
    row->type = object->type;
    if (!row->sampled && !row->failed)
        row->how = references->how;
    enum hc_emulation outcome = hc_emulated_visit(tracer, function, object->address, &items, &count);
    if (outcome != HC_EMULATION_DONE) {
        row->failed++;
        row->failure = outcome;
        return;
    }
    row->sampled++;
    if (hc_same_multiset(references->visited.items, references->visited.count, items, count)) {
        row->agreeing++;
    } else if (!row->example) {
        row->example = object->address;
        row->expected = count;
        row->found = references->visited.count;
    }
}

static int by_agreement(const void *a, const void *b)
{
    const struct hc_verified_type *left = a, *right = b;
    if (!left->example != !right->example)
        return left->example ? -1 : 1;
    if (left->sampled != right->sampled)
        return left->sampled > right->sampled ? -1 : 1;
    return (left->type->address > right->type->address) - (left->type->address < right->type->address);
}

struct hc_error *hc_graph_verify(const struct hc_graph *graph, struct hc_verified_type_vector *ret)
{
    _cleanup_(hc_tracer_deinit) struct hc_tracer tracer = {0};
    size_t type_count = graph->types.types.count;
    _cleanup_(hc_freep) uint32_t *seen = calloc(type_count + 1, sizeof(*seen));
    if (!seen || !hc_verified_type_vector_reserve(ret, type_count + 1))
        return hc_error_out_of_memory();
    memset(ret->items, 0, type_count * sizeof(*ret->items));
    HC_TRY(hc_tracer_init(&tracer, (struct hc_type_table *)&graph->types));
    _Atomic uint64_t allowance = hc_tracer_allowance(graph->types.runtime->image);
    tracer.allowance = &allowance;
    for (uint32_t i = 0; i < graph->real_count; i++) {
        if (i % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        uint32_t type = graph->type_indexes[i];
        struct hc_object_view object;
        if (graph->states[i] != HC_STATE_NONE && type < type_count && is_sample(seen[type]++) &&
            hc_tracer_view(&tracer, hc_graph_address(graph, (hc_object_id){i}), &object))
            verify(&tracer, &object, &ret->items[type]);
    }
    if (tracer.out_of_memory)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < type_count; i++)
        if (ret->items[i].type)
            ret->items[ret->count++] = ret->items[i];
    if (ret->count)
        qsort(ret->items, ret->count, sizeof(*ret->items), by_agreement);
    return NULL;
}
