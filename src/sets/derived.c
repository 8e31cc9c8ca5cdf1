#include "sets/derived.h"

#include "base/vector.h"

#include <stdlib.h>

void hc_numbered_classes_destroy(struct hc_numbered_classes *classes)
{
    if (!classes)
        return;
    free(classes->items);
    free(classes->buckets);
    free(classes);
}

static size_t find_bucket(const struct hc_numbered_classes *classes, uint16_t relation, uint64_t key)
{
    size_t mask = classes->bucket_count - 1;
    size_t bucket = ((key ^ (uint64_t)relation << 48) * 0x9e3779b97f4a7c15u >> 20) & mask;
    while (classes->buckets[bucket]) {
        const struct hc_numbered_class *class = &classes->items[classes->buckets[bucket] - 1];
        if (class->relation == relation && class->key == key)
            break;
        bucket = (bucket + 1) & mask;
    }
    return bucket;
}

static bool grow(struct hc_numbered_classes *classes)
{
    size_t grown = classes->bucket_count ? classes->bucket_count * 2 : 256;
    uint32_t *buckets = calloc(grown, sizeof(*buckets));
    if (!buckets)
        return false;
    free(classes->buckets);
    classes->buckets = buckets;
    classes->bucket_count = grown;
    for (size_t i = 0; i < classes->count; i++)
        buckets[find_bucket(classes, classes->items[i].relation, classes->items[i].key)] = (uint32_t)i + 1;
    return true;
}

struct hc_error *hc_universe_number_class(struct hc_universe *universe, uint16_t relation, uint64_t key,
                                          uint32_t *ret)
{
    if (!universe->classes && !(universe->classes = calloc(1, sizeof(*universe->classes))))
        return hc_error_out_of_memory();
    struct hc_numbered_classes *classes = universe->classes;
    if (classes->count * 2 >= classes->bucket_count && !grow(classes))
        return hc_error_out_of_memory();
    size_t bucket = find_bucket(classes, relation, key);
    if (!classes->buckets[bucket]) {
        if (!hc_vector_grow((void **)&classes->items, &classes->capacity, classes->count + 1,
                            sizeof(*classes->items)))
            return hc_error_out_of_memory();
        classes->items[classes->count++] = (struct hc_numbered_class){relation, key};
        classes->buckets[bucket] = (uint32_t)classes->count;
    }
    *ret = classes->buckets[bucket] - 1;
    return NULL;
}
