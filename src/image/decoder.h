// The decompression libraries behind one face. Knows nothing of files or cores.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hc_decoder_buffers {
    const uint8_t *input;
    size_t input_left;
    uint8_t *output;
    size_t output_left;
};

enum hc_decoder_step {
    HC_DECODER_MORE,      // wants input or room for output
    HC_DECODER_FRAME_END, // another frame may follow
    HC_DECODER_DAMAGED,
    HC_DECODER_NO_MEMORY,
};

struct hc_compression {
    const char *name;
    const char *magic;
    size_t magic_length;
    void *(*create)(uint64_t memory_limit); // NULL: out of memory
    // Moves both cursors of the buffers on.
    enum hc_decoder_step (*step)(void *decoder, struct hc_decoder_buffers *buffers);
    bool (*restart)(void *decoder); // for the next frame
    void (*destroy)(void *decoder);
};

extern const struct hc_compression hc_compressions[];
extern const size_t hc_compression_count;
