// Paths one by one: at each object, the links that lead on are made, put in heapy's order, and one is taken.
#include "sets/paths.h"

#include "base/interrupt.h"
#include "python/value.h"

#include <stdlib.h>
#include <string.h>

HC_DEFINE_VECTOR(path_link_vector, struct hc_path_link)

static void link_deinit(struct hc_path_link *link)
{
    free((char *)link->link.name);
}

static void links_deinit(struct path_link_vector *links)
{
    for (size_t i = 0; i < links->count; i++)
        link_deinit(&links->items[i]);
    path_link_vector_deinit(links);
}

static void fork_deinit(struct hc_path_fork *fork)
{
    for (size_t i = 0; i < fork->count; i++)
        link_deinit(&fork->links[i]);
    free(fork->links);
}

void hc_path_walk_deinit(struct hc_path_walk *walk)
{
    for (size_t i = 0; i < walk->forks.count; i++)
        fork_deinit(&walk->forks.items[i]);
    hc_path_fork_vector_deinit(&walk->forks);
    hc_relater_deinit(&walk->relater);
    *walk = (struct hc_path_walk){0};
}

// heapy's order of relations.
static unsigned rank(const struct hc_path_link *link)
{
    static const uint8_t ranks[] = {
        [HC_LINK_UNKNOWN] = 0, [HC_LINK_ROOT] = 1, [HC_LINK_ATTRIBUTE] = 1, [HC_LINK_VALUE] = 2,
        [HC_LINK_ITEM] = 2,    [HC_LINK_KEY] = 3,  [HC_LINK_INTERNAL] = 4,  [HC_LINK_HASATTR] = 5,
        [HC_LINK_LOCAL] = 6,   [HC_LINK_CELL] = 7, [HC_LINK_STACK] = 8,     [HC_LINK_MEMBER] = 9,
    };
    return ranks[link->link.kind];
}

#define ORDER(left, right) (((left) > (right)) - ((left) < (right)))

static int compare_links(const void *a, const void *b, void *argument)
{
    const struct hc_path_link *left = a, *right = b;
    int order = ORDER(rank(left), rank(right));
    if (!order)
        order = ORDER(left->key_type, right->key_type);
    if (!order && left->link.name && right->link.name)
        order = strcmp(left->link.name, right->link.name);
    if (!order && left->link.key && right->link.key)
        order = hc_value_compare(argument, left->link.key, right->link.key);
    if (!order)
        order = ORDER(left->link.number, right->link.number);
    if (!order)
        order = ORDER(left->link.key, right->link.key);
    return order ? order : ORDER(left->node, right->node);
}

static struct hc_error *add_link(struct hc_tracer *tracer, const struct hc_link *link, uint32_t node,
                                 struct path_link_vector *links)
{
    struct hc_path_link added = {.link = *link, .node = node};
    struct hc_object_view key;
    if (link->name && !(added.link.name = strdup(link->name)))
        return hc_error_out_of_memory();
    if (link->kind == HC_LINK_VALUE && hc_tracer_view(tracer, link->key, &key))
        added.key_type = key.type->address;
    if (path_link_vector_push(links, added))
        return NULL;
    link_deinit(&added);
    return hc_error_out_of_memory();
}

// What an edge of a node leads to, by address.
struct target {
    uint64_t address;
    uint32_t node;
    bool has_link;
};

static int by_address(const void *a, const void *b)
{
    const struct target *left = a, *right = b;
    return ORDER(left->address, right->address);
}

// The targets of the edges of `node`, sorted; virtual dicts, which have no address of their own, are the
// last.
static struct target *find_targets(const struct hc_paths *paths, uint32_t node, size_t *ret_count)
{
    const struct hc_graph *graph = paths->universe->graph;
    uint64_t first = paths->edge_starts.items[node];
    size_t count = paths->edge_starts.items[node + 1] - first;
    struct target *targets = calloc(count + 1, sizeof(*targets));
    for (size_t i = 0; i < count && targets; i++) {
        uint32_t next = paths->edges.items[first + i], object = paths->objects.items[next];
        targets[i] = (struct target){.address = object < graph->real_count
                                                    ? hc_graph_address(graph, (hc_object_id){object})
                                                    : UINT64_MAX,
                                     .node = next};
    }
    if (count > 1 && targets)
        qsort(targets, count, sizeof(*targets), by_address);
    *ret_count = count;
    return targets;
}

static struct target *find_target(struct target *targets, size_t count, uint64_t address)
{
    const struct target wanted = {.address = address};
    if (count == 1)
        return targets->address == address ? targets : NULL;
    return bsearch(&wanted, targets, count, sizeof(*targets), by_address);
}

// The links of `object`; a virtual dict's are its owner's.
static void relate(struct hc_relater *relater, const struct hc_graph *graph, uint32_t object)
{
    struct hc_object_view view;
    uint32_t real = object >= graph->real_count ? graph->virtual_owners[object - graph->real_count] : object;
    relater->links.count = 0;
    if (hc_tracer_view(relater->tracer, hc_graph_address(graph, (hc_object_id){real}), &view))
        hc_relate(relater, &view);
}

// The links of `node` that are on paths. Where objects refer to each other and it is not known how, there is
// one.
static struct hc_error *find_links(struct hc_paths *paths, struct hc_relater *relater, uint32_t node,
                                   struct path_link_vector *links)
{
    const struct hc_graph *graph = paths->universe->graph;
    uint32_t object = paths->objects.items[node];
    bool is_virtual = object >= graph->real_count;
    size_t count;
    _cleanup_(hc_freep) struct target *targets = find_targets(paths, node, &count);
    if (!targets)
        return hc_error_out_of_memory();
    relate(relater, graph, object);
    for (size_t i = 0; i < relater->links.count; i++) {
        const struct hc_link *link = &relater->links.items[i];
        struct target *target =
            link->is_virtual == is_virtual ? find_target(targets, count, link->target) : NULL;
        if (!target)
            continue;
        HC_TRY(add_link(relater->tracer, link, target->node, links));
        target->has_link = true;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_dict = paths->objects.items[targets[i].node] >= graph->real_count;
        struct hc_link link = {.kind = HC_LINK_UNKNOWN};
        if (is_dict)
            link = (struct hc_link){.kind = HC_LINK_ATTRIBUTE, .name = "__dict__"};
        if (!targets[i].has_link)
            HC_TRY(add_link(relater->tracer, &link, targets[i].node, links));
    }
    return relater->out_of_memory ? hc_error_out_of_memory() : NULL;
}

static struct hc_error *push_fork(struct hc_path_walk *walk, uint32_t node)
{
    _cleanup_(links_deinit) struct path_link_vector links = {0};
    HC_TRY(find_links(walk->paths, &walk->relater, node, &links));
    if (links.count > 1)
        qsort_r(links.items, links.count, sizeof(*links.items), compare_links, walk->relater.tracer);
    struct hc_path_fork fork = {.links = links.items, .count = links.count};
    if (!hc_path_fork_vector_push(&walk->forks, fork))
        return hc_error_out_of_memory();
    links = (struct path_link_vector){0};
    return NULL;
}

static bool leads_on(const struct hc_paths *paths, uint32_t node)
{
    return paths->edge_starts.items[node] < paths->edge_starts.items[node + 1];
}

// The path's last node so far.
static uint32_t last_node(const struct hc_path_walk *walk)
{
    if (!walk->forks.count)
        return walk->paths->starts[walk->start].node;
    const struct hc_path_fork *fork = &walk->forks.items[walk->forks.count - 1];
    return fork->links[fork->chosen].node;
}

static uint64_t add_saturated(uint64_t left, uint64_t right)
{
    return left > UINT64_MAX - right ? UINT64_MAX : left + right;
}

// From the last column to the first; each node's links are made once.
static struct hc_error *count_paths(struct hc_paths *paths)
{
    if (paths->counts)
        return NULL;
    struct hc_tracer *tracer;
    HC_TRY(hc_universe_tracer(paths->universe, &tracer));
    _cleanup_(hc_relater_deinit) struct hc_relater relater = {.tracer = tracer};
    _cleanup_(hc_freep) uint64_t *counts = calloc(paths->objects.count + 1, sizeof(*counts));
    if (!counts)
        return hc_error_out_of_memory();
    for (size_t node = paths->objects.count; node-- > 0;) {
        if (node % 256 == 0)
            HC_TRY(hc_interrupt_check());
        _cleanup_(links_deinit) struct path_link_vector links = {0};
        counts[node] = !leads_on(paths, (uint32_t)node);
        if (!counts[node])
            HC_TRY(find_links(paths, &relater, (uint32_t)node, &links));
        for (size_t i = 0; i < links.count; i++)
            counts[node] = add_saturated(counts[node], counts[links.items[i].node]);
    }
    paths->counts = hc_take(counts);
    return NULL;
}

struct hc_error *hc_paths_count(struct hc_paths *paths, uint64_t *ret)
{
    uint64_t count = 0;
    if (paths->start_count)
        HC_TRY(count_paths(paths));
    for (size_t i = 0; i < paths->start_count; i++)
        count = add_saturated(count, paths->counts[paths->starts[i].node]);
    *ret = count;
    return NULL;
}

// Goes on from the last node along first links to a target.
static struct hc_error *descend(struct hc_path_walk *walk)
{
    while (leads_on(walk->paths, last_node(walk))) {
        if (walk->forks.count % 1024 == 0)
            HC_TRY(hc_interrupt_check());
        HC_TRY(push_fork(walk, last_node(walk)));
    }
    return NULL;
}

// The same, to the path that has `skip` before it.
static struct hc_error *descend_to(struct hc_path_walk *walk, uint64_t skip)
{
    const struct hc_paths *paths = walk->paths;
    HC_TRY(count_paths(walk->paths));
    while (walk->start < paths->start_count && paths->counts[paths->starts[walk->start].node] <= skip)
        skip -= paths->counts[paths->starts[walk->start++].node];
    walk->is_at_end = walk->start == paths->start_count;
    if (walk->is_at_end)
        return NULL;
    while (leads_on(paths, last_node(walk))) {
        if (walk->forks.count % 1024 == 0)
            HC_TRY(hc_interrupt_check());
        HC_TRY(push_fork(walk, last_node(walk)));
        struct hc_path_fork *fork = &walk->forks.items[walk->forks.count - 1];
        while (fork->chosen + 1 < fork->count && paths->counts[fork->links[fork->chosen].node] <= skip)
            skip -= paths->counts[fork->links[fork->chosen++].node];
    }
    return NULL;
}

struct hc_error *hc_path_walk_init(struct hc_path_walk *walk, struct hc_paths *paths, uint64_t index)
{
    struct hc_tracer *tracer;
    *walk = (struct hc_path_walk){.paths = paths, .index = index, .is_at_end = !paths->start_count};
    HC_TRY(hc_universe_tracer(paths->universe, &tracer));
    walk->relater.tracer = tracer;
    if (walk->is_at_end)
        return NULL;
    return index ? descend_to(walk, index) : descend(walk);
}

struct hc_error *hc_path_walk_next(struct hc_path_walk *walk)
{
    struct hc_tracer *tracer;
    if (walk->is_at_end)
        return NULL;
    HC_TRY(hc_universe_tracer(walk->paths->universe, &tracer)); // each path may read anew
    walk->index++;
    while (walk->forks.count) {
        struct hc_path_fork *fork = &walk->forks.items[walk->forks.count - 1];
        if (++fork->chosen < fork->count)
            return descend(walk);
        fork_deinit(fork);
        walk->forks.count--;
    }
    if (++walk->start < walk->paths->start_count)
        return descend(walk);
    walk->is_at_end = true;
    return NULL;
}

size_t hc_path_walk_count(const struct hc_path_walk *walk)
{
    return walk->is_at_end ? 0 : walk->forks.count + 1;
}

uint32_t hc_path_walk_object(const struct hc_path_walk *walk, size_t index)
{
    const struct hc_paths *paths = walk->paths;
    if (!index)
        return paths->objects.items[paths->starts[walk->start].node];
    const struct hc_path_fork *fork = &walk->forks.items[index - 1];
    return paths->objects.items[fork->links[fork->chosen].node];
}
