// The members of a set that are of a kind.
#include "sets/derived.h"
#include "sets/kind.h"
#include "sets/producers.h"

#include "base/interrupt.h"
#include "base/vector.h"

#include <stdlib.h>

const char *hc_comparison_text(enum hc_comparison comparison)
{
    static const char *const texts[] = {
        [HC_EQUAL] = "==",      [HC_NOT_EQUAL] = "!=", [HC_LESS] = "<",
        [HC_LESS_EQUAL] = "<=", [HC_GREATER] = ">",    [HC_GREATER_EQUAL] = ">=",
    };
    return texts[comparison];
}

bool hc_compare(bool left_within, bool right_within, enum hc_comparison comparison)
{
    switch (comparison) {
    case HC_EQUAL:
        return left_within && right_within;
    case HC_NOT_EQUAL:
        return !(left_within && right_within);
    case HC_LESS:
        return left_within && !right_within;
    case HC_LESS_EQUAL:
        return left_within;
    case HC_GREATER:
        return right_within && !left_within;
    case HC_GREATER_EQUAL:
        return right_within;
    }
    return false;
}

static bool is_sublist(const struct hc_number_list *left, const struct hc_number_list *right)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < left->count; i++, at++) {
        while (at < right->count && right->numbers[at] < left->numbers[i])
            at++;
        if (at == right->count || right->numbers[at] != left->numbers[i])
            return false;
    }
    return true;
}

// As heapy has it: `<=` is no order here (a line may be within another and it within the first), so `<` is
// that and not the same.
static bool compare_producers(const struct hc_producers *producers, uint32_t left, uint32_t right,
                              enum hc_comparison comparison)
{
    switch (comparison) {
    case HC_EQUAL:
        return left == right;
    case HC_NOT_EQUAL:
        return left != right;
    case HC_LESS:
        return left != right && hc_producers_is_within(producers, left, right);
    case HC_LESS_EQUAL:
        return hc_producers_is_within(producers, left, right);
    case HC_GREATER:
        return left != right && hc_producers_is_within(producers, right, left);
    case HC_GREATER_EQUAL:
        return hc_producers_is_within(producers, right, left);
    }
    return false;
}

struct selection {
    const struct hc_kind *kind;
    const struct hc_universe *universe;
    uint8_t *types; // of HC_BY_TYPE: by type index, whether it matches
};

static bool matches(const struct selection *selection, uint64_t key)
{
    const struct hc_kind *kind = selection->kind;
    if (kind->relation == HC_BY_RCS || kind->relation == HC_BY_VIA || kind->relation & HC_BY_REFERRERS) {
        const struct hc_number_list *lists = selection->universe->lists.items;
        return hc_compare(is_sublist(&lists[key], &lists[kind->key]),
                          is_sublist(&lists[kind->key], &lists[key]), kind->comparison);
    }
    switch (kind->relation) {
    case HC_BY_TYPE:
        return selection->types[key];
    case HC_BY_PROD:
        return compare_producers(selection->universe->producers, (uint32_t)key, (uint32_t)kind->key,
                                 kind->comparison);
    default:
        return hc_compare(key <= kind->key, key >= kind->key, kind->comparison);
    }
}

static struct hc_error *select_class(const struct hc_kind *kind, const struct hc_set *set,
                                     struct hc_set **ret)
{
    struct hc_universe *universe = set->universe;
    const struct hc_type_vector *types = &universe->graph->types.types;
    const struct hc_classifier classifier = hc_classifier_of(kind->relation);
    _cleanup_(hc_freep) uint8_t *type_matches = calloc(types->count + 1, 1);
    _cleanup_(hc_classify_deinit) struct hc_classify classify = {0};
    _cleanup_(hc_set_releasep) struct hc_set *found = hc_set_create(universe);
    if (!type_matches || !found)
        return hc_error_out_of_memory();
    for (size_t i = 0; kind->relation == HC_BY_TYPE && i < types->count; i++)
        type_matches[i] =
            hc_compare(hc_type_is_subtype(&universe->graph->types, types->items[i], types->items[kind->key]),
                       hc_type_is_subtype(&universe->graph->types, types->items[kind->key], types->items[i]),
                       kind->comparison);
    HC_TRY(hc_classify_init(&classify, universe, &classifier, set));
    struct selection selection = {kind, universe, type_matches};
    uint32_t end = universe->graph->count, steps = 0;
    for (uint32_t object = hc_set_next(set, 0); object < end; object = hc_set_next(set, object + 1)) {
        struct hc_class class;
        if (++steps % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        HC_TRY(hc_classify_object(&classify, object, &class));
        if (matches(&selection, class.keys[0]))
            hc_set_put(found, object);
    }
    hc_set_seal(found);
    *ret = hc_take(found);
    return NULL;
}

static struct hc_error *select_dicts(const struct hc_kind *owner, const struct hc_set *set,
                                     struct hc_set **ret)
{
    _cleanup_(hc_set_releasep) struct hc_set *owners = NULL, *found = NULL, *dicts = NULL;
    HC_TRY(hc_set_owners(set, &owners));
    HC_TRY(hc_kind_select(owner, owners, &found));
    HC_TRY(hc_set_dicts(found, &dicts));
    return hc_set_combine(set, dicts, HC_SET_AND, ret);
}

HC_DEFINE_VECTOR(key_vector, uint64_t)

// The classes that a kind is the union of, if they are of one relation: they take one pass over a set, not
// one each. False in `*ret`: it is something else. The right side comes first, as most unions grow to the
// left.
static struct hc_error *gather_classes(const struct hc_kind *kind, enum hc_relation relation,
                                       struct key_vector *keys, bool *ret)
{
    *ret = kind->operation == HC_KIND_OR;
    if (*ret) {
        HC_TRY(gather_classes(kind->right, relation, keys, ret));
        return *ret ? gather_classes(kind->left, relation, keys, ret) : NULL;
    }
    *ret = kind->operation == HC_KIND_CLASS && kind->relation == relation && kind->comparison == HC_EQUAL;
    return *ret && !key_vector_push(keys, kind->key) ? hc_error_out_of_memory() : NULL;
}

static int compare_keys(const void *left, const void *right)
{
    uint64_t first = *(const uint64_t *)left, second = *(const uint64_t *)right;
    return (first > second) - (first < second);
}

static struct hc_error *select_classes(enum hc_relation relation, struct key_vector *keys,
                                       const struct hc_set *set, struct hc_set **ret)
{
    struct hc_universe *universe = set->universe;
    const struct hc_classifier classifier = hc_classifier_of(relation);
    _cleanup_(hc_classify_deinit) struct hc_classify classify = {0};
    _cleanup_(hc_set_releasep) struct hc_set *found = hc_set_create(universe);
    if (!found)
        return hc_error_out_of_memory();
    qsort(keys->items, keys->count, sizeof(*keys->items), compare_keys);
    HC_TRY(hc_classify_init(&classify, universe, &classifier, set));
    uint32_t end = universe->graph->count, steps = 0;
    for (uint32_t object = hc_set_next(set, 0); object < end; object = hc_set_next(set, object + 1)) {
        struct hc_class class;
        if (++steps % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        HC_TRY(hc_classify_object(&classify, object, &class));
        if (bsearch(&class.keys[0], keys->items, keys->count, sizeof(*keys->items), compare_keys))
            hc_set_put(found, object);
    }
    hc_set_seal(found);
    *ret = hc_take(found);
    return NULL;
}

static struct hc_error *select_union(const struct hc_kind *kind, const struct hc_set *set,
                                     struct hc_set **ret)
{
    const struct hc_kind *last = kind->right;
    while (last->operation == HC_KIND_OR)
        last = last->right;
    _cleanup_(key_vector_deinit) struct key_vector keys = {0};
    bool is_of_classes;
    HC_TRY(gather_classes(kind, last->relation, &keys, &is_of_classes));
    if (is_of_classes)
        return select_classes(last->relation, &keys, set, ret);
    _cleanup_(hc_set_releasep) struct hc_set *left = NULL;
    _cleanup_(hc_set_releasep) struct hc_set *right = NULL;
    HC_TRY(hc_kind_select(kind->left, set, &left));
    HC_TRY(hc_kind_select(kind->right, set, &right));
    return hc_set_combine(left, right, HC_SET_OR, ret);
}

struct hc_error *hc_kind_select(const struct hc_kind *kind, const struct hc_set *set, struct hc_set **ret)
{
    _cleanup_(hc_set_releasep) struct hc_set *left = NULL;
    switch (kind->operation) {
    case HC_KIND_CLASS:
        return select_class(kind, set, ret);
    case HC_KIND_SET:
        return hc_set_combine(set, kind->set, HC_SET_AND, ret);
    case HC_KIND_ALL:
        return hc_set_combine(set, set, HC_SET_AND, ret);
    case HC_KIND_NOT:
        HC_TRY(hc_kind_select(kind->left, set, &left));
        return hc_set_combine(set, left, HC_SET_MINUS, ret);
    case HC_KIND_DICTS:
        return select_dicts(kind->left, set, ret);
    case HC_KIND_AND:
        HC_TRY(hc_kind_select(kind->left, set, &left));
        return hc_kind_select(kind->right, left, ret);
    case HC_KIND_OR:
        return select_union(kind, set, ret);
    }
    return hc_error_create("a kind of no kind");
}
