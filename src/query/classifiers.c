// Equivalence relations as values, and kinds of single objects.
#include "query/classifiers.h"

#include "query/families.h"
#include "query/objects.h"
#include "sets/brief.h"
#include "sets/derived.h"
#include "sets/findex.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct classifier_thing {
    struct hc_thing thing;
    struct hc_classifier classifier;
};

bool hc_answer_is_classifier(const struct hc_answer *answer, struct hc_classifier *ret)
{
    if (answer->type == HC_ANSWER_FUNCTION)
        return hc_classifier_parse(answer->function->name, ret);
    if (answer->type != HC_ANSWER_THING || answer->thing->class != &hc_classifier_class)
        return false;
    *ret = ((const struct classifier_thing *)answer->thing)->classifier;
    return true;
}

struct hc_error *hc_answer_classifier(const struct hc_classifier *classifier, struct hc_answer *ret)
{
    struct classifier_thing *thing = calloc(1, sizeof(*thing));
    HC_TRY(hc_answer_thing(thing ? &thing->thing : NULL, &hc_classifier_class, ret));
    thing->classifier = *classifier;
    return NULL;
}

struct hc_error *hc_classifiers_join(const struct hc_classifier *left, const struct hc_classifier *right,
                                     struct hc_answer *ret)
{
    struct hc_classifier both = *left;
    if (left->count + right->count > HC_CLASSIFIER_PARTS)
        return hc_error_create("at most %d relations can be joined", HC_CLASSIFIER_PARTS);
    for (unsigned i = 0; i < right->count; i++)
        both.parts[both.count++] = right->parts[i];
    return hc_answer_classifier(&both, ret);
}

static void classifier_destroy(struct hc_thing *thing)
{
    free(thing);
}

static struct hc_error *classifier_print(struct hc_thing *thing, FILE *file)
{
    const struct hc_classifier *classifier = &((const struct classifier_thing *)thing)->classifier;
    for (unsigned i = 0; i < classifier->count; i++) {
        uint16_t part = classifier->parts[i];
        enum hc_relation base = (enum hc_relation)(part & HC_DERIVED_BASE);
        fprintf(file, "%shp.%s%s%s", i ? " & " : "", hc_relation_name(base),
                base < HC_RELATION_COUNT ? "" : "(…)",
                part & HC_BY_REFERRERS    ? ".refdby"
                : part & HC_BY_DICT_OWNER ? ".dictof"
                                          : "");
    }
    fputc('\n', file);
    return NULL;
}

static struct hc_error *derive(const struct hc_answer *self, uint16_t form, struct hc_answer *ret)
{
    struct hc_classifier classifier;
    if (!hc_answer_is_classifier(self, &classifier))
        return hc_error_create("%s is no relation", hc_answer_name(self));
    if (classifier.count != 1 || hc_relation_is_derived(classifier.parts[0]))
        return hc_error_create("refdby and dictof are made of a single relation that is not made so itself");
    bool is_rcs = form == HC_BY_REFERRERS && classifier.parts[0] == HC_BY_CLODO;
    classifier.parts[0] = is_rcs ? HC_BY_RCS : classifier.parts[0] | form;
    return hc_answer_classifier(&classifier, ret);
}

static struct hc_error *get_refdby(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                   struct hc_answer *ret)
{
    (void)evaluation;
    return derive(self, HC_BY_REFERRERS, ret);
}

static struct hc_error *get_dictof(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                   struct hc_answer *ret)
{
    (void)evaluation;
    return derive(self, HC_BY_DICT_OWNER, ret);
}

const struct hc_attribute hc_relation_attributes[] = {
    {.name = "dictof",
     .get = get_dictof,
     .help = "Is the relation that divides dicts by what their owners are by this one. What is no dict is in "
             "the row "
             "~dict, what has no owner in a row of its own.",
     .example = "(h & dict).by(Size.dictof)"},
    {.name = "refdby",
     .get = get_refdby,
     .help =
         "Is the relation that divides objects by what their referrers are by this one. Rcs is Clodo.refdby.",
     .example = "h.by(Type.refdby)"},
    {0},
};

static const struct hc_attribute *const no_attributes[] = {NULL};
static const struct hc_attribute *const relation_attributes[] = {hc_relation_attributes, NULL};
static const struct hc_function *const no_methods[] = {NULL};

const struct hc_thing_class hc_classifier_class = {
    .name = "an equivalence relation",
    .destroy = classifier_destroy,
    .print = classifier_print,
    .attributes = relation_attributes,
    .methods = no_methods,
};

// The sets of a table's rows.
struct parts_thing {
    struct hc_thing thing;
    struct hc_answer of;
};

static void parts_destroy(struct hc_thing *thing)
{
    hc_answer_deinit(&((struct parts_thing *)thing)->of);
    free(thing);
}

static struct hc_error *parts_print(struct hc_thing *thing, FILE *file)
{
    size_t rows;
    HC_TRY(hc_view_row_count(((struct parts_thing *)thing)->of.view, &rows));
    fprintf(file, "<%zu sets; parts[0] is the first row's>\n", rows);
    return NULL;
}

static struct hc_error *parts_slice(struct hc_thing *thing, int64_t first, int64_t end, int64_t *length,
                                    struct hc_answer *ret)
{
    struct hc_view *view = ((struct parts_thing *)thing)->of.view;
    struct hc_set *set;
    size_t rows;
    HC_TRY(hc_view_row_count(view, &rows));
    *length = (int64_t)rows;
    if (!ret)
        return NULL;
    HC_TRY(hc_view_rows(view, (size_t)first, (size_t)end, &set));
    return hc_answer_set(set, &view->classifier, ret);
}

static struct hc_error *parts_item(struct hc_thing *thing, int64_t index, struct hc_answer *ret)
{
    int64_t rows;
    HC_TRY(parts_slice(thing, 0, 0, &rows, NULL));
    if (index < 0)
        index += rows;
    if (index < 0 || index >= rows)
        return hc_error_create("there are %" PRId64 " parts", rows);
    return parts_slice(thing, index, index + 1, &rows, ret);
}

const struct hc_thing_class hc_parts_class = {
    .name = "parts",
    .destroy = parts_destroy,
    .print = parts_print,
    .attributes = no_attributes,
    .methods = no_methods,
    .item = parts_item,
    .slice = parts_slice,
};

static struct hc_error *get_parts(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                  struct hc_answer *ret)
{
    (void)evaluation;
    struct parts_thing *thing = calloc(1, sizeof(*thing));
    _cleanup_(hc_answer_deinit) struct hc_answer parts = {0};
    HC_TRY(hc_answer_thing(thing ? &thing->thing : NULL, &hc_parts_class, &parts));
    HC_TRY(hc_answer_copy(self, &thing->of));
    *ret = parts;
    parts = (struct hc_answer){0};
    return NULL;
}

static struct hc_error *get_er(struct hc_evaluation *evaluation, const struct hc_answer *self,
                               struct hc_answer *ret)
{
    (void)evaluation;
    return hc_answer_classifier(&self->view->classifier, ret);
}

const struct hc_attribute hc_classifier_set_attributes[] = {
    {.name = "er",
     .get = get_er,
     .help = "Is the relation by which the set's table divides it. Give it to by() to see another set the "
             "same way.",
     .example = "h[0].by(h.byrcs.er)"},
    {.name = "parts",
     .get = get_parts,
     .help =
         "Are the sets of the table's rows, one by one. Count them with len(), and take one with an index.",
     .example = "h.parts[0]"},
    {0},
};

static struct hc_error *wrong_use(const struct hc_call *call, const char *usage)
{
    return hc_evaluation_error(call->evaluation, call->node, "it is called so: %s", usage);
}

static struct hc_error *object_argument(const struct hc_call *call, const char *usage, uint32_t *ret)
{
    struct hc_universe *universe = &call->evaluation->interpreter->universe;
    const struct hc_answer *argument = call->arguments;
    bool is_found = true;
    if (call->node->call.count != 1)
        return wrong_use(call, usage);
    if (hc_answer_is_object(argument, ret))
        return NULL;
    if (argument->type == HC_ANSWER_SET && argument->view->set->count == 1) {
        *ret = hc_set_next(argument->view->set, 0);
        return NULL;
    }
    if (argument->type != HC_ANSWER_INTEGER)
        return wrong_use(call, usage);
    HC_TRY(hc_universe_find(universe, (uint64_t)argument->integer, ret, &is_found));
    return is_found ? NULL
                    : hc_evaluation_error(call->evaluation, call->node, "no object starts at 0x%" PRIx64,
                                          (uint64_t)argument->integer);
}

static struct hc_error *run_id(const struct hc_call *call, struct hc_answer *ret)
{
    uint32_t object;
    HC_TRY(object_argument(call, "Id(address)", &object));
    return hc_answer_kind(hc_kind_of_class(HC_BY_ID, object), ret);
}

static struct hc_error *run_idset(const struct hc_call *call, struct hc_answer *ret)
{
    uint32_t object;
    HC_TRY(object_argument(call, "Idset(object)", &object));
    return hc_answer_kind(hc_kind_of_class(HC_BY_IDSET, object), ret);
}

static struct hc_error *run_unity(const struct hc_call *call, struct hc_answer *ret)
{
    return call->node->call.count ? wrong_use(call, "Unity()") : hc_answer_kind(hc_kind_of_all(), ret);
}

static struct hc_error *is_module(struct hc_universe *universe, uint32_t object, const char *name, bool *ret)
{
    _cleanup_(hc_freep) char *found = NULL;
    *ret = true;
    if (!name)
        return NULL;
    HC_TRY(hc_universe_rendering(universe, object, &found));
    *ret = !strcmp(found, name);
    return NULL;
}

// The modules of a name, or at an address, or both.
static struct hc_error *find_modules(struct hc_universe *universe, const char *name, const uint32_t *at,
                                     struct hc_kind **ret)
{
    const struct hc_classifier by_module = hc_classifier_of(HC_BY_MODULE);
    _cleanup_(hc_classify_deinit) struct hc_classify classify = {0};
    _cleanup_(hc_set_releasep) struct hc_set *all = NULL;
    _cleanup_(hc_kind_releasep) struct hc_kind *kind = NULL;
    HC_TRY(hc_set_of_states(universe, (1u << HC_STATE_REACHABLE) | (1u << HC_STATE_TRACKED), &all));
    HC_TRY(hc_classify_init(&classify, universe, &by_module, all));
    for (uint32_t object = hc_set_next(all, 0); object < universe->graph->count;
         object = hc_set_next(all, object + 1)) {
        struct hc_class class;
        bool is_meant;
        HC_TRY(hc_classify_object(&classify, object, &class));
        if (!class.keys[0] || (at && object != *at))
            continue;
        HC_TRY(is_module(universe, object, name, &is_meant));
        if (!is_meant)
            continue;
        _cleanup_(hc_kind_releasep) struct hc_kind *one = hc_kind_of_class(HC_BY_MODULE, class.keys[0]);
        struct hc_kind *both = one && kind ? hc_kind_both(HC_KIND_OR, kind, one) : NULL;
        if (!one || (kind && !both))
            return hc_kind_refused();
        hc_kind_release(kind);
        kind = both ? both : hc_take(one);
    }
    *ret = hc_take(kind);
    return NULL;
}

static struct hc_error *run_module(const struct hc_call *call, struct hc_answer *ret)
{
    static const char usage[] = "Module(), Module('name') or Module('name', at=address)";
    struct hc_universe *universe = &call->evaluation->interpreter->universe;
    const char *name = NULL;
    uint32_t at;
    bool has_at = false, is_found = true;
    if (!call->node->call.count)
        return hc_answer_kind(hc_kind_of_class(HC_BY_MODULE, 0), ret);
    for (size_t i = 0; i < call->node->call.count; i++) {
        const char *parameter = call->node->call.arguments[i].name.bytes;
        if (call->arguments[i].type == HC_ANSWER_TEXT && (!parameter || !strcmp(parameter, "name")) && !name)
            name = call->arguments[i].text;
        else if (call->arguments[i].type == HC_ANSWER_INTEGER && parameter && !strcmp(parameter, "at")) {
            HC_TRY(hc_universe_find(universe, (uint64_t)call->arguments[i].integer, &at, &is_found));
            has_at = true;
        } else
            return wrong_use(call, usage);
    }
    struct hc_kind *kind = NULL;
    if (is_found)
        HC_TRY(find_modules(universe, name, has_at ? &at : NULL, &kind));
    return kind ? hc_answer_kind(kind, ret)
                : hc_evaluation_error(call->evaluation, call->node, "there is no such module");
}

static struct hc_error *add_findex(const struct hc_call *call, struct hc_kind **kinds, char **names,
                                   struct hc_answer *ret)
{
    struct hc_classifier classifier = {.count = 1};
    size_t count = call->node->call.count;
    for (size_t i = 0; i < count; i++) {
        const struct hc_node *node = call->node->call.arguments[i].value;
        if (call->arguments[i].type != HC_ANSWER_KIND)
            return hc_evaluation_error(call->evaluation, node, "findex() takes kinds, not %s",
                                       hc_answer_name(&call->arguments[i]));
        kinds[i] = call->arguments[i].kind;
        if (!(names[i] = strndup(call->evaluation->source + node->span.offset, node->span.length)))
            return hc_error_out_of_memory();
    }
    HC_TRY(hc_universe_add_findex(&call->evaluation->interpreter->universe, kinds, (const char *const *)names,
                                  count, &classifier.parts[0]));
    return hc_answer_classifier(&classifier, ret);
}

static struct hc_error *run_findex(const struct hc_call *call, struct hc_answer *ret)
{
    size_t count = call->node->call.count;
    _cleanup_(hc_freep) struct hc_kind **kinds = calloc(count + 1, sizeof(struct hc_kind *));
    char **names = calloc(count + 1, sizeof(*names));
    struct hc_error *error = kinds && names ? add_findex(call, kinds, names, ret) : hc_error_out_of_memory();
    for (size_t i = 0; names && i < count; i++)
        free(names[i]);
    free(names);
    return error;
}

const struct hc_function hc_classifier_functions[] = {
    {.name = "Id",
     .usage = "Id(address)",
     .run = run_id,
     .help = "Makes the kind of a single object, which is given by its address or as itself. Uncalled it is "
             "the relation that tells all objects apart.",
     .example = "h & Id(h.byid[0].theone)"},
    {.name = "Idset",
     .usage = "Idset(object)",
     .run = run_idset,
     .help = "Makes the kind of a single object, as Id() does. Uncalled it is the relation of byidset.",
     .example = "h & Idset(h.byid[0].theone)"},
    {.name = "Module",
     .usage = "Module('name', at=address)",
     .run = run_module,
     .takes_names = true,
     .help = "Makes the kind of the module objects of a name, or of the one at an address. Module() is the "
             "kind of all that is no module.",
     .example = "h & Module('builtins')"},
    {.name = "Unity",
     .usage = "Unity()",
     .run = run_unity,
     .help = "Makes the kind of all objects. Uncalled it is the relation that tells none apart.",
     .example = "h.by(Unity)"},
    {.name = "findex",
     .usage = "findex(kind, …)",
     .run = run_findex,
     .help = "Makes the relation that divides objects by the first of the given kinds that they are of. What "
             "is of none of them is in the row <None>.",
     .example = "h.by(findex(str, Size(64).alt('<')))"},
    {0},
};
