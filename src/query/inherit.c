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

// From a session's types or objects to another's.
struct translation {
    struct hc_universe *universe;
    const struct hc_graph *older;
};

static bool find_type(const struct hc_graph *graph, uint64_t address, uint64_t *ret)
{
    for (size_t i = 0; i < graph->types.types.count; i++)
        if (graph->types.types.items[i]->address == address) {
            *ret = i;
            return true;
        }
    return false;
}

static bool translate_key(const struct translation *translation, const struct hc_kind *kind, uint64_t *ret)
{
    const struct hc_graph *graph = translation->universe->graph, *older = translation->older;
    uint64_t types = older->types.types.count, key = kind->key;
    hc_object_id object;
    switch (kind->relation) {
    case HC_BY_UNITY:
    case HC_BY_SIZE:
        *ret = key;
        return true;
    case HC_BY_CLODO:
    case HC_BY_TYPE:
        if (key >= 2 * types || !find_type(graph, older->types.types.items[key % types]->address, ret))
            return false;
        *ret += key < types ? 0 : graph->types.types.count;
        return true;
    case HC_BY_ID:
    case HC_BY_IDSET:
        if (key >= older->count ||
            !hc_graph_find(graph, hc_graph_address(older, (hc_object_id){(uint32_t)key}), &object))
            return false;
        *ret = object.i;
        return graph->states[object.i] != HC_STATE_NONE;
    default:
        return false;
    }
}

static struct hc_error *translate_class(const struct translation *translation, const struct hc_kind *kind,
                                        struct hc_kind **ret)
{
    uint64_t key;
    if (!translate_key(translation, kind, &key))
        return NULL;
    _cleanup_(hc_kind_releasep) struct hc_kind *class = hc_kind_of_class(kind->relation, key);
    if (!class)
        return hc_error_out_of_memory();
    if (kind->comparison != HC_EQUAL)
        return hc_kind_alternative(class, kind->comparison, ret);
    *ret = hc_take(class);
    return NULL;
}

// NULL in `*ret`: it says something of the earlier session that cannot be said of this.
static struct hc_error *translate_kind(const struct translation *translation, const struct hc_kind *kind,
                                       struct hc_kind **ret)
{
    _cleanup_(hc_kind_releasep) struct hc_kind *left = NULL;
    _cleanup_(hc_kind_releasep) struct hc_kind *right = NULL;
    _cleanup_(hc_set_releasep) struct hc_set *set = NULL;
    struct hc_kind *found = NULL;
    HC_TRY(hc_interrupt_check());
    if (kind->left)
        HC_TRY(translate_kind(translation, kind->left, &left));
    if (kind->right)
        HC_TRY(translate_kind(translation, kind->right, &right));
    if ((kind->left && !left) || (kind->right && !right))
        return NULL;
    switch (kind->operation) {
    case HC_KIND_CLASS:
        return translate_class(translation, kind, ret);
    case HC_KIND_SET:
        HC_TRY(translate_set(translation->universe, kind->set, &set));
        found = hc_kind_of_set(set);
        break;
    case HC_KIND_ALL:
        found = hc_kind_of_all();
        break;
    case HC_KIND_NOT:
        found = hc_kind_not(left);
        break;
    case HC_KIND_DICTS:
        found = hc_kind_dicts(left);
        break;
    case HC_KIND_AND:
    case HC_KIND_OR:
        found = hc_kind_both(kind->operation, left, right);
        break;
    }
    if (!found)
        return hc_kind_refused();
    *ret = found;
    return NULL;
}

// How a set's table is shown, unless that depends on the earlier session (findex()).
static struct hc_classifier translate_classifier(const struct hc_classifier *classifier)
{
    for (size_t i = 0; i < classifier->count; i++)
        if (classifier->parts[i] >= HC_RELATION_COUNT)
            return hc_classifier_of(HC_BY_CLODO);
    return *classifier;
}

static struct hc_error *inherit(struct hc_interpreter *interpreter, const struct hc_graph *older,
                                const struct hc_variable *variable)
{
    _cleanup_(hc_answer_deinit) struct hc_answer value = {0};
    const struct translation translation = {&interpreter->universe, older};
    struct hc_kind *kind = NULL;
    switch (variable->value.type) {
    case HC_ANSWER_INTEGER:
    case HC_ANSWER_TRUTH:
    case HC_ANSWER_TEXT:
        return hc_interpreter_assign(interpreter, variable->name, &variable->value);
    case HC_ANSWER_SET: {
        const struct hc_classifier classifier = translate_classifier(&variable->value.view->classifier);
        struct hc_set *set = NULL;
        HC_TRY(translate_set(&interpreter->universe, variable->value.view->set, &set));
        HC_TRY(hc_answer_set(set, &classifier, &value));
        return hc_interpreter_assign(interpreter, variable->name, &value);
    }
    case HC_ANSWER_KIND:
        HC_TRY(translate_kind(&translation, variable->value.kind, &kind));
        if (!kind)
            return NULL;
        HC_TRY(hc_answer_kind(kind, &value));
        return hc_interpreter_assign(interpreter, variable->name, &value);
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
        HC_TRY(inherit(interpreter, older->universe.graph, &older->variables.items[i]));
    return NULL;
}
