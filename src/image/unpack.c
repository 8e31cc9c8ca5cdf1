// A compressed file goes through two small buffers into a mapping that grows. Read, not mapped: a compressed
// file that shrinks meanwhile is a cut file, not a SIGBUS.
#include "image/unpack.h"
#include "base/interrupt.h"
#include "image/decoder.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    INPUT_SIZE = 256 << 10,
    OUTPUT_SIZE = 256 << 10, // whole pages, and small enough for the second cache
    FIRST_MAPPING = 64 << 20,
    LONGEST_MAGIC = 6,
};

struct unpacking {
    int fd;
    const char *path;
    const struct hc_compression *compression;
    uint64_t limit;
    void *decoder;
    struct hc_decoder_buffers buffers;
    uint64_t position; // in the file
    bool at_end;       // of the file
    bool finished;
    struct hc_unpacked result;
    uint8_t input[INPUT_SIZE];
    uint8_t output[OUTPUT_SIZE];
};

const struct hc_compression *hc_find_compression(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < hc_compression_count; i++) {
        const struct hc_compression *compression = &hc_compressions[i];
        if (length >= compression->magic_length &&
            memcmp(bytes, compression->magic, compression->magic_length) == 0)
            return compression;
    }
    return NULL;
}

const char *hc_compression_name(const struct hc_compression *compression)
{
    return compression->name;
}

void hc_unpacked_deinit(struct hc_unpacked *unpacked)
{
    if (unpacked->bytes)
        munmap(unpacked->bytes, unpacked->mapped);
    *unpacked = (struct hc_unpacked){0};
}

static void unpacking_destroy(struct unpacking *unpacking)
{
    if (!unpacking)
        return;
    if (unpacking->decoder)
        unpacking->compression->destroy(unpacking->decoder);
    hc_unpacked_deinit(&unpacking->result);
    free(unpacking);
}
HC_DEFINE_POINTER_CLEANUP(unpacking_destroy, struct unpacking)

static struct hc_error *explain_no_memory(const struct unpacking *unpacking)
{
    return hc_error_create("%s, compressed with %s, takes more memory to unpack than there is (%" PRIu64
                           " bytes may be used, and %" PRIu64 " bytes of the core were unpacked by then); "
                           "decompress it to a file first, which needs disk in place of memory",
                           unpacking->path, unpacking->compression->name, unpacking->limit,
                           unpacking->result.size);
}

static bool is_zero(const uint8_t *bytes, size_t length)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

static bool reserve(struct hc_unpacked *result, uint64_t size)
{
    if (size <= result->mapped)
        return true;
    uint64_t wanted = result->mapped ? 2 * result->mapped : FIRST_MAPPING;
    void *bytes = result->bytes ? mremap(result->bytes, result->mapped, wanted, MREMAP_MAYMOVE)
                                : mmap(NULL, wanted, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes == MAP_FAILED)
        return false;
    // A huge page would make one byte cost two megabytes of zeros.
    if (!result->bytes)
        madvise(bytes, wanted, MADV_NOHUGEPAGE);
    result->bytes = bytes;
    result->mapped = wanted;
    return true;
}

// What a mapping never wrote reads as zero, so pages of zeros are left alone.
static struct hc_error *keep_output(struct unpacking *unpacking, size_t length)
{
    struct hc_unpacked *result = &unpacking->result;
    if (!reserve(result, result->size + length))
        return explain_no_memory(unpacking);
    for (size_t at = 0; at < length; at += PAGE) {
        size_t part = length - at < PAGE ? length - at : PAGE;
        if (is_zero(unpacking->output + at, part))
            continue;
        result->resident += PAGE;
        if (result->resident > unpacking->limit)
            return explain_no_memory(unpacking);
        memcpy(result->bytes + result->size + at, unpacking->output + at, part);
    }
    result->size += length;
    return NULL;
}

// Keeps what is left of the input, and reads on behind it.
static struct hc_error *refill(struct unpacking *unpacking)
{
    size_t left = unpacking->buffers.input_left;
    memmove(unpacking->input, unpacking->buffers.input, left);
    unpacking->buffers.input = unpacking->input;
    while (left < INPUT_SIZE && !unpacking->at_end) {
        ssize_t count = pread(unpacking->fd, unpacking->input + left, INPUT_SIZE - left, unpacking->position);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return hc_error_create("cannot read %s: %s; check the file system", unpacking->path,
                                   strerror(errno));
        unpacking->at_end = count == 0;
        unpacking->position += count;
        left += count;
    }
    unpacking->buffers.input_left = left;
    return NULL;
}

static void finish(struct unpacking *unpacking, enum hc_unpack_end end)
{
    unpacking->finished = true;
    unpacking->result.end = end;
}

// Frames may follow one another, as parallel compressors write them. What follows and is no frame is ignored.
static struct hc_error *begin_next_frame(struct unpacking *unpacking)
{
    if (unpacking->buffers.input_left < LONGEST_MAGIC)
        HC_TRY(refill(unpacking));
    if (hc_find_compression(unpacking->buffers.input, unpacking->buffers.input_left) !=
        unpacking->compression)
        finish(unpacking, HC_UNPACK_WHOLE);
    else if (!unpacking->compression->restart(unpacking->decoder))
        return hc_error_out_of_memory();
    return NULL;
}

static struct hc_error *step(struct unpacking *unpacking)
{
    struct hc_decoder_buffers *buffers = &unpacking->buffers;
    if (buffers->input_left == 0)
        HC_TRY(refill(unpacking));
    struct hc_decoder_buffers before = *buffers;
    switch (unpacking->compression->step(unpacking->decoder, buffers)) {
    case HC_DECODER_MORE:
        if (buffers->input_left == before.input_left && buffers->output_left == before.output_left)
            finish(unpacking, before.input_left == 0 ? HC_UNPACK_CUT : HC_UNPACK_DAMAGED);
        return NULL;
    case HC_DECODER_FRAME_END:
        return begin_next_frame(unpacking);
    case HC_DECODER_NO_MEMORY:
        return explain_no_memory(unpacking);
    case HC_DECODER_DAMAGED:
        finish(unpacking, HC_UNPACK_DAMAGED);
        return NULL;
    }
    return NULL;
}

struct hc_error *hc_unpack(int fd, const char *path, const struct hc_compression *compression, uint64_t limit,
                           struct hc_unpacked *ret)
{
    _cleanup_(unpacking_destroyp) struct unpacking *unpacking = calloc(1, sizeof(*unpacking));
    if (!unpacking)
        return hc_error_out_of_memory();
    unpacking->fd = fd;
    unpacking->path = path;
    unpacking->compression = compression;
    unpacking->limit = limit;
    unpacking->buffers.input = unpacking->input;
    unpacking->decoder = compression->create(limit);
    if (!unpacking->decoder)
        return hc_error_out_of_memory();
    while (!unpacking->finished) {
        HC_TRY(hc_interrupt_check());
        unpacking->buffers.output = unpacking->output;
        unpacking->buffers.output_left = OUTPUT_SIZE;
        while (unpacking->buffers.output_left > 0 && !unpacking->finished)
            HC_TRY(step(unpacking));
        size_t length = OUTPUT_SIZE - unpacking->buffers.output_left;
        if (length > 0)
            HC_TRY(keep_output(unpacking, length));
    }
    *ret = unpacking->result;
    unpacking->result = (struct hc_unpacked){0};
    return NULL;
}
