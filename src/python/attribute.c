#include "python/attribute.h"

#include "python/keys.h"
#include "python/strings.h"
#include "python/value.h"

#include <string.h>

// The value of an attribute that lives in inline values, by the keys that the class shares.
static bool find_inline(struct hc_tracer *tracer, const struct hc_object_view *object, const char *name,
                        uint64_t *ret)
{
    const struct hc_references *references = &tracer->references;
    struct hc_reader *reader = &tracer->reader;
    struct hc_dict_keys keys;
    uint64_t items = references->values_address;
    if (!items || !object->type->cached_keys ||
        !hc_dict_keys_read(tracer->runtime, reader, object->type->cached_keys, &keys))
        return false;
    items += hc_is_present(tracer->at->values_items) ? tracer->at->values_items : 0;
    for (uint64_t i = 0; i < keys.count; i++) {
        uint64_t key = hc_load_word(&reader->target, keys.entries + i * keys.entry_size + keys.key_offset);
        _cleanup_(hc_freep) char *text = hc_value_text(tracer, key);
        if (text && !strcmp(text, name))
            return hc_reader_word(reader, items + i * reader->target.word_size, ret) && *ret;
    }
    return false;
}

bool hc_attribute_find(struct hc_tracer *tracer, uint64_t address, const char *name, uint64_t *ret)
{
    struct hc_object_view object;
    if (!hc_tracer_view(tracer, address, &object))
        return false;
    hc_tracer_trace(tracer, &object);
    if (tracer->references.dict)
        return hc_dict_find_string(tracer->runtime, &tracer->reader, tracer->references.dict, name, ret);
    return find_inline(tracer, &object, name, ret);
}
