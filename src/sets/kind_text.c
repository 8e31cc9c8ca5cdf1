#include "sets/kind_text.h"

#include "sets/brief.h"
#include "sets/derived.h"
#include "sets/findex.h"
#include "sets/links.h"
#include "sets/partition.h"
#include "sets/producers.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_TEXT = 1 << 22, // of all that is written on the way
    MOST_NESTED = 200,
    MOST_OBJECTS = 1000, // of a set
    MOST_TOGETHER = 50,  // operands of one pair of parentheses
};

struct writer {
    struct hc_universe *universe;
    char **names;  // of the types, by index; NULL until asked for
    char **sorted; // the same
    size_t written;
    bool is_too_large;
};

struct texts {
    char **items;
    size_t count, capacity;
};

static void texts_deinit(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->items[i]);
    free(texts->items);
}

static void writer_deinit(struct writer *writer)
{
    for (uint32_t i = 0; writer->names && i < writer->universe->type_count; i++)
        free(writer->names[i]);
    free(writer->names);
    free(writer->sorted);
}

static struct hc_error *too_large(struct writer *writer)
{
    writer->is_too_large = true;
    return hc_error_create("this kind is too large to be written");
}

static struct hc_error *finish(struct writer *writer, char *text, char **ret)
{
    *ret = text;
    if (!text)
        return hc_error_out_of_memory();
    writer->written += strlen(text);
    return NULL;
}

__attribute__((format(printf, 3, 4))) static struct hc_error *format(struct writer *writer, char **ret,
                                                                     const char *form, ...)
{
    va_list arguments;
    char *text;
    va_start(arguments, form);
    int length = vasprintf(&text, form, arguments);
    va_end(arguments);
    return finish(writer, length < 0 ? NULL : text, ret);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct hc_error *name_types(struct writer *writer)
{
    uint32_t count = writer->universe->type_count;
    if (writer->sorted)
        return NULL;
    writer->names = calloc(count + 1u, sizeof(*writer->names));
    char **sorted = calloc(count + 1u, sizeof(*sorted));
    for (uint32_t i = 0; writer->names && sorted && i < count; i++)
        if (!(sorted[i] = writer->names[i] =
                  hc_kind_class_name(writer->universe->graph->types.types.items[i]))) {
            free(sorted);
            return hc_error_out_of_memory();
        }
    if (!writer->names || !sorted) {
        free(sorted);
        return hc_error_out_of_memory();
    }
    qsort(sorted, count, sizeof(*sorted), by_text);
    writer->sorted = sorted;
    return NULL;
}

// By its name, if no other class has it.
static struct hc_error *write_class(struct writer *writer, uint64_t type, char **ret)
{
    HC_TRY(name_types(writer));
    char *name = writer->names[type];
    char **found = bsearch(&name, writer->sorted, writer->universe->type_count, sizeof(name), by_text);
    char **end = writer->sorted + writer->universe->type_count;
    bool is_alone =
        (found == writer->sorted || strcmp(found[-1], name)) && (found + 1 == end || strcmp(found[1], name));
    _cleanup_(hc_freep) char *full = NULL, *repr = NULL;
    if (!is_alone && asprintf(&full, "<type %s at 0x%" PRIx64 ">", name,
                              writer->universe->graph->types.types.items[type]->address) < 0)
        return hc_error_out_of_memory();
    if (!(repr = hc_text_repr(full ? full : name)))
        return hc_error_out_of_memory();
    return format(writer, ret, "hp.Type(%s)", repr);
}

static struct hc_error *write_clodo(struct writer *writer, uint64_t kind, char **ret)
{
    const struct hc_universe *universe = writer->universe;
    if (kind == hc_universe_root_kind(universe))
        return format(writer, ret, "hp.Root");
    if (kind < universe->type_count)
        return universe->is_dict[kind] ? format(writer, ret, "hp.Clodo(dictof=())")
                                       : write_class(writer, kind, ret);
    _cleanup_(hc_freep) char *class = NULL;
    HC_TRY(write_class(writer, kind - universe->type_count, &class));
    return format(writer, ret, "%s.dictof", class);
}

static struct hc_error *join(struct writer *writer, struct texts *texts, const char *start,
                             const char *between, char **ret)
{
    size_t length = strlen(start) + 2;
    for (size_t i = 0; i < texts->count; i++)
        length += strlen(texts->items[i]) + strlen(between);
    char *joined = malloc(length), *end = joined;
    if (!joined)
        return hc_error_out_of_memory();
    end = stpcpy(end, start);
    for (size_t i = 0; i < texts->count; i++)
        end = stpcpy(stpcpy(end, i ? between : ""), texts->items[i]);
    stpcpy(end, ")");
    return finish(writer, joined, ret);
}

static struct hc_error *add(struct texts *texts, char *text)
{
    if (text && hc_vector_grow((void **)&texts->items, &texts->capacity, texts->count + 1, sizeof(text))) {
        texts->items[texts->count++] = text;
        return NULL;
    }
    free(text);
    return hc_error_out_of_memory();
}

// Rcs(…) and Via(…).
static struct hc_error *write_list(struct writer *writer, uint64_t number, bool is_of_links, char **ret)
{
    const struct hc_number_list list = writer->universe->lists.items[number];
    _cleanup_(texts_deinit) struct texts texts = {0};
    for (uint32_t i = 0; i < list.count; i++) {
        char *text = NULL;
        if (writer->written > MOST_TEXT)
            return too_large(writer);
        if (is_of_links)
            HC_TRY(finish(writer, hc_universe_link_repr(writer->universe, list.numbers[i]), &text));
        else
            HC_TRY(write_clodo(writer, list.numbers[i], &text));
        HC_TRY(add(&texts, text));
    }
    if (texts.count)
        qsort(texts.items, texts.count, sizeof(*texts.items), by_text);
    return join(writer, &texts, is_of_links ? "hp.Via(" : "hp.Rcs(", ", ", ret);
}

static struct hc_error *write_module(struct writer *writer, uint64_t key, char **ret)
{
    uint64_t address;
    if (!key)
        return format(writer, ret, "hp.Module()");
    _cleanup_(hc_freep) char *name = NULL, *repr = NULL;
    HC_TRY(hc_universe_rendering(writer->universe, (uint32_t)key - 1, &name));
    HC_TRY(hc_universe_address(writer->universe, (uint32_t)key - 1, &address));
    if (!(repr = hc_text_repr(name)))
        return hc_error_out_of_memory();
    return format(writer, ret, "hp.Module(%s, at=0x%" PRIx64 ")", repr, address);
}

// Prod('prefix') is what is less than the pattern: files whose names begin so.
static struct hc_error *write_producer(struct writer *writer, uint64_t key, enum hc_comparison *implied,
                                       char **ret)
{
    const struct hc_producer *producer = &writer->universe->producers->items.items[key];
    if (key == HC_PRODUCER_UNKNOWN)
        return format(writer, ret, "hp.Prod()");
    _cleanup_(hc_freep) char *file =
        producer->file == HC_ANY_FILE
            ? strdup("None")
            : hc_text_repr(writer->universe->producers->files.items[producer->file]);
    if (!file)
        return hc_error_out_of_memory();
    if (!producer->any_line)
        return format(writer, ret, "hp.Prod(%s, %" PRIu32 ")", file, producer->line);
    *implied = HC_LESS;
    return format(writer, ret, "hp.Prod(%s)", file);
}

static struct hc_error *write_kind(struct writer *writer, const struct hc_kind *kind, unsigned nested,
                                   char **ret);

// A long chain would be nested too deep to be read again.
static struct hc_error *group(struct writer *writer, struct texts *texts, const char *between)
{
    size_t groups = 0;
    struct hc_error *error = writer->written > MOST_TEXT ? too_large(writer) : NULL;
    for (size_t first = 0; first < texts->count && !error; first += MOST_TOGETHER) {
        size_t left = texts->count - first;
        struct texts some = {.items = texts->items + first,
                             .count = left < MOST_TOGETHER ? left : MOST_TOGETHER};
        char *text = NULL;
        error = join(writer, &some, "(", between, &text);
        for (size_t i = 0; i < some.count && !error; i++)
            free(hc_take(some.items[i]));
        if (!error)
            texts->items[groups++] = text;
    }
    if (!error)
        texts->count = groups;
    return error;
}

// Sorted, each once.
static struct hc_error *join_operands(struct writer *writer, struct texts *texts, const char *between,
                                      char **ret)
{
    size_t kept = 1;
    qsort(texts->items, texts->count, sizeof(*texts->items), by_text);
    for (size_t i = 1; i < texts->count; i++)
        if (strcmp(texts->items[i], texts->items[kept - 1]))
            texts->items[kept++] = texts->items[i];
        else
            free(texts->items[i]);
    texts->count = kept;
    while (texts->count > MOST_TOGETHER)
        HC_TRY(group(writer, texts, between));
    if (texts->count > 1)
        return join(writer, texts, "(", between, ret);
    *ret = hc_take(texts->items[0]);
    return NULL;
}

// Of the kind `index`, and of none before it.
static struct hc_error *write_findex(struct writer *writer, const struct hc_kind *kind, unsigned nested,
                                     char **ret)
{
    const struct hc_findex findex = writer->universe->findexes.items[kind->relation - HC_RELATION_COUNT];
    _cleanup_(texts_deinit) struct texts texts = {0};
    for (size_t i = 0; i < findex.count && i <= kind->key; i++) {
        char *text, *inverse;
        HC_TRY(write_kind(writer, findex.kinds[i], nested + 1, &text));
        if (i < kind->key) {
            struct hc_error *error = format(writer, &inverse, "~%s", text);
            free(text);
            HC_TRY(error);
            text = inverse;
        }
        HC_TRY(add(&texts, text));
    }
    if (!texts.count)
        return format(writer, ret, "hp.Anything");
    return join_operands(writer, &texts, " & ", ret);
}

static struct hc_error *write_class_of(struct writer *writer, const struct hc_kind *kind,
                                       enum hc_comparison *implied, char **ret)
{
    uint64_t address;
    switch (kind->relation) {
    case HC_BY_TYPE:
        return write_class(writer, kind->key, ret);
    case HC_BY_CLODO:
        return write_clodo(writer, kind->key, ret);
    case HC_BY_SIZE:
        return format(writer, ret, "hp.Size(%" PRIu64 ")", kind->key);
    case HC_BY_RCS:
    case HC_BY_VIA:
        return write_list(writer, kind->key, kind->relation == HC_BY_VIA, ret);
    case HC_BY_MODULE:
        return write_module(writer, kind->key, ret);
    case HC_BY_ID:
    case HC_BY_IDSET:
        HC_TRY(hc_universe_address(writer->universe, (uint32_t)kind->key, &address));
        return format(writer, ret, "hp.%s(0x%" PRIx64 ")", hc_relation_name(kind->relation), address);
    case HC_BY_PROD:
        return write_producer(writer, kind->key, implied, ret);
    default:
        return format(writer, ret, "hp.Anything");
    }
}

// As heapy writes these, which have no name of their own there either.
static struct hc_error *write_derived(struct writer *writer, const struct hc_kind *kind, char **ret)
{
    const struct hc_classifier classifier = hc_classifier_of(kind->relation);
    const struct hc_class class = {{kind->key}};
    _cleanup_(hc_freep) char *name = hc_class_name(writer->universe, &classifier, &class);
    if (!name)
        return hc_error_out_of_memory();
    return format(writer, ret, kind->relation & HC_BY_REFERRERS ? "<referred by: %s>" : "<%s>", name);
}

static struct hc_error *write_condition(struct writer *writer, const struct hc_kind *kind, unsigned nested,
                                        char **ret)
{
    enum hc_comparison implied = HC_EQUAL;
    if (hc_relation_is_derived(kind->relation))
        return write_derived(writer, kind, ret);
    if (kind->relation >= HC_RELATION_COUNT)
        return write_findex(writer, kind, nested, ret);
    _cleanup_(hc_freep) char *class = NULL;
    HC_TRY(write_class_of(writer, kind, &implied, &class));
    if (kind->comparison == implied) {
        *ret = hc_take(class);
        return NULL;
    }
    return format(writer, ret, "%s.alt('%s')", class, hc_comparison_text(kind->comparison));
}

static struct hc_error *write_set(struct writer *writer, const struct hc_set *set, char **ret)
{
    _cleanup_(texts_deinit) struct texts texts = {0};
    uint64_t address;
    char *text;
    if (!set->count)
        return format(writer, ret, "hp.Nothing");
    if (set->count > MOST_OBJECTS)
        return too_large(writer);
    for (uint32_t object = hc_set_next(set, 0); object < writer->universe->graph->count;
         object = hc_set_next(set, object + 1)) {
        HC_TRY(hc_universe_address(writer->universe, object, &address));
        HC_TRY(format(writer, &text, "0x%" PRIx64, address));
        HC_TRY(add(&texts, text));
    }
    return join(writer, &texts, "hp.iso(", ", ", ret);
}

// The operands of one operation, however they are nested.
static struct hc_error *add_operands(struct writer *writer, const struct hc_kind *kind,
                                     enum hc_kind_operation operation, unsigned nested, struct texts *texts)
{
    if (nested > MOST_NESTED)
        return too_large(writer);
    for (; kind->operation == operation; kind = kind->left)
        HC_TRY(add_operands(writer, kind->right, operation, nested + 1, texts));
    char *text;
    HC_TRY(write_kind(writer, kind, nested + 1, &text));
    return add(texts, text);
}

static struct hc_error *write_both(struct writer *writer, const struct hc_kind *kind, unsigned nested,
                                   char **ret)
{
    _cleanup_(texts_deinit) struct texts texts = {0};
    HC_TRY(add_operands(writer, kind, kind->operation, nested, &texts));
    return join_operands(writer, &texts, kind->operation == HC_KIND_AND ? " & " : " | ", ret);
}

static struct hc_error *write_kind(struct writer *writer, const struct hc_kind *kind, unsigned nested,
                                   char **ret)
{
    _cleanup_(hc_freep) char *inner = NULL;
    if (nested > MOST_NESTED || writer->written > MOST_TEXT)
        return too_large(writer);
    switch (kind->operation) {
    case HC_KIND_CLASS:
        return write_condition(writer, kind, nested, ret);
    case HC_KIND_SET:
        return write_set(writer, kind->set, ret);
    case HC_KIND_NOT:
        HC_TRY(write_kind(writer, kind->left, nested + 1, &inner));
        return format(writer, ret, "~%s", inner);
    case HC_KIND_DICTS:
        HC_TRY(write_kind(writer, kind->left, nested + 1, &inner));
        return format(writer, ret, *inner == '~' ? "(%s).dictof" : "%s.dictof", inner);
    case HC_KIND_AND:
    case HC_KIND_OR:
        return write_both(writer, kind, nested, ret);
    case HC_KIND_ALL:
        break;
    }
    return format(writer, ret, "hp.Anything");
}

struct hc_error *hc_kind_text(struct hc_universe *universe, const struct hc_kind *kind, char **ret)
{
    _cleanup_(writer_deinit) struct writer writer = {.universe = universe};
    struct hc_error *error = write_kind(&writer, kind, 0, ret);
    if (!error || !writer.is_too_large)
        return error;
    hc_error_destroy(error);
    return asprintf(ret, "<a kind of %u parts>", kind->parts) < 0 ? hc_error_out_of_memory() : NULL;
}
