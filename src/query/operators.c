#include "query/evaluate.h"

#include "query/classifiers.h"
#include "query/objects.h"

static struct hc_kind *as_kind(const struct hc_answer *answer)
{
    return answer->type == HC_ANSWER_KIND ? hc_kind_keep(answer->kind) : hc_kind_of_set(answer->view->set);
}

struct hc_error *hc_evaluate_unary(struct hc_evaluation *evaluation, const struct hc_node *node,
                                   struct hc_answer *ret)
{
    _cleanup_(hc_answer_deinit) struct hc_answer operand = {0};
    HC_TRY(hc_evaluate(evaluation, node->unary.operand, &operand));
    if (node->unary.op == HC_OPERATOR_NEGATE && operand.type == HC_ANSWER_INTEGER) {
        *ret = hc_answer_integer(-operand.integer); // literals are not negative, sums are checked: it fits
        return NULL;
    }
    if (node->unary.op != HC_OPERATOR_INVERT ||
        (operand.type != HC_ANSWER_SET && operand.type != HC_ANSWER_KIND))
        return hc_evaluation_error(evaluation, node, "%s has no %s", hc_answer_name(&operand),
                                   hc_operator_text(node->unary.op));
    _cleanup_(hc_kind_releasep) struct hc_kind *kind = as_kind(&operand);
    _cleanup_(hc_kind_releasep) struct hc_kind *inverse = kind ? hc_kind_not(kind) : NULL;
    return inverse ? hc_answer_kind(hc_take(inverse), ret) : hc_kind_refused();
}

static bool is_set_or_kind(const struct hc_answer *answer)
{
    return answer->type == HC_ANSWER_SET || answer->type == HC_ANSWER_KIND;
}

static struct hc_error *combine_sets(const struct hc_answer *left, const struct hc_answer *right,
                                     enum hc_set_operation operation, struct hc_answer *ret)
{
    struct hc_set *set;
    HC_TRY(hc_set_combine(left->view->set, right->view->set, operation, &set));
    return hc_answer_set(set, &left->view->classifier, ret);
}

// left & right, left & ~right, as a symbolic set.
static struct hc_kind *both(struct hc_kind *left, struct hc_kind *right, bool is_negative)
{
    _cleanup_(hc_kind_releasep) struct hc_kind *other =
        is_negative ? hc_kind_not(right) : hc_kind_keep(right);
    return other ? hc_kind_both(HC_KIND_AND, left, other) : NULL;
}

static struct hc_kind *combine_kinds(struct hc_kind *left, struct hc_kind *right, enum hc_operator op)
{
    if (op == HC_OPERATOR_OR)
        return hc_kind_both(HC_KIND_OR, left, right);
    if (op != HC_OPERATOR_XOR)
        return both(left, right, op == HC_OPERATOR_SUBTRACT);
    _cleanup_(hc_kind_releasep) struct hc_kind *only_left = both(left, right, true);
    _cleanup_(hc_kind_releasep) struct hc_kind *only_right = both(right, left, true);
    return only_left && only_right ? hc_kind_both(HC_KIND_OR, only_left, only_right) : NULL;
}

// A set and a symbolic one: what is within the set is a set, all else is symbolic.
static struct hc_error *combine_mixed(const struct hc_answer *left, const struct hc_answer *right,
                                      enum hc_operator op, struct hc_answer *ret)
{
    _cleanup_(hc_kind_releasep) struct hc_kind *first = as_kind(left), *second = as_kind(right);
    if (!first || !second)
        return hc_error_out_of_memory();
    _cleanup_(hc_kind_releasep) struct hc_kind *kind = combine_kinds(first, second, op);
    if (!kind)
        return hc_kind_refused();
    const struct hc_answer *within = left->type == HC_ANSWER_SET                             ? left
                                     : right->type == HC_ANSWER_SET && op == HC_OPERATOR_AND ? right
                                                                                             : NULL;
    if (!within || op == HC_OPERATOR_OR || op == HC_OPERATOR_XOR)
        return hc_answer_kind(hc_take(kind), ret);
    struct hc_set *set;
    HC_TRY(hc_kind_select(kind, within->view->set, &set));
    return hc_answer_set(set, &within->view->classifier, ret);
}

static struct hc_error *combine(const struct hc_answer *left, const struct hc_answer *right,
                                enum hc_operator op, struct hc_answer *ret)
{
    if (left->type != HC_ANSWER_SET || right->type != HC_ANSWER_SET)
        return combine_mixed(left, right, op, ret);
    switch (op) {
    case HC_OPERATOR_AND:
        return combine_sets(left, right, HC_SET_AND, ret);
    case HC_OPERATOR_OR:
        return combine_sets(left, right, HC_SET_OR, ret);
    case HC_OPERATOR_SUBTRACT:
        return combine_sets(left, right, HC_SET_MINUS, ret);
    default:
        return combine_sets(left, right, HC_SET_XOR, ret);
    }
}

static bool compare(bool is_less_equal, bool is_greater_equal, enum hc_operator op)
{
    static const enum hc_comparison comparisons[] = {
        [HC_OPERATOR_EQUAL] = HC_EQUAL,     [HC_OPERATOR_NOT_EQUAL] = HC_NOT_EQUAL,
        [HC_OPERATOR_LESS] = HC_LESS,       [HC_OPERATOR_LESS_EQUAL] = HC_LESS_EQUAL,
        [HC_OPERATOR_GREATER] = HC_GREATER, [HC_OPERATOR_GREATER_EQUAL] = HC_GREATER_EQUAL,
    };
    return hc_compare(is_less_equal, is_greater_equal, comparisons[op]);
}

static struct hc_error *evaluate_sets(struct hc_evaluation *evaluation, const struct hc_node *node,
                                      const struct hc_answer *left, const struct hc_answer *right,
                                      struct hc_answer *ret)
{
    enum hc_operator op = node->binary.op;
    if (op == HC_OPERATOR_AND || op == HC_OPERATOR_OR || op == HC_OPERATOR_XOR || op == HC_OPERATOR_SUBTRACT)
        return combine(left, right, op, ret);
    if (op == HC_OPERATOR_ADD || left->type != HC_ANSWER_SET)
        return hc_syntax_error(evaluation->source, node->binary.operator_span.offset,
                               "%s %s %s has no meaning", hc_answer_name(left), hc_operator_text(op),
                               hc_answer_name(right));
    bool is_inclusion = op == HC_OPERATOR_IN || op == HC_OPERATOR_NOT_IN || op == HC_OPERATOR_LESS_EQUAL;
    if (right->type == HC_ANSWER_KIND && !is_inclusion)
        return hc_syntax_error(evaluation->source, node->binary.operator_span.offset,
                               "of a set and a kind only `in`, `not in` and `<=` can be told");
    // A symbolic set on the right: is all of the left one in it?
    _cleanup_(hc_set_releasep) struct hc_set *other = NULL;
    if (right->type == HC_ANSWER_KIND)
        HC_TRY(hc_kind_select(right->kind, left->view->set, &other));
    else
        other = hc_set_keep(right->view->set);
    bool is_within = hc_set_is_within(left->view->set, other);
    if (op == HC_OPERATOR_IN || op == HC_OPERATOR_NOT_IN)
        *ret = hc_answer_truth((is_within && left->view->set->count) == (op == HC_OPERATOR_IN));
    else
        *ret = hc_answer_truth(compare(is_within, hc_set_is_within(other, left->view->set), op));
    return NULL;
}

static struct hc_error *evaluate_integers(struct hc_evaluation *evaluation, const struct hc_node *node,
                                          int64_t left, int64_t right, struct hc_answer *ret)
{
    int64_t result;
    switch (node->binary.op) {
    case HC_OPERATOR_ADD:
        if (__builtin_add_overflow(left, right, &result) || result == INT64_MIN)
            return hc_evaluation_error(evaluation, node, "the sum is too large");
        *ret = hc_answer_integer(result);
        return NULL;
    case HC_OPERATOR_SUBTRACT:
        if (__builtin_sub_overflow(left, right, &result) || result == INT64_MIN)
            return hc_evaluation_error(evaluation, node, "the difference is too large");
        *ret = hc_answer_integer(result);
        return NULL;
    case HC_OPERATOR_EQUAL:
    case HC_OPERATOR_NOT_EQUAL:
    case HC_OPERATOR_LESS:
    case HC_OPERATOR_LESS_EQUAL:
    case HC_OPERATOR_GREATER:
    case HC_OPERATOR_GREATER_EQUAL:
        *ret = hc_answer_truth(compare(left <= right, left >= right, node->binary.op));
        return NULL;
    default:
        return hc_evaluation_error(evaluation, node, "integers have no %s here",
                                   hc_operator_text(node->binary.op));
    }
}

struct hc_error *hc_evaluate_binary(struct hc_evaluation *evaluation, const struct hc_node *node,
                                    struct hc_answer *ret)
{
    _cleanup_(hc_answer_deinit) struct hc_answer left = {0}, right = {0};
    HC_TRY(hc_evaluate(evaluation, node->binary.left, &left));
    HC_TRY(hc_evaluate(evaluation, node->binary.right, &right));
    // An object in a set, or in the nodes of one.
    uint32_t object;
    const struct hc_set *members = hc_answer_members(&right);
    bool is_inclusion = node->binary.op == HC_OPERATOR_IN || node->binary.op == HC_OPERATOR_NOT_IN;
    if (is_inclusion && members && hc_answer_is_object(&left, &object)) {
        *ret = hc_answer_truth(hc_set_has(members, object) == (node->binary.op == HC_OPERATOR_IN));
        return NULL;
    }
    struct hc_classifier first, second;
    if (node->binary.op == HC_OPERATOR_AND && hc_answer_is_classifier(&left, &first) &&
        hc_answer_is_classifier(&right, &second))
        return hc_classifiers_join(&first, &second, ret);
    if (is_set_or_kind(&left) && is_set_or_kind(&right))
        return evaluate_sets(evaluation, node, &left, &right, ret);
    if (left.type == HC_ANSWER_INTEGER && right.type == HC_ANSWER_INTEGER)
        return evaluate_integers(evaluation, node, left.integer, right.integer, ret);
    if (left.type == HC_ANSWER_THING && left.thing->class->subtract &&
        node->binary.op == HC_OPERATOR_SUBTRACT)
        return left.thing->class->subtract(left.thing, &right, ret);
    return hc_syntax_error(evaluation->source, node->binary.operator_span.offset, "%s %s %s has no meaning",
                           hc_answer_name(&left), hc_operator_text(node->binary.op), hc_answer_name(&right));
}
