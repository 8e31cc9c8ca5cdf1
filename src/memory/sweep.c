#include "memory/sweep.h"

// Claims that have begun, the strongest first: a binary heap. Those that have ended leave when they come to
// its top.
struct sweep {
    struct hc_claim_vector active;
    const struct hc_claim_vector *bounds;
    size_t bound; // the first that does not end before `position`
    uint64_t position;
    hc_sweep_fn *callback;
    void *argument;
};

static void sweep_deinit(struct sweep *sweep)
{
    hc_claim_vector_deinit(&sweep->active);
}

static int by_start(const void *a, const void *b)
{
    const struct hc_claim *left = a, *right = b;
    if (left->start != right->start)
        return left->start < right->start ? -1 : 1;
    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    return (left->index > right->index) - (left->index < right->index);
}

static bool is_stronger(const struct hc_claim *a, const struct hc_claim *b)
{
    return a->rank != b->rank ? a->rank < b->rank : by_start(a, b) < 0;
}

static void swap(struct hc_claim *a, struct hc_claim *b)
{
    struct hc_claim kept = *a;
    *a = *b;
    *b = kept;
}

static bool push_active(struct hc_claim_vector *active, const struct hc_claim *claim)
{
    if (!hc_claim_vector_push(active, *claim))
        return false;
    for (size_t i = active->count - 1; i && is_stronger(&active->items[i], &active->items[(i - 1) / 2]);
         i = (i - 1) / 2)
        swap(&active->items[i], &active->items[(i - 1) / 2]);
    return true;
}

static void pop_active(struct hc_claim_vector *active)
{
    struct hc_claim *items = active->items;
    items[0] = items[--active->count];
    for (size_t i = 0, child; (child = 2 * i + 1) < active->count; i = child) {
        if (child + 1 < active->count && is_stronger(&items[child + 1], &items[child]))
            child++;
        if (!is_stronger(&items[child], &items[i]))
            return;
        swap(&items[child], &items[i]);
    }
}

// From the position to `end` all belongs to `claim`.
static struct hc_error *emit(struct sweep *sweep, const struct hc_claim *claim, uint64_t end)
{
    const struct hc_claim_vector *bounds = sweep->bounds;
    for (; sweep->bound < bounds->count; sweep->bound++) {
        const struct hc_claim *bound = &bounds->items[sweep->bound];
        uint64_t from = bound->start > sweep->position ? bound->start : sweep->position;
        uint64_t to = bound->end < end ? bound->end : end;
        if (from < to)
            HC_TRY(sweep->callback(sweep->argument, claim, from, to));
        if (bound->end > end)
            break;
    }
    sweep->position = end;
    return NULL;
}

// What has begun decides until `end`, where the next claim begins.
static struct hc_error *advance(struct sweep *sweep, uint64_t end)
{
    while (sweep->position < end) {
        while (sweep->active.count && sweep->active.items[0].end <= sweep->position)
            pop_active(&sweep->active);
        const struct hc_claim *top = sweep->active.count ? &sweep->active.items[0] : NULL;
        HC_TRY(emit(sweep, top, top && top->end < end ? top->end : end));
    }
    return NULL;
}

struct hc_error *hc_sweep(struct hc_claim_vector *claims, const struct hc_claim_vector *bounds,
                          hc_sweep_fn *callback, void *argument)
{
    _cleanup_(sweep_deinit) struct sweep sweep = {
        .bounds = bounds, .callback = callback, .argument = argument};
    if (claims->count)
        qsort(claims->items, claims->count, sizeof(*claims->items), by_start);
    for (size_t i = 0; i < claims->count; i++) {
        const struct hc_claim *claim = &claims->items[i];
        HC_TRY(advance(&sweep, claim->start));
        if (claim->start < claim->end && !push_active(&sweep.active, claim))
            return hc_error_out_of_memory();
    }
    return advance(&sweep, UINT64_MAX);
}
