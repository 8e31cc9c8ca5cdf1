#include "sets/retained.h"

#include "base/interrupt.h"

#include <stdlib.h>
#include <string.h>

struct survey {
    struct hc_universe *universe;
    struct hc_graph *graph;
    struct hc_dominators *dominators;
    size_t most;
    const struct hc_set *within; // whose members the kinds have; NULL: every object
    struct hc_retained *retained;
    uint32_t *next; // by rank, and one for the roots: the child to be entered next
    uint32_t *open; // by kind: how many of it are above
};

static void survey_deinit(struct survey *survey)
{
    free(survey->next);
    free(survey->open);
}

void hc_retained_deinit(struct hc_retained *retained)
{
    hc_retained_object_vector_deinit(&retained->objects);
    hc_retained_kind_vector_deinit(&retained->kinds);
    hc_retained_object_vector_deinit(&retained->variables);
}

static int larger_object_first(const void *left, const void *right)
{
    const struct hc_retained_object *a = left, *b = right;
    if (a->retained != b->retained)
        return a->retained < b->retained ? 1 : -1;
    return (a->object > b->object) - (a->object < b->object);
}

static int larger_kind_first(const void *left, const void *right)
{
    const struct hc_retained_kind *a = left, *b = right;
    if (a->retained != b->retained)
        return a->retained < b->retained ? 1 : -1;
    return (a->kind > b->kind) - (a->kind < b->kind);
}

// The largest objects so far, and some more.
struct leaders {
    struct hc_retained_object_vector *objects;
    size_t most;
    uint64_t floor; // what has less is not among them
};

static void keep_largest(struct leaders *leaders)
{
    struct hc_retained_object_vector *objects = leaders->objects;
    if (objects->count > 1)
        qsort(objects->items, objects->count, sizeof(*objects->items), larger_object_first);
    if (objects->count < leaders->most)
        return;
    objects->count = leaders->most;
    leaders->floor = leaders->most ? objects->items[leaders->most - 1].retained : UINT64_MAX;
}

// Sorts now and then, so that the vector stays short.
static struct hc_error *add_object(const struct survey *survey, struct leaders *leaders, uint32_t object,
                                   uint32_t holder)
{
    enum { SPARE = 4096 };
    struct hc_retained_object added = {
        .retained = hc_graph_retained(survey->graph, (hc_object_id){object}),
        .object = object,
        .holder = holder,
    };
    if (added.retained < leaders->floor)
        return NULL;
    if (!hc_retained_object_vector_push(leaders->objects, added))
        return hc_error_out_of_memory();
    if (leaders->objects->count / 2 >= leaders->most && leaders->objects->count >= SPARE)
        keep_largest(leaders);
    return NULL;
}

static struct hc_error *find_objects(const struct survey *survey)
{
    struct leaders leaders = {.objects = &survey->retained->objects, .most = survey->most};
    for (uint32_t object = 0; object < survey->graph->count; object++) {
        if (object % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (survey->dominators->parents[object] != HC_DOMINATOR_NONE)
            HC_TRY(add_object(survey, &leaders, object, object));
    }
    keep_largest(&leaders);
    return NULL;
}

static uint32_t row_of(const struct survey *survey, uint32_t object)
{
    return object == HC_DOMINATOR_ROOTS ? survey->dominators->inner_count
                                        : hc_dominators_rank(survey->dominators, object);
}

static bool is_counted(const struct survey *survey, uint32_t object)
{
    return !survey->within || hc_set_has(survey->within, object);
}

static void enter(struct survey *survey, uint32_t object)
{
    uint32_t kind = hc_universe_kind(survey->universe, object);
    struct hc_retained_kind *row = &survey->retained->kinds.items[kind];
    if (!is_counted(survey, object))
        return;
    row->count++;
    row->size += hc_graph_size(survey->graph, (hc_object_id){object});
    if (!survey->open[kind])
        row->retained += hc_graph_retained(survey->graph, (hc_object_id){object});
}

// Down by the lists of children, up by the parents.
static struct hc_error *walk_tree(struct survey *survey)
{
    const struct hc_dominators *dominators = survey->dominators;
    uint32_t at = HC_DOMINATOR_ROOTS, row = dominators->inner_count, steps = 0;
    survey->next[row] = dominators->child_starts[row];
    for (;;) {
        if (survey->next[row] == dominators->child_starts[row + 1]) {
            if (at == HC_DOMINATOR_ROOTS)
                return NULL;
            survey->open[hc_universe_kind(survey->universe, at)] -= is_counted(survey, at);
            at = dominators->parents[at];
            row = row_of(survey, at);
            continue;
        }
        uint32_t child = dominators->children[survey->next[row]++];
        enter(survey, child);
        if (++steps % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (!hc_dominators_is_inner(dominators, child))
            continue;
        at = child;
        row = row_of(survey, at);
        survey->open[hc_universe_kind(survey->universe, at)] += is_counted(survey, at);
        survey->next[row] = dominators->child_starts[row];
    }
}

static struct hc_error *find_kinds(struct survey *survey)
{
    struct hc_retained_kind_vector *kinds = &survey->retained->kinds;
    size_t count = 2 * (size_t)survey->universe->type_count;
    if (!hc_retained_kind_vector_reserve(kinds, count + 1))
        return hc_error_out_of_memory();
    memset(kinds->items, 0, (count + 1) * sizeof(*kinds->items));
    for (kinds->count = 0; kinds->count < count; kinds->count++)
        kinds->items[kinds->count].kind = (uint32_t)kinds->count;
    HC_TRY(walk_tree(survey));
    qsort(kinds->items, count, sizeof(*kinds->items), larger_kind_first);
    if (kinds->count > survey->most)
        kinds->count = survey->most;
    while (kinds->count && !kinds->items[kinds->count - 1].count)
        kinds->count--;
    return NULL;
}

static bool is_module(const struct hc_type *type)
{
    enum { MOST_BASES = 64 };
    for (int i = 0; type && i < MOST_BASES; i++, type = type->base)
        if (type->module && type->name && !strcmp(type->module, "builtins") && !strcmp(type->name, "module"))
            return true;
    return false;
}

// Has variables: the dict of a module or of a class.
static bool is_namespace(const struct survey *survey, uint32_t object)
{
    const struct hc_graph *graph = survey->graph;
    hc_object_id owner;
    if (survey->dominators->parents[object] == HC_DOMINATOR_NONE ||
        !survey->universe->is_dict[graph->type_indexes[object]] ||
        !hc_graph_dict_owner(graph, (hc_object_id){object}, &owner))
        return false;
    const struct hc_type *type = hc_graph_type(graph, owner);
    return type->flags & HC_TYPE_TYPE_SUBCLASS || is_module(type);
}

// Does nothing else lead to the value, but what lives on it?
static bool goes_with(const struct survey *survey, uint32_t holder, uint32_t value)
{
    return survey->dominators->parents[value] == holder &&
           hc_dominators_holders(survey->dominators, value) == 1;
}

static struct hc_error *find_variables(struct survey *survey)
{
    const struct hc_graph *graph = survey->graph;
    struct leaders leaders = {.objects = &survey->retained->variables, .most = survey->most};
    uint32_t steps = 0;
    for (uint32_t holder = 0; holder < graph->count; holder++) {
        if (++steps % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (!is_namespace(survey, holder))
            continue;
        for (uint32_t edge = graph->edge_starts[holder]; edge < graph->edge_starts[holder + 1]; edge++) {
            if (++steps % HC_INTERRUPT_STRIDE == 0)
                HC_TRY(hc_interrupt_check());
            if (goes_with(survey, holder, graph->edges[edge]))
                HC_TRY(add_object(survey, &leaders, graph->edges[edge], holder));
        }
    }
    keep_largest(&leaders);
    return NULL;
}

static struct hc_error *find_all(struct survey *survey)
{
    HC_TRY(find_objects(survey));
    HC_TRY(find_kinds(survey));
    return find_variables(survey);
}

static struct hc_error *run(struct hc_universe *universe, const struct hc_set *within, size_t most,
                            struct hc_error *(*find)(struct survey *survey), struct hc_retained *ret)
{
    struct hc_graph *graph = universe->graph;
    HC_TRY(hc_graph_find_dominated(graph));
    struct hc_retained retained = {0};
    _cleanup_(survey_deinit) struct survey survey = {
        .universe = universe,
        .graph = graph,
        .dominators = graph->dominators,
        .most = most,
        .within = within,
        .retained = &retained,
        .next = calloc(graph->dominators->inner_count + 1ull, sizeof(*survey.next)),
        .open = calloc(2ull * universe->type_count + 1, sizeof(*survey.open)),
    };
    if (!survey.next || !survey.open)
        return hc_error_out_of_memory();
    struct hc_error *error = find(&survey);
    if (error) {
        hc_retained_deinit(&retained);
        return error;
    }
    *ret = retained;
    return NULL;
}

struct hc_error *hc_retained_find(struct hc_universe *universe, size_t most, struct hc_retained *ret)
{
    return run(universe, NULL, most, find_all, ret);
}

struct hc_error *hc_retained_find_kinds(const struct hc_set *set, struct hc_retained_kind_vector *ret)
{
    struct hc_retained retained = {0};
    HC_TRY(run(set->universe, set, SIZE_MAX, find_kinds, &retained));
    *ret = retained.kinds;
    return NULL;
}
