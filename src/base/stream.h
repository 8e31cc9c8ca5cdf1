// A growing sequence of 32-bit numbers in blocks that are given back one by one as they are read: what it
// holds is never in memory twice while it is copied elsewhere.
#pragma once

#include "base/vector.h"

#include <stdbool.h>
#include <stdint.h>

enum { HC_STREAM_BLOCK = 1 << 18 }; // numbers a block: 1 MiB

HC_DEFINE_VECTOR(hc_stream_blocks, uint32_t *)

struct hc_stream {
    struct hc_stream_blocks blocks;
    uint64_t count;
    uint32_t *next, *end; // free part of the last block
    size_t read_block;
    uint32_t read_offset;
};

bool hc_stream_extend(struct hc_stream *stream);
void hc_stream_deinit(struct hc_stream *stream);

__attribute__((warn_unused_result)) static inline bool hc_stream_push(struct hc_stream *stream,
                                                                      uint32_t number)
{
    if (stream->next == stream->end && !hc_stream_extend(stream))
        return false;
    *stream->next++ = number;
    stream->count++;
    return true;
}

// The next number. Call it at most `count` times.
uint32_t hc_stream_take_block(struct hc_stream *stream);

static inline uint32_t hc_stream_take(struct hc_stream *stream)
{
    if (stream->read_offset == HC_STREAM_BLOCK)
        return hc_stream_take_block(stream);
    return stream->blocks.items[stream->read_block][stream->read_offset++];
}
