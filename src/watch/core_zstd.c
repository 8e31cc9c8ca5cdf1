#include "watch/core_zstd.h"

#include <errno.h>
#include <unistd.h>
#include <zstd.h>

struct hc_core_zstd {
    int fd;
    ZSTD_CCtx *context;
    char buffer[1 << 18];
};

struct hc_error *hc_core_zstd_create(int fd, struct hc_core_zstd **ret)
{
    _cleanup_(hc_core_zstd_destroyp) struct hc_core_zstd *zstd = calloc(1, sizeof(*zstd));
    if (!zstd)
        return hc_error_out_of_memory();
    zstd->fd = fd;
    zstd->context = ZSTD_createCCtx();
    if (!zstd->context)
        return hc_error_out_of_memory();
    // The process that crashed waits in the kernel meanwhile: fast counts for more than small.
    ZSTD_CCtx_setParameter(zstd->context, ZSTD_c_compressionLevel, 1);
    *ret = hc_take(zstd);
    return NULL;
}

static bool write_buffer(const struct hc_core_zstd *zstd, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = write(zstd->fd, zstd->buffer + done, size - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    return true;
}

static bool compress(struct hc_core_zstd *zstd, const void *bytes, size_t size, ZSTD_EndDirective end)
{
    ZSTD_inBuffer input = {.src = bytes, .size = size};
    size_t left;
    do {
        ZSTD_outBuffer output = {.dst = zstd->buffer, .size = sizeof(zstd->buffer)};
        left = ZSTD_compressStream2(zstd->context, &output, &input, end);
        if (ZSTD_isError(left) || !write_buffer(zstd, output.pos))
            return false;
    } while (end == ZSTD_e_end ? left > 0 : input.pos < input.size);
    return true;
}

bool hc_core_zstd_write(struct hc_core_zstd *zstd, const void *bytes, size_t size)
{
    return compress(zstd, bytes, size, ZSTD_e_continue);
}

bool hc_core_zstd_finish(struct hc_core_zstd *zstd)
{
    return compress(zstd, NULL, 0, ZSTD_e_end);
}

void hc_core_zstd_destroy(struct hc_core_zstd *zstd)
{
    ZSTD_freeCCtx(zstd->context);
    free(zstd);
}
