// What the parts of the interpreter share.
#pragma once

#include "query/interpreter.h"
#include "query/parser.h"

// An expression at work.
struct hc_evaluation {
    struct hc_interpreter *interpreter;
    const char *source;
};

// The arguments of a call, worked out.
struct hc_call {
    struct hc_evaluation *evaluation;
    const struct hc_node *node; // HC_NODE_CALL
    const struct hc_answer *self;
    struct hc_answer *arguments; // in the order of the node's
};

struct hc_function {
    const char *name;
    const char *usage; // "iso(address, …)"
    struct hc_error *(*run)(const struct hc_call *call, struct hc_answer *ret);
    bool takes_names;    // named arguments, that is
    const char *help;    // two sentences
    const char *example; // an expression that works on any heap
};

// An attribute that is there at once, without a call.
struct hc_attribute {
    const char *name;
    struct hc_error *(*get)(struct hc_evaluation *evaluation, const struct hc_answer *self,
                            struct hc_answer *ret);
    const char *help;    // two sentences
    const char *example; // an expression that works on any heap
};

// What values of a type answer to: tables ended by a row without a name, as many as there are files that
// bring one; the list of them ends with NULL. families.c.
const struct hc_attribute *const *hc_attribute_families(const struct hc_answer *answer);
const struct hc_function *const *hc_function_families(const struct hc_answer *answer);

struct hc_error *hc_evaluate(struct hc_evaluation *evaluation, const struct hc_node *node,
                             struct hc_answer *ret);
struct hc_error *hc_evaluate_unary(struct hc_evaluation *evaluation, const struct hc_node *node,
                                   struct hc_answer *ret);
struct hc_error *hc_evaluate_binary(struct hc_evaluation *evaluation, const struct hc_node *node,
                                    struct hc_answer *ret);
// The attribute `name` of `self`; false in `*ret_found` if it has none.
struct hc_error *hc_evaluate_attribute(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                       const char *name, struct hc_answer *ret, bool *ret_found);
// heap().
struct hc_error *hc_evaluate_heap(struct hc_evaluation *evaluation, struct hc_answer *ret);

// All objects that the roots reach, or all that they do not, without those in the session's reference point.
struct hc_error *hc_evaluate_states(struct hc_evaluation *evaluation, enum hc_reference_part part,
                                    struct hc_set **ret);

// An error that points at `node`.
#define hc_evaluation_error(evaluation, node, ...)                                                           \
    hc_syntax_error((evaluation)->source, (node)->span.offset, __VA_ARGS__)

// The classes of this name, as tables show it ("str", "m.C"); NULL in `*ret` if there is none.
struct hc_error *hc_find_class(struct hc_universe *universe, const char *name, struct hc_kind **ret);
