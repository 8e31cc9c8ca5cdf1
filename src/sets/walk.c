// From a set to the objects around it.
#include "sets/set.h"

#include "base/interrupt.h"

// To be asked once an object: looks at the wish to stop now and then.
static struct hc_error *check_step(uint32_t *steps)
{
    return ++*steps % HC_INTERRUPT_STRIDE ? NULL : hc_interrupt_check();
}

bool hc_is_referrer(const struct hc_graph *graph, uint32_t referrer, uint32_t object)
{
    return graph->states[referrer] == HC_STATE_REACHABLE || graph->states[object] != HC_STATE_REACHABLE;
}

struct hc_error *hc_set_referents(const struct hc_set *set, struct hc_set **ret)
{
    uint32_t steps = 0;
    const struct hc_graph *graph = set->universe->graph;
    _cleanup_(hc_set_releasep) struct hc_set *referents = hc_set_create(set->universe);
    if (!referents)
        return hc_error_out_of_memory();
    for (uint32_t object = hc_set_next(set, 0); object < graph->count;
         object = hc_set_next(set, object + 1)) {
        HC_TRY(check_step(&steps));
        for (uint32_t edge = graph->edge_starts[object]; edge < graph->edge_starts[object + 1]; edge++)
            if (graph->states[graph->edges[edge]] != HC_STATE_NONE)
                hc_set_put(referents, graph->edges[edge]);
    }
    hc_set_seal(referents);
    *ret = hc_take(referents);
    return NULL;
}

struct hc_error *hc_set_referrers(const struct hc_set *set, struct hc_set **ret)
{
    uint32_t steps = 0;
    struct hc_graph *graph = set->universe->graph;
    HC_TRY(hc_graph_find_referrers(graph, set->universe->threads));
    _cleanup_(hc_set_releasep) struct hc_set *referrers = hc_set_create(set->universe);
    if (!referrers)
        return hc_error_out_of_memory();
    for (uint32_t object = hc_set_next(set, 0); object < graph->count;
         object = hc_set_next(set, object + 1)) {
        HC_TRY(check_step(&steps));
        for (uint32_t i = graph->referrer_starts[object]; i < graph->referrer_starts[object + 1]; i++)
            if (hc_is_referrer(graph, graph->referrers[i], object))
                hc_set_put(referrers, graph->referrers[i]);
    }
    hc_set_seal(referrers);
    *ret = hc_take(referrers);
    return NULL;
}

// Adds to `seen` all that `stack` reaches outside of `avoid` (NULL: nothing is avoided); empties the stack.
static struct hc_error *flood(const struct hc_graph *graph, struct hc_id_vector *stack,
                              const struct hc_set *avoid, struct hc_set *seen)
{
    uint32_t steps = 0;
    while (stack->count) {
        HC_TRY(check_step(&steps));
        uint32_t object = stack->items[--stack->count];
        for (uint32_t edge = graph->edge_starts[object]; edge < graph->edge_starts[object + 1]; edge++) {
            uint32_t referent = graph->edges[edge];
            if (hc_set_has(seen, referent) || (avoid && hc_set_has(avoid, referent)) ||
                graph->states[referent] == HC_STATE_NONE)
                continue;
            hc_set_put(seen, referent);
            if (!hc_id_vector_push(stack, referent))
                return hc_error_out_of_memory();
        }
    }
    return NULL;
}

// What the roots reach without passing through `avoid`.
static struct hc_error *flood_from_roots(const struct hc_set *avoid, struct hc_set *seen)
{
    const struct hc_graph *graph = avoid->universe->graph;
    _cleanup_(hc_id_vector_deinit) struct hc_id_vector stack = {0};
    for (size_t i = 0; i < graph->roots.count; i++) {
        uint32_t root = graph->roots.items[i];
        if (hc_set_has(avoid, root) || hc_set_has(seen, root))
            continue;
        hc_set_put(seen, root);
        if (!hc_id_vector_push(&stack, root))
            return hc_error_out_of_memory();
    }
    return flood(graph, &stack, avoid, seen);
}

struct hc_error *hc_set_dominos(const struct hc_set *set, struct hc_set **ret)
{
    uint32_t steps = 0;
    const struct hc_graph *graph = set->universe->graph;
    _cleanup_(hc_set_releasep) struct hc_set *without = hc_set_create(set->universe);
    _cleanup_(hc_set_releasep) struct hc_set *dominos = hc_set_create(set->universe);
    _cleanup_(hc_id_vector_deinit) struct hc_id_vector stack = {0};
    if (!without || !dominos)
        return hc_error_out_of_memory();
    HC_TRY(flood_from_roots(set, without));
    for (uint32_t object = hc_set_next(set, 0); object < graph->count;
         object = hc_set_next(set, object + 1)) {
        HC_TRY(check_step(&steps));
        hc_set_put(dominos, object);
        if (!hc_id_vector_push(&stack, object))
            return hc_error_out_of_memory();
    }
    HC_TRY(flood(graph, &stack, without, dominos));
    hc_set_seal(dominos);
    *ret = hc_take(dominos);
    return NULL;
}

struct hc_error *hc_set_immediate_dominators(const struct hc_set *set, struct hc_set **ret)
{
    uint32_t steps = 0;
    const struct hc_graph *graph = set->universe->graph;
    _cleanup_(hc_set_releasep) struct hc_set *referrers = NULL;
    HC_TRY(hc_set_referrers(set, &referrers));
    _cleanup_(hc_set_releasep) struct hc_set *without = hc_set_create(set->universe);
    _cleanup_(hc_set_releasep) struct hc_set *dominators = hc_set_create(set->universe);
    if (!without || !dominators)
        return hc_error_out_of_memory();
    HC_TRY(flood_from_roots(referrers, without));
    for (size_t i = 0; i < graph->roots.count; i++)
        if (hc_set_has(referrers, graph->roots.items[i]))
            hc_set_put(dominators, graph->roots.items[i]);
    for (uint32_t object = hc_set_next(without, 0); object < graph->count;
         object = hc_set_next(without, object + 1)) {
        HC_TRY(check_step(&steps));
        for (uint32_t edge = graph->edge_starts[object]; edge < graph->edge_starts[object + 1]; edge++)
            if (hc_set_has(referrers, graph->edges[edge]))
                hc_set_put(dominators, graph->edges[edge]);
    }
    hc_set_seal(dominators);
    *ret = hc_take(dominators);
    return NULL;
}

struct hc_error *hc_set_owners(const struct hc_set *set, struct hc_set **ret)
{
    uint32_t steps = 0;
    struct hc_universe *universe = set->universe;
    _cleanup_(hc_set_releasep) struct hc_set *owners = hc_set_create(universe);
    hc_object_id owner;
    if (!owners)
        return hc_error_out_of_memory();
    for (uint32_t object = hc_set_next(set, 0); object < universe->graph->count;
         object = hc_set_next(set, object + 1)) {
        HC_TRY(check_step(&steps));
        if (universe->is_dict[universe->graph->type_indexes[object]] &&
            hc_graph_dict_owner(universe->graph, (hc_object_id){object}, &owner))
            hc_set_put(owners, owner.i);
    }
    hc_set_seal(owners);
    *ret = hc_take(owners);
    return NULL;
}

struct hc_error *hc_set_dicts(const struct hc_set *set, struct hc_set **ret)
{
    uint32_t steps = 0;
    struct hc_universe *universe = set->universe;
    const struct hc_graph *graph = universe->graph;
    _cleanup_(hc_set_releasep) struct hc_set *dicts = hc_set_create(universe);
    hc_object_id owner;
    if (!dicts)
        return hc_error_out_of_memory();
    // A dict's owner refers to it.
    for (uint32_t object = hc_set_next(set, 0); object < graph->count;
         object = hc_set_next(set, object + 1)) {
        HC_TRY(check_step(&steps));
        for (uint32_t edge = graph->edge_starts[object]; edge < graph->edge_starts[object + 1]; edge++) {
            uint32_t dict = graph->edges[edge];
            if (universe->is_dict[graph->type_indexes[dict]] &&
                hc_graph_dict_owner(graph, (hc_object_id){dict}, &owner) && owner.i == object)
                hc_set_put(dicts, dict);
        }
    }
    hc_set_seal(dicts);
    *ret = hc_take(dicts);
    return NULL;
}
