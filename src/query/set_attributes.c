// What a set is asked.
#include "query/classifiers.h"
#include "query/families.h"

#include <stdlib.h>
#include <string.h>

static struct hc_error *get_count(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                  struct hc_answer *ret)
{
    (void)evaluation;
    *ret = hc_answer_integer((int64_t)self->view->set->count);
    return NULL;
}

static struct hc_error *get_size(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    (void)evaluation;
    *ret = hc_answer_integer((int64_t)self->view->set->size);
    return NULL;
}

typedef struct hc_error *walk_fn(const struct hc_set *set, struct hc_set **ret);

// Sets around a set are shown by kind, whatever it was shown by.
static struct hc_error *walk(const struct hc_answer *self, walk_fn *find, struct hc_answer *ret)
{
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    struct hc_set *set;
    HC_TRY(find(self->view->set, &set));
    return hc_answer_set(set, &clodo, ret);
}

static struct hc_error *get_domisize(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                     struct hc_answer *ret)
{
    (void)evaluation;
    _cleanup_(hc_set_releasep) struct hc_set *dominos = NULL;
    HC_TRY(hc_set_dominos(self->view->set, &dominos));
    *ret = hc_answer_integer((int64_t)dominos->size);
    return NULL;
}

#define WALK(name, find)                                                                                     \
    static struct hc_error *name(struct hc_evaluation *evaluation, const struct hc_answer *self,             \
                                 struct hc_answer *ret)                                                      \
    {                                                                                                        \
        (void)evaluation;                                                                                    \
        return walk(self, find, ret);                                                                        \
    }

WALK(get_dominos, hc_set_dominos)
WALK(get_imdom, hc_set_immediate_dominators)
WALK(get_referents, hc_set_referents)
WALK(get_referrers, hc_set_referrers)
WALK(get_owners, hc_set_owners)
WALK(get_dictof, hc_set_dicts)

static struct hc_error *show_by(const struct hc_answer *self, const struct hc_classifier *classifier,
                                struct hc_answer *ret)
{
    return hc_answer_set(hc_set_keep(self->view->set), classifier, ret);
}

#define BY(name, relation)                                                                                   \
    static struct hc_error *name(struct hc_evaluation *evaluation, const struct hc_answer *self,             \
                                 struct hc_answer *ret)                                                      \
    {                                                                                                        \
        (void)evaluation;                                                                                    \
        const struct hc_classifier classifier = hc_classifier_of(relation);                                  \
        return show_by(self, &classifier, ret);                                                              \
    }

BY(get_byclodo, HC_BY_CLODO)
BY(get_bymodule, HC_BY_MODULE)
BY(get_byrcs, HC_BY_RCS)
BY(get_bysize, HC_BY_SIZE)
BY(get_bytype, HC_BY_TYPE)
BY(get_byunity, HC_BY_UNITY)
BY(get_byvia, HC_BY_VIA)

// The rest of the table's rows, a page at a time.
static struct hc_error *get_more(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    (void)evaluation;
    size_t rows;
    HC_TRY(hc_view_row_count(self->view, &rows));
    HC_TRY(hc_answer_copy(self, ret));
    size_t end = hc_answer_page_end(self, rows);
    if (end < rows) // the last page has no next
        ret->first_row = end;
    return NULL;
}

static struct hc_error *get_all(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                struct hc_answer *ret)
{
    (void)evaluation;
    HC_TRY(hc_answer_copy(self, ret));
    ret->all_rows = true;
    return NULL;
}

static struct hc_error *get_top(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                struct hc_answer *ret)
{
    (void)evaluation;
    HC_TRY(hc_answer_copy(self, ret));
    ret->first_row = 0;
    ret->all_rows = false;
    return NULL;
}

static struct hc_error *get_prev(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    HC_TRY(get_top(evaluation, self, ret));
    ret->first_row = self->first_row > HC_ANSWER_PAGE ? self->first_row - HC_ANSWER_PAGE : 0;
    return NULL;
}

// The union of the classes that the table shows, as a symbolic set.
static struct hc_error *get_kind(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    (void)evaluation;
    enum { MOST_CLASSES = 1000 };
    struct hc_partition *partition;
    size_t rows;
    // Of objects in rows of their own the count is known without a table.
    HC_TRY(hc_view_row_count(self->view, &rows));
    if (self->view->classifier.count != 1 || rows > MOST_CLASSES || !rows)
        return hc_error_create("a kind is made of 1 to %d classes of one relation", MOST_CLASSES);
    HC_TRY(hc_view_divide(self->view, &partition));
    _cleanup_(hc_kind_releasep) struct hc_kind *kind = NULL;
    for (size_t i = 0; i < partition->row_count; i++) {
        uint16_t relation = self->view->classifier.parts[0];
        uint64_t key = partition->rows[i].class.keys[0];
        _cleanup_(hc_kind_releasep) struct hc_kind *class =
            relation == HC_BY_UNITY   ? hc_kind_of_all()
            : relation == HC_BY_CLODO ? hc_kind_of_clodo(self->view->set->universe, key)
                                      : hc_kind_of_class(relation, key);
        struct hc_kind *both = class && kind ? hc_kind_both(HC_KIND_OR, kind, class) : NULL;
        if (!class || (kind && !both))
            return hc_error_out_of_memory();
        hc_kind_release(kind);
        kind = both ? both : hc_take(class);
    }
    return hc_answer_kind(hc_take(kind), ret);
}

const struct hc_attribute hc_set_attributes[] = {
    {.name = "all",
     .get = get_all,
     .help =
         "Shows every row of the table, however many there are. The set and its relation stay as they are.",
     .example = "h.bytype.all"},
    {.name = "byclodo",
     .get = get_byclodo,
     .help = "Divides the set by class, and dicts by the class of the object that owns them. A dict without "
             "an owner is a row of its own.",
     .example = "h.byrcs[0].byclodo"},
    {.name = "bymodule",
     .get = get_bymodule,
     .help = "Divides the set into its module objects, each by itself, and all that is no module. It tells "
             "modules apart, not the objects that modules define.",
     .example = "h.bymodule"},
    {.name = "byrcs",
     .get = get_byrcs,
     .help = "Divides the set by the kinds of the objects that refer to its members. Objects that nothing "
             "refers to are in the row <Nothing>.",
     .example = "h.byrcs"},
    {.name = "bysize",
     .get = get_bysize,
     .help = "Divides the set by the size of each object. The name of a row is that size in bytes.",
     .example = "h.bysize"},
    {.name = "bytype",
     .get = get_bytype,
     .help = "Divides the set by type. Unlike byclodo it puts all dicts in one row.",
     .example = "h.bytype"},
    {.name = "byunity",
     .get = get_byunity,
     .help = "Does not divide the set: its table has a single row. Use it to see the total alone.",
     .example = "h[0].byunity"},
    {.name = "byvia",
     .get = get_byvia,
     .help = "Divides the set by the attributes, keys, indexes and variables through which its members are "
             "referred to. An object that is referred to in several ways has all of them in its row.",
     .example = "(h & type).byvia"},
    {.name = "count",
     .get = get_count,
     .help = "Is the number of objects in the set. It counts objects, not rows of the table.",
     .example = "h.count"},
    {.name = "dictof",
     .get = get_dictof,
     .help = "Is the set of the dicts that hold the attributes of the set's objects. Objects without such a "
             "dict add nothing.",
     .example = "h.dictof"},
    {.name = "dominos",
     .get = get_dominos,
     .help = "Is the set of all that would be freed if this set went: its objects, and what the roots reach "
             "only through them. It is found by a walk over the whole heap.",
     .example = "h[0].dominos"},
    {.name = "domisize",
     .get = get_domisize,
     .help = "Is the number of bytes that would be freed if the set went. It is the size of dominos.",
     .example = "h[0].domisize"},
    {.name = "imdom",
     .get = get_imdom,
     .help = "Is the set of immediate dominators: the referrers that the roots reach without passing another "
             "referrer of the set. These are the ones to let go of first.",
     .example = "h[0].imdom"},
    {.name = "indisize",
     .get = get_size,
     .help = "Is the number of bytes of the objects, each counted for itself. It is another name of size.",
     .example = "h.indisize"},
    {.name = "kind",
     .get = get_kind,
     .help = "Is the symbolic set of all objects of the classes that the table shows. Intersect another set "
             "with it to find objects of the same kinds.",
     .example = "h & h[0].kind"},
    {.name = "more",
     .get = get_more,
     .help = "Shows the next page of the table. On the last page it stays there.",
     .example = "h.more"},
    {.name = "owners",
     .get = get_owners,
     .help = "Is the set of the objects whose attributes are in the set's dicts. Dicts that belong to no "
             "object add nothing.",
     .example = "(h & dict).owners"},
    {.name = "partition",
     .get = get_top,
     .help = "Shows the set's table from its first row. It is another name of top.",
     .example = "h.partition"},
    {.name = "prev",
     .get = get_prev,
     .help = "Shows the page before this one. On the first page it stays there.",
     .example = "h.more.prev"},
    {.name = "referents",
     .get = get_referents,
     .help =
         "Is the set of the objects that the set's objects refer to. One step only: ask again to go further.",
     .example = "h[0].referents"},
    {.name = "referrers",
     .get = get_referrers,
     .help = "Is the set of the objects that refer to one of the set's objects. Unreachable objects count "
             "only where an object of the set is unreachable itself.",
     .example = "h[0].referrers"},
    {.name = "size",
     .get = get_size,
     .help = "Is the number of bytes of the objects, each counted for itself as sys.getsizeof would. What "
             "they refer to is not in it; see domisize.",
     .example = "h.size"},
    {.name = "top",
     .get = get_top,
     .help = "Shows the table from its first row. It undoes more and all.",
     .example = "h.more.top"},
    {0},
};

static struct hc_error *run_by(const struct hc_call *call, struct hc_answer *ret)
{
    struct hc_classifier classifier;
    if (call->node->call.count == 1 && hc_answer_is_classifier(&call->arguments[0], &classifier))
        return show_by(call->self, &classifier, ret);
    if (call->node->call.count != 1 || call->arguments[0].type != HC_ANSWER_TEXT)
        return hc_evaluation_error(call->evaluation, call->node,
                                   "by() takes a relation: by(Type), by(Type & Size), by('Type&Size')");
    if (!hc_classifier_parse(call->arguments[0].text, &classifier))
        return hc_evaluation_error(call->evaluation, call->node->call.arguments[0].value,
                                   "the relations are Clodo, Id, Idset, Module, Prod, Rcs, Size, Type, Unity "
                                   "and Via, and up to %d of "
                                   "them joined by &",
                                   HC_CLASSIFIER_PARTS);
    return show_by(call->self, &classifier, ret);
}

static struct hc_error *run_disjoint(const struct hc_call *call, struct hc_answer *ret)
{
    if (call->node->call.count != 1 || call->arguments[0].type != HC_ANSWER_SET)
        return hc_evaluation_error(call->evaluation, call->node, "disjoint() takes one set");
    _cleanup_(hc_set_releasep) struct hc_set *common = NULL;
    HC_TRY(hc_set_combine(call->self->view->set, call->arguments[0].view->set, HC_SET_AND, &common));
    *ret = hc_answer_truth(!common->count);
    return NULL;
}

const struct hc_function hc_set_methods[] = {
    {.name = "by",
     .usage = "by('Type&Size')",
     .run = run_by,
     .help = "Divides the set by the relation that the string names, or by several joined with &. The names "
             "are those of the relations, as in 'Type' or 'Type&Size'.",
     .example = "h.by('Type&Size')"},
    {.name = "disjoint",
     .usage = "disjoint(set)",
     .run = run_disjoint,
     .help = "Tells whether the two sets have no object in common. It answers True or False.",
     .example = "h.disjoint(heapu())"},
    {0},
};
