// Compressed core files: unpacked into memory of the image's own. Nothing is written to disk.
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hc_compression;

enum hc_unpack_end {
    HC_UNPACK_WHOLE,   // up to the end that the compressor wrote
    HC_UNPACK_CUT,     // the compressed file ends before that
    HC_UNPACK_DAMAGED, // from some place on it cannot be decompressed
};

// An anonymous mapping; whoever receives it unmaps it. Pages of zeros were never written and cost no memory.
struct hc_unpacked {
    uint8_t *bytes; // NULL when `size` is 0
    uint64_t size;
    uint64_t mapped;   // length of the mapping
    uint64_t resident; // bytes in pages that are not zero
    enum hc_unpack_end end;
};

// By the first bytes, not by the name. NULL: not compressed in a way that is known.
const struct hc_compression *hc_find_compression(const uint8_t *bytes, size_t length);
const char *hc_compression_name(const struct hc_compression *compression);

// Unpacks the file behind `fd`, from its start on. Fails when that takes more than `limit` bytes of memory,
// when there is no address space for it, and when the file cannot be read. A cut or damaged file is no
// failure: the part before is there.
struct hc_error *hc_unpack(int fd, const char *path, const struct hc_compression *compression, uint64_t limit,
                           struct hc_unpacked *ret);
void hc_unpacked_deinit(struct hc_unpacked *unpacked);

// What this process may still take: of the machine's memory and of its control groups' limits, less an
// eighth.
uint64_t hc_available_memory(void);
