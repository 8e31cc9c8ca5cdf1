// What paths are made of, as values: one path, its places, edges to avoid, the root.
#include "query/paths.h"

#include "query/families.h"
#include "sets/brief.h"

#include <inttypes.h>
#include <stdlib.h>

struct path {
    struct hc_thing thing;
    struct hc_universe *universe;
    bool from_roots;
    char *line;
    uint32_t *objects;
    size_t count;
};

struct steps {
    struct hc_thing thing;
    struct hc_path_search *search;
    bool are_edges;
};

struct edges {
    struct hc_thing thing;
    struct hc_path_edge_vector edges;
};

static const struct hc_attribute *const no_attributes[] = {NULL};
static const struct hc_function *const no_methods[] = {NULL};

struct hc_error *hc_path_line(const struct hc_path_search *search, struct hc_path_walk *walk, char **ret)
{
    _cleanup_(hc_freep) char *source = NULL, *text = NULL;
    if (search->sources && search->sources->count > 1)
        HC_TRY(hc_universe_brief(search->paths->universe, hc_path_walk_object(walk, 0), &source));
    _cleanup_(hc_freep) char *brief = NULL; // heapy's of a set of one object
    if (source && asprintf(&brief, "<1 %s>", source) < 0)
        return hc_error_out_of_memory();
    HC_TRY(hc_path_walk_text(walk, brief ? brief : search->sources ? "Src" : "hp.Root", &text));
    if (asprintf(ret, "%2" PRIu64 ": %s", walk->index, text) < 0)
        return hc_error_out_of_memory();
    return NULL;
}

static void path_destroy(struct hc_thing *thing)
{
    struct path *path = (struct path *)thing;
    free(path->line);
    free(path->objects);
    free(path);
}

static struct hc_error *path_print(struct hc_thing *thing, FILE *file)
{
    fprintf(file, "%s\n", ((struct path *)thing)->line);
    return NULL;
}

static struct hc_error *set_of(struct hc_universe *universe, uint32_t object, struct hc_answer *ret)
{
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    struct hc_set *set = hc_set_create(universe);
    if (!set)
        return hc_error_out_of_memory();
    hc_set_put(set, object);
    hc_set_seal(set);
    return hc_answer_set(set, &clodo, ret);
}

// The root counts as the first, where the path begins there.
static struct hc_error *path_item(struct hc_thing *thing, int64_t index, struct hc_answer *ret)
{
    const struct path *path = (struct path *)thing;
    int64_t count = (int64_t)path->count + path->from_roots;
    int64_t place = index < 0 ? index + count : index;
    if (place < 0 || place >= count)
        return hc_error_create("the path has %" PRId64 " objects, there is none at %" PRId64, count, index);
    if (path->from_roots && place == 0)
        return hc_answer_root(ret);
    return set_of(path->universe, path->objects[place - path->from_roots], ret);
}

static struct hc_error *get_source(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                   struct hc_answer *ret)
{
    (void)evaluation;
    return path_item(self->thing, 0, ret);
}

static struct hc_error *get_target(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                   struct hc_answer *ret)
{
    (void)evaluation;
    return path_item(self->thing, -1, ret);
}

static const struct hc_attribute path_attributes[] = {
    {.name = "src",
     .get = get_source,
     .help = "Is what the path begins with. That is hp.Root unless a source was given.",
     .example = "h[0].sp[0].src"},
    {.name = "tgt",
     .get = get_target,
     .help = "Is the object that the path leads to, as a set of one. The objects on the way are path[1], "
             "path[2] and so on.",
     .example = "h[0].sp[0].tgt"},
    {0},
};

static const struct hc_attribute *const path_families[] = {path_attributes, NULL};

const struct hc_thing_class hc_path_class = {
    .name = "a path",
    .destroy = path_destroy,
    .print = path_print,
    .attributes = path_families,
    .methods = no_methods,
    .item = path_item,
};

struct hc_error *hc_answer_path(struct hc_path_search *search, struct hc_path_walk *walk,
                                struct hc_answer *ret)
{
    _cleanup_(hc_freep) char *line = NULL;
    size_t count = hc_path_walk_count(walk);
    _cleanup_(hc_freep) uint32_t *objects = malloc((count + 1) * sizeof(*objects));
    _cleanup_(hc_freep) struct path *path = calloc(1, sizeof(*path));
    if (!objects || !path)
        return hc_error_out_of_memory();
    HC_TRY(hc_path_line(search, walk, &line));
    for (size_t i = 0; i < count; i++)
        objects[i] = hc_path_walk_object(walk, i);
    *path = (struct path){.universe = search->paths->universe,
                          .from_roots = search->paths->from_roots,
                          .line = hc_take(line),
                          .objects = hc_take(objects),
                          .count = count};
    return hc_answer_thing(&hc_take(path)->thing, &hc_path_class, ret);
}

static void edges_destroy(struct hc_thing *thing)
{
    hc_path_edge_vector_deinit(&((struct edges *)thing)->edges);
    free(thing);
}

static struct hc_error *edges_print(struct hc_thing *thing, FILE *file)
{
    size_t count = ((struct edges *)thing)->edges.count;
    fprintf(file, "<%zu edge%s>\n", count, count == 1 ? "" : "s");
    return NULL;
}

static struct hc_error *get_count(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                  struct hc_answer *ret)
{
    (void)evaluation;
    *ret = hc_answer_integer((int64_t)((struct edges *)self->thing)->edges.count);
    return NULL;
}

static const struct hc_attribute edges_attributes[] = {
    {.name = "count",
     .get = get_count,
     .help = "Is the number of the edges. Several ways from one object to another are one edge.",
     .example = "h[0].sp.edges_at(0).count"},
    {0},
};

static const struct hc_attribute *const edges_families[] = {edges_attributes, NULL};

const struct hc_thing_class hc_path_edges_class = {
    .name = "edges",
    .destroy = edges_destroy,
    .print = edges_print,
    .attributes = edges_families,
    .methods = no_methods,
};

struct hc_error *hc_answer_path_edges(struct hc_path_edge_vector *edges, struct hc_answer *ret)
{
    struct edges *thing = calloc(1, sizeof(*thing));
    if (!thing)
        return hc_error_out_of_memory();
    hc_path_edges_seal(edges);
    thing->edges = *edges;
    *edges = (struct hc_path_edge_vector){0};
    return hc_answer_thing(&thing->thing, &hc_path_edges_class, ret);
}

const struct hc_path_edge_vector *hc_answer_get_path_edges(const struct hc_answer *answer)
{
    return answer->type == HC_ANSWER_THING && answer->thing->class == &hc_path_edges_class
               ? &((const struct edges *)answer->thing)->edges
               : NULL;
}

static void steps_destroy(struct hc_thing *thing)
{
    hc_path_search_release(((struct steps *)thing)->search);
    free(thing);
}

static struct hc_error *steps_item(struct hc_thing *thing, int64_t index, struct hc_answer *ret)
{
    const struct steps *steps = (struct steps *)thing;
    const struct hc_paths *paths = steps->search->paths;
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    int64_t count = paths->start_count ? (int64_t)paths->length + !steps->are_edges : 0;
    int64_t place = index < 0 ? index + count : index;
    if (place < 0 || place >= count)
        return hc_error_create("the paths have %" PRId64 " of them, there is none at %" PRId64, count, index);
    if (!steps->are_edges && paths->from_roots && !place)
        return hc_answer_root(ret);
    if (!steps->are_edges) {
        struct hc_set *set;
        HC_TRY(hc_paths_column(paths, (uint64_t)place, &set));
        return hc_answer_set(set, &clodo, ret);
    }
    _cleanup_(hc_path_edge_vector_deinit) struct hc_path_edge_vector edges = {0};
    bool found;
    HC_TRY(hc_paths_edges_at(paths, (uint64_t)place, &edges, &found));
    return hc_answer_path_edges(&edges, ret);
}

static struct hc_error *steps_print(struct hc_thing *thing, FILE *file)
{
    const struct steps *steps = (struct steps *)thing;
    const struct hc_paths *paths = steps->search->paths;
    uint64_t count = paths->start_count ? paths->length + !steps->are_edges : 0;
    fprintf(file, "<%s at %" PRIu64 " places of the paths>\n", steps->are_edges ? "Edges" : "Objects", count);
    return NULL;
}

const struct hc_thing_class hc_path_steps_class = {
    .name = "places of paths",
    .destroy = steps_destroy,
    .print = steps_print,
    .attributes = no_attributes,
    .methods = no_methods,
    .item = steps_item,
};

struct hc_error *hc_answer_path_steps(struct hc_path_search *search, bool are_edges, struct hc_answer *ret)
{
    struct steps *steps = calloc(1, sizeof(*steps));
    if (!steps)
        return hc_error_out_of_memory();
    *steps = (struct steps){.search = hc_path_search_keep(search), .are_edges = are_edges};
    return hc_answer_thing(&steps->thing, &hc_path_steps_class, ret);
}

static void root_destroy(struct hc_thing *thing)
{
    free(thing);
}

static struct hc_error *root_print(struct hc_thing *thing, FILE *file)
{
    (void)thing;
    fputs("RootState\n", file);
    return NULL;
}

const struct hc_thing_class hc_root_class = {
    .name = "hp.Root",
    .destroy = root_destroy,
    .print = root_print,
    .attributes = no_attributes,
    .methods = no_methods,
};

struct hc_error *hc_answer_root(struct hc_answer *ret)
{
    return hc_answer_thing(calloc(1, sizeof(struct hc_thing)), &hc_root_class, ret);
}

bool hc_answer_is_root(const struct hc_answer *answer)
{
    return answer->type == HC_ANSWER_THING && answer->thing->class == &hc_root_class;
}
