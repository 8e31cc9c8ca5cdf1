#include "sets/via.h"

#include "base/interrupt.h"
#include "sets/links.h"
#include "sets/roots.h"

#include <stdlib.h>
#include <string.h>

// A link to an object, and the one found before.
struct found {
    uint32_t link;
    uint32_t before; // + 1; 0: none
};

HC_DEFINE_VECTOR(found_vector, struct found)

struct search {
    struct hc_universe *universe;
    struct hc_graph *graph;
    struct hc_relater relater;
    struct hc_set *wanted;
    struct found_vector found;
    uint32_t *last;    // by object: the last of its links in `found`, + 1
    uint32_t *related; // by object: the last referrer that has a link there, + 1
    uint64_t steps;
};

static void search_deinit(struct search *search)
{
    hc_relater_deinit(&search->relater);
    hc_set_release(search->wanted);
    found_vector_deinit(&search->found);
    free(search->last);
    free(search->related);
}

static struct hc_error *check_step(struct search *search)
{
    return ++search->steps % HC_INTERRUPT_STRIDE ? NULL : hc_interrupt_check();
}

static struct hc_error *add(struct search *search, uint32_t object, const struct hc_link *link)
{
    struct found found = {.before = search->last[object]};
    HC_TRY(hc_universe_intern_link(search->universe, search->relater.tracer, link, &found.link));
    if (search->found.count >= UINT32_MAX - 1 || !found_vector_push(&search->found, found))
        return hc_error_out_of_memory();
    search->last[object] = (uint32_t)search->found.count;
    return NULL;
}

static bool is_wanted(const struct search *search, uint32_t referrer, uint32_t object)
{
    return hc_set_has(search->wanted, object) && hc_is_referrer(search->graph, referrer, object);
}

// What refers, and no link says how.
static struct hc_error *add_unnamed(struct search *search, uint32_t referrer)
{
    const struct hc_graph *graph = search->graph;
    for (uint32_t edge = graph->edge_starts[referrer]; edge < graph->edge_starts[referrer + 1]; edge++) {
        uint32_t object = graph->edges[edge];
        HC_TRY(check_step(search));
        if (!is_wanted(search, referrer, object) || search->related[object] == referrer + 1)
            continue;
        struct hc_link link = {.kind = HC_LINK_UNKNOWN};
        if (object >= graph->real_count)
            link = (struct hc_link){.kind = HC_LINK_ATTRIBUTE, .name = "__dict__"};
        search->related[object] = referrer + 1;
        HC_TRY(add(search, object, &link));
    }
    return NULL;
}

static bool is_class(const struct hc_link *link)
{
    return link->kind == HC_LINK_INTERNAL && !strcmp(link->name, "ob_type");
}

// The links of a virtual dict are its owner's.
static struct hc_error *add_links_of(struct search *search, uint32_t referrer)
{
    const struct hc_graph *graph = search->graph;
    struct hc_relater *relater = &search->relater;
    bool is_virtual = referrer >= graph->real_count;
    uint32_t real = is_virtual ? graph->virtual_owners[referrer - graph->real_count] : referrer;
    struct hc_object_view view;
    relater->links.count = 0;
    if (hc_tracer_view(relater->tracer, hc_graph_address(graph, (hc_object_id){real}), &view))
        hc_relate(relater, &view);
    if (relater->out_of_memory)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < relater->links.count; i++) {
        const struct hc_link *link = &relater->links.items[i];
        hc_object_id object;
        HC_TRY(check_step(search));
        if (link->is_virtual != is_virtual || !hc_graph_find(graph, link->target, &object) ||
            !is_wanted(search, referrer, object.i))
            continue;
        search->related[object.i] = referrer + 1;
        if (!is_class(link)) // which heapy names on paths only
            HC_TRY(add(search, object.i, link));
    }
    return add_unnamed(search, referrer);
}

// Those that heapy names.
static struct hc_error *add_roots(struct search *search)
{
    const struct hc_roots *roots;
    HC_TRY(hc_universe_roots(search->universe, &roots));
    for (size_t i = 0; i < roots->count; i++)
        if (roots->links[i].rank != HC_ROOT_SPARE && hc_set_has(search->wanted, roots->links[i].object)) {
            struct hc_link link = roots->links[i].link;
            const char *variable = strstr(link.name, ".f_locals");
            if (roots->links[i].rank == HC_ROOT_FRAME && variable) // what the frame object would say
                link.name = variable + 1;
            HC_TRY(add(search, roots->links[i].object, &link));
        }
    return NULL;
}

static struct hc_error *intern_lists(struct search *search)
{
    struct hc_universe *universe = search->universe;
    _cleanup_(hc_id_vector_deinit) struct hc_id_vector links = {0};
    for (uint32_t object = hc_set_next(search->wanted, 0); object < search->graph->count;
         object = hc_set_next(search->wanted, object + 1)) {
        uint32_t number;
        HC_TRY(check_step(search));
        links.count = 0;
        for (uint32_t at = search->last[object]; at; at = search->found.items[at - 1].before)
            if (!hc_id_vector_push(&links, search->found.items[at - 1].link))
                return hc_error_out_of_memory();
        HC_TRY(hc_universe_intern_list(universe, links.items, (uint32_t)links.count, &number));
        universe->vias[object] = number + 1;
    }
    return NULL;
}

static struct hc_error *find_wanted(struct search *search, const struct hc_set *set)
{
    struct hc_universe *universe = search->universe;
    size_t count = (size_t)search->graph->count + 1;
    if (!universe->vias && !(universe->vias = calloc(count, sizeof(*universe->vias))))
        return hc_error_out_of_memory();
    search->wanted = hc_set_create(universe);
    search->last = calloc(count, sizeof(*search->last));
    search->related = calloc(count, sizeof(*search->related));
    if (!search->wanted || !search->last || !search->related)
        return hc_error_out_of_memory();
    for (uint32_t object = hc_set_next(set, 0); object < search->graph->count;
         object = hc_set_next(set, object + 1))
        if (!universe->vias[object])
            hc_set_put(search->wanted, object);
    hc_set_seal(search->wanted);
    return NULL;
}

struct hc_error *hc_universe_find_vias(struct hc_universe *universe, const struct hc_set *set)
{
    _cleanup_(search_deinit) struct search search = {.universe = universe, .graph = universe->graph};
    _cleanup_(hc_set_releasep) struct hc_set *referrers = NULL;
    HC_TRY(find_wanted(&search, set));
    if (!search.wanted->count)
        return NULL;
    HC_TRY(hc_universe_tracer(universe, &search.relater.tracer));
    HC_TRY(hc_set_referrers(search.wanted, &referrers));
    for (uint32_t referrer = hc_set_next(referrers, 0); referrer < search.graph->count;
         referrer = hc_set_next(referrers, referrer + 1))
        HC_TRY(add_links_of(&search, referrer));
    HC_TRY(add_roots(&search));
    return intern_lists(&search);
}
