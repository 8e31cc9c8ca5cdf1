#include "report/run.h"

#include "base/interrupt.h"
#include "query/parser.h"
#include "report/answer.h"

const char hc_next_page[] = "_.more";

static struct hc_error *write_answer(const char *expression, const struct hc_answer *answer,
                                     const struct hc_render_options *options, json_object *answers,
                                     FILE *file)
{
    if (!answers)
        return hc_answer_write(answer, options, file);
    json_object *object = NULL;
    if (answer->type == HC_ANSWER_NONE)
        return NULL;
    HC_TRY(hc_answer_json(expression, answer, options, &object));
    return json_object_array_add(answers, object) ? hc_error_out_of_memory() : NULL;
}

struct hc_error *hc_run_expression(struct hc_interpreter *interpreter, const char *expression,
                                   const struct hc_render_options *options, json_object *answers, FILE *file)
{
    _cleanup_(hc_ast_destroyp) struct hc_ast *ast = NULL;
    HC_TRY(hc_parse(expression, &ast));
    for (size_t i = 0; i < ast->count; i++) {
        _cleanup_(hc_answer_deinit) struct hc_answer answer = {0};
        HC_TRY(hc_interrupt_check());
        HC_TRY(hc_interpreter_run(interpreter, ast, &ast->statements[i], &answer));
        HC_TRY(write_answer(expression, &answer, options, answers, file));
    }
    return NULL;
}
