#include "capture/choose.h"

#include "base/interrupt.h"
#include "base/parallel.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/uio.h>

// malloc/malloc.c of glibc: a block with a mapping of its own begins with two words, 0 and its size, which
// has this flag.
enum { IS_MMAPPED = 2, HEADER_SIZE = 16 };

enum {
    PAGES_AT_ONCE = 256,
    LEAST_BLOCK = 1 << 20,
    LEAST_RUN = 256 << 10, // shorter ones are not worth a program header
    KEPT_START = 64 << 10, // of a block: an object's header, and what a debugger shows of it
};

enum page_kind { PAGE_EMPTY, PAGE_DATA, PAGE_POINTERS };

struct chooser {
    struct hc_copier copier;
    uint64_t page_size;
    uint64_t lowest, highest; // mapped addresses
    uint8_t bytes[];          // PAGES_AT_ONCE pages
};

static struct chooser *chooser_create(const struct hc_copier *copier)
{
    uint64_t page_size = copier->image->page_size;
    const struct hc_map_vector *maps = &copier->maps;
    struct chooser *chooser = malloc(sizeof(*chooser) + PAGES_AT_ONCE * page_size);
    if (!chooser)
        return NULL;
    chooser->copier = *copier;
    chooser->page_size = page_size;
    chooser->lowest = maps->items[0].start;
    chooser->highest = 0;
    for (size_t i = 0; i < maps->count; i++) // but for the kernel's own page at the end of the address space
        if (maps->items[i].plan != HC_MAP_LEAVE)
            chooser->highest = maps->items[i].end;
    return chooser;
}

static const struct hc_map *find_map(const struct hc_copier *copier, uint64_t address)
{
    size_t low = 0, high = copier->maps.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (copier->maps.items[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    const struct hc_map *map = &copier->maps.items[low];
    return low < copier->maps.count && map->start <= address ? map : NULL;
}

static enum page_kind judge(const struct chooser *chooser, const uint8_t *page)
{
    uint64_t word, any = 0;
    for (uint64_t i = 0; i < chooser->page_size; i += sizeof(word)) {
        memcpy(&word, page + i, sizeof(word));
        any |= word;
        if (word - chooser->lowest >= chooser->highest - chooser->lowest || word % sizeof(word) != 0)
            continue;
        const struct hc_map *map = find_map(&chooser->copier, word);
        if (map && map->readable)
            return PAGE_POINTERS;
    }
    return any ? PAGE_DATA : PAGE_EMPTY;
}

// Of at most PAGES_AT_ONCE pages. What cannot be read is kept.
static void judge_pages(struct chooser *chooser, uint64_t address, uint64_t count, uint8_t *kinds)
{
    uint64_t entries[PAGES_AT_ONCE];
    uint64_t size = chooser->page_size;
    if (!hc_copier_look(&chooser->copier, address, count, entries)) {
        memset(kinds, PAGE_POINTERS, count);
        return;
    }
    for (uint64_t i = 0, j; i < count; i = j) {
        bool exists = hc_page_exists(entries[i]);
        for (j = i + 1; j < count && hc_page_exists(entries[j]) == exists; j++)
            ;
        uint64_t read = 0;
        for (ssize_t got = 1; exists && got > 0 && read<(j - i) * size; read += got> 0 ? (uint64_t)got : 0)
            got = hc_copier_read(&chooser->copier, address + i * size + read, chooser->bytes + read,
                                 (j - i) * size - read);
        for (uint64_t k = i; k < j; k++)
            kinds[k] = !exists                      ? PAGE_EMPTY
                       : (k - i + 1) * size <= read ? judge(chooser, chooser->bytes + (k - i) * size)
                                                    : PAGE_POINTERS;
    }
}

// A block is left out from its first page with data to its last, if it has no pointer but at its ends. A
// dict's table, say, has long parts without, and cannot be understood when these are missing.
static struct hc_error *choose_in_block(struct chooser *chooser, uint64_t block, uint64_t length,
                                        struct hc_omission_vector *ret)
{
    uint64_t size = chooser->page_size, start = block + KEPT_START;
    uint64_t count = (length - KEPT_START) / size - 1; // the last page is kept
    uint64_t first = count, last = 0;
    uint8_t kinds[PAGES_AT_ONCE];
    for (uint64_t i = 0; i < count; i += PAGES_AT_ONCE) {
        uint64_t here = hc_min(count - i, PAGES_AT_ONCE);
        HC_TRY(hc_interrupt_check());
        judge_pages(chooser, start + i * size, here, kinds);
        for (uint64_t j = 0; j < here; j++) {
            if (kinds[j] == PAGE_POINTERS)
                return NULL;
            if (kinds[j] == PAGE_EMPTY)
                continue;
            first = hc_min(first, i + j);
            last = i + j + 1;
        }
    }
    struct hc_omission omission = {
        .start = start + first * size,
        .end = start + last * size,
        .reason = HC_OMISSION_DATA,
    };
    bool is_worth_it = last > first && (last - first) * size >= LEAST_RUN;
    return is_worth_it && !hc_omission_vector_push(ret, omission) ? hc_error_out_of_memory() : NULL;
}

// The first two words of each page that exists; zeros of others.
static void read_heads(struct chooser *chooser, uint64_t address, uint64_t count, uint64_t (*heads)[2])
{
    uint64_t entries[PAGES_AT_ONCE], packed[PAGES_AT_ONCE][2];
    struct iovec remote[PAGES_AT_ONCE], local = {.iov_base = packed};
    unsigned long wanted = 0;
    memset(heads, 0, count * sizeof(*heads));
    if (!hc_copier_look(&chooser->copier, address, count, entries))
        return;
    for (uint64_t i = 0; i < count; i++)
        if (hc_page_exists(entries[i]))
            remote[wanted++] = (struct iovec){(void *)(address + i * chooser->page_size), HEADER_SIZE};
    local.iov_len = wanted * HEADER_SIZE;
    ssize_t got = wanted ? process_vm_readv(chooser->copier.pid, &local, 1, remote, wanted, 0) : 0;
    for (uint64_t i = 0, next = 0; i < count; i++)
        if (hc_page_exists(entries[i]) && (ssize_t)(++next * HEADER_SIZE) <= got)
            memcpy(heads[i], packed[next - 1], HEADER_SIZE);
}

static bool is_block(const struct chooser *chooser, const uint64_t head[2], uint64_t room,
                     uint64_t *ret_length)
{
    *ret_length = head[1] - IS_MMAPPED;
    return head[0] == 0 && *ret_length % chooser->page_size == 0 && *ret_length >= LEAST_BLOCK &&
           *ret_length <= room;
}

static struct hc_error *choose_in_range(struct chooser *chooser, uint64_t start, uint64_t end,
                                        struct hc_omission_vector *ret)
{
    uint64_t heads[PAGES_AT_ONCE][2], size = chooser->page_size, length;
    for (uint64_t address = start; address < end;) {
        uint64_t count = hc_min((end - address) / size, PAGES_AT_ONCE);
        HC_TRY(hc_interrupt_check());
        if (count == 0)
            return NULL;
        read_heads(chooser, address, count, heads);
        uint64_t found = 0;
        while (found < count && !is_block(chooser, heads[found], end - address - found * size, &length))
            found++;
        address += found * size;
        if (found == count)
            continue;
        HC_TRY(choose_in_block(chooser, address, length, ret));
        address += length;
    }
    return NULL;
}

static bool is_unnamed(const struct hc_map *map)
{
    return map->plan == HC_MAP_TOUCHED && map->readable && !*map->path;
}

struct hc_error *hc_choose_data(struct hc_copier *copier, struct hc_omission_vector *ret)
{
    _cleanup_(hc_freep) struct chooser *chooser = chooser_create(copier);
    if (!chooser)
        return hc_error_out_of_memory();
    const struct hc_map *maps = copier->maps.items;
    size_t count = copier->maps.count;
    // Advice on huge pages splits the mapping of a block: those that touch are one.
    for (size_t first = 0, last; first < count; first = last) {
        last = first + 1;
        if (!is_unnamed(&maps[first]))
            continue;
        while (last < count && is_unnamed(&maps[last]) && maps[last].start == maps[last - 1].end)
            last++;
        HC_TRY(choose_in_range(chooser, maps[first].start, maps[last - 1].end, ret));
    }
    return NULL;
}

// A part of an omission, to be looked at again.
struct doubt {
    size_t omission;
    uint64_t start;
    uint64_t count; // of pages
};

HC_DEFINE_VECTOR(doubt_vector, struct doubt)

struct review {
    struct doubt_vector doubts;
    struct chooser **choosers; // one a worker
    unsigned threads;
    atomic_bool *refuted; // by omission
};

static void review_deinit(struct review *review)
{
    for (unsigned i = 0; review->choosers && i < review->threads; i++)
        free(review->choosers[i]);
    free(review->choosers);
    free(review->refuted);
    doubt_vector_deinit(&review->doubts);
}

static struct hc_error *review_init(struct review *review, const struct hc_copier *copier, unsigned threads,
                                    size_t omissions)
{
    review->threads = hc_parallel_threads(threads);
    review->refuted = calloc(omissions, sizeof(*review->refuted));
    review->choosers = calloc(review->threads, sizeof(*review->choosers));
    if (!review->refuted || !review->choosers)
        return hc_error_out_of_memory();
    for (unsigned i = 0; i < review->threads; i++)
        if (!(review->choosers[i] = chooser_create(copier)))
            return hc_error_out_of_memory();
    return NULL;
}

static struct hc_error *look_again(void *argument, unsigned worker, size_t task)
{
    struct review *review = argument;
    const struct doubt *doubt = &review->doubts.items[task];
    uint8_t kinds[PAGES_AT_ONCE];
    if (atomic_load(&review->refuted[doubt->omission]))
        return NULL;
    judge_pages(review->choosers[worker], doubt->start, doubt->count, kinds);
    if (memchr(kinds, PAGE_POINTERS, doubt->count))
        atomic_store(&review->refuted[doubt->omission], true);
    return NULL;
}

static struct hc_error *add_doubts(struct review *review, const struct hc_omission *omission, size_t number,
                                   uint64_t page_size)
{
    for (uint64_t start = omission->start; start < omission->end;) {
        uint64_t count = hc_min((omission->end - start) / page_size, PAGES_AT_ONCE);
        struct doubt doubt = {.omission = number, .start = start, .count = count};
        if (!doubt_vector_push(&review->doubts, doubt))
            return hc_error_out_of_memory();
        start += count * page_size;
    }
    return NULL;
}

static bool is_still_there(const struct hc_copier *copier, const struct hc_omission *omission)
{
    uint64_t address = omission->start;
    while (address < omission->end) {
        const struct hc_map *map = find_map(copier, address);
        if (!map || !is_unnamed(map))
            return false;
        address = map->end;
    }
    return true;
}

struct hc_error *hc_choose_again(struct hc_copier *copier, unsigned threads,
                                 struct hc_omission_vector *omissions)
{
    _cleanup_(review_deinit) struct review review = {0};
    size_t kept = 0;
    if (omissions->count == 0)
        return NULL;
    HC_TRY(review_init(&review, copier, threads, omissions->count));
    for (size_t i = 0; i < omissions->count; i++) {
        const struct hc_omission *omission = &omissions->items[i];
        if (is_still_there(copier, omission))
            HC_TRY(add_doubts(&review, omission, i, copier->image->page_size));
        else
            atomic_store(&review.refuted[i], true);
    }
    HC_TRY(hc_parallel_run(review.threads, review.doubts.count, look_again, &review));
    for (size_t i = 0; i < omissions->count; i++)
        if (!atomic_load(&review.refuted[i]))
            omissions->items[kept++] = omissions->items[i];
    omissions->count = kept;
    return NULL;
}
