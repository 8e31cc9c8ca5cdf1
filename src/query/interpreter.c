#include "query/interpreter.h"

#include "query/classifiers.h"
#include "query/evaluate.h"
#include "sets/kind_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hc_error *hc_interpreter_init(struct hc_interpreter *interpreter, struct hc_graph *graph,
                                     unsigned threads)
{
    *interpreter = (struct hc_interpreter){0};
    return hc_universe_init(&interpreter->universe, graph, threads);
}

void hc_interpreter_deinit(struct hc_interpreter *interpreter)
{
    hc_interpreter_unbind(interpreter, interpreter->variables.count);
    hc_variable_vector_deinit(&interpreter->variables);
    hc_answer_deinit(&interpreter->heap);
    hc_reference_release(interpreter->baseline);
    for (size_t part = 0; part < HC_REFERENCE_PART_COUNT; part++)
        hc_reference_release(interpreter->relative[part]);
    hc_universe_deinit(&interpreter->universe);
}

struct hc_error *hc_interpreter_bind(struct hc_interpreter *interpreter, const char *name,
                                     const struct hc_answer *value)
{
    struct hc_variable variable = {0};
    HC_TRY(hc_answer_copy(value, &variable.value));
    variable.name = strdup(name);
    if (variable.name && hc_variable_vector_push(&interpreter->variables, variable))
        return NULL;
    free(variable.name);
    hc_answer_deinit(&variable.value);
    return hc_error_out_of_memory();
}

void hc_interpreter_unbind(struct hc_interpreter *interpreter, size_t count)
{
    while (count--) {
        struct hc_variable *last = &interpreter->variables.items[--interpreter->variables.count];
        free(last->name);
        hc_answer_deinit(&last->value);
    }
}

struct hc_error *hc_interpreter_assign(struct hc_interpreter *interpreter, const char *name,
                                       const struct hc_answer *value)
{
    for (size_t i = 0; i < interpreter->variables.count; i++) {
        struct hc_variable *variable = &interpreter->variables.items[i];
        if (strcmp(variable->name, name))
            continue;
        struct hc_answer copy;
        HC_TRY(hc_answer_copy(value, &copy));
        hc_answer_deinit(&variable->value);
        variable->value = copy;
        return NULL;
    }
    return hc_interpreter_bind(interpreter, name, value);
}

// What has no table and no lines is shown as the expression for it.
static struct hc_error *write_symbol(struct hc_interpreter *interpreter, struct hc_answer *answer)
{
    if (answer->type == HC_ANSWER_KIND && !answer->text)
        return hc_kind_text(&interpreter->universe, answer->kind, &answer->text);
    if (answer->type == HC_ANSWER_HEAPY && !answer->text)
        return (answer->text = strdup("hp")) ? NULL : hc_error_out_of_memory();
    if (answer->type != HC_ANSWER_FUNCTION || answer->text)
        return NULL;
    struct hc_classifier classifier;
    int length = hc_answer_is_classifier(answer, &classifier)
                     ? asprintf(&answer->text, "hp.%s", answer->function->name)
                 : answer->self ? asprintf(&answer->text, "<method %s of %s>", answer->function->usage,
                                           hc_answer_name(answer->self))
                                : asprintf(&answer->text, "<function hp.%s>", answer->function->usage);
    if (length >= 0)
        return NULL;
    answer->text = NULL;
    return hc_error_out_of_memory();
}

struct hc_error *hc_interpreter_evaluate(struct hc_interpreter *interpreter, const struct hc_ast *ast,
                                         const struct hc_statement *statement, struct hc_answer *ret)
{
    struct hc_evaluation evaluation = {interpreter, ast->source};
    _cleanup_(hc_answer_deinit) struct hc_answer value = {0};
    HC_TRY(hc_evaluate(&evaluation, statement->expression, &value));
    HC_TRY(write_symbol(interpreter, &value));
    *ret = value;
    value = (struct hc_answer){0};
    return NULL;
}

struct hc_error *hc_interpreter_run(struct hc_interpreter *interpreter, const struct hc_ast *ast,
                                    const struct hc_statement *statement, struct hc_answer *ret)
{
    _cleanup_(hc_answer_deinit) struct hc_answer value = {0};
    HC_TRY(hc_interpreter_evaluate(interpreter, ast, statement, &value));
    bool is_assignment = statement->target.bytes != NULL;
    if (is_assignment || value.type != HC_ANSWER_NONE)
        HC_TRY(hc_interpreter_assign(interpreter, is_assignment ? statement->target.bytes : "_", &value));
    *ret = (struct hc_answer){0};
    if (!is_assignment) {
        *ret = value;
        value = (struct hc_answer){0};
    }
    return NULL;
}
