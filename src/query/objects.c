// An object of the process: shown by its value, asked for what is known of it.
#include "query/objects.h"

#include "query/families.h"
#include "sets/brief.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct hc_object_thing *object_of(const struct hc_answer *answer)
{
    return (const struct hc_object_thing *)answer->thing;
}

static void object_destroy(struct hc_thing *thing)
{
    free(thing);
}

struct hc_error *hc_answer_object(struct hc_universe *universe, uint32_t object, struct hc_answer *ret)
{
    struct hc_object_thing *thing = calloc(1, sizeof(*thing));
    HC_TRY(hc_answer_thing(thing ? &thing->thing : NULL, &hc_object_class, ret));
    thing->universe = universe;
    thing->object = object;
    return NULL;
}

bool hc_answer_is_object(const struct hc_answer *answer, uint32_t *ret)
{
    if (answer->type != HC_ANSWER_THING || answer->thing->class != &hc_object_class)
        return false;
    *ret = object_of(answer)->object;
    return true;
}

// Virtual dicts have no object to be read: their owner's attributes are shown.
struct hc_error *hc_object_repr(struct hc_universe *universe, uint32_t object, size_t limit, char **ret)
{
    const struct hc_graph *graph = universe->graph;
    hc_object_id owner;
    struct hc_tracer *tracer;
    HC_TRY(hc_universe_tracer(universe, &tracer));
    if (object >= graph->real_count && hc_graph_dict_owner(graph, (hc_object_id){object}, &owner))
        *ret = hc_value_repr_attributes(tracer, hc_graph_address(graph, owner), limit);
    else
        *ret = hc_value_repr_within(tracer, hc_graph_address(graph, (hc_object_id){object}), limit);
    return *ret ? NULL : hc_error_out_of_memory();
}

static struct hc_error *object_repr(const struct hc_object_thing *object, char **ret)
{
    return hc_object_repr(object->universe, object->object, HC_VALUE_MAX_LENGTH, ret);
}

static struct hc_error *object_print(struct hc_thing *thing, FILE *file)
{
    _cleanup_(hc_freep) char *text = NULL;
    HC_TRY(object_repr((struct hc_object_thing *)thing, &text));
    fprintf(file, "%s\n", text);
    return NULL;
}

// A plain value is itself; what has none is shown as text.
static struct hc_error *object_value(struct hc_thing *thing, struct hc_answer *ret)
{
    const struct hc_object_thing *object = (struct hc_object_thing *)thing;
    struct hc_tracer *tracer;
    int64_t integer;
    bool truth;
    *ret = (struct hc_answer){0};
    HC_TRY(hc_universe_tracer(object->universe, &tracer));
    uint64_t address = hc_graph_address(object->universe->graph, (hc_object_id){object->object});
    if (address && hc_value_is_none(tracer, address))
        return NULL;
    if (hc_value_integer(tracer, address, &integer))
        *ret = hc_answer_integer(integer);
    else if (hc_value_truth(tracer, address, &truth))
        *ret = hc_answer_truth(truth);
    else if ((ret->text = hc_value_text(tracer, address)))
        ret->type = HC_ANSWER_TEXT;
    if (ret->type != HC_ANSWER_NONE)
        return NULL;
    HC_TRY(object_repr(object, &ret->text));
    ret->type = HC_ANSWER_TEXT;
    return NULL;
}

static struct hc_error *get_address(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                    struct hc_answer *ret)
{
    (void)evaluation;
    uint64_t address;
    HC_TRY(hc_universe_address(object_of(self)->universe, object_of(self)->object, &address));
    *ret = hc_answer_integer((int64_t)address);
    return NULL;
}

static struct hc_error *get_size(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    (void)evaluation;
    const struct hc_object_thing *object = object_of(self);
    *ret = hc_answer_integer((int64_t)hc_graph_size(object->universe->graph, (hc_object_id){object->object}));
    return NULL;
}

static struct hc_error *get_refcount(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                     struct hc_answer *ret)
{
    (void)evaluation;
    const struct hc_object_thing *object = object_of(self);
    struct hc_tracer *tracer;
    struct hc_object_view view;
    HC_TRY(hc_universe_tracer(object->universe, &tracer));
    bool is_real = hc_tracer_view(
        tracer, hc_graph_address(object->universe->graph, (hc_object_id){object->object}), &view);
    *ret = hc_answer_integer(is_real ? (int64_t)hc_tracer_refcount(tracer, &view) : 1);
    return NULL;
}

static struct hc_error *get_type(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    (void)evaluation;
    const struct hc_object_thing *object = object_of(self);
    const struct hc_type *type = hc_graph_type(object->universe->graph, (hc_object_id){object->object});
    uint32_t number;
    bool is_found;
    HC_TRY(hc_universe_find(object->universe, type->address, &number, &is_found));
    if (is_found)
        return hc_answer_object(object->universe, number, ret);
    *ret = (struct hc_answer){.type = HC_ANSWER_TEXT, .text = hc_kind_class_name(type)};
    return ret->text ? NULL : hc_error_out_of_memory();
}

static struct hc_error *get_brief(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                  struct hc_answer *ret)
{
    (void)evaluation;
    HC_TRY(hc_universe_brief(object_of(self)->universe, object_of(self)->object, &ret->text));
    ret->type = HC_ANSWER_TEXT;
    return NULL;
}

typedef struct hc_error *walk_fn(const struct hc_set *set, struct hc_set **ret);

static struct hc_error *walk(const struct hc_answer *self, walk_fn *find, struct hc_answer *ret)
{
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    _cleanup_(hc_set_releasep) struct hc_set *one = hc_set_create(object_of(self)->universe);
    struct hc_set *found;
    if (!one)
        return hc_error_out_of_memory();
    hc_set_put(one, object_of(self)->object);
    hc_set_seal(one);
    HC_TRY(find(one, &found));
    return hc_answer_set(found, &clodo, ret);
}

static struct hc_error *get_referents(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                      struct hc_answer *ret)
{
    (void)evaluation;
    return walk(self, hc_set_referents, ret);
}

static struct hc_error *get_referrers(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                      struct hc_answer *ret)
{
    (void)evaluation;
    return walk(self, hc_set_referrers, ret);
}

static const struct hc_attribute object_attributes[] = {
    {.name = "address",
     .get = get_address,
     .help = "Is where the object lies in memory, as id() gives it. Of a dict that was never made it is "
             "where its "
             "values lie.",
     .example = "h.byid[0].theone.address"},
    {.name = "brief",
     .get = get_brief,
     .help = "Is the object in one line, by kind and name, value or address. Tables of mixed objects and "
             "patterns "
             "show it.",
     .example = "h.byid[0].theone.brief"},
    {.name = "refcount",
     .get = get_refcount,
     .help =
         "Is the object's reference count, as it stands in memory. Immortal objects have a very large one.",
     .example = "h.byid[0].theone.refcount"},
    {.name = "referents",
     .get = get_referents,
     .help = "Are the objects that this one refers to. It is iso(object).referents.",
     .example = "h.byid[0].theone.referents"},
    {.name = "referrers",
     .get = get_referrers,
     .help = "Are the objects that refer to this one. It is iso(object).referrers.",
     .example = "h.byid[0].theone.referrers"},
    {.name = "size",
     .get = get_size,
     .help = "Is how many bytes the object takes, as sys.getsizeof() says. What it refers to is not counted.",
     .example = "h.byid[0].theone.size"},
    {.name = "type",
     .get = get_type,
     .help = "Is the object's class, an object itself. Where the class is not in the heap, it is its name.",
     .example = "h.byid[0].theone.type"},
    {0},
};

static const struct hc_attribute *const attribute_families[] = {
    object_attributes, hc_retained_object_attributes, hc_structure_attributes, NULL};
static const struct hc_function *const no_methods[] = {NULL};

const struct hc_thing_class hc_object_class = {
    .name = "an object",
    .destroy = object_destroy,
    .print = object_print,
    .value = object_value,
    .attributes = attribute_families,
    .methods = no_methods,
};
