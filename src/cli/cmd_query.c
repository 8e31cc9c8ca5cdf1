#include "cli/command.h"
#include "query/interpreter.h"
#include "query/parser.h"
#include "report/answer.h"

#include <string.h>

struct query {
    const struct hc_cli_options *options;
    struct hc_interpreter interpreter;
    json_object *answers; // NULL: text
    size_t failures;
};

static void query_deinit(struct query *query)
{
    hc_interpreter_deinit(&query->interpreter);
    json_object_put(query->answers);
}

static struct hc_error *print(struct query *query, const char *expression, const struct hc_answer *answer)
{
    if (!query->answers)
        return hc_answer_write(answer, &query->options->render, stdout);
    json_object *object = NULL;
    if (answer->type == HC_ANSWER_NONE)
        return NULL;
    HC_TRY(hc_answer_json(expression, answer, &query->options->render, &object));
    return json_object_array_add(query->answers, object) ? hc_error_out_of_memory() : NULL;
}

static struct hc_error *run_statement(struct query *query, const char *expression, const struct hc_ast *ast,
                                      size_t index)
{
    _cleanup_(hc_answer_deinit) struct hc_answer answer = {0};
    HC_TRY(hc_interpreter_run(&query->interpreter, ast, &ast->statements[index], &answer));
    return print(query, expression, &answer);
}

static struct hc_error *run_expression(struct query *query, const char *expression)
{
    _cleanup_(hc_ast_destroyp) struct hc_ast *ast = NULL;
    HC_TRY(hc_parse(expression, &ast));
    for (size_t i = 0; i < ast->count; i++)
        HC_TRY(run_statement(query, expression, ast, i));
    return NULL;
}

// Behind the program's name: the lines below the first are indented alike, or the caret would point beside.
static void print_failure(const char *message)
{
    static const char name[] = "heapcore: ";
    fputs(name, stderr);
    for (; *message; message++) {
        fputc(*message, stderr);
        if (*message == '\n')
            fprintf(stderr, "%*s", (int)strlen(name), "");
    }
    fputc('\n', stderr);
}

// An expression that fails is told where its answer would stand; the others still run.
static struct hc_error *tell_failure(struct query *query, const char *expression, struct hc_error *error)
{
    _cleanup_(hc_error_destroyp) struct hc_error *owned = error;
    query->failures++;
    fflush(stdout);
    if (!query->answers) {
        print_failure(hc_error_message(error));
        return NULL;
    }
    json_object *object = NULL;
    HC_TRY(hc_failure_json(expression, hc_error_message(error), &object));
    return json_object_array_add(query->answers, object) ? hc_error_out_of_memory() : NULL;
}

static struct hc_error *run_all(struct query *query)
{
    const struct hc_cli_options *options = query->options;
    for (size_t i = 0; i < options->expression_count; i++) {
        struct hc_error *error = run_expression(query, options->expressions[i]);
        if (error)
            HC_TRY(tell_failure(query, options->expressions[i], error));
    }
    if (query->answers)
        printf("%s\n", json_object_to_json_string_ext(query->answers, JSON_C_TO_STRING_NOSLASHESCAPE));
    if (query->failures)
        return hc_error_create("%zu of %zu expressions failed", query->failures, options->expression_count);
    return NULL;
}

static struct hc_error *run(const struct hc_cli_options *options)
{
    _cleanup_(hc_session_closep) struct hc_session *session = NULL;
    HC_TRY(hc_command_open(options, &session));
    _cleanup_(query_deinit) struct query query = {.options = options};
    HC_TRY(hc_interpreter_init(&query.interpreter, session->graph, options->session.threads));
    if (options->json && !(query.answers = json_object_new_array()))
        return hc_error_out_of_memory();
    return run_all(&query);
}

const struct hc_command hc_command_query = {
    .name = "query",
    .arguments = "[options] CORE EXPR... | -p PID EXPR...",
    .summary = "heapy's expressions over the heap: sets, partitions, referrers, what would go if it went",
    .takes_expressions = true,
    .help =
        "Evaluates each EXPR in one session: a later one sees the variables of an earlier one, and `_`, the\n"
        "last answer. `h` is the heap; a name that is no variable is an attribute of it:\n"
        "    heapcore query core byrcs 'r = _' 'r[0].byclodo' '(r[0] & str).referrers.byclodo' _.domisize\n"
        "docs/query.md tells the language. An expression that fails is told with its place; the others "
        "still\n"
        "run, and the exit status is 1. Put -- before an EXPR that begins with a minus sign.\n",
    .run = run,
};
