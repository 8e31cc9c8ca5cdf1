#include "memory/account.h"

#include "base/interrupt.h"

#include <string.h>

// The first of `ranges`, which are sorted and disjoint, that ends after `address`.
static size_t find_range(const struct hc_claim_vector *ranges, uint64_t address)
{
    size_t low = 0, high = ranges->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges->items[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct hc_claim *hc_account_bound(const struct hc_account *account, uint64_t address)
{
    size_t index = find_range(&account->bounds, address);
    bool is_in = index < account->bounds.count && account->bounds.items[index].start <= address;
    return is_in ? &account->bounds.items[index] : NULL;
}

bool hc_account_holds(const struct hc_account *account, uint64_t start, uint64_t end)
{
    const struct hc_claim *bound = hc_account_bound(account, start);
    return bound && start < end && end <= bound->end;
}

bool hc_account_touches(const struct hc_account *account, uint64_t start, uint64_t end)
{
    size_t index = find_range(&account->bounds, start);
    return index < account->bounds.count && account->bounds.items[index].start < end;
}

uint64_t hc_account_next_taken(const struct hc_account *account, uint64_t address)
{
    size_t index = find_range(&account->taken, address);
    if (index == account->taken.count)
        return UINT64_MAX;
    uint64_t start = account->taken.items[index].start;
    return start > address ? start : address;
}

struct hc_error *hc_account_claim(struct hc_account *account, uint64_t start, uint64_t end,
                                  enum hc_claim_rank rank, struct hc_record record)
{
    if (account->records.count >= HC_NOTHING)
        return hc_error_create("more than four billion pieces of memory: this is beyond heapcore");
    struct hc_claim claim = {start, end, rank, (uint32_t)account->records.count};
    if (start >= end)
        return NULL;
    if (!hc_record_vector_push(&account->records, record) || !hc_claim_vector_push(&account->claims, claim))
        return hc_error_out_of_memory();
    return NULL;
}

// Walks mostly go upwards.
static struct hc_error *take(struct hc_account *account, uint64_t start, uint64_t end)
{
    struct hc_claim_vector *taken = &account->taken;
    size_t index = find_range(taken, start);
    if (index == taken->count && index && taken->items[index - 1].end == start) {
        taken->items[index - 1].end = end;
        return NULL;
    }
    if (!hc_claim_vector_push(taken, (struct hc_claim){0}))
        return hc_error_out_of_memory();
    for (size_t i = taken->count - 1; i > index; i--)
        taken->items[i] = taken->items[i - 1];
    taken->items[index] = (struct hc_claim){.start = start, .end = end};
    return NULL;
}

struct hc_error *hc_account_settle(struct hc_account *account, uint64_t start, uint64_t end,
                                   enum hc_memory_category remains, const struct hc_parts *parts)
{
    struct hc_record record = {
        .category = remains,
        .parts = (uint32_t)account->parts.count,
        .place = HC_NOTHING,
        .type = HC_NOTHING,
    };
    if (start >= end)
        return NULL;
    if (!hc_parts_vector_push(&account->parts, *parts))
        return hc_error_out_of_memory();
    HC_TRY(take(account, start, end));
    return hc_account_claim(account, start, end, HC_RANK_WALK, record);
}

struct hc_error *hc_account_add_place(struct hc_account *account, const struct hc_memory_place *place,
                                      uint32_t *ret)
{
    *ret = (uint32_t)account->memory->places.count;
    return hc_memory_place_vector_push(&account->memory->places, *place) ? NULL : hc_error_out_of_memory();
}

static bool is_zero(const uint8_t *bytes, uint64_t length)
{
    uint64_t words[8], rest = 0;
    for (uint64_t offset = 0; offset < length; offset += sizeof(words)) {
        memcpy(words, bytes + offset, sizeof(words));
        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
            rest |= words[i];
        if (rest)
            return false;
    }
    return true;
}

// Of those that are looked at.
static uint64_t zero_pages(struct hc_account *account, uint64_t start, uint64_t length)
{
    uint64_t size = account->page_size, sum = 0;
    for (uint64_t offset = 0; offset < length; offset += size) {
        const uint8_t *bytes = hc_reader_view(&account->reader, start + offset, size);
        if (bytes && is_zero(bytes, size))
            sum += size;
    }
    return sum;
}

struct hc_error *hc_account_count_zero(struct hc_account *account, uint64_t start, uint64_t end,
                                       uint64_t *ret)
{
    enum { MOST_AT_ONCE = 1 << 24 };
    uint64_t size = account->page_size, run;
    *ret = 0;
    for (uint64_t page = (start + size - 1) / size * size; page < end && end - page >= size; page += run) {
        bool is_unwritten;
        run = hc_image_sparse_run(account->image, page, end - page, &is_unwritten) / size * size;
        is_unwritten &= run > 0;
        run = run ? run : size;
        if (!is_unwritten && run > MOST_AT_ONCE)
            run = MOST_AT_ONCE;
        *ret += is_unwritten ? run : zero_pages(account, page, run);
        HC_TRY(hc_interrupt_check());
    }
    return NULL;
}

static struct hc_error *add_gap(void *argument, const struct hc_claim *claim, uint64_t start, uint64_t end)
{
    struct hc_claim gap = {.start = start, .end = end};
    if (claim)
        return NULL;
    return hc_claim_vector_push(argument, gap) ? NULL : hc_error_out_of_memory();
}

struct hc_error *hc_account_find_gaps(struct hc_account *account, struct hc_claim_vector *ret)
{
    return hc_sweep(&account->claims, &account->bounds, add_gap, ret);
}

enum hc_memory_category hc_account_object_category(const struct hc_account *account, uint32_t object)
{
    switch (account->graph->states[object]) {
    case HC_STATE_REACHABLE:
        return HC_MEMORY_OBJECTS;
    case HC_STATE_TRACKED:
        return HC_MEMORY_TRACKED;
    default:
        return HC_MEMORY_STRAY;
    }
}
