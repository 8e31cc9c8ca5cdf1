#include "python/strings.h"

#include "base/utf8.h"
#include "python/keys.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 1000, MAX_SEARCH = 1 << 16 };

struct text {
    const uint8_t *bytes;
    uint64_t length;
    unsigned kind; // bytes a character
};

static bool find_text(const struct hc_runtime *runtime, struct hc_reader *reader, uint64_t address,
                      struct text *ret)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    const struct hc_field *fields = runtime->layouts.fields;
    const struct hc_target *target = &reader->target;
    const uint8_t *object = hc_reader_view(reader, address, at->sizeof_ascii);
    if (!object)
        return false;
    ret->length = hc_load_word(target, object + at->ascii_length);
    ret->kind = (unsigned)hc_field_load_bits(&fields[HC_FIELD_ascii_kind], target, object);
    bool is_ascii = hc_field_load_bits(&fields[HC_FIELD_ascii_ascii], target, object);
    bool is_compact = hc_field_load_bits(&fields[HC_FIELD_ascii_compact], target, object);
    if ((ret->kind != 1 && ret->kind != 2 && ret->kind != 4) || ret->length > UINT32_MAX)
        return false;
    uint64_t data = address + (is_ascii ? at->sizeof_ascii : at->sizeof_compact);
    if (!is_compact && !hc_reader_word(reader, address + at->unicode_data, &data))
        return false;
    uint64_t shown = ret->length < MAX_NAME ? ret->length : MAX_NAME;
    ret->bytes = hc_reader_view(reader, data, shown * ret->kind);
    ret->length = shown;
    return ret->bytes != NULL;
}

char *hc_string_read(const struct hc_runtime *runtime, struct hc_reader *reader, uint64_t address)
{
    struct text text;
    if (!address || !find_text(runtime, reader, address, &text))
        return NULL;
    char *string = malloc(text.length * 4 + 1);
    if (!string)
        return NULL;
    char *out = string;
    for (uint64_t i = 0; i < text.length; i++) {
        uint32_t c = (uint32_t)hc_load_unsigned(&reader->target, text.bytes + i * text.kind, text.kind);
        out += hc_utf8_encode(c ? c : 0xfffd, out);
    }
    *out = '\0';
    return string;
}

static bool dict_each(const struct hc_runtime *runtime, struct hc_reader *reader,
                      const struct hc_dict_keys *keys, uint64_t values, hc_dict_entry_fn *callback,
                      void *argument)
{
    const struct hc_target *target = &reader->target;
    for (uint64_t i = 0; i < keys->count; i++) {
        const uint8_t *entry = keys->entries + i * keys->entry_size;
        uint64_t key = hc_load_word(target, entry + keys->key_offset);
        uint64_t value = hc_load_word(target, entry + keys->value_offset);
        uint64_t offset =
            hc_is_present(runtime->layouts.at.values_items) ? runtime->layouts.at.values_items : 0;
        if (values && !hc_reader_word(reader, values + offset + i * target->word_size, &value))
            return false;
        if (key && value && !callback(argument, key, value))
            return true;
    }
    return !keys->is_cut;
}

bool hc_dict_each(const struct hc_runtime *runtime, struct hc_reader *reader, uint64_t dict,
                  hc_dict_entry_fn *callback, void *argument)
{
    uint64_t keys_address, values;
    struct hc_dict_keys keys;
    if (!dict || !hc_reader_word(reader, dict + runtime->layouts.at.dict_keys, &keys_address) ||
        !hc_reader_word(reader, dict + runtime->layouts.at.dict_values, &values) ||
        !hc_dict_keys_read(runtime, reader, keys_address, &keys))
        return false;
    return dict_each(runtime, reader, &keys, values, callback, argument);
}

struct string_search {
    const struct hc_runtime *runtime;
    struct hc_reader *reader;
    const char *key;
    size_t key_length;
    uint64_t *ret;
    bool found;
    bool has_unreadable_key;
    unsigned left; // entries to look at: what is looked for stands in small dicts
};

static bool compare_key(void *argument, uint64_t key, uint64_t value)
{
    struct string_search *search = argument;
    struct text text;
    bool is_text = find_text(search->runtime, search->reader, key, &text);
    if (!is_text && !hc_reader_view(search->reader, key, search->runtime->layouts.at.sizeof_ascii))
        search->has_unreadable_key = true;
    if (!is_text || text.kind != 1 || text.length != search->key_length ||
        memcmp(text.bytes, search->key, text.length))
        return --search->left > 0;
    *search->ret = value;
    search->found = true;
    return false;
}

enum hc_lookup hc_dict_look_up(const struct hc_runtime *runtime, struct hc_reader *reader, uint64_t dict,
                               const char *key, uint64_t *ret)
{
    struct string_search search = {
        .runtime = runtime,
        .reader = reader,
        .key = key,
        .key_length = strlen(key),
        .ret = ret,
        .left = MAX_SEARCH,
    };
    bool is_whole = hc_dict_each(runtime, reader, dict, compare_key, &search);
    if (search.found)
        return HC_LOOKUP_FOUND;
    return is_whole && !search.has_unreadable_key ? HC_LOOKUP_ABSENT : HC_LOOKUP_UNREADABLE;
}

bool hc_dict_find_string(const struct hc_runtime *runtime, struct hc_reader *reader, uint64_t dict,
                         const char *key, uint64_t *ret)
{
    return hc_dict_look_up(runtime, reader, dict, key, ret) == HC_LOOKUP_FOUND;
}
