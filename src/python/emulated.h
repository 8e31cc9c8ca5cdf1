// What the C code of a type says of its objects: its tp_traverse and its __sizeof__, run over the image.
#pragma once

#include "emulator/emulator.h"
#include "python/trace.h"

// A tracer's emulators, and what is known of the functions that it ran.
struct hc_emulated;
void hc_emulated_destroy(struct hc_emulated *emulated);

// `*ret_items` = what type->traverse visits, valid until the next call.
enum hc_emulation hc_emulated_traverse(struct hc_tracer *tracer, const struct hc_object_view *object,
                                       const uint64_t **ret_items, size_t *ret_count);
// `*ret_items` = what any tp_traverse visits of any object: nothing is learned from it.
enum hc_emulation hc_emulated_visit(struct hc_tracer *tracer, uint64_t function, uint64_t object,
                                    const uint64_t **ret_items, size_t *ret_count);
// `*ret` = what type->sizeof_function answers.
enum hc_emulation hc_emulated_sizeof(struct hc_tracer *tracer, const struct hc_object_view *object,
                                     uint64_t *ret);
