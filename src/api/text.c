// What the heapcore program would print.
#include "api/api.h"

#include "base/interrupt.h"
#include "query/help.h"
#include "report/answer.h"
#include "report/run.h"

#include <stdlib.h>

static struct hc_error *write_json(json_object *object, FILE *file)
{
    const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_NOSLASHESCAPE);
    return text && fprintf(file, "%s\n", text) >= 0 ? NULL : hc_error_out_of_memory();
}

static struct hc_error *run(heapcore_session *session, const char *statements,
                            const struct heapcore_format *format, FILE *file)
{
    const struct hc_render_options options = api_render_options(format);
    if (!API_MEMBER(format, json, false))
        return hc_run_expression(&session->interpreter, statements, &options, NULL, file);
    json_object *answers = json_object_new_array();
    struct hc_error *error =
        answers ? hc_run_expression(&session->interpreter, statements, &options, answers, file)
                : hc_error_out_of_memory();
    if (!error)
        error = write_json(answers, file);
    json_object_put(answers);
    return error;
}

heapcore_error *heapcore_run(heapcore_session *session, const char *statements,
                             const struct heapcore_format *format, heapcore_write_fn *write, void *argument)
{
    FILE *file;
    hc_interrupt_clear();
    struct hc_error *error = api_open_stream(write, argument, &file);
    if (error)
        return api_error(error);
    error = run(session, statements, format, file);
    fclose(file);
    return api_error(error);
}

static struct hc_error *write_value(const struct hc_answer *answer, const struct heapcore_format *format,
                                    FILE *file)
{
    const struct hc_render_options options = api_render_options(format);
    if (!API_MEMBER(format, json, false))
        return hc_answer_write(answer, &options, file);
    json_object *object;
    HC_TRY(hc_answer_json("", answer, &options, &object));
    struct hc_error *error = write_json(object, file);
    json_object_put(object);
    return error;
}

heapcore_error *heapcore_value_write(heapcore_value *value, const struct heapcore_format *format,
                                     heapcore_write_fn *write, void *argument)
{
    FILE *file;
    hc_interrupt_clear();
    struct hc_error *error = api_open_stream(write, argument, &file);
    if (error)
        return api_error(error);
    error = write_value(&value->answer, format, file);
    fclose(file);
    return api_error(error);
}

char *heapcore_help(const char *name)
{
    char *text = NULL;
    struct hc_error *error = name ? hc_help_name(name, &text) : hc_help_overview(&text);
    hc_error_destroy(error);
    return error ? NULL : text;
}
