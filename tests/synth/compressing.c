#include "compressing.h"

#include <lz4frame.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

const char *const compressing_formats[] = {"zstd", "lz4", "xz", "gzip", NULL};

static void must(int good)
{
    if (!good)
        abort();
}

static uint8_t *compress_zstd(const void *bytes, size_t length, size_t *ret_length)
{
    size_t room = ZSTD_compressBound(length);
    uint8_t *result = malloc(room);
    ZSTD_CCtx *context = ZSTD_createCCtx();
    must(result && context);
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    *ret_length = ZSTD_compress2(context, result, room, bytes, length);
    must(!ZSTD_isError(*ret_length));
    ZSTD_freeCCtx(context);
    return result;
}

static uint8_t *compress_lz4(const void *bytes, size_t length, size_t *ret_length)
{
    LZ4F_preferences_t preferences = LZ4F_INIT_PREFERENCES;
    preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
    preferences.frameInfo.blockChecksumFlag = LZ4F_blockChecksumEnabled;
    size_t room = LZ4F_compressFrameBound(length, &preferences);
    uint8_t *result = malloc(room);
    must(result != NULL);
    *ret_length = LZ4F_compressFrame(result, room, bytes, length, &preferences);
    must(!LZ4F_isError(*ret_length));
    return result;
}

static uint8_t *compress_xz(const void *bytes, size_t length, size_t *ret_length)
{
    size_t room = lzma_stream_buffer_bound(length);
    uint8_t *result = malloc(room);
    must(result != NULL);
    *ret_length = 0;
    must(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, NULL, bytes, length, result, ret_length, room) ==
         LZMA_OK);
    return result;
}

static uint8_t *compress_gzip(const void *bytes, size_t length, size_t *ret_length)
{
    z_stream stream = {.next_in = (Bytef *)bytes, .avail_in = length};
    must(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    size_t room = deflateBound(&stream, length);
    uint8_t *result = malloc(room);
    must(result != NULL);
    stream.next_out = result;
    stream.avail_out = room;
    must(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    *ret_length = stream.total_out;
    deflateEnd(&stream);
    return result;
}

uint8_t *compress_bytes(const char *format, const void *bytes, size_t length, size_t *ret_length)
{
    if (strcmp(format, "zstd") == 0)
        return compress_zstd(bytes, length, ret_length);
    if (strcmp(format, "lz4") == 0)
        return compress_lz4(bytes, length, ret_length);
    if (strcmp(format, "xz") == 0)
        return compress_xz(bytes, length, ret_length);
    must(strcmp(format, "gzip") == 0);
    return compress_gzip(bytes, length, ret_length);
}
