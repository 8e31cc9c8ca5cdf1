#include "python/chunks.h"

#include "base/interrupt.h"

// malloc/malloc.c of glibc: a chunk begins with two words, the size of a free chunk before it and its own
// size, whose lowest bits are flags; the next chunk follows at once.
enum {
    PREVIOUS_IN_USE = 1,
    IS_MMAPPED = 2,
    FLAGS = 7,
    HEADER_WORDS = 2,
    LEAST_WORDS = 4,
};

struct walk {
    struct hc_reader reader;
    hc_chunk_fn *callback;
    void *argument;
    uint64_t steps;
};

static bool read_chunk(struct walk *walk, uint64_t chunk, uint64_t *ret_size, unsigned *ret_flags)
{
    uint64_t size;
    unsigned word = walk->reader.target.word_size;
    if (!hc_reader_word(&walk->reader, chunk + word, &size))
        return false;
    *ret_flags = size & FLAGS;
    *ret_size = size &= ~(uint64_t)FLAGS;
    return size >= LEAST_WORDS * word && size % (HEADER_WORDS * word) == 0 && chunk + size > chunk &&
           !(*ret_flags & IS_MMAPPED);
}

// From `chunk` to the heap's end or to what is no chunk; `*ret` = that place. Chunks have at least two words,
// and no walk begins where another was, so that all take time for each word once.
static struct hc_error *walk_from(struct walk *walk, uint64_t chunk, uint64_t *ret)
{
    unsigned word = walk->reader.target.word_size, flags, next_flags;
    uint64_t size, next_size;
    *ret = chunk;
    // The heap's last chunk is its unused rest: nothing readable follows it.
    while (read_chunk(walk, chunk, &size, &flags) &&
           read_chunk(walk, chunk + size, &next_size, &next_flags)) {
        if (++walk->steps % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (next_flags & PREVIOUS_IN_USE)
            HC_TRY(walk->callback(walk->argument, chunk + HEADER_WORDS * word, size - word));
        *ret = chunk += size;
    }
    return NULL;
}

struct hc_error *hc_chunks_each(const struct hc_image *image, const struct hc_word_vector *anchors,
                                hc_chunk_fn *callback, void *argument)
{
    struct walk walk = {.callback = callback, .argument = argument};
    hc_reader_init(&walk.reader, image);
    unsigned word = walk.reader.target.word_size;
    uint64_t end = 0;
    for (size_t i = 0; i < anchors->count; i++) {
        uint64_t chunk = anchors->items[i] - HEADER_WORDS * word;
        if (chunk >= end && chunk % (HEADER_WORDS * word) == 0)
            HC_TRY(walk_from(&walk, chunk, &end));
    }
    return NULL;
}
