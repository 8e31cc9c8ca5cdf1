#include "python/chunks.h"

#include "base/interrupt.h"

// malloc/malloc.c of glibc: a chunk begins with two words, the size of a free chunk before it and its own
// size, whose lowest bits are flags; the next chunk follows at once.
enum { HEADER_WORDS = 2, LEAST_WORDS = 4 };

struct walk {
    struct hc_reader reader;
    hc_chunk_fn *callback;
    void *argument;
    uint64_t steps;
};

bool hc_chunk_read(struct hc_reader *reader, uint64_t chunk, struct hc_chunk *ret)
{
    uint64_t size;
    unsigned word = reader->target.word_size;
    if (!hc_reader_word(reader, chunk + word, &size))
        return false;
    *ret = (struct hc_chunk){.size = size & ~(uint64_t)HC_CHUNK_FLAGS, .flags = size & HC_CHUNK_FLAGS};
    return ret->size >= LEAST_WORDS * word && ret->size % (HEADER_WORDS * word) == 0 &&
           chunk + ret->size > chunk && !(ret->flags & HC_CHUNK_IS_MAPPED);
}

// From `chunk` to the heap's end or to what is no chunk; `*ret` = that place. Chunks have at least two words,
// and no walk begins where another was, so that all take time for each word once.
static struct hc_error *walk_from(struct walk *walk, uint64_t chunk, uint64_t *ret)
{
    unsigned word = walk->reader.target.word_size;
    struct hc_chunk this, next;
    *ret = chunk;
    // The heap's last chunk is its unused rest: nothing readable follows it.
    while (hc_chunk_read(&walk->reader, chunk, &this) &&
           hc_chunk_read(&walk->reader, chunk + this.size, &next)) {
        if (++walk->steps % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (next.flags & HC_CHUNK_PREVIOUS_IN_USE)
            HC_TRY(walk->callback(walk->argument, chunk + HEADER_WORDS * word, this.size - word));
        *ret = chunk += this.size;
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
