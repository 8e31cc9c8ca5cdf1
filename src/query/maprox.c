// maprox: an operation on each member of a set. brief: a set in a line.
#include "query/families.h"
#include "sets/mapped.h"
#include "sets/set_brief.h"

#include <inttypes.h>
#include <stdlib.h>

struct maprox_thing {
    struct hc_thing thing;
    struct hc_set *set;
};

static const struct hc_set *set_of(const struct hc_thing *thing)
{
    return ((const struct maprox_thing *)thing)->set;
}

static void maprox_destroy(struct hc_thing *thing)
{
    hc_set_release(((struct maprox_thing *)thing)->set);
    free(thing);
}

static struct hc_error *maprox_print(struct hc_thing *thing, FILE *file)
{
    fprintf(file, "<maprox of %" PRIu64 " objects: .name and [key] are the sets of their values>\n",
            set_of(thing)->count);
    return NULL;
}

static struct hc_error *answer(struct hc_set *set, struct hc_answer *ret)
{
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    return hc_answer_set(set, &clodo, ret);
}

static struct hc_error *maprox_attribute(struct hc_thing *thing, const char *name, struct hc_answer *ret,
                                         bool *ret_found)
{
    struct hc_set *set;
    *ret_found = true;
    HC_TRY(hc_set_map_attribute(set_of(thing), name, &set));
    return answer(set, ret);
}

static struct hc_error *maprox_key(struct hc_thing *thing, const struct hc_answer *key, struct hc_answer *ret)
{
    struct hc_set *set;
    if (key->type == HC_ANSWER_TEXT)
        HC_TRY(hc_set_map_key(set_of(thing), key->text, &set));
    else if (key->type == HC_ANSWER_INTEGER)
        HC_TRY(hc_set_map_index(set_of(thing), key->integer, &set));
    else
        return hc_error_create("a key is a string or an integer here, not %s", hc_answer_name(key));
    return answer(set, ret);
}

static const struct hc_attribute *const no_attributes[] = {NULL};
static const struct hc_function *const no_methods[] = {NULL};

const struct hc_thing_class hc_maprox_class = {
    .name = "a maprox",
    .destroy = maprox_destroy,
    .print = maprox_print,
    .attributes = no_attributes,
    .methods = no_methods,
    .attribute = maprox_attribute,
    .key = maprox_key,
};

static struct hc_error *get_maprox(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                   struct hc_answer *ret)
{
    (void)evaluation;
    struct maprox_thing *thing = calloc(1, sizeof(*thing));
    HC_TRY(hc_answer_thing(thing ? &thing->thing : NULL, &hc_maprox_class, ret));
    thing->set = hc_set_keep(self->view->set);
    return NULL;
}

static struct hc_error *get_brief(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                  struct hc_answer *ret)
{
    (void)evaluation;
    struct hc_partition *partition;
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    _cleanup_(hc_answer_deinit) struct hc_answer set = {0};
    // Classes of one object each are no summary.
    HC_TRY(hc_answer_set(hc_set_keep(self->view->set),
                         hc_view_is_by_identity(self->view) ? &clodo : &self->view->classifier, &set));
    HC_TRY(hc_view_divide(set.view, &partition));
    *ret = (struct hc_answer){.type = HC_ANSWER_TEXT};
    return hc_set_brief(self->view->set, partition, &ret->text);
}

const struct hc_attribute hc_maprox_attributes[] = {
    {.name = "brief",
     .get = get_brief,
     .help =
         "Is the set in one line of at most 80 characters: how many objects of which kinds, and the first "
         "of them. The kinds are those of the relation that the set is shown by.",
     .example = "h[0].brief"},
    {.name = "maprox",
     .get = get_maprox,
     .help =
         "Stands for each object of the set: maprox.name is the set of the values of that attribute, and "
         "maprox['key'] or maprox[3] that of the values of a key or index. Objects without it add nothing.",
     .example = "(h & list).maprox[0]"},
    {0},
};
