// Large blocks: malloc gives each a mapping of its own, which begins with its chunk's header. The kernel
// joins mappings that touch, so they are looked for page by page in what nothing else has claimed.
#include "memory/chunk_sizes.h"
#include "memory/malloc.h"

#include "base/interrupt.h"
#include "python/chunks.h"

struct search {
    struct hc_account *account;
    struct hc_chunk_sizes *others;
    struct hc_claim_vector gaps;
};

static void search_deinit(struct search *search)
{
    hc_claim_vector_deinit(&search->gaps);
}

static struct hc_error *add_gap(void *argument, const struct hc_claim *claim, uint64_t start, uint64_t end)
{
    struct search *search = argument;
    struct hc_claim gap = {.start = start, .end = end};
    if (claim)
        return NULL;
    return hc_claim_vector_push(&search->gaps, gap) ? NULL : hc_error_out_of_memory();
}

// The chunk at `at`, whose mapping began as many bytes before it as its first word says: those that align it.
static bool read_mapped(struct search *search, uint64_t at, uint64_t end, uint64_t *ret_before,
                        uint64_t *ret_size)
{
    struct hc_account *account = search->account;
    unsigned word = account->reader.target.word_size;
    uint64_t page = account->page_size, size;
    if (!hc_reader_word(&account->reader, at, ret_before) ||
        !hc_reader_word(&account->reader, at + word, &size) || (size & HC_CHUNK_FLAGS) != HC_CHUNK_IS_MAPPED)
        return false;
    *ret_size = size &= ~(uint64_t)HC_CHUNK_FLAGS;
    return *ret_before <= at && (at - *ret_before) % page == 0 && size >= page && size <= end - at &&
           (at + size) % page == 0;
}

// Gaps are nobody's, so that the pieces need no settling.
static struct hc_error *add_chunk(struct search *search, uint64_t start, uint64_t at, uint64_t end)
{
    struct hc_account *account = search->account;
    uint64_t block = at + 2 * account->reader.target.word_size;
    struct hc_owner_cursor cursor;
    hc_owner_cursor_init(&cursor, account, block);
    struct hc_ownership owner = hc_owner_cursor_find(&cursor, block, end);
    if (owner.category == HC_MEMORY_MALLOC_OTHER) {
        owner.category = HC_MEMORY_MALLOC_MAPPED;
        HC_TRY(hc_chunk_sizes_add(search->others, end - block, block));
    }
    hc_account_own(account, &owner, end - block);
    HC_TRY(hc_account_claim(account, start, block, HC_RANK_WALK, hc_record_of(HC_MEMORY_MALLOC_OVERHEAD)));
    return hc_account_claim(account, block, end, HC_RANK_WALK, hc_record_of(owner.category));
}

// The chunk whose mapping begins at `page`. Where it is not the first thing there, because its block had to
// be aligned, only what is known to Python leads to it.
static bool find_chunk(struct search *search, struct hc_owner_cursor *cursor, uint64_t page, uint64_t end,
                       uint64_t *ret_at, uint64_t *ret_end)
{
    uint64_t before, size;
    *ret_at = page;
    if (read_mapped(search, page, end, &before, &size) && !before) {
        *ret_end = page + size;
        return true;
    }
    hc_owner_cursor_find(cursor, page, page);
    while ((*ret_at = hc_owner_cursor_anchor(cursor, *ret_at)) < end &&
           *ret_at - page < search->account->page_size) {
        if (read_mapped(search, *ret_at, end, &before, &size) && *ret_at - before == page) {
            *ret_end = *ret_at + size;
            return true;
        }
        hc_owner_cursor_find(cursor, *ret_at, *ret_at);
    }
    return false;
}

static struct hc_error *search_gap(struct search *search, const struct hc_claim *gap)
{
    uint64_t size = search->account->page_size, steps = 0, at, end;
    struct hc_owner_cursor cursor;
    hc_owner_cursor_init(&cursor, search->account, gap->start);
    for (uint64_t page = (gap->start + size - 1) / size * size; page < gap->end && gap->end - page >= size;) {
        if (++steps % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (!find_chunk(search, &cursor, page, gap->end, &at, &end)) {
            page += size;
            continue;
        }
        HC_TRY(add_chunk(search, page, at, end));
        page = end;
    }
    return NULL;
}

struct hc_error *hc_account_mapped_chunks(struct hc_account *account, struct hc_chunk_sizes *others)
{
    _cleanup_(search_deinit) struct search search = {.account = account, .others = others};
    HC_TRY(hc_sweep(&account->claims, &account->bounds, add_gap, &search));
    for (size_t i = 0; i < search.gaps.count; i++)
        HC_TRY(search_gap(&search, &search.gaps.items[i]));
    return NULL;
}
