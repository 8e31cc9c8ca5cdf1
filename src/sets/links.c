#include "sets/links.h"

#include "python/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TEXT = 64 * 1024 }; // of a key's repr

// What stands before the number, in brackets, of links that are told apart by number.
static const char *const before_number[HC_LINK_KIND_COUNT] = {
    [HC_LINK_ITEM] = "",
    [HC_LINK_KEY] = ".keys()",
    [HC_LINK_HASATTR] = ".__dict__.keys()",
    [HC_LINK_STACK] = "->f_valuestack",
    [HC_LINK_MEMBER] = "list(_)",
};

void hc_links_destroy(struct hc_links *links)
{
    if (!links)
        return;
    hc_link_name_vector_deinit(&links->names);
    hc_link_text_vector_deinit(&links->text);
    hc_address_map_deinit(&links->keys);
    free(links->buckets);
    free(links);
}

static struct hc_error *get_links(struct hc_universe *universe, struct hc_links **ret)
{
    if (!universe->links && !(universe->links = calloc(1, sizeof(*universe->links))))
        return hc_error_out_of_memory();
    *ret = universe->links;
    return NULL;
}

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037u; // FNV-1a
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 1099511628211u;
    return hash * 0x9e3779b97f4a7c15u;
}

static uint64_t hash_number(uint8_t kind, uint64_t number)
{
    return (number * (2 * HC_LINK_KIND_COUNT) + kind) * 0x9e3779b97f4a7c15u;
}

// The bucket of the link told by its text, or, where that is NULL, by its number.
static size_t find_bucket(const struct hc_links *links, uint8_t kind, uint64_t number, const char *text)
{
    size_t mask = links->bucket_count - 1;
    size_t bucket = ((text ? hash_text(text) : hash_number(kind, number)) >> 20) & mask;
    while (links->buckets[bucket]) {
        const struct hc_link_name *name = &links->names.items[links->buckets[bucket] - 1];
        if (text ? name->kind == HC_LINK_KIND_COUNT && !strcmp(links->text.items + name->number, text)
                 : name->kind == kind && name->number == number)
            return bucket;
        bucket = (bucket + 1) & mask;
    }
    return bucket;
}

static bool grow_buckets(struct hc_links *links)
{
    size_t grown = links->bucket_count ? links->bucket_count * 2 : 1024;
    uint32_t *buckets = calloc(grown, sizeof(*buckets));
    if (!buckets)
        return false;
    free(links->buckets);
    links->buckets = buckets;
    links->bucket_count = grown;
    for (size_t i = 0; i < links->names.count; i++) {
        const struct hc_link_name *name = &links->names.items[i];
        const char *text = name->kind == HC_LINK_KIND_COUNT ? links->text.items + name->number : NULL;
        buckets[find_bucket(links, name->kind, name->number, text)] = (uint32_t)i + 1;
    }
    return true;
}

static bool keep_text(struct hc_links *links, const char *text, uint64_t *ret)
{
    size_t length = strlen(text) + 1;
    if (!hc_link_text_vector_reserve(&links->text, links->text.count + length))
        return false;
    *ret = links->text.count;
    memcpy(links->text.items + links->text.count, text, length);
    links->text.count += length;
    return true;
}

static struct hc_error *intern(struct hc_links *links, uint8_t kind, uint64_t number, const char *text,
                               uint32_t *ret)
{
    if (links->names.count * 2 >= links->bucket_count && !grow_buckets(links))
        return hc_error_out_of_memory();
    size_t bucket = find_bucket(links, kind, number, text);
    if (!links->buckets[bucket]) {
        struct hc_link_name name = {.kind = text ? HC_LINK_KIND_COUNT : kind, .number = number};
        if (links->names.count >= UINT32_MAX - 1 || (text && !keep_text(links, text, &name.number)) ||
            !hc_link_name_vector_push(&links->names, name))
            return hc_error_out_of_memory();
        links->buckets[bucket] = (uint32_t)links->names.count;
    }
    *ret = links->buckets[bucket] - 1;
    return NULL;
}

static struct hc_error *intern_joined(struct hc_links *links, const char *before, const char *name,
                                      const char *after, uint32_t *ret)
{
    char *text;
    if (asprintf(&text, "%s%s%s", before, name ? name : "?", after) < 0)
        return hc_error_out_of_memory();
    struct hc_error *error = intern(links, 0, 0, text, ret);
    free(text);
    return error;
}

static struct hc_error *intern_value(struct hc_links *links, struct hc_tracer *tracer, uint64_t key,
                                     uint32_t *ret)
{
    int64_t integer;
    bool inserted;
    if (hc_address_map_find(&links->keys, key, ret))
        return NULL;
    if (hc_value_integer(tracer, key, &integer) && integer >= 0) {
        HC_TRY(intern(links, HC_LINK_ITEM, (uint64_t)integer, NULL, ret));
    } else {
        _cleanup_(hc_freep) char *repr = hc_value_repr_within(tracer, key, MOST_TEXT);
        if (!repr)
            return hc_error_out_of_memory();
        HC_TRY(intern_joined(links, "[", repr, "]", ret));
    }
    if (key && !hc_address_map_insert(&links->keys, key, *ret, &inserted))
        return hc_error_out_of_memory();
    return NULL;
}

struct hc_error *hc_universe_intern_link(struct hc_universe *universe, struct hc_tracer *tracer,
                                         const struct hc_link *link, uint32_t *ret)
{
    struct hc_links *links = NULL;
    HC_TRY(get_links(universe, &links));
    switch ((enum hc_link_kind)link->kind) {
    case HC_LINK_ATTRIBUTE:
    case HC_LINK_ROOT:
        return intern_joined(links, ".", link->name, "", ret);
    case HC_LINK_VALUE:
        return intern_value(links, tracer, link->key, ret);
    case HC_LINK_ITEM:
    case HC_LINK_KEY:
    case HC_LINK_HASATTR:
    case HC_LINK_STACK:
    case HC_LINK_MEMBER:
        return intern(links, link->kind, link->number, NULL, ret);
    case HC_LINK_INTERNAL:
        return intern_joined(links, "->", link->name, "", ret);
    case HC_LINK_LOCAL:
        return intern_joined(links, ".f_locals['", link->name, "']", ret);
    case HC_LINK_CELL:
        return intern_joined(links, ".f_locals ['", link->name, "']", ret);
    case HC_LINK_UNKNOWN:
    case HC_LINK_KIND_COUNT:
        break;
    }
    return intern(links, 0, 0, ".??", ret);
}

// "…[12]", as far as a number is written without a sign or leading zeros.
static bool is_numbered(const char *text, uint8_t *ret_kind, uint64_t *ret)
{
    for (uint8_t kind = 0; kind < HC_LINK_KIND_COUNT; kind++) {
        size_t length = before_number[kind] ? strlen(before_number[kind]) : 0;
        if (!before_number[kind] || strncmp(text, before_number[kind], length) || text[length] != '[')
            continue;
        const char *digits = text + length + 1;
        size_t count = strspn(digits, "0123456789");
        if (!count || count > 18 || (count > 1 && *digits == '0') || strcmp(digits + count, "]"))
            continue;
        *ret_kind = kind;
        *ret = strtoull(digits, NULL, 10);
        return true;
    }
    return false;
}

struct hc_error *hc_universe_intern_link_text(struct hc_universe *universe, const char *text, uint32_t *ret,
                                              bool *ret_is_link)
{
    struct hc_links *links = NULL;
    uint8_t kind;
    uint64_t number;
    size_t length = strlen(text);
    HC_TRY(get_links(universe, &links));
    *ret_is_link = (text[0] == '.' && length > 1) || (text[0] == '-' && text[1] == '>' && length > 2) ||
                   (text[0] == '[' && length > 2 && text[length - 1] == ']');
    if (is_numbered(text, &kind, &number)) {
        *ret_is_link = true;
        return intern(links, kind, number, NULL, ret);
    }
    return *ret_is_link ? intern(links, 0, 0, text, ret) : NULL;
}

char *hc_universe_link_text(const struct hc_universe *universe, uint32_t number)
{
    const struct hc_links *links = universe->links;
    const struct hc_link_name *name = &links->names.items[number];
    char *text;
    if (name->kind == HC_LINK_KIND_COUNT)
        return strdup(links->text.items + name->number);
    return asprintf(&text, "%s[%" PRIu64 "]", before_number[name->kind], name->number) < 0 ? NULL : text;
}

static char *write_character(char *end, unsigned char c, char quote)
{
    static const char digits[] = "0123456789abcdef";
    const char *escapes = "\nn\rr\tt";
    for (const char *escape = escapes; *escape; escape += 2)
        if (c == (unsigned char)*escape) {
            *end++ = '\\';
            *end++ = escape[1];
            return end;
        }
    if (c < 0x20 || c == 0x7f) {
        end = stpcpy(end, "\\x");
        *end++ = digits[c >> 4];
        *end++ = digits[c & 15];
        return end;
    }
    if (c == '\\' || c == (unsigned char)quote)
        *end++ = '\\';
    *end++ = (char)c;
    return end;
}

char *hc_universe_link_repr(const struct hc_universe *universe, uint32_t number)
{
    _cleanup_(hc_freep) char *text = hc_universe_link_text(universe, number);
    return text ? hc_text_repr(text) : NULL;
}

char *hc_text_repr(const char *text)
{
    char *repr = malloc(4 * strlen(text) + 3);
    if (!repr)
        return NULL;
    char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';
    char *end = repr;
    *end++ = quote;
    for (const char *c = text; *c; c++)
        end = write_character(end, (unsigned char)*c, quote);
    *end++ = quote;
    *end = '\0';
    return repr;
}
