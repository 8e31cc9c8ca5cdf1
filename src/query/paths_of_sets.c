// What sets are asked about paths.
#include "query/families.h"
#include "query/paths.h"

#include <stdlib.h>
#include <string.h>

static struct hc_error *find(struct hc_set *targets, struct hc_set *sources, struct hc_answer *ret)
{
    struct hc_path_edge_vector none = {0};
    return hc_answer_paths(targets, sources, NULL, &none, ret);
}

static struct hc_error *get_paths(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                  struct hc_answer *ret)
{
    (void)evaluation;
    return find(self->view->set, NULL, ret);
}

static struct hc_error *get_paths_in(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                     struct hc_answer *ret)
{
    (void)evaluation;
    _cleanup_(hc_set_releasep) struct hc_set *referrers = NULL;
    HC_TRY(hc_set_referrers(self->view->set, &referrers));
    return find(self->view->set, referrers, ret);
}

static struct hc_error *get_paths_out(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                      struct hc_answer *ret)
{
    (void)evaluation;
    _cleanup_(hc_set_releasep) struct hc_set *referents = NULL;
    HC_TRY(hc_set_referents(self->view->set, &referents));
    return find(referents, self->view->set, ret);
}

static struct hc_error *get_root(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    (void)evaluation;
    (void)self;
    return hc_answer_root(ret);
}

// Which of get_shpaths()'s parameters an argument is for; -1: none.
static int parameter_of(const struct hc_argument *argument, size_t place)
{
    static const char *const names[] = {"src", "avoid_nodes", "avoid_edges"};
    if (!argument->name.bytes)
        return place < 3 ? (int)place : -1;
    for (int i = 0; i < 3; i++)
        if (!strcmp(argument->name.bytes, names[i]))
            return i;
    return -1;
}

static struct hc_error *take_edges(const struct hc_call *call, size_t place, struct hc_path_edge_vector *ret)
{
    const struct hc_node *node = call->node->call.arguments[place].value;
    const struct hc_path_edge_vector *edges = hc_answer_get_path_edges(&call->arguments[place]);
    bool is_empty = node->kind == HC_NODE_SEQUENCE && !node->sequence.count;
    if (!edges && !is_empty)
        return hc_evaluation_error(call->evaluation, node,
                                   "edges are wanted here, as sp.edges_at() gives them");
    for (size_t i = 0; edges && i < edges->count; i++)
        if (!hc_path_edge_vector_push(ret, edges->items[i]))
            return hc_error_out_of_memory();
    return NULL;
}

static struct hc_error *run_get_paths(const struct hc_call *call, struct hc_answer *ret)
{
    struct hc_set *sets[2] = {NULL}; // the sources; what to avoid
    _cleanup_(hc_path_edge_vector_deinit) struct hc_path_edge_vector edges = {0};
    for (size_t i = 0; i < call->node->call.count; i++) {
        const struct hc_argument *argument = &call->node->call.arguments[i];
        const struct hc_answer *value = &call->arguments[i];
        int parameter = parameter_of(argument, i);
        if (parameter < 0)
            return hc_evaluation_error(call->evaluation, argument->value,
                                       "this is get_shpaths(src=set, avoid_nodes=set, avoid_edges=edges)");
        if (parameter == 2)
            HC_TRY(take_edges(call, i, &edges));
        else if (value->type == HC_ANSWER_SET)
            sets[parameter] = value->view->set;
        else if (argument->value->kind == HC_NODE_SEQUENCE ||
                 (value->type != HC_ANSWER_NONE && (parameter || !hc_answer_is_root(value))))
            return hc_evaluation_error(call->evaluation, argument->value, "a set is wanted here, not %s",
                                       hc_answer_name(value));
    }
    return hc_answer_paths(call->self->view->set, sets[0], sets[1], &edges, ret);
}

const struct hc_attribute hc_path_attributes[] = {
    {.name = "pathsin",
     .get = get_paths_in,
     .help =
         "Shows the paths of one step that lead into the set from its referrers. A referrer that is in the "
         "set itself is no target.",
     .example = "h[0].pathsin"},
    {.name = "pathsout",
     .get = get_paths_out,
     .help = "Shows the paths of one step that lead out of the set to its referents. Each is one line.",
     .example = "h[0].pathsout"},
    {.name = "shpaths",
     .get = get_paths,
     .help = "Shows the shortest paths from the root to the nearest objects of the set: how they are kept "
             "alive, and by what name. All paths of that length are found.",
     .example = "h[0].shpaths"},
    {.name = "sp",
     .get = get_paths,
     .help =
         "Shows the shortest paths from the root to the nearest objects of the set. It is another name of "
         "shpaths.",
     .example = "h[0].sp"},
    {0},
};

const struct hc_function hc_path_methods[] = {
    {.name = "get_shpaths",
     .usage = "get_shpaths(src=set, avoid_nodes=set, avoid_edges=edges)",
     .run = run_get_paths,
     .takes_names = true,
     .help =
         "Gives the shortest paths to the nearest objects of the set, from the objects of src (from the root "
         "without it). They pass through no object of avoid_nodes and take none of avoid_edges.",
     .example = "h[0].get_shpaths(avoid_nodes=h & dict)"},
    {0},
};

const struct hc_attribute hc_path_heapy_attributes[] = {
    {.name = "Root",
     .get = get_root,
     .help = "Is what all paths begin with: the interpreters and their threads. It can be given as src to "
             "get_shpaths.",
     .example = "h[0].get_shpaths(src=Root)"},
    {0},
};
