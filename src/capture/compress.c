#include "capture/compress.h"

#include "base/interrupt.h"
#include "base/parallel.h"
#include "capture/copy.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum { LEVEL = 1 }; // zeros and pointers: higher levels take much longer for little

struct compressor {
    ZSTD_CCtx *context;
    uint8_t *input, *output;
    uint64_t written;
    int to;
    const char *path;
};

static void compressor_deinit(struct compressor *compressor)
{
    ZSTD_freeCCtx(compressor->context);
    free(compressor->input);
    free(compressor->output);
}

static struct hc_error *compressor_init(struct compressor *compressor, unsigned threads)
{
    compressor->context = ZSTD_createCCtx();
    compressor->input = malloc(ZSTD_CStreamInSize());
    compressor->output = malloc(ZSTD_CStreamOutSize());
    if (!compressor->context || !compressor->input || !compressor->output)
        return hc_error_out_of_memory();
    ZSTD_CCtx_setParameter(compressor->context, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(compressor->context, ZSTD_c_checksumFlag, 1);
    // Libraries without threads refuse, and do it alone.
    ZSTD_CCtx_setParameter(compressor->context, ZSTD_c_nbWorkers, (int)hc_parallel_threads(threads));
    return NULL;
}

static struct hc_error *compress_piece(struct compressor *compressor, size_t length, bool is_last)
{
    ZSTD_inBuffer input = {.src = compressor->input, .size = length};
    for (size_t left = 1; is_last ? left != 0 : input.pos < input.size;) {
        ZSTD_outBuffer output = {.dst = compressor->output, .size = ZSTD_CStreamOutSize()};
        left = ZSTD_compressStream2(compressor->context, &output, &input,
                                    is_last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return hc_error_create("cannot compress %s: %s", compressor->path, ZSTD_getErrorName(left));
        HC_TRY(hc_write_at(compressor->to, compressor->path, compressor->output, output.pos,
                           compressor->written));
        compressor->written += output.pos;
    }
    return NULL;
}

// Holes are zeros, and are not read: the kernel would make pages for them first.
static ssize_t read_piece(int from, uint64_t at, uint8_t *bytes, size_t length)
{
    off_t data = lseek(from, (off_t)at, SEEK_DATA);
    uint64_t hole = data >= 0 ? (uint64_t)data - at : errno == ENXIO ? length : 0; // ENXIO: no data follow
    if (!hole)
        return pread(from, bytes, length, (off_t)at);
    length = hc_min(length, hole);
    memset(bytes, 0, length);
    return (ssize_t)length;
}

struct hc_error *hc_compress(int from, uint64_t size, int to, const char *path, unsigned threads)
{
    _cleanup_(compressor_deinit) struct compressor compressor = {.to = to, .path = path};
    HC_TRY(compressor_init(&compressor, threads));
    for (uint64_t at = 0; at < size;) {
        HC_TRY(hc_interrupt_check());
        ssize_t count = read_piece(from, at, compressor.input, hc_min(ZSTD_CStreamInSize(), size - at));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return hc_error_create("cannot read back %s: %s", path, count ? strerror(errno) : "it was cut");
        at += (uint64_t)count;
        HC_TRY(compress_piece(&compressor, (size_t)count, at == size));
    }
    return NULL;
}
