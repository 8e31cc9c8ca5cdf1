#include "base/stream.h"

#include <sys/mman.h>

static const size_t block_size = HC_STREAM_BLOCK * sizeof(uint32_t);

bool hc_stream_extend(struct hc_stream *stream)
{
    // mmap, not malloc: a block that was read goes back to the system at once.
    void *block = mmap(NULL, block_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED)
        return false;
    if (!hc_stream_blocks_push(&stream->blocks, block)) {
        munmap(block, block_size);
        return false;
    }
    stream->next = block;
    stream->end = stream->next + HC_STREAM_BLOCK;
    return true;
}

void hc_stream_deinit(struct hc_stream *stream)
{
    for (size_t i = 0; i < stream->blocks.count; i++)
        if (stream->blocks.items[i])
            munmap(stream->blocks.items[i], block_size);
    hc_stream_blocks_deinit(&stream->blocks);
    *stream = (struct hc_stream){0};
}

uint32_t hc_stream_take_block(struct hc_stream *stream)
{
    munmap(stream->blocks.items[stream->read_block], block_size);
    stream->blocks.items[stream->read_block++] = NULL;
    stream->read_offset = 1;
    return stream->blocks.items[stream->read_block][0];
}
