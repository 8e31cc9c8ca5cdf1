// The notes of a core: threads with their registers, the process, its files, and what was left out.
#pragma once

#include "capture/copy.h"
#include "image/stop.h"

HC_DEFINE_VECTOR(hc_byte_vector, uint8_t)

// Of a stopped process, by its tracer. `speaker` answers for it in /proc.
struct hc_error *hc_notes_of_process(const struct hc_stop *stop, pid_t speaker, const struct hc_image *image,
                                     struct hc_byte_vector *ret);
// heapcore's own note; `omissions` are sorted. `writer` is told to the reader.
struct hc_error *hc_notes_of_capture(const struct hc_omission_vector *omissions, const char *writer,
                                     struct hc_byte_vector *ret);
