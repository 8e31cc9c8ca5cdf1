// The ELF header and the program headers of a captured core.
#pragma once

#include "capture/notes.h"

// The parts of the mappings that are to be in the core: by their plans, without the omissions, which are
// sorted and do not overlap.
struct hc_error *hc_spans_find(const struct hc_map_vector *maps, uint64_t page_size,
                               const struct hc_omission_vector *omissions, struct hc_span_vector *ret);
// Writes headers and notes: before the memory where there is room, else behind it. `*ret_size`: of the file.
struct hc_error *hc_headers_write(const struct hc_copy *copy, const struct hc_map_vector *maps,
                                  const struct hc_span_vector *spans, const struct hc_image *image,
                                  const struct hc_byte_vector *notes, uint64_t *ret_size);

enum { HC_ROOM_FOR_HEADERS = 1 << 20 }; // before the memory; what is not used takes no disk
