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

struct mapped_chunk {
    uint64_t start, end;    // of the mapping
    uint64_t block, usable; // what malloc gave out, and its size
};

// The chunk at `at`. Its mapping began as many bytes before it as its first word says: those that align it.
// Up to 2.42 it ends with the mapping; since then it counts as any other, and a header's size before that.
static bool read_mapped(struct search *search, uint64_t at, uint64_t limit, struct mapped_chunk *ret)
{
    struct hc_account *account = search->account;
    uint64_t word = account->reader.target.word_size, page = account->page_size, before, size;
    if (!hc_reader_word(&account->reader, at, &before) ||
        !hc_reader_word(&account->reader, at + word, &size) || (size & HC_CHUNK_FLAGS) != HC_CHUNK_IS_MAPPED)
        return false;
    size &= ~(uint64_t)HC_CHUNK_FLAGS;
    if (before > at || (at - before) % page || size < page / 2 || size > limit - at)
        return false;
    uint64_t rest = (at + size) % page ? 2 * word : 0;
    *ret = (struct mapped_chunk){
        .start = at - before,
        .end = at + size + rest,
        .block = at + 2 * word,
        .usable = rest ? size - word : size - 2 * word,
    };
    return ret->end % page == 0 && ret->end <= limit;
}

// Gaps are nobody's, so that the pieces need no settling.
static struct hc_error *add_chunk(struct search *search, const struct mapped_chunk *chunk)
{
    struct hc_account *account = search->account;
    uint64_t end = chunk->block + chunk->usable;
    struct hc_owner_cursor cursor;
    hc_owner_cursor_init(&cursor, account, chunk->block);
    struct hc_ownership owner = hc_owner_cursor_find(&cursor, chunk->block, end);
    if (owner.category == HC_MEMORY_MALLOC_OTHER) {
        owner.category = HC_MEMORY_MALLOC_MAPPED;
        HC_TRY(hc_chunk_sizes_add(search->others, chunk->usable, chunk->block));
    }
    hc_account_own(account, &owner, chunk->usable);
    struct hc_record header = hc_record_of(HC_MEMORY_MALLOC_OVERHEAD);
    HC_TRY(hc_account_claim(account, chunk->start, chunk->block, HC_RANK_WALK, header));
    HC_TRY(hc_account_claim(account, end, chunk->end, HC_RANK_WALK, header));
    return hc_account_claim(account, chunk->block, end, HC_RANK_WALK, hc_record_of(owner.category));
}

// The chunk whose mapping begins at `page`. Where it is not the first thing there, because its block had to
// be aligned, only what is known to Python leads to it.
static bool find_chunk(struct search *search, struct hc_owner_cursor *cursor, uint64_t page, uint64_t limit,
                       struct mapped_chunk *ret)
{
    uint64_t at = page, next = page + search->account->page_size;
    if (read_mapped(search, page, limit, ret) && ret->start == page)
        return true;
    hc_owner_cursor_find(cursor, page, page);
    while ((at = hc_owner_cursor_anchor(cursor, at, next)) < limit && at < next) {
        if (read_mapped(search, at, limit, ret) && ret->start == page)
            return true;
        hc_owner_cursor_find(cursor, at, at);
    }
    return false;
}

// The first page from `page` on in which something may have been written. `*written`: up to where that is
// known of each.
static uint64_t skip_unwritten(const struct search *search, uint64_t page, uint64_t end, uint64_t *written)
{
    uint64_t size = search->account->page_size;
    bool is_unwritten = true;
    while (page >= *written && page < end && is_unwritten) {
        uint64_t run = hc_image_sparse_run(search->account->image, page, end - page, &is_unwritten);
        is_unwritten &= run >= size;
        if (is_unwritten)
            page += run / size * size;
        else
            *written = page + run;
    }
    return page;
}

static struct hc_error *search_gap(struct search *search, const struct hc_claim *gap)
{
    uint64_t size = search->account->page_size, steps = 0, written = 0;
    struct hc_owner_cursor cursor;
    struct mapped_chunk chunk;
    hc_owner_cursor_init(&cursor, search->account, gap->start);
    for (uint64_t page = (gap->start + size - 1) / size * size; page < gap->end;) {
        if (++steps % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        page = skip_unwritten(search, page, gap->end, &written);
        if (page >= gap->end || gap->end - page < size)
            break;
        if (!find_chunk(search, &cursor, page, gap->end, &chunk)) {
            page += size;
            continue;
        }
        HC_TRY(add_chunk(search, &chunk));
        page = chunk.end;
    }
    return NULL;
}

struct hc_error *hc_account_mapped_chunks(struct hc_account *account, struct hc_chunk_sizes *others)
{
    _cleanup_(search_deinit) struct search search = {.account = account, .others = others};
    HC_TRY(hc_account_find_gaps(account, &search.gaps));
    for (size_t i = 0; i < search.gaps.count; i++)
        HC_TRY(search_gap(&search, &search.gaps.items[i]));
    return NULL;
}
