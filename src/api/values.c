// What expressions come to, as values of the caller's language.
#include "api/api.h"

#include "query/parser.h"
#include "report/answer.h"

#include <stdlib.h>
#include <string.h>

static struct hc_error *evaluate(heapcore_session *session, const char *expression, struct hc_answer *ret)
{
    _cleanup_(hc_ast_destroyp) struct hc_ast *ast = NULL;
    HC_TRY(hc_parse(expression, &ast));
    if (ast->count != 1 || ast->statements[0].target.bytes)
        return hc_error_create("one expression is wanted, without an assignment");
    return hc_interpreter_evaluate(&session->interpreter, ast, &ast->statements[0], ret);
}

static struct hc_error *evaluate_with(heapcore_session *session, const char *expression,
                                      const char *const *names, heapcore_value *const *values, size_t count,
                                      struct hc_answer *ret)
{
    size_t bound = 0;
    struct hc_error *error = NULL;
    for (; bound < count && !error; bound += !error)
        error = hc_interpreter_bind(&session->interpreter, names[bound], &values[bound]->answer);
    if (!error)
        error = evaluate(session, expression, ret);
    hc_interpreter_unbind(&session->interpreter, bound);
    return error;
}

heapcore_error *heapcore_evaluate(heapcore_session *session, const char *expression, heapcore_value **ret)
{
    return heapcore_evaluate_with(session, expression, NULL, NULL, 0, ret);
}

heapcore_error *heapcore_evaluate_with(heapcore_session *session, const char *expression,
                                       const char *const *names, heapcore_value *const *values, size_t count,
                                       heapcore_value **ret)
{
    api_forget_interrupts();
    heapcore_value *value = calloc(1, sizeof(*value));
    if (!value)
        return api_error(hc_error_out_of_memory());
    value->session = session;
    struct hc_error *error = evaluate_with(session, expression, names, values, count, &value->answer);
    if (error) {
        free(value);
        return api_error(error);
    }
    *ret = value;
    return NULL;
}

void heapcore_value_destroy(heapcore_value *value)
{
    if (!value)
        return;
    hc_answer_deinit(&value->answer);
    free(value);
}

enum heapcore_type heapcore_value_type(const heapcore_value *value)
{
    switch (value->answer.type) {
    case HC_ANSWER_NONE:
        return HEAPCORE_NONE;
    case HC_ANSWER_INTEGER:
        return HEAPCORE_INTEGER;
    case HC_ANSWER_TRUTH:
        return HEAPCORE_BOOL;
    case HC_ANSWER_TEXT:
        return HEAPCORE_TEXT;
    case HC_ANSWER_SET:
        return HEAPCORE_SET;
    default:
        return HEAPCORE_OTHER;
    }
}

int64_t heapcore_value_integer(const heapcore_value *value)
{
    bool is_integer = value->answer.type == HC_ANSWER_INTEGER || value->answer.type == HC_ANSWER_TRUTH;
    return is_integer ? value->answer.integer : 0;
}

const char *heapcore_value_string(const heapcore_value *value)
{
    return value->answer.type == HC_ANSWER_TEXT ? value->answer.text : NULL;
}

heapcore_error *heapcore_value_assign(heapcore_value *value, const char *name)
{
    return api_error(hc_interpreter_assign(&value->session->interpreter, name, &value->answer));
}

static const struct hc_set *set_of(const heapcore_value *value)
{
    return value->answer.type == HC_ANSWER_SET ? value->answer.view->set : NULL;
}

uint64_t heapcore_set_count(const heapcore_value *value)
{
    const struct hc_set *set = set_of(value);
    return set ? set->count : 0;
}

uint64_t heapcore_set_size(const heapcore_value *value)
{
    const struct hc_set *set = set_of(value);
    return set ? set->size : 0;
}

size_t heapcore_set_addresses(const heapcore_value *value, uint64_t first, uint64_t *addresses,
                              size_t capacity)
{
    const struct hc_set *set = set_of(value);
    size_t count = 0;
    if (!set)
        return 0;
    const struct hc_graph *graph = set->universe->graph;
    uint32_t object = hc_set_nth(set, first);
    for (; object < graph->count && count < capacity; object = hc_set_next(set, object + 1))
        addresses[count++] = hc_graph_address(graph, (hc_object_id){object});
    return count;
}
