// What the heapcore program would print.
#include "api/api.h"

#include "query/complete.h"
#include "query/help.h"
#include "report/answer.h"
#include "report/run.h"
#include "report/session_reports.h"

#include <stdlib.h>
#include <string.h>

static struct hc_error *write_json(json_object *object, FILE *file)
{
    const char *text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_NOSLASHESCAPE);
    return text && fprintf(file, "%s\n", text) >= 0 ? NULL : hc_error_out_of_memory();
}

static struct hc_error *run(heapcore_session *session, const char *statements,
                            const struct heapcore_format *format, FILE *file)
{
    const struct hc_render_options options = api_render_options(format);
    if (!strcmp(statements, "more"))
        statements = hc_next_page;
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
    api_forget_interrupts();
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
    api_forget_interrupts();
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

heapcore_error *heapcore_report(heapcore_session *session, const char *command,
                                const struct heapcore_format *format, heapcore_write_fn *write,
                                void *argument)
{
    const struct hc_report_options options = {
        .render = api_render_options(format),
        .json = API_MEMBER(format, json, false),
        .baseline = session->interpreter.baseline,
        .locals = API_MEMBER(format, locals, false),
        .full = API_MEMBER(format, full, false),
        .verify = API_MEMBER(format, verify, false),
    };
    const struct hc_session_report *report = hc_session_report_find(command);
    FILE *file;
    api_forget_interrupts();
    if (!report)
        return api_error(hc_error_create("there is no report '%s'", command));
    struct hc_error *error = api_open_stream(write, argument, &file);
    if (error)
        return api_error(error);
    error = hc_session_report_write(report, session->session, &options, file);
    fclose(file);
    return api_error(error);
}

const char *heapcore_report_name(size_t index)
{
    return index < hc_session_report_count() ? hc_session_reports[index].name : NULL;
}

const char *heapcore_report_summary(size_t index)
{
    return index < hc_session_report_count() ? hc_session_reports[index].summary : NULL;
}

const char *heapcore_report_help(size_t index)
{
    return index < hc_session_report_count() ? hc_session_reports[index].help : NULL;
}

static char *join_lines(const struct hc_name_vector *names)
{
    char *text = NULL;
    size_t length;
    FILE *memory = names->count ? open_memstream(&text, &length) : NULL;
    if (!memory)
        return NULL;
    for (size_t i = 0; i < names->count; i++)
        fprintf(memory, "%s%s", i ? "\n" : "", names->items[i]);
    return fclose(memory) ? NULL : text;
}

char *heapcore_complete(heapcore_session *session, const char *text, size_t *ret_start)
{
    _cleanup_(hc_completion_deinit) struct hc_completion completion = {0};
    struct hc_error *error = hc_complete(&session->interpreter, text, strlen(text), &completion);
    hc_error_destroy(error);
    if (error)
        return NULL;
    *ret_start = completion.start;
    return join_lines(&completion.names);
}
