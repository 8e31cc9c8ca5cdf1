// The C library's string functions, done by the emulator itself: what the process used is chosen for its
// processor, whose newest instructions the emulator does not have.
#pragma once

#include "base/error.h"
#include "image/image.h"

struct hc_emulator;

struct hc_error *hc_intrinsics_add(struct hc_emulator *emulator, const struct hc_image *image);
void hc_intrinsics_remove(struct hc_emulator *emulator);
