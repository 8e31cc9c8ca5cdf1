#include "query/inherit.h"

#include "base/interrupt.h"

static bool is_same(const struct hc_graph *graph, hc_object_id object, const struct hc_graph *older,
                    hc_object_id before)
{
    return hc_graph_type(graph, object)->address == hc_graph_type(older, before)->address;
}

static struct hc_error *translate_set(struct hc_universe *universe, const struct hc_set *set,
                                      struct hc_set **ret)
{
    const struct hc_graph *graph = universe->graph, *older = set->universe->graph;
    _cleanup_(hc_set_releasep) struct hc_set *found = hc_set_create(universe);
    if (!found)
        return hc_error_out_of_memory();
    uint64_t seen = 0;
    for (uint32_t before = hc_set_next(set, 0); before < older->count;
         before = hc_set_next(set, before + 1)) {
        hc_object_id object;
        if (++seen % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (hc_graph_find(graph, hc_graph_address(older, (hc_object_id){before}), &object) &&
            graph->states[object.i] != HC_STATE_NONE && is_same(graph, object, older, (hc_object_id){before}))
            hc_set_put(found, object.i);
    }
    hc_set_seal(found);
    *ret = hc_take(found);
    return NULL;
}

static struct hc_error *inherit(struct hc_interpreter *interpreter, const struct hc_variable *variable)
{
    _cleanup_(hc_answer_deinit) struct hc_answer value = {0};
    switch (variable->value.type) {
    case HC_ANSWER_INTEGER:
    case HC_ANSWER_TRUTH:
    case HC_ANSWER_TEXT:
        return hc_interpreter_assign(interpreter, variable->name, &variable->value);
    case HC_ANSWER_SET: {
        const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
        struct hc_set *set = NULL;
        HC_TRY(translate_set(&interpreter->universe, variable->value.view->set, &set));
        HC_TRY(hc_answer_set(set, &clodo, &value));
        return hc_interpreter_assign(interpreter, variable->name, &value);
    }
    default:
        return NULL;
    }
}

struct hc_error *hc_interpreter_inherit(struct hc_interpreter *interpreter,
                                        const struct hc_interpreter *older)
{
    if (older->baseline && !interpreter->baseline)
        interpreter->baseline = hc_reference_keep(older->baseline);
    for (int part = 0; part < HC_REFERENCE_PART_COUNT; part++)
        if (older->relative[part] && !interpreter->relative[part])
            interpreter->relative[part] = hc_reference_keep(older->relative[part]);
    for (size_t i = 0; i < older->variables.count; i++)
        HC_TRY(inherit(interpreter, &older->variables.items[i]));
    return NULL;
}
