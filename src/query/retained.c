// What would be freed: the bytes, from the dominator tree where one object is asked.
#include "graph/dominators.h"
#include "query/objects.h"

static struct hc_error *retained_of_set(struct hc_universe *universe, const struct hc_set *set,
                                        struct hc_answer *ret)
{
    _cleanup_(hc_set_releasep) struct hc_set *dominos = NULL;
    uint32_t first = hc_set_next(set, 0);
    // The tree knows single objects, and only what the roots reach.
    if (set->count == 1 && universe->graph->states[first] == HC_STATE_REACHABLE) {
        HC_TRY(hc_graph_find_dominators(universe->graph));
        *ret = hc_answer_integer((int64_t)hc_graph_retained(universe->graph, (hc_object_id){first}));
        return NULL;
    }
    HC_TRY(hc_set_dominos(set, &dominos));
    *ret = hc_answer_integer((int64_t)dominos->size);
    return NULL;
}

static struct hc_error *get_of_set(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                   struct hc_answer *ret)
{
    (void)evaluation;
    return retained_of_set(self->view->set->universe, self->view->set, ret);
}

static struct hc_error *get_of_object(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                      struct hc_answer *ret)
{
    (void)evaluation;
    const struct hc_object_thing *object = (const struct hc_object_thing *)self->thing;
    _cleanup_(hc_set_releasep) struct hc_set *one = hc_set_create(object->universe);
    if (!one)
        return hc_error_out_of_memory();
    hc_set_put(one, object->object);
    hc_set_seal(one);
    return retained_of_set(object->universe, one, ret);
}

const struct hc_attribute hc_retained_set_attributes[] = {
    {.name = "retained",
     .get = get_of_set,
     .help = "Is the number of bytes that would be freed if the set went, as domisize is. For one object it "
             "comes "
             "from the dominator tree, which is made once for the whole heap.",
     .example = "h.byid[0].retained"},
    {0},
};

const struct hc_attribute hc_retained_object_attributes[] = {
    {.name = "retained",
     .get = get_of_object,
     .help = "Is the number of bytes that would be freed if the object went: its own, and those of all that "
             "the roots reach only through it. It is iso(object).domisize, but quick for many objects.",
     .example = "h.byid[0].theone.retained"},
    {0},
};
