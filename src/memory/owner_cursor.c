#include "memory/malloc.h"

static uint64_t object_address(const struct hc_graph *graph, size_t index)
{
    return index < graph->real_count - graph->pool_count ? graph->others[index] : UINT64_MAX;
}

static uint64_t owned_address(const struct hc_account *account, size_t index)
{
    return index < account->owned.count ? account->owned.items[index].address : UINT64_MAX;
}

void hc_owner_cursor_init(struct hc_owner_cursor *cursor, const struct hc_account *account, uint64_t address)
{
    size_t low = 0, high = account->graph->real_count - account->graph->pool_count;
    *cursor = (struct hc_owner_cursor){.account = account};
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (account->graph->others[middle] < address)
            low = middle + 1;
        else
            high = middle;
    }
    cursor->object = low;
    for (low = 0, high = account->owned.count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (account->owned.items[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    cursor->owned = low;
}

static enum hc_memory_category category_of(enum hc_owner_kind kind)
{
    switch (kind) {
    case HC_OWNER_BUFFER:
        return HC_MEMORY_BUFFERS;
    case HC_OWNER_DATA:
    case HC_OWNER_WORD:
        return HC_MEMORY_DATA;
    default:
        return HC_MEMORY_INTERPRETER;
    }
}

// What merely may be a pointer must point to where a block begins, debug hooks' headers aside: each layer of
// hooks has one.
static bool is_at_start(const struct hc_account *account, uint64_t offset)
{
    enum { LAYERS = 2 };
    uint32_t header = account->graph->pools.debug_header;
    return !offset || (header && offset % header == 0 && offset <= LAYERS * header);
}

struct hc_ownership hc_owner_cursor_find(struct hc_owner_cursor *cursor, uint64_t start, uint64_t end)
{
    const struct hc_account *account = cursor->account;
    const struct hc_graph *graph = account->graph;
    struct hc_ownership ret = {.category = HC_MEMORY_MALLOC_OTHER, .type = HC_NOTHING};
    while (object_address(graph, cursor->object) < start)
        cursor->object++;
    for (; object_address(graph, cursor->object) < end; cursor->object++) {
        uint32_t number = graph->pool_count + (uint32_t)cursor->object;
        if (ret.is_object || graph->states[number] == HC_STATE_NONE)
            continue;
        ret = (struct hc_ownership){hc_account_object_category(account, number), graph->type_indexes[number],
                                    true};
    }
    const struct hc_owned *best = NULL;
    while (owned_address(account, cursor->owned) < start)
        cursor->owned++;
    for (; owned_address(account, cursor->owned) < end; cursor->owned++) {
        const struct hc_owned *owned = &account->owned.items[cursor->owned];
        bool is_certain = owned->kind == HC_OWNER_BUFFER || owned->kind == HC_OWNER_DATA;
        if ((!best || owned->kind < best->kind) &&
            (is_certain || is_at_start(account, owned->address - start)))
            best = owned;
    }
    if (best && !ret.is_object)
        ret = (struct hc_ownership){category_of(best->kind), best->type, false};
    return ret;
}

uint64_t hc_owner_cursor_anchor(const struct hc_owner_cursor *cursor, uint64_t address, uint64_t limit)
{
    const struct hc_account *account = cursor->account;
    const struct hc_graph *graph = account->graph;
    enum { MOST_BEFORE = 256 }; // headers of all kinds
    uint64_t header = 2 * account->reader.target.word_size, ret = UINT64_MAX;
    uint64_t last = limit < UINT64_MAX - MOST_BEFORE ? limit + MOST_BEFORE : UINT64_MAX;
    for (size_t i = cursor->object; object_address(graph, i) < last; i++) {
        uint32_t number = graph->pool_count + (uint32_t)i;
        uint64_t before = header + 2 * graph->pools.debug_header +
                          hc_graph_type(graph, (hc_object_id){number})->header_size;
        if (graph->states[number] == HC_STATE_NONE || graph->others[i] < address + before ||
            graph->others[i] - before <= address)
            continue;
        ret = graph->others[i] - before;
        break;
    }
    for (size_t i = cursor->owned; owned_address(account, i) < last; i++) {
        const struct hc_owned *owned = &account->owned.items[i];
        if (owned->kind > HC_OWNER_DATA || owned->address <= address + header)
            continue;
        return owned->address - header < ret ? owned->address - header : ret;
    }
    return ret;
}

void hc_account_own(struct hc_account *account, const struct hc_ownership *owner, uint64_t size)
{
    if (owner->type >= account->kind_count)
        return;
    struct hc_memory_kind *kind = &account->kinds[owner->type];
    kind->count += owner->is_object;
    kind->bytes += owner->is_object ? size : 0;
    kind->buffers += owner->is_object ? 0 : size;
}
