#include "python/content.h"

#include "python/value_write.h"

#include <string.h>

static const char *const names[HC_FAMILY_COUNT] = {
    [HC_FAMILY_STR] = "str",     [HC_FAMILY_BYTES] = "bytes", [HC_FAMILY_INT] = "int",
    [HC_FAMILY_FLOAT] = "float", [HC_FAMILY_TUPLE] = "tuple",
};

const char *hc_family_name(enum hc_family family)
{
    return names[family];
}

enum hc_family hc_content_family(const struct hc_tracer *tracer, const struct hc_type *type)
{
    for (int family = HC_FAMILY_NONE + 1; family < HC_FAMILY_COUNT; family++)
        if (hc_value_is_exact(tracer, type, names[family]))
            return (enum hc_family)family;
    return HC_FAMILY_NONE;
}

static bool find_str(struct hc_tracer *tracer, const struct hc_object_view *object, struct hc_content *ret)
{
    struct hc_value_characters characters;
    if (!hc_value_find_characters(tracer, object, &characters))
        return false;
    *ret = (struct hc_content){characters.bytes, characters.length * characters.kind, characters.kind};
    return true;
}

// `count` words or digits from `offset` on.
static bool find_items(const struct hc_object_view *object, uint64_t offset, uint64_t count, unsigned size,
                       struct hc_content *ret)
{
    if (offset > object->available || count > (object->available - offset) / size)
        return false;
    ret->bytes = object->bytes + offset;
    ret->length = count * size;
    return true;
}

static bool find_int(struct hc_tracer *tracer, const struct hc_object_view *object, struct hc_content *ret)
{
    enum { DIGIT_SIZE = 4, TAG_BITS = 3, SIGN = 3 }; // Include/cpython/longintrepr.h
    const struct hc_offsets *at = tracer->at;
    if (hc_is_present(at->long_tag)) {
        uint64_t tag = hc_view_word(tracer, object, at->long_tag);
        ret->kind = tag & SIGN;
        return find_items(object, at->long_digits, tag >> TAG_BITS, DIGIT_SIZE, ret);
    }
    int64_t size = hc_view_signed(tracer, object, at->var_size);
    ret->kind = size < 0;
    return find_items(object, at->long_digits, size < 0 ? 0 - (uint64_t)size : (uint64_t)size, DIGIT_SIZE,
                      ret);
}

bool hc_content_find(struct hc_tracer *tracer, enum hc_family family, const struct hc_object_view *object,
                     struct hc_content *ret)
{
    const struct hc_offsets *at = tracer->at;
    unsigned word = tracer->reader.target.word_size;
    *ret = (struct hc_content){0};
    switch (family) {
    case HC_FAMILY_STR:
        return find_str(tracer, object, ret);
    case HC_FAMILY_BYTES:
        return hc_value_find_bytes(tracer, object, &ret->bytes, &ret->length);
    case HC_FAMILY_INT:
        return find_int(tracer, object, ret);
    case HC_FAMILY_FLOAT:
        return hc_is_present(at->float_value) && find_items(object, at->float_value, 1, sizeof(double), ret);
    case HC_FAMILY_TUPLE:
        return find_items(object, at->tuple_items, hc_view_word(tracer, object, at->var_size), word, ret);
    case HC_FAMILY_NONE:
    case HC_FAMILY_COUNT:
        break;
    }
    return false;
}

bool hc_content_equal(const struct hc_content *left, const struct hc_content *right)
{
    return left->length == right->length && left->kind == right->kind &&
           !memcmp(left->bytes, right->bytes, left->length);
}

static uint64_t mix(uint64_t hash, const uint8_t *bytes, uint64_t length)
{
    uint64_t word;
    for (; length >= sizeof(word); bytes += sizeof(word), length -= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    word = 0;
    memcpy(&word, bytes, length);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

uint32_t hc_content_hash(const struct hc_content *content)
{
    enum { ENDS = 256 }; // bytes: those of long texts that tell most
    uint64_t hash = content->length << 3 ^ content->kind;
    if (content->length <= 2 * ENDS)
        hash = mix(hash, content->bytes, content->length);
    else
        hash = mix(mix(hash, content->bytes, ENDS), content->bytes + content->length - ENDS, ENDS);
    return (uint32_t)(hash >> 32);
}
