// What a kind is asked.
#include "query/families.h"

#include <string.h>

static struct hc_error *get_dicts(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                  struct hc_answer *ret)
{
    const struct hc_universe *universe = &evaluation->interpreter->universe;
    const struct hc_kind *kind = self->kind;
    bool is_class =
        kind->operation == HC_KIND_CLASS && kind->relation == HC_BY_TYPE && kind->comparison == HC_EQUAL;
    struct hc_kind *dicts =
        is_class ? hc_kind_of_clodo(universe, universe->type_count + kind->key) : hc_kind_dicts(self->kind);
    return dicts ? hc_answer_kind(dicts, ret) : hc_kind_refused();
}

const struct hc_attribute hc_kind_attributes[] = {
    {.name = "dictof",
     .get = get_dicts,
     .help =
         "Is the kind of the dicts that hold the attributes of this kind's objects. It is symbolic, as the "
         "kind is.",
     .example = "h & Type('module').dictof"},
    {0},
};

static struct hc_error *run_alt(const struct hc_call *call, struct hc_answer *ret)
{
    const size_t count = HC_GREATER_EQUAL + 1;
    size_t comparison = 0;
    if (call->node->call.count == 1 && call->arguments[0].type == HC_ANSWER_TEXT)
        while (comparison < count &&
               strcmp(hc_comparison_text((enum hc_comparison)comparison), call->arguments[0].text))
            comparison++;
    else
        comparison = count;
    if (comparison == count)
        return hc_evaluation_error(call->evaluation, call->node,
                                   "alt() takes one of '<' '<=' '==' '!=' '>=' '>'");
    struct hc_kind *kind;
    HC_TRY(hc_kind_alternative(call->self->kind, (enum hc_comparison)comparison, &kind));
    if (!kind)
        return hc_evaluation_error(call->evaluation, call->node,
                                   "only a class of Type, Size, Rcs, Via or Prod has alternatives");
    return hc_answer_kind(kind, ret);
}

const struct hc_function hc_kind_methods[] = {
    {.name = "alt",
     .usage = "alt('<=')",
     .run = run_alt,
     .help = "Is the kind of all objects whose class stands in the given relation to this kind's class. The "
             "relation is a string: '<', '<=', '==', '!=', '>=' or '>'.",
     .example = "h & Size(64).alt('<=')"},
    {0},
};
