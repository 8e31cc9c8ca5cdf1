#include "graph/joints.h"

#include "base/interrupt.h"
#include "graph/dominators.h"

#include <stdlib.h>

void hc_joints_deinit(struct hc_joints *joints)
{
    free(joints->parents);
    free(joints->joints);
    free(joints->rooted);
    free(joints->leading);
    free(joints->nodes);
    free(joints->twice);
    free(joints->ranks);
    *joints = (struct hc_joints){0};
}

static bool is_reached(const struct hc_graph *graph, uint32_t object)
{
    return graph->states[object] == HC_STATE_REACHABLE;
}

static struct hc_error *allocate(struct hc_joints *joints)
{
    uint32_t count = joints->graph->count;
    size_t words = (size_t)count / 64 + 1;
    uint64_t **bitmaps[] = {&joints->joints, &joints->rooted, &joints->leading, &joints->nodes,
                            &joints->twice};
    for (size_t i = 0; i < sizeof(bitmaps) / sizeof(*bitmaps); i++)
        if (!(*bitmaps[i] = calloc(words, sizeof(uint64_t))))
            return hc_error_out_of_memory();
    joints->ranks = malloc(words * sizeof(*joints->ranks));
    joints->parents = malloc((count + 1ull) * sizeof(*joints->parents));
    if (!joints->ranks || !joints->parents)
        return hc_error_out_of_memory();
    for (uint32_t object = 0; object < count; object++)
        joints->parents[object] = HC_DOMINATOR_NONE;
    return NULL;
}

static struct hc_error *find_joints(struct hc_joints *joints)
{
    const struct hc_graph *graph = joints->graph;
    uint32_t *parents = joints->parents;
    for (uint32_t source = 0; source < graph->count; source++) {
        if (source % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (!is_reached(graph, source))
            continue;
        uint32_t end = graph->edge_starts[source + 1];
        for (uint32_t edge = graph->edge_starts[source]; edge < end; edge++) {
            uint32_t target = graph->edges[edge];
            if (parents[target] == HC_DOMINATOR_NONE && target != source)
                parents[target] = source;
            else if (target != source)
                hc_joints_set(parents[target] == source ? joints->twice : joints->joints, target);
        }
    }
    for (size_t i = 0; i < graph->roots.count; i++) {
        hc_joints_set(joints->joints, graph->roots.items[i]);
        hc_joints_set(joints->rooted, graph->roots.items[i]);
    }
    // What has no referrer and is no root would not be reached; it must not be climbed from, either.
    for (uint32_t object = 0; object < graph->count; object++)
        if (parents[object] == HC_DOMINATOR_NONE && is_reached(graph, object))
            hc_joints_set(joints->joints, object);
    return NULL;
}

// Does knowing who refers to it take part in finding dominators?
static bool is_sought(const struct hc_joints *joints, uint32_t object)
{
    return hc_joints_bit(joints->joints, object) && !hc_joints_bit(joints->rooted, object);
}

// One more reference leads on from `object`: the first also makes one from its referrer.
static void lead_on(struct hc_joints *joints, uint32_t object)
{
    while (!hc_joints_bit(joints->leading, object)) {
        hc_joints_set(joints->leading, object);
        if (hc_joints_bit(joints->joints, object))
            return;
        object = joints->parents[object];
    }
    hc_joints_set(joints->nodes, object);
}

static struct hc_error *find_nodes(struct hc_joints *joints)
{
    const struct hc_graph *graph = joints->graph;
    size_t words = (size_t)graph->count / 64 + 1;
    for (uint32_t source = 0; source < graph->count; source++) {
        if (source % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (!is_reached(graph, source))
            continue;
        for (uint32_t edge = graph->edge_starts[source]; edge < graph->edge_starts[source + 1]; edge++)
            if (is_sought(joints, graph->edges[edge]) && graph->edges[edge] != source)
                lead_on(joints, source);
    }
    for (size_t word = 0; word < words; word++) {
        joints->nodes[word] |= joints->joints[word];
        joints->ranks[word] = joints->count;
        joints->count += (uint32_t)__builtin_popcountll(joints->nodes[word]);
    }
    return NULL;
}

struct hc_error *hc_joints_find(const struct hc_graph *graph, struct hc_joints *ret)
{
    _cleanup_(hc_joints_deinit) struct hc_joints joints = {.graph = graph};
    HC_TRY(allocate(&joints));
    HC_TRY(find_joints(&joints));
    HC_TRY(find_nodes(&joints));
    *ret = joints;
    joints = (struct hc_joints){0};
    return NULL;
}

// Of one source to the joints that it refers to.
static void visit_edges_of(const struct hc_joints *joints, uint32_t source, hc_joints_edge_fn *visit,
                           void *argument)
{
    const struct hc_graph *graph = joints->graph;
    uint32_t from = 0, end = graph->edge_starts[source + 1];
    for (uint32_t edge = graph->edge_starts[source]; edge < end; edge++) {
        uint32_t target = graph->edges[edge];
        if (!is_sought(joints, target) || target == source)
            continue;
        from = from ? from : hc_joints_node(joints, source);
        visit(argument, from, hc_joints_node(joints, target));
    }
}

struct hc_error *hc_joints_each_edge(const struct hc_joints *joints, hc_joints_edge_fn *visit, void *argument)
{
    const struct hc_graph *graph = joints->graph;
    for (uint32_t object = 0; object < graph->count; object++) {
        if (object % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (hc_joints_bit(joints->rooted, object))
            visit(argument, 0, hc_joints_node(joints, object));
        else if (hc_joints_bit(joints->nodes, object) && !hc_joints_bit(joints->joints, object))
            visit(argument, hc_joints_node(joints, joints->parents[object]), hc_joints_node(joints, object));
        if (is_reached(graph, object) && hc_joints_bit(joints->leading, object))
            visit_edges_of(joints, object, visit, argument);
    }
    return NULL;
}
