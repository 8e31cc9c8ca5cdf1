// The paths to a set: shown by pages, counted, taken one by one.
#include "query/paths.h"

#include "base/interrupt.h"
#include "query/families.h"

#include <inttypes.h>
#include <stdlib.h>

struct paths {
    struct hc_thing thing;
    struct hc_path_search *search;
    uint64_t first; // path that the page begins with
    bool all;       // … and whether it ends with the last
};

struct hc_path_search *hc_path_search_keep(struct hc_path_search *search)
{
    search->references++;
    return search;
}

void hc_path_search_release(struct hc_path_search *search)
{
    if (!search || --search->references)
        return;
    hc_paths_destroy(search->paths);
    hc_set_release(search->sources);
    hc_set_release(search->avoid_nodes);
    hc_path_edge_vector_deinit(&search->avoid_edges);
    free(search);
}

static struct paths *paths_of(const struct hc_answer *answer)
{
    return (struct paths *)answer->thing;
}

static void paths_destroy(struct hc_thing *thing)
{
    hc_path_search_release(((struct paths *)thing)->search);
    free(thing);
}

static struct hc_error *print_line(const struct hc_path_search *search, struct hc_path_walk *walk, FILE *file)
{
    _cleanup_(hc_freep) char *line = NULL;
    HC_TRY(hc_path_line(search, walk, &line));
    fprintf(file, "%s\n", line);
    return NULL;
}

static struct hc_error *print_rest(const struct paths *paths, uint64_t shown, FILE *file)
{
    uint64_t count;
    HC_TRY(hc_paths_count(paths->search->paths, &count));
    if (count == UINT64_MAX)
        fprintf(file, "<... more than %" PRIu64 " more paths ...>\n", count - shown - 1);
    else
        fprintf(file, "<... %" PRIu64 " more paths ...>\n", count - shown);
    return NULL;
}

// heapy shows ten, or eleven if that is all; what a set without paths prints, heapy leaves out.
static struct hc_error *paths_print(struct hc_thing *thing, FILE *file)
{
    const struct paths *paths = (struct paths *)thing;
    _cleanup_(hc_path_walk_deinit) struct hc_path_walk walk = {0};
    HC_TRY(hc_path_walk_init(&walk, paths->search->paths, paths->first));
    if (walk.is_at_end)
        fprintf(file, paths->first ? "<No more paths>\n" : "<No paths>\n");
    for (uint64_t i = 0; !walk.is_at_end; i++) {
        _cleanup_(hc_freep) char *line = NULL;
        HC_TRY(hc_interrupt_check());
        if (paths->all || i < HC_ANSWER_PAGE) {
            HC_TRY(print_line(paths->search, &walk, file));
            HC_TRY(hc_path_walk_next(&walk));
            continue;
        }
        HC_TRY(hc_path_line(paths->search, &walk, &line));
        HC_TRY(hc_path_walk_next(&walk));
        if (!walk.is_at_end)
            return print_rest(paths, paths->first + HC_ANSWER_PAGE, file);
        fprintf(file, "%s\n", line);
    }
    return NULL;
}

static struct hc_error *paths_item(struct hc_thing *thing, int64_t index, struct hc_answer *ret)
{
    struct hc_path_search *search = ((struct paths *)thing)->search;
    uint64_t wanted = (uint64_t)index, count = 0;
    if (index < 0)
        HC_TRY(hc_paths_count(search->paths, &count));
    if (index < 0)
        wanted = count != UINT64_MAX && 0 - (uint64_t)index <= count ? count + (uint64_t)index : UINT64_MAX;
    _cleanup_(hc_path_walk_deinit) struct hc_path_walk walk = {0};
    HC_TRY(hc_path_walk_init(&walk, search->paths, wanted));
    if (walk.is_at_end)
        return hc_error_create("there is no path number %" PRId64, index);
    return hc_answer_path(search, &walk, ret);
}

static struct hc_error *make(struct hc_path_search *search, uint64_t first, bool all, struct hc_answer *ret);

static struct hc_error *get_more(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    (void)evaluation;
    const struct paths *paths = paths_of(self);
    uint64_t count;
    HC_TRY(hc_paths_count(paths->search->paths, &count));
    uint64_t left = paths->first < count ? count - paths->first : 0;
    uint64_t shown = paths->all || left <= HC_ANSWER_PAGE + 1 ? left : HC_ANSWER_PAGE;
    return make(hc_path_search_keep(paths->search), paths->first + shown, false, ret);
}

static struct hc_error *get_prev(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    (void)evaluation;
    const struct paths *paths = paths_of(self);
    uint64_t first = paths->first > HC_ANSWER_PAGE ? paths->first - HC_ANSWER_PAGE : 0;
    return make(hc_path_search_keep(paths->search), first, false, ret);
}

static struct hc_error *get_all(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                struct hc_answer *ret)
{
    (void)evaluation;
    return make(hc_path_search_keep(paths_of(self)->search), 0, true, ret);
}

static struct hc_error *get_top(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                struct hc_answer *ret)
{
    (void)evaluation;
    return make(hc_path_search_keep(paths_of(self)->search), 0, false, ret);
}

static struct hc_error *get_numpaths(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                     struct hc_answer *ret)
{
    (void)evaluation;
    uint64_t count;
    HC_TRY(hc_paths_count(paths_of(self)->search->paths, &count));
    if (count > INT64_MAX)
        return hc_error_create("there are more than %" PRId64 " paths", INT64_MAX);
    *ret = hc_answer_integer((int64_t)count);
    return NULL;
}

static struct hc_error *set_answer(struct hc_set *set, struct hc_answer *ret)
{
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    return hc_answer_set(set, &clodo, ret);
}

static struct hc_error *get_target(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                   struct hc_answer *ret)
{
    (void)evaluation;
    const struct hc_paths *paths = paths_of(self)->search->paths;
    struct hc_set *set;
    HC_TRY(hc_paths_column(paths, paths->length, &set));
    return set_answer(set, ret);
}

static struct hc_error *get_source(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                   struct hc_answer *ret)
{
    (void)evaluation;
    const struct hc_paths *paths = paths_of(self)->search->paths;
    struct hc_set *set;
    if (paths->from_roots)
        return hc_answer_root(ret);
    HC_TRY(hc_paths_column(paths, 0, &set));
    return set_answer(set, ret);
}

static struct hc_error *get_edges(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                  struct hc_answer *ret)
{
    (void)evaluation;
    return hc_answer_path_steps(paths_of(self)->search, true, ret);
}

static struct hc_error *get_sets(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    (void)evaluation;
    return hc_answer_path_steps(paths_of(self)->search, false, ret);
}

// The edges of the columns that the arguments number.
static struct hc_error *add_columns(const struct hc_call *call, struct hc_path_edge_vector *edges)
{
    const struct hc_paths *paths = paths_of(call->self)->search->paths;
    for (size_t i = 0; i < call->node->call.count; i++) {
        const struct hc_node *node = call->node->call.arguments[i].value;
        bool found = false;
        if (call->arguments[i].type != HC_ANSWER_INTEGER)
            return hc_evaluation_error(call->evaluation, node,
                                       "edges are numbered with integers, not with %s",
                                       hc_answer_name(&call->arguments[i]));
        int64_t index = call->arguments[i].integer;
        uint64_t column = (uint64_t)(index < 0 ? index + (int64_t)paths->length : index);
        HC_TRY(hc_paths_edges_at(paths, column, edges, &found));
        if (!found)
            return hc_evaluation_error(call->evaluation, node, "the paths have %" PRIu64 " edges each",
                                       paths->length);
    }
    return NULL;
}

static struct hc_error *run_edges_at(const struct hc_call *call, struct hc_answer *ret)
{
    _cleanup_(hc_path_edge_vector_deinit) struct hc_path_edge_vector edges = {0};
    HC_TRY(add_columns(call, &edges));
    return hc_answer_path_edges(&edges, ret);
}

static struct hc_error *run_avoided(const struct hc_call *call, struct hc_answer *ret)
{
    struct hc_path_search *search = paths_of(call->self)->search;
    _cleanup_(hc_path_edge_vector_deinit) struct hc_path_edge_vector edges = {0};
    _cleanup_(hc_set_releasep) struct hc_set *targets = NULL;
    HC_TRY(add_columns(call, &edges));
    for (size_t i = 0; i < search->avoid_edges.count; i++)
        if (!hc_path_edge_vector_push(&edges, search->avoid_edges.items[i]))
            return hc_error_out_of_memory();
    HC_TRY(hc_paths_column(search->paths, search->paths->length, &targets));
    return hc_answer_paths(targets, search->sources, search->avoid_nodes, &edges, ret);
}

static const struct hc_attribute attributes[] = {
    {.name = "all",
     .get = get_all,
     .help = "Shows every path at once. There may be very many: numpaths tells.",
     .example = "h[0].sp.all"},
    {.name = "dst",
     .get = get_target,
     .help = "Is the set of the objects that the paths lead to. These are the ones nearest to the source, "
             "where the paths of a set were asked for.",
     .example = "h[0].sp.dst"},
    {.name = "edges",
     .get = get_edges,
     .help = "Are the edges of all paths, by their place on the path. Index it with that place to get edges "
             "that another search can avoid.",
     .example = "h[0].sp.edges"},
    {.name = "more",
     .get = get_more,
     .help = "Shows the next ten paths. After the last there are no more.",
     .example = "h[0].sp.more"},
    {.name = "numpaths",
     .get = get_numpaths,
     .help = "Is the number of the paths. They are counted without being made.",
     .example = "h[0].sp.numpaths"},
    {.name = "prev",
     .get = get_prev,
     .help = "Shows the ten paths before these. On the first page it stays there.",
     .example = "h[0].sp.more.prev"},
    {.name = "sets",
     .get = get_sets,
     .help = "Are the objects on the paths, by their place on the path. Index it with that place to get them "
             "as a set.",
     .example = "h[0].sp.sets"},
    {.name = "src",
     .get = get_source,
     .help = "Is what the paths begin with. That is hp.Root unless a source was given.",
     .example = "h[0].sp.src"},
    {.name = "top",
     .get = get_top,
     .help = "Shows the first ten paths. It leads back from any page.",
     .example = "h[0].sp.more.top"},
    {0},
};

static const struct hc_function methods[] = {
    {.name = "avoided",
     .usage = "avoided(place, …)",
     .run = run_avoided,
     .help = "Gives the shortest paths that avoid the edges at these places of the paths: 0 is the first "
             "edge, -1 the last. What was avoided before is still avoided.",
     .example = "h[0].sp.avoided(-1)"},
    {.name = "edges_at",
     .usage = "edges_at(place, …)",
     .run = run_edges_at,
     .help = "Gives the edges at these places of all paths together. Another search can avoid them.",
     .example = "h[0].get_shpaths(avoid_edges=h[0].sp.edges_at(0))"},
    {0},
};

static const struct hc_attribute *const attribute_families[] = {attributes, NULL};
static const struct hc_function *const method_families[] = {methods, NULL};

const struct hc_thing_class hc_paths_class = {
    .name = "paths",
    .destroy = paths_destroy,
    .print = paths_print,
    .attributes = attribute_families,
    .methods = method_families,
    .item = paths_item,
};

// Takes the search.
static struct hc_error *make(struct hc_path_search *search, uint64_t first, bool all, struct hc_answer *ret)
{
    struct paths *paths = calloc(1, sizeof(*paths));
    if (!paths) {
        hc_path_search_release(search);
        return hc_error_out_of_memory();
    }
    *paths = (struct paths){.search = search, .first = first, .all = all};
    return hc_answer_thing(&paths->thing, &hc_paths_class, ret);
}

struct hc_error *hc_answer_paths(struct hc_set *targets, struct hc_set *sources, struct hc_set *avoid_nodes,
                                 struct hc_path_edge_vector *avoid_edges, struct hc_answer *ret)
{
    _cleanup_(hc_path_search_releasep) struct hc_path_search *search = calloc(1, sizeof(*search));
    if (!search)
        return hc_error_out_of_memory();
    *search = (struct hc_path_search){
        .references = 1,
        .sources = sources ? hc_set_keep(sources) : NULL,
        .avoid_nodes = avoid_nodes ? hc_set_keep(avoid_nodes) : NULL,
        .avoid_edges = *avoid_edges,
    };
    *avoid_edges = (struct hc_path_edge_vector){0};
    hc_path_edges_seal(&search->avoid_edges);
    const struct hc_path_request request = {.universe = targets->universe,
                                            .targets = targets,
                                            .sources = sources,
                                            .avoid_nodes = avoid_nodes,
                                            .avoid_edges = &search->avoid_edges};
    HC_TRY(hc_paths_find(&request, &search->paths));
    return make(hc_take(search), 0, false, ret);
}
