// zstd, lz4 frames, xz and gzip, each by the library that wrote the format.
#include "image/decoder.h"

#include <lz4frame.h>
#include <lzma.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

static void *create_zstd(uint64_t memory_limit)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    if (!context)
        return NULL;
    // What 'zstd --long=31' wrote is read without being asked for, where there is memory for it.
    int window = 27;
    while (window < 31 && UINT64_C(2) << window <= memory_limit)
        window++;
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, window);
    return context;
}

static enum hc_decoder_step step_zstd(void *decoder, struct hc_decoder_buffers *buffers)
{
    ZSTD_inBuffer input = {.src = buffers->input, .size = buffers->input_left};
    ZSTD_outBuffer output = {.dst = buffers->output, .size = buffers->output_left};
    size_t result = ZSTD_decompressStream(decoder, &output, &input);
    buffers->input += input.pos;
    buffers->input_left -= input.pos;
    buffers->output += output.pos;
    buffers->output_left -= output.pos;
    if (!ZSTD_isError(result))
        return result == 0 ? HC_DECODER_FRAME_END : HC_DECODER_MORE;
    ZSTD_ErrorCode code = ZSTD_getErrorCode(result);
    return code == ZSTD_error_memory_allocation || code == ZSTD_error_frameParameter_windowTooLarge
               ? HC_DECODER_NO_MEMORY
               : HC_DECODER_DAMAGED;
}

static bool restart_zstd(void *decoder)
{
    return !ZSTD_isError(ZSTD_DCtx_reset(decoder, ZSTD_reset_session_only));
}

static void destroy_zstd(void *decoder)
{
    ZSTD_freeDCtx(decoder);
}

static void *create_lz4(uint64_t memory_limit)
{
    (void)memory_limit; // blocks have 4 MiB at most
    LZ4F_dctx *context = NULL;
    return LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) ? NULL : context;
}

static enum hc_decoder_step step_lz4(void *decoder, struct hc_decoder_buffers *buffers)
{
    size_t consumed = buffers->input_left;
    size_t produced = buffers->output_left;
    size_t result = LZ4F_decompress(decoder, buffers->output, &produced, buffers->input, &consumed, NULL);
    if (LZ4F_isError(result))
        return HC_DECODER_DAMAGED;
    buffers->input += consumed;
    buffers->input_left -= consumed;
    buffers->output += produced;
    buffers->output_left -= produced;
    return result == 0 ? HC_DECODER_FRAME_END : HC_DECODER_MORE;
}

static bool restart_lz4(void *decoder)
{
    LZ4F_resetDecompressionContext(decoder);
    return true;
}

static void destroy_lz4(void *decoder)
{
    LZ4F_freeDecompressionContext(decoder);
}

struct xz_decoder {
    lzma_stream stream;
    uint64_t memory_limit;
};

static bool restart_xz(void *decoder)
{
    struct xz_decoder *xz = decoder;
    return lzma_stream_decoder(&xz->stream, xz->memory_limit, 0) == LZMA_OK;
}

static void destroy_xz(void *decoder)
{
    struct xz_decoder *xz = decoder;
    lzma_end(&xz->stream);
    free(xz);
}

static void *create_xz(uint64_t memory_limit)
{
    struct xz_decoder *xz = calloc(1, sizeof(*xz));
    if (!xz)
        return NULL;
    xz->stream = (lzma_stream)LZMA_STREAM_INIT;
    xz->memory_limit = memory_limit;
    if (restart_xz(xz))
        return xz;
    destroy_xz(xz);
    return NULL;
}

static enum hc_decoder_step step_xz(void *decoder, struct hc_decoder_buffers *buffers)
{
    lzma_stream *stream = &((struct xz_decoder *)decoder)->stream;
    stream->next_in = buffers->input;
    stream->avail_in = buffers->input_left;
    stream->next_out = buffers->output;
    stream->avail_out = buffers->output_left;
    lzma_ret result = lzma_code(stream, LZMA_RUN);
    buffers->input = stream->next_in;
    buffers->input_left = stream->avail_in;
    buffers->output = stream->next_out;
    buffers->output_left = stream->avail_out;
    switch (result) {
    case LZMA_OK:
    case LZMA_BUF_ERROR: // no progress: the caller sees that, too
    case LZMA_UNSUPPORTED_CHECK:
        return HC_DECODER_MORE;
    case LZMA_STREAM_END:
        return HC_DECODER_FRAME_END;
    case LZMA_MEM_ERROR:
    case LZMA_MEMLIMIT_ERROR:
        return HC_DECODER_NO_MEMORY;
    default:
        return HC_DECODER_DAMAGED;
    }
}

static void *create_gzip(uint64_t memory_limit)
{
    (void)memory_limit; // the window has 32 KiB
    z_stream *stream = calloc(1, sizeof(*stream));
    if (!stream)
        return NULL;
    if (inflateInit2(stream, 15 + 16) == Z_OK) // the largest window, with gzip's header
        return stream;
    free(stream);
    return NULL;
}

static enum hc_decoder_step step_gzip(void *decoder, struct hc_decoder_buffers *buffers)
{
    z_stream *stream = decoder;
    stream->next_in = (Bytef *)buffers->input;
    stream->avail_in = buffers->input_left;
    stream->next_out = buffers->output;
    stream->avail_out = buffers->output_left;
    int result = inflate(stream, Z_NO_FLUSH);
    buffers->input = stream->next_in;
    buffers->input_left = stream->avail_in;
    buffers->output = stream->next_out;
    buffers->output_left = stream->avail_out;
    switch (result) {
    case Z_OK:
    case Z_BUF_ERROR: // no progress: the caller sees that, too
        return HC_DECODER_MORE;
    case Z_STREAM_END:
        return HC_DECODER_FRAME_END;
    case Z_MEM_ERROR:
        return HC_DECODER_NO_MEMORY;
    default:
        return HC_DECODER_DAMAGED;
    }
}

static bool restart_gzip(void *decoder)
{
    return inflateReset(decoder) == Z_OK;
}

static void destroy_gzip(void *decoder)
{
    inflateEnd(decoder);
    free(decoder);
}

const struct hc_compression hc_compressions[] = {
    {
        .name = "zstd",
        .magic = "\x28\xb5\x2f\xfd",
        .magic_length = 4,
        .create = create_zstd,
        .step = step_zstd,
        .restart = restart_zstd,
        .destroy = destroy_zstd,
    },
    {
        .name = "lz4",
        .magic = "\x04\x22\x4d\x18",
        .magic_length = 4,
        .create = create_lz4,
        .step = step_lz4,
        .restart = restart_lz4,
        .destroy = destroy_lz4,
    },
    {
        .name = "xz",
        .magic = "\xfd\x37zXZ\0",
        .magic_length = 6,
        .create = create_xz,
        .step = step_xz,
        .restart = restart_xz,
        .destroy = destroy_xz,
    },
    {
        .name = "gzip",
        .magic = "\x1f\x8b\x08",
        .magic_length = 3,
        .create = create_gzip,
        .step = step_gzip,
        .restart = restart_gzip,
        .destroy = destroy_gzip,
    },
};

const size_t hc_compression_count = sizeof(hc_compressions) / sizeof(hc_compressions[0]);
