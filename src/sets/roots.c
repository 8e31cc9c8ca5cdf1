#include "sets/roots.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hc_roots_destroy(struct hc_roots *roots)
{
    if (!roots)
        return;
    hc_named_roots_deinit(&roots->names);
    free(roots->links);
    free(roots->bits);
    free(roots);
}

HC_DEFINE_POINTER_CLEANUP(hc_roots_destroy, struct hc_roots)

static int compare_links(const void *a, const void *b)
{
    const struct hc_root_link *left = a, *right = b;
    if (left->object != right->object)
        return left->object < right->object ? -1 : 1;
    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    return strcmp(left->link.name, right->link.name);
}

// Every root of the graph has a name, for want of a better one its address.
static struct hc_error *name_others(struct hc_roots *roots, const struct hc_graph *graph)
{
    for (size_t i = 0; i < graph->roots.count; i++) {
        uint32_t root = graph->roots.items[i];
        if (hc_roots_has(roots, root))
            continue;
        char name[32];
        uint64_t address = hc_graph_address(graph, (hc_object_id){root});
        size_t length = (size_t)snprintf(name, sizeof(name), "0x%" PRIx64, address) + 1;
        struct hc_root_text *text = &roots->names.text;
        struct hc_named_root named = {.address = address, .name = text->count, .rank = HC_ROOT_SPARE};
        if (!hc_root_text_reserve(text, text->count + length) ||
            !hc_named_root_vector_push(&roots->names.roots, named))
            return hc_error_out_of_memory();
        memcpy(text->items + text->count, name, length);
        text->count += length;
    }
    return NULL;
}

static void find_objects(struct hc_roots *roots, const struct hc_graph *graph)
{
    for (size_t i = 0; i < roots->names.roots.count; i++) {
        hc_object_id object;
        if (hc_graph_find(graph, roots->names.roots.items[i].address, &object))
            roots->bits[object.i / 64] |= 1ull << (object.i % 64);
    }
}

static struct hc_error *fill(struct hc_roots *roots, const struct hc_graph *graph)
{
    const struct hc_named_root_vector *names = &roots->names.roots;
    roots->bits = calloc(graph->count / 64 + 1, sizeof(*roots->bits));
    if (!roots->bits)
        return hc_error_out_of_memory();
    find_objects(roots, graph);
    HC_TRY(name_others(roots, graph));
    roots->links = malloc((names->count + 1) * sizeof(*roots->links));
    if (!roots->links)
        return hc_error_out_of_memory();
    size_t count = 0;
    for (size_t i = 0; i < names->count; i++) {
        hc_object_id object;
        if (!hc_graph_find(graph, names->items[i].address, &object))
            continue;
        roots->bits[object.i / 64] |= 1ull << (object.i % 64);
        roots->links[count++] =
            (struct hc_root_link){.object = object.i,
                                  .rank = names->items[i].rank,
                                  .link = {.target = names->items[i].address,
                                           .kind = HC_LINK_ROOT,
                                           .name = roots->names.text.items + names->items[i].name}};
    }
    qsort(roots->links, count, sizeof(*roots->links), compare_links);
    for (size_t i = 0; i < count; i++)
        if (!i || compare_links(&roots->links[roots->count - 1], &roots->links[i]))
            roots->links[roots->count++] = roots->links[i];
    return NULL;
}

struct hc_error *hc_universe_roots(struct hc_universe *universe, const struct hc_roots **ret)
{
    if (!universe->roots) {
        _cleanup_(hc_roots_destroyp) struct hc_roots *roots = calloc(1, sizeof(*roots));
        struct hc_tracer *tracer;
        if (!roots)
            return hc_error_out_of_memory();
        HC_TRY(hc_universe_tracer(universe, &tracer));
        HC_TRY(hc_roots_name(universe->graph->types.runtime, tracer, &roots->names));
        HC_TRY(fill(roots, universe->graph));
        universe->roots = hc_take(roots);
    }
    *ret = universe->roots;
    return NULL;
}

const struct hc_root_link *hc_roots_of(const struct hc_roots *roots, uint32_t object, size_t *ret_count)
{
    *ret_count = 0;
    if (!hc_roots_has(roots, object))
        return NULL;
    size_t low = 0, high = roots->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (roots->links[middle].object < object)
            low = middle + 1;
        else
            high = middle;
    }
    while (low + *ret_count < roots->count && roots->links[low + *ret_count].object == object)
        ++*ret_count;
    return &roots->links[low];
}

bool hc_root_link_is_frames(const struct hc_root_link *link)
{
    unsigned frame;
    return link->rank == HC_ROOT_FRAME ||
           (link->link.name && sscanf(link->link.name, "i%*u_t%*u_f%u", &frame) == 1);
}
