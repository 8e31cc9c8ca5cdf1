// Stacks of threads that have ended. glibc keeps them for later threads, up to 40 MB; a forked process has
// those of all of its parent's threads. At each one's end its struct pthread still stands, which says where
// the stack begins and how large it is.
#include "memory/account.h"

#include "base/interrupt.h"
#include "base/min_max.h"

enum { WORDS = 4 }; // address, size, size of the guard, and as it was asked for

// The last stack that ends a little before `end`: something that its thread left behind may have joined it.
// Its guard belongs to it, and mostly is not in the core.
static bool find_stack(struct hc_account *account, uint64_t gap, uint64_t end, struct hc_claim *ret)
{
    enum { WINDOW = 1 << 18, LARGEST = 1 << 16 }; // struct pthread and the thread's own storage
    const struct hc_target *target = &account->reader.target;
    uint64_t page = account->page_size, word = target->word_size, length = hc_min(end - gap, WINDOW);
    const uint8_t *bytes = hc_reader_view(&account->reader, end - length, length);
    for (uint64_t back = WORDS; bytes && back <= length / word; back++) {
        uint64_t at = end - back * word, offset = length - back * word, words[WORDS];
        for (unsigned i = 0; i < WORDS; i++)
            words[i] = hc_load_word(target, bytes + offset + i * word);
        uint64_t start = words[0], size = words[1], guard = words[2], first = start + guard;
        if (start % page || size % page || guard % page || !guard || guard >= size || words[3] > guard ||
            start >= at || size > end - start || start + size <= at || start + size - at > LARGEST ||
            first < gap)
            continue;
        *ret = (struct hc_claim){.start = start > gap ? start : gap, .end = start + size};
        return true;
    }
    return false;
}

static struct hc_error *search_gap(struct hc_account *account, const struct hc_claim *gap)
{
    struct hc_claim found = {.start = gap->end};
    while (found.start > gap->start && find_stack(account, gap->start, found.start, &found)) {
        struct hc_memory_place place = {.category = HC_MEMORY_STACK_UNUSED, .address = found.start};
        struct hc_record record = hc_record_of(place.category);
        HC_TRY(hc_interrupt_check());
        HC_TRY(hc_account_add_place(account, &place, &record.place));
        HC_TRY(hc_account_claim(account, found.start, found.end, HC_RANK_STACK, record));
    }
    return NULL;
}

struct hc_error *hc_account_ended_stacks(struct hc_account *account)
{
    _cleanup_(hc_claim_vector_deinit) struct hc_claim_vector gaps = {0};
    HC_TRY(hc_account_find_gaps(account, &gaps));
    for (size_t i = 0; i < gaps.count; i++)
        HC_TRY(search_gap(account, &gaps.items[i]));
    return NULL;
}
