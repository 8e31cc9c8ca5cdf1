// The blocks that glibc's malloc gave out, by their chunk headers. Knows nothing of objects.
#pragma once

#include "base/vector.h"
#include "image/image.h"

#include <stdint.h>

enum hc_chunk_flag {
    HC_CHUNK_PREVIOUS_IN_USE = 1, // the chunk before it is in use
    HC_CHUNK_IS_MAPPED = 2,       // it has a mapping of its own
    HC_CHUNK_OF_ARENA = 4,        // of one that is not the main one
    HC_CHUNK_FLAGS = 7,
};

struct hc_chunk {
    uint64_t size; // header and all
    unsigned flags;
};

// False for a hole, a size that no chunk has, and for what has a mapping of its own.
bool hc_chunk_read(struct hc_reader *reader, uint64_t chunk, struct hc_chunk *ret);

// `address` and `size` of what malloc gave to its caller.
typedef struct hc_error *hc_chunk_fn(void *argument, uint64_t address, uint64_t size);

// Calls back for each block in use of every heap that has one of `anchors`, in address order: from the
// lowest anchor of the heap on. `anchors` are addresses that malloc gave out, or seems to have given out,
// ascending. A small freed block that waits on a list for the next malloc of its size counts as in use.
struct hc_error *hc_chunks_each(const struct hc_image *image, const struct hc_word_vector *anchors,
                                hc_chunk_fn *callback, void *argument);
