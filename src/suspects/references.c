// Reference counts that do not agree with the references found.
#include "suspects/kinds.h"

#include "graph/audit.h"

#include <inttypes.h>
#include <stdlib.h>

// docs/suspects.md
// References to objects of one type: CPython itself loses a few, NumPy keeps some hundred docstrings for
// ever.
enum { LEAST_EXCESS = 1000 };

struct group {
    uint64_t objects, references, strays, bytes;
    uint32_t example;
};

static struct hc_error *group_by_type(const struct hc_graph *graph, const struct hc_audit_item_vector *items,
                                      uint32_t (*number)(const struct hc_audit_item *item),
                                      struct group **ret)
{
    _cleanup_(hc_freep) struct group *groups = calloc(graph->types.types.count + 1, sizeof(*groups));
    if (!groups)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < items->count; i++) {
        uint32_t object = items->items[i].object, references = number(&items->items[i]);
        struct group *group = &groups[graph->type_indexes[object]];
        if (!references)
            continue;
        if (!group->objects)
            group->example = object;
        group->objects++;
        group->references += references;
        group->strays += graph->states[object] == HC_STATE_STRAY;
        group->bytes += hc_graph_size(graph, (hc_object_id){object});
    }
    *ret = hc_take(groups);
    return NULL;
}

static struct hc_error *finish(const struct hc_inquiry *inquiry, struct hc_suspect *suspect,
                               const struct group *group)
{
    if (!suspect)
        return hc_error_out_of_memory();
    hc_suspect_figure(suspect, "objects", group->objects);
    hc_suspect_figure(suspect, "references", group->references);
    hc_suspect_figure(suspect, "strays", group->strays);
    hc_suspect_bytes(suspect, "size", group->bytes);
    suspect->elsewhere = "heapcore references CORE";
    return hc_suspect_about(inquiry, suspect, group->example);
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static const char *verb(uint64_t count)
{
    return count == 1 ? "has" : "have";
}

static struct hc_error *report_high(const struct hc_inquiry *inquiry, const struct hc_type *type,
                                    const struct group *group)
{
    return finish(inquiry,
                  hc_suspect_add(inquiry, "counts too high", group->bytes,
                                 "%" PRIu64 " object%s of %s.%s %s %" PRIu64
                                 " references more than can be found: C code that never gives them back; "
                                 "nothing refers to %" PRIu64 " of them",
                                 group->objects, plural(group->objects), type->module, type->qualname,
                                 verb(group->objects), group->references, group->strays),
                  group);
}

static struct hc_error *report_low(const struct hc_inquiry *inquiry, const struct hc_type *type,
                                   const struct group *group)
{
    return finish(inquiry,
                  hc_suspect_add(inquiry, "counts too low", group->bytes,
                                 "%" PRIu64 " object%s of %s.%s %s %" PRIu64
                                 " reference%s fewer than were found: they will be freed while in use",
                                 group->objects, plural(group->objects), type->module, type->qualname,
                                 verb(group->objects), group->references, plural(group->references)),
                  group);
}

struct hc_error *hc_find_wrong_counts(const struct hc_inquiry *inquiry)
{
    const struct hc_graph *graph = inquiry->session->graph;
    _cleanup_(hc_audit_deinit) struct hc_audit audit = {0};
    _cleanup_(hc_freep) struct group *high = NULL, *low = NULL;
    HC_TRY(hc_audit_run(graph, 0, &audit));
    HC_TRY(group_by_type(graph, &audit.high, hc_audit_excess, &high));
    HC_TRY(group_by_type(graph, &audit.low, hc_audit_deficit, &low));
    // What was cut off may hold them.
    bool is_cut = hc_image_losses(inquiry->session->image)->truncated;
    for (size_t i = 0; i < graph->types.types.count; i++) {
        if (high[i].references >= LEAST_EXCESS && !is_cut)
            HC_TRY(report_high(inquiry, graph->types.types.items[i], &high[i]));
        if (low[i].references)
            HC_TRY(report_low(inquiry, graph->types.types.items[i], &low[i]));
    }
    return NULL;
}
