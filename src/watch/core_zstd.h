// A file that is compressed while it is written.
#pragma once

#include "base/error.h"

#include <stddef.h>

struct hc_core_zstd;

struct hc_error *hc_core_zstd_create(int fd, struct hc_core_zstd **ret);
// False: the file cannot be written.
bool hc_core_zstd_write(struct hc_core_zstd *zstd, const void *bytes, size_t size);
bool hc_core_zstd_finish(struct hc_core_zstd *zstd);
void hc_core_zstd_destroy(struct hc_core_zstd *zstd);
HC_DEFINE_POINTER_CLEANUP(hc_core_zstd_destroy, struct hc_core_zstd)
