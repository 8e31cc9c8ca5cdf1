// Containers that once held much, or were made for it, and hold little.
#include "suspects/kinds.h"

#include "base/interrupt.h"
#include "base/size_text.h"
#include "python/room.h"
#include "sets/brief.h"

#include <inttypes.h>
#include <stdlib.h>

// docs/suspects.md
enum {
    SHARE = 5,            // per cent of the heap that is room for nothing
    LEAST = 1 << 20,      // bytes
    LEAST_ROOM = 1 << 10, // bytes, of one
    TIMES = 8, // what the contents need; a dict or set that has just grown has up to five times that
};

struct family {
    uint64_t objects;
    uint64_t room, needed;
    uint32_t worst; // object
    struct hc_room worst_room;
};

static struct hc_error *survey(const struct hc_inquiry *inquiry, const uint8_t *containers,
                               struct family *families)
{
    const struct hc_graph *graph = inquiry->universe->graph;
    struct hc_tracer *tracer;
    HC_TRY(hc_universe_tracer(inquiry->universe, &tracer));
    for (uint32_t i = 0; i < graph->real_count; i++) {
        enum hc_container container = (enum hc_container)containers[graph->type_indexes[i]];
        struct hc_object_view view;
        struct hc_room room;
        if (i % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (container == HC_CONTAINER_NONE || graph->states[i] != HC_STATE_REACHABLE ||
            graph->sizes[i] < LEAST_ROOM ||
            !hc_tracer_view(tracer, hc_graph_address(graph, (hc_object_id){i}), &view) ||
            !hc_container_room(tracer, container, &view, graph->edge_starts[i + 1] - graph->edge_starts[i],
                               &room) ||
            room.bytes / TIMES < room.needed || room.bytes < LEAST_ROOM ||
            room.bytes > hc_graph_size(graph, (hc_object_id){i}))
            continue;
        struct family *family = &families[container];
        family->objects++;
        family->room += room.bytes;
        family->needed += room.needed;
        if (room.bytes > family->worst_room.bytes) {
            family->worst = i;
            family->worst_room = room;
        }
    }
    return NULL;
}

static struct hc_error *report(const struct hc_inquiry *inquiry, const char *name,
                               const struct family *family)
{
    _cleanup_(hc_freep) char *brief = NULL;
    hc_size_buffer room, needed, worst;
    HC_TRY(hc_universe_brief(inquiry->universe, family->worst, &brief));
    hc_size_text(family->room, room);
    hc_size_text(family->needed, needed);
    hc_size_text(family->worst_room.bytes, worst);
    uint64_t excess = family->room - family->needed, items = family->worst_room.items;
    struct hc_suspect *suspect =
        family->objects == 1
            ? hc_suspect_add(inquiry, "oversized", excess,
                             "%s has room of %s for %" PRIu64 " items, where %s would do", brief, room, items,
                             needed)
            : hc_suspect_add(inquiry, "oversized", excess,
                             "%" PRIu64
                             " objects of the type %s have room of %s, where %s would do for what is "
                             "in them; the largest, %s, has %s for %" PRIu64 " items",
                             family->objects, name, room, needed, brief, worst, items);
    if (!suspect)
        return hc_error_out_of_memory();
    hc_suspect_figure(suspect, "objects", family->objects);
    hc_suspect_bytes(suspect, "room", family->room);
    hc_suspect_bytes(suspect, "needed", family->needed);
    hc_suspect_bytes(suspect, "largest_room", family->worst_room.bytes);
    hc_suspect_figure(suspect, "largest_items", family->worst_room.items);
    return hc_suspect_about(inquiry, suspect, family->worst);
}

struct hc_error *hc_find_oversized(const struct hc_inquiry *inquiry)
{
    const struct hc_universe *universe = inquiry->universe;
    struct family families[HC_CONTAINER_COUNT] = {0};
    struct hc_tracer *tracer;
    HC_TRY(hc_universe_tracer(inquiry->universe, &tracer));
    _cleanup_(hc_freep) uint8_t *containers = calloc(universe->type_count + 1ull, 1);
    if (!containers)
        return hc_error_out_of_memory();
    for (uint32_t i = 0; i < universe->type_count; i++)
        containers[i] = (uint8_t)hc_container_of(tracer, universe->graph->types.types.items[i]);
    HC_TRY(survey(inquiry, containers, families));
    for (int container = HC_CONTAINER_NONE + 1; container < HC_CONTAINER_COUNT; container++) {
        const struct family *family = &families[container];
        uint64_t spare = family->room - family->needed;
        if (spare >= inquiry->heap->size / 100 * SHARE && spare >= LEAST)
            HC_TRY(report(inquiry, hc_container_name((enum hc_container)container), family));
    }
    return NULL;
}
