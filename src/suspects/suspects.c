#include "suspects/suspects.h"

#include "sets/brief.h"
#include "sets/paths.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void hc_suspects_deinit(struct hc_suspect_vector *suspects)
{
    for (size_t i = 0; i < suspects->count; i++) {
        free(suspects->items[i].sentence);
        free(suspects->items[i].path);
        free(suspects->items[i].query);
    }
    hc_suspect_vector_deinit(suspects);
}

struct hc_suspect *hc_suspect_add(const struct hc_inquiry *inquiry, const char *name, uint64_t bytes,
                                  const char *format, ...)
{
    struct hc_suspect_vector *suspects = inquiry->suspects;
    struct hc_suspect added = {.name = name, .bytes = bytes};
    va_list arguments;
    va_start(arguments, format);
    bool is_written = vasprintf(&added.sentence, format, arguments) >= 0;
    va_end(arguments);
    if (!is_written)
        return NULL;
    if (hc_suspect_vector_push(suspects, added))
        return &suspects->items[suspects->count - 1];
    free(added.sentence);
    return NULL;
}

static void add_figure(struct hc_suspect *suspect, struct hc_figure figure)
{
    if (suspect->figure_count < HC_SUSPECT_FIGURES)
        suspect->figures[suspect->figure_count++] = figure;
}

void hc_suspect_figure(struct hc_suspect *suspect, const char *key, uint64_t number)
{
    add_figure(suspect, (struct hc_figure){key, number, false});
}

void hc_suspect_bytes(struct hc_suspect *suspect, const char *key, uint64_t bytes)
{
    add_figure(suspect, (struct hc_figure){key, bytes, true});
}

bool hc_suspect_query(struct hc_suspect *suspect, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bool is_written = vasprintf(&suspect->query, format, arguments) >= 0;
    va_end(arguments);
    if (!is_written)
        suspect->query = NULL;
    return is_written;
}

struct hc_error *hc_suspect_about(const struct hc_inquiry *inquiry, struct hc_suspect *suspect,
                                  uint32_t object)
{
    uint64_t address;
    HC_TRY(hc_path_to(inquiry->universe, object, &suspect->path));
    HC_TRY(hc_universe_address(inquiry->universe, object, &address));
    if (!suspect->query && !hc_suspect_query(suspect, "iso(0x%" PRIx64 ").rp", address))
        return hc_error_out_of_memory();
    return NULL;
}

static int most_bytes_first(const void *a, const void *b)
{
    const struct hc_suspect *left = a, *right = b;
    return (left->bytes < right->bytes) - (left->bytes > right->bytes);
}

static struct hc_error *find_all(const struct hc_session *session, const struct hc_reference *baseline,
                                 struct hc_suspect_vector *suspects)
{
    _cleanup_(hc_universe_deinit) struct hc_universe universe = {0};
    _cleanup_(hc_set_releasep) struct hc_set *heap = NULL;
    HC_TRY(hc_universe_init(&universe, session->graph, 0));
    HC_TRY(hc_set_of_states(&universe, 1u << HC_STATE_REACHABLE, &heap));
    const struct hc_inquiry inquiry = {
        .session = session, .universe = &universe, .heap = heap, .baseline = baseline, .suspects = suspects};
    for (const struct hc_finding_kind *kind = hc_finding_kinds; kind->name; kind++)
        HC_TRY(kind->find(&inquiry));
    if (suspects->count > 1)
        qsort(suspects->items, suspects->count, sizeof(*suspects->items), most_bytes_first);
    return NULL;
}

struct hc_error *hc_suspects_find(const struct hc_session *session, const struct hc_reference *baseline,
                                  struct hc_suspect_vector *ret)
{
    struct hc_suspect_vector suspects = {0};
    struct hc_error *error = find_all(session, baseline, &suspects);
    if (error)
        hc_suspects_deinit(&suspects);
    else
        *ret = suspects;
    return error;
}
