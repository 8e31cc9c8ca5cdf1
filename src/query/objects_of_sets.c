// From sets to their objects and back: theone, nodes, iter(), next(), iso(), idset(), len(), repr().
#include "query/families.h"
#include "query/objects.h"
#include "sets/brief.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// The members of a set, or what is left of them to go through.
struct nodes_thing {
    struct hc_thing thing;
    struct hc_set *set;
    uint32_t next; // of an iterator: the object to look at first
};

static struct nodes_thing *nodes_of(const struct hc_answer *answer)
{
    return (struct nodes_thing *)answer->thing;
}

static void nodes_destroy(struct hc_thing *thing)
{
    hc_set_release(((struct nodes_thing *)thing)->set);
    free(thing);
}

static struct hc_error *answer_nodes(struct hc_set *set, const struct hc_thing_class *class,
                                     struct hc_answer *ret)
{
    struct nodes_thing *thing = calloc(1, sizeof(*thing));
    HC_TRY(hc_answer_thing(thing ? &thing->thing : NULL, class, ret));
    thing->set = hc_set_keep(set);
    return NULL;
}

struct hc_set *hc_answer_members(const struct hc_answer *answer)
{
    if (answer->type == HC_ANSWER_SET)
        return answer->view->set;
    if (answer->type == HC_ANSWER_THING && answer->thing->class == &hc_nodes_class)
        return nodes_of(answer)->set;
    return NULL;
}

// One object a line, the first few of them.
static struct hc_error *nodes_print(struct hc_thing *thing, FILE *file)
{
    enum { SHOWN = 10, LINE = 200 };
    const struct hc_set *set = ((struct nodes_thing *)thing)->set;
    const struct hc_graph *graph = set->universe->graph;
    uint32_t object = hc_set_next(set, 0);
    if (!set->count)
        fputs("<no objects>\n", file);
    for (unsigned i = 0; i < SHOWN && object < graph->count; i++, object = hc_set_next(set, object + 1)) {
        _cleanup_(hc_freep) char *text = NULL;
        HC_TRY(hc_object_repr(set->universe, object, LINE, &text));
        fprintf(file, "%s\n", text);
    }
    if (set->count > SHOWN)
        fprintf(file, "<%" PRIu64 " more objects; iter() goes through them>\n", set->count - SHOWN);
    return NULL;
}

static struct hc_error *nodes_item(struct hc_thing *thing, int64_t index, struct hc_answer *ret)
{
    const struct hc_set *set = ((struct nodes_thing *)thing)->set;
    if (index < 0)
        index += (int64_t)set->count;
    if (index < 0 || (uint64_t)index >= set->count)
        return hc_error_create("there are %" PRIu64 " objects", set->count);
    uint32_t object = hc_set_next(set, 0);
    while (index--)
        object = hc_set_next(set, object + 1);
    return hc_answer_object(set->universe, object, ret);
}

static struct hc_error *iterator_print(struct hc_thing *thing, FILE *file)
{
    fprintf(file, "<iterator over %" PRIu64 " objects>\n", ((struct nodes_thing *)thing)->set->count);
    return NULL;
}

static struct hc_error *advance(const struct hc_call *call, struct nodes_thing *iterator,
                                struct hc_answer *ret)
{
    uint32_t object = hc_set_next(iterator->set, iterator->next);
    if (object >= iterator->set->universe->graph->count)
        return hc_evaluation_error(call->evaluation, call->node, "the iterator has no more objects");
    iterator->next = object + 1;
    return hc_answer_object(iterator->set->universe, object, ret);
}

static struct hc_error *run_method_next(const struct hc_call *call, struct hc_answer *ret)
{
    if (call->node->call.count)
        return hc_evaluation_error(call->evaluation, call->node, "next() of an iterator takes nothing");
    return advance(call, nodes_of(call->self), ret);
}

static const struct hc_attribute *const no_attributes[] = {NULL};
static const struct hc_function *const no_methods[] = {NULL};

static const struct hc_function iterator_functions[] = {
    {.name = "next",
     .usage = "next()",
     .run = run_method_next,
     .help = "Gives the next object of the iterator. After the last one it is an error.",
     .example = "iter(h.nodes).next()"},
    {0},
};
static const struct hc_function *const iterator_methods[] = {iterator_functions, NULL};

const struct hc_thing_class hc_nodes_class = {
    .name = "nodes",
    .destroy = nodes_destroy,
    .print = nodes_print,
    .attributes = no_attributes,
    .methods = no_methods,
    .item = nodes_item,
};

const struct hc_thing_class hc_iterator_class = {
    .name = "an iterator",
    .destroy = nodes_destroy,
    .print = iterator_print,
    .attributes = no_attributes,
    .methods = iterator_methods,
};

static struct hc_error *get_the_one(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                    struct hc_answer *ret)
{
    const struct hc_set *set = self->view->set;
    (void)evaluation;
    if (set->count != 1)
        return hc_error_create("theone is there for a set of one object; this one has %" PRIu64, set->count);
    return hc_answer_object(set->universe, hc_set_next(set, 0), ret);
}

static struct hc_error *get_nodes(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                  struct hc_answer *ret)
{
    (void)evaluation;
    return answer_nodes(self->view->set, &hc_nodes_class, ret);
}

static struct hc_error *show_by(const struct hc_answer *self, enum hc_relation relation,
                                struct hc_answer *ret)
{
    const struct hc_classifier classifier = hc_classifier_of(relation);
    return hc_answer_set(hc_set_keep(self->view->set), &classifier, ret);
}

static struct hc_error *get_byid(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    (void)evaluation;
    return show_by(self, HC_BY_ID, ret);
}

static struct hc_error *get_byidset(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                    struct hc_answer *ret)
{
    (void)evaluation;
    return show_by(self, HC_BY_IDSET, ret);
}

const struct hc_attribute hc_object_set_attributes[] = {
    {.name = "byid",
     .get = get_byid,
     .help = "Shows each object of the set in a row of its own, the largest first. A row is named by the "
             "object's "
             "value, name or address.",
     .example = "h.byid"},
    {.name = "byidset",
     .get = get_byidset,
     .help = "Shows each object of the set as a set of one, the largest first. It differs from byid in looks "
             "only.",
     .example = "h.byidset"},
    {.name = "nodes",
     .get = get_nodes,
     .help = "Are the objects of the set, in the order of memory. iter() goes through them, and idset() "
             "makes a set "
             "of them again.",
     .example = "h.nodes"},
    {.name = "theone",
     .get = get_the_one,
     .help = "Is the object in a set of one. It prints as its value, as far as that can be told from memory.",
     .example = "h.byid[0].theone"},
    {0},
};

static struct hc_error *put_object(const struct hc_call *call, const struct hc_node *node,
                                   const struct hc_answer *answer, struct hc_set *set)
{
    const struct hc_set *members = hc_answer_members(answer);
    uint32_t object;
    bool is_found = true;
    if (members) {
        for (size_t i = 0; i < set->words; i++)
            set->bits[i] |= members->bits[i];
        return NULL;
    }
    if (answer->type == HC_ANSWER_INTEGER)
        HC_TRY(hc_universe_find(set->universe, (uint64_t)answer->integer, &object, &is_found));
    else if (!hc_answer_is_object(answer, &object))
        return hc_evaluation_error(call->evaluation, node,
                                   "an object is named by its address, an integer, or given as itself");
    if (!is_found)
        return hc_evaluation_error(call->evaluation, node, "no object starts at 0x%" PRIx64,
                                   (uint64_t)answer->integer);
    hc_set_put(set, object);
    return NULL;
}

static struct hc_error *put_argument(const struct hc_call *call, size_t index, struct hc_set *set)
{
    const struct hc_node *node = call->node->call.arguments[index].value;
    if (node->kind != HC_NODE_SEQUENCE)
        return put_object(call, node, &call->arguments[index], set);
    for (size_t i = 0; i < node->sequence.count; i++) {
        _cleanup_(hc_answer_deinit) struct hc_answer item = {0};
        HC_TRY(hc_evaluate(call->evaluation, node->sequence.items[i], &item));
        HC_TRY(put_object(call, node->sequence.items[i], &item, set));
    }
    return NULL;
}

// iso(object, …) and idset([object, …]).
static struct hc_error *run_iso(const struct hc_call *call, struct hc_answer *ret)
{
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    _cleanup_(hc_set_releasep) struct hc_set *set = hc_set_create(&call->evaluation->interpreter->universe);
    if (!set)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < call->node->call.count; i++)
        HC_TRY(put_argument(call, i, set));
    hc_set_seal(set);
    return hc_answer_set(hc_take(set), &clodo, ret);
}

static struct hc_error *run_iter(const struct hc_call *call, struct hc_answer *ret)
{
    struct hc_set *set = call->node->call.count == 1 ? hc_answer_members(&call->arguments[0]) : NULL;
    if (!set)
        return hc_evaluation_error(call->evaluation, call->node,
                                   "iter() takes the nodes of a set: iter(h.nodes)");
    return answer_nodes(set, &hc_iterator_class, ret);
}

static struct hc_error *run_next(const struct hc_call *call, struct hc_answer *ret)
{
    const struct hc_answer *iterator = call->arguments;
    if (call->node->call.count != 1 || iterator->type != HC_ANSWER_THING ||
        iterator->thing->class != &hc_iterator_class)
        return hc_evaluation_error(call->evaluation, call->node,
                                   "next() takes an iterator: next(iter(h.nodes))");
    return advance(call, nodes_of(iterator), ret);
}

static struct hc_error *run_len(const struct hc_call *call, struct hc_answer *ret)
{
    const struct hc_answer *of = call->arguments;
    const struct hc_set *members = call->node->call.count == 1 ? hc_answer_members(of) : NULL;
    size_t count;
    int64_t items;
    if (call->node->call.count == 1 && of->type == HC_ANSWER_THING && of->thing->class->slice) {
        HC_TRY(of->thing->class->slice(of->thing, 0, 0, &items, NULL));
        *ret = hc_answer_integer(items);
        return NULL;
    }
    if (!members)
        return hc_evaluation_error(call->evaluation, call->node, "len() takes a set, or the nodes of one");
    count = members->count;
    if (of->type == HC_ANSWER_SET)
        HC_TRY(hc_view_row_count(of->view, &count));
    *ret = hc_answer_integer((int64_t)count);
    return NULL;
}

static struct hc_error *run_repr(const struct hc_call *call, struct hc_answer *ret)
{
    const struct hc_answer *of = call->arguments;
    uint32_t object;
    if (call->node->call.count != 1 || !hc_answer_is_object(of, &object))
        return hc_evaluation_error(call->evaluation, call->node,
                                   "repr() takes an object: repr(h.byid[0].theone)");
    HC_TRY(hc_object_repr(&call->evaluation->interpreter->universe, object, HC_VALUE_MAX_LENGTH, &ret->text));
    ret->type = HC_ANSWER_TEXT;
    return NULL;
}

const struct hc_function hc_object_functions[] = {
    {.name = "idset",
     .usage = "idset([object, …])",
     .run = run_iso,
     .help =
         "Makes a set of the objects in a sequence or in nodes. They may be given by their addresses, too.",
     .example = "idset(h.byid[0].nodes)"},
    {.name = "iso",
     .usage = "iso(object, …)",
     .run = run_iso,
     .help = "Makes a set of objects, which are given as themselves or by their addresses. Addresses are "
             "those that "
             "id() gives in the process.",
     .example = "iso(h.byid[0].theone)"},
    {.name = "iter",
     .usage = "iter(nodes)",
     .run = run_iter,
     .help =
         "Makes an iterator over the objects of a set. Kept in a variable, it goes on where next() left it.",
     .example = "iter(h.nodes)"},
    {.name = "len",
     .usage = "len(set)",
     .run = run_len,
     .help = "Counts the rows of a set's table. Of nodes it counts the objects.",
     .example = "len(h)"},
    {.name = "next",
     .usage = "next(iterator)",
     .run = run_next,
     .help = "Gives the next object of an iterator. After the last one it is an error.",
     .example = "next(iter(h.nodes))"},
    {.name = "repr",
     .usage = "repr(object)",
     .run = run_repr,
     .help = "Gives the text that an object prints as. No code of the process is run for it.",
     .example = "repr(h.byid[0].theone)"},
    {0},
};
