// What makes values of immutable types equal: two of one family are if these bytes are.
#pragma once

#include "python/trace.h"

enum hc_family {
    HC_FAMILY_NONE,
    HC_FAMILY_STR,
    HC_FAMILY_BYTES,
    HC_FAMILY_INT,
    HC_FAMILY_FLOAT,
    HC_FAMILY_TUPLE, // of the same items, not only of equal ones
    HC_FAMILY_COUNT,
};

struct hc_content {
    const uint8_t *bytes;
    uint64_t length;
    uint64_t kind; // bytes a character of a str, the sign and such of an int
};

// Of the exact types only: a class made from them may add what it likes.
enum hc_family hc_content_family(const struct hc_tracer *tracer, const struct hc_type *type);
const char *hc_family_name(enum hc_family family);
// False for what cannot be read whole. Valid as long as the image.
bool hc_content_find(struct hc_tracer *tracer, enum hc_family family, const struct hc_object_view *object,
                     struct hc_content *ret);
bool hc_content_equal(const struct hc_content *left, const struct hc_content *right);
// Of the length and some of the bytes.
uint32_t hc_content_hash(const struct hc_content *content);
