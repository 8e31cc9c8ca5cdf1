// Kinds that have become more since the baseline.
#include "suspects/kinds.h"

#include "base/size_text.h"
#include "sets/kind.h"
#include "sets/kind_text.h"
#include "sets/partition.h"

#include <inttypes.h>
#include <stdlib.h>

// docs/suspects.md
enum {
    SHARE = 2,       // per cent of the heap that the growth takes
    LEAST = 1 << 18, // bytes
    GROWTH = 10,     // per cent of the objects there were
};

struct kind {
    uint64_t now, then, fresh, fresh_bytes; // objects; those that were not there then
    uint32_t example;
};

static void survey(const struct hc_graph *graph, const struct hc_set *heap, const struct hc_set *known,
                   struct kind *kinds)
{
    for (uint32_t i = hc_set_next(heap, 0); i < graph->real_count; i = hc_set_next(heap, i + 1)) {
        struct kind *kind = &kinds[graph->type_indexes[i]];
        kind->now++;
        if (hc_set_has(known, i))
            continue;
        kind->fresh++;
        kind->fresh_bytes += hc_graph_size(graph, (hc_object_id){i});
        kind->example = i;
    }
}

// What came and did not replace what went, as its share of all that came.
static uint64_t grown_bytes(const struct kind *kind)
{
    if (kind->now <= kind->then || !kind->fresh)
        return 0;
    uint64_t grown = kind->now - kind->then;
    return (uint64_t)((double)kind->fresh_bytes * (double)(grown < kind->fresh ? grown : kind->fresh) /
                      (double)kind->fresh);
}

static struct hc_error *report(const struct hc_inquiry *inquiry, const struct hc_type *type,
                               const struct kind *kind)
{
    uint64_t bytes = grown_bytes(kind);
    hc_size_buffer size;
    _cleanup_(hc_freep) char *name = hc_kind_class_name(type);
    if (!name)
        return hc_error_out_of_memory();
    struct hc_suspect *suspect =
        hc_suspect_add(inquiry, "growth", bytes,
                       "%s: %" PRIu64 " objects, %" PRIu64 " in the baseline; what was added takes %s", name,
                       kind->now, kind->then, hc_size_text(bytes, size));
    _cleanup_(hc_kind_releasep) struct hc_kind *kind_of_type = hc_kind_of_class(HC_BY_TYPE, type->index);
    _cleanup_(hc_freep) char *expression = NULL;
    if (!suspect || !kind_of_type)
        return hc_error_out_of_memory();
    HC_TRY(hc_kind_text(inquiry->universe, kind_of_type, &expression));
    if (!hc_suspect_query(suspect, "(h & %s).rp", expression))
        return hc_error_out_of_memory();
    hc_suspect_figure(suspect, "objects", kind->now);
    hc_suspect_figure(suspect, "in_baseline", kind->then);
    hc_suspect_figure(suspect, "new", kind->fresh);
    hc_suspect_bytes(suspect, "added", bytes);
    return hc_suspect_about(inquiry, suspect, kind->example);
}

struct hc_error *hc_find_growth(const struct hc_inquiry *inquiry)
{
    if (!inquiry->baseline)
        return NULL;
    const struct hc_graph *graph = inquiry->universe->graph;
    _cleanup_(hc_set_releasep) struct hc_set *known = NULL;
    _cleanup_(hc_freep) struct kind *kinds = calloc(graph->types.types.count + 1, sizeof(*kinds));
    _cleanup_(hc_freep) uint64_t *then = calloc(graph->types.types.count + 1, sizeof(*then));
    if (!kinds || !then)
        return hc_error_out_of_memory();
    HC_TRY(hc_reference_check(inquiry->baseline, graph));
    HC_TRY(hc_reference_members(inquiry->baseline, HC_REFERENCE_REACHED, inquiry->universe, &known));
    HC_TRY(hc_reference_count_types(inquiry->baseline, HC_REFERENCE_REACHED, graph, then));
    survey(graph, inquiry->heap, known, kinds);
    for (size_t i = 0; i < graph->types.types.count; i++) {
        kinds[i].then = then[i];
        uint64_t bytes = grown_bytes(&kinds[i]);
        if (bytes >= inquiry->heap->size / 100 * SHARE && bytes >= LEAST &&
            (kinds[i].now - kinds[i].then) * 100 >= kinds[i].then * GROWTH)
            HC_TRY(report(inquiry, graph->types.types.items[i], &kinds[i]));
    }
    return NULL;
}
