// h.dominators: a set's kinds by what they keep alive.
#include "query/families.h"

#include "sets/retained.h"

#include <inttypes.h>
#include <stdlib.h>

struct dominators_thing {
    struct hc_thing thing;
    struct hc_set *set;
    struct hc_retained_kind_vector kinds;
    bool all_rows;
};

static void dominators_destroy(struct hc_thing *thing)
{
    struct dominators_thing *dominators = (struct dominators_thing *)thing;
    hc_retained_kind_vector_deinit(&dominators->kinds);
    hc_set_release(dominators->set);
    free(dominators);
}

static int percent(uint64_t part, uint64_t whole)
{
    return whole ? (int)((double)part * 100 / (double)whole + 0.5) : 0;
}

static struct hc_error *print_row(const struct dominators_thing *dominators, size_t index, uint64_t whole,
                                  FILE *file)
{
    const struct hc_retained_kind *row = &dominators->kinds.items[index];
    _cleanup_(hc_freep) char *name = hc_universe_kind_name(dominators->set->universe, row->kind);
    if (!name)
        return hc_error_out_of_memory();
    fprintf(file, "%6zu %6" PRIu64 " %8" PRIu64 " %9" PRIu64 " %3d %s\n", index, row->count, row->size,
            row->retained, percent(row->retained, whole), name);
    return NULL;
}

static struct hc_error *dominators_print(struct hc_thing *thing, FILE *file)
{
    const struct dominators_thing *dominators = (const struct dominators_thing *)thing;
    const struct hc_answer page = {.all_rows = dominators->all_rows};
    size_t rows = dominators->kinds.count, end = hc_answer_page_end(&page, rows);
    _cleanup_(hc_set_releasep) struct hc_set *heap = NULL;
    HC_TRY(hc_set_of_states(dominators->set->universe, 1u << HC_STATE_REACHABLE, &heap));
    fprintf(file, "What a set of %" PRIu64 " objects retains, of a heap of %" PRIu64 " bytes.\n",
            dominators->set->count, heap->size);
    fprintf(file, " Index  Count     Size  Retained   %% Kind (class / dict of class)\n");
    for (size_t i = 0; i < end; i++)
        HC_TRY(print_row(dominators, i, heap->size, file));
    if (end < rows)
        fprintf(file, "<%zu more rows. Type e.g. '_.all' to view.>\n", rows - end);
    return NULL;
}

static struct hc_error *show(struct hc_set *set, bool all_rows, struct hc_answer *ret)
{
    struct dominators_thing *thing = calloc(1, sizeof(*thing));
    _cleanup_(hc_answer_deinit) struct hc_answer answer = {0};
    HC_TRY(hc_answer_thing(thing ? &thing->thing : NULL, &hc_dominators_class, &answer));
    thing->set = hc_set_keep(set);
    thing->all_rows = all_rows;
    HC_TRY(hc_retained_find_kinds(set, &thing->kinds));
    *ret = answer;
    answer = (struct hc_answer){0};
    return NULL;
}

static struct hc_error *get_all(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                struct hc_answer *ret)
{
    (void)evaluation;
    return show(((struct dominators_thing *)self->thing)->set, true, ret);
}

static struct hc_error *get_dominators(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                       struct hc_answer *ret)
{
    (void)evaluation;
    return show(self->view->set, false, ret);
}

static struct hc_error *dominators_item(struct hc_thing *thing, int64_t index, struct hc_answer *ret)
{
    const struct dominators_thing *dominators = (const struct dominators_thing *)thing;
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    int64_t rows = (int64_t)dominators->kinds.count;
    if (index < 0)
        index += rows;
    if (index < 0 || index >= rows)
        return hc_error_create("there is no such row: the table has %" PRId64, rows);
    _cleanup_(hc_kind_releasep) struct hc_kind *kind =
        hc_kind_of_class(HC_BY_CLODO, dominators->kinds.items[index].kind);
    struct hc_set *set;
    if (!kind)
        return hc_error_out_of_memory();
    HC_TRY(hc_kind_select(kind, dominators->set, &set));
    return hc_answer_set(set, &clodo, ret);
}

static const struct hc_attribute own_attributes[] = {
    {.name = "all",
     .get = get_all,
     .help = "Shows every row of the table. An index gives the objects of a row.",
     .example = "h.dominators.all"},
    {0},
};

static const struct hc_attribute *const attributes[] = {own_attributes, NULL};
static const struct hc_function *const no_methods[] = {NULL};

const struct hc_thing_class hc_dominators_class = {
    .name = "a table of dominators",
    .destroy = dominators_destroy,
    .print = dominators_print,
    .attributes = attributes,
    .methods = no_methods,
    .item = dominators_item,
};

const struct hc_attribute hc_dominators_attributes[] = {
    {.name = "dominators",
     .get = get_dominators,
     .help = "Shows for each kind of the set's objects what they retain: what would be freed if those of "
             "them went that "
             "no other of the kind dominates. It comes from the dominator tree, which is made once.",
     .example = "h.dominators"},
    {0},
};
