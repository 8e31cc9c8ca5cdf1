#include "cli/runner.h"

#include "base/interrupt.h"
#include "report/answer.h"
#include "report/clean.h"
#include "report/run.h"

#include <signal.h>
#include <string.h>

struct hc_error *hc_runner_init(struct hc_runner *runner, const struct hc_cli_options *options,
                                struct hc_session *session)
{
    *runner = (struct hc_runner){.options = options};
    HC_TRY(hc_interpreter_init(&runner->interpreter, session->graph, options->session.threads));
    if (options->json && !(runner->answers = json_object_new_array()))
        return hc_error_out_of_memory();
    return NULL;
}

void hc_runner_deinit(struct hc_runner *runner)
{
    hc_interpreter_deinit(&runner->interpreter);
    json_object_put(runner->answers);
}

// Behind the program's name and the place: the lines below the first are indented alike, or the caret would
// point beside.
static void print_failure(const struct hc_runner *runner, struct hc_place place, const char *message)
{
    _cleanup_(hc_freep) char *text = hc_clean_utf8(message);
    _cleanup_(hc_freep) char *clean = text ? hc_clean_lines(text) : NULL;
    int margin = 0;
    if (place.name)
        fprintf(stderr, "%s:%zu:\n", place.name, place.line);
    else if (!runner->is_interactive)
        margin = fprintf(stderr, "heapcore: ");
    for (const char *at = clean ? clean : "out of memory"; *at; at++) {
        fputc(*at, stderr);
        if (*at == '\n')
            fprintf(stderr, "%*s", margin, "");
    }
    fputc('\n', stderr);
}

struct hc_error *hc_runner_tell(struct hc_runner *runner, const char *expression, struct hc_place place,
                                struct hc_error *error)
{
    _cleanup_(hc_error_destroyp) struct hc_error *owned = error;
    runner->failures++;
    fflush(stdout);
    if (!runner->answers) {
        print_failure(runner, place, hc_error_message(error));
        return NULL;
    }
    json_object *object = NULL;
    HC_TRY(hc_failure_json(expression, hc_error_message(error), &object));
    return json_object_array_add(runner->answers, object) ? hc_error_out_of_memory() : NULL;
}

struct hc_error *hc_runner_run(struct hc_runner *runner, const char *expression, struct hc_place place)
{
    runner->runs++;
    struct hc_error *error = hc_run_expression(&runner->interpreter, expression, &runner->options->render,
                                               runner->answers, stdout);
    return error ? hc_runner_tell(runner, expression, place, error) : NULL;
}

struct hc_error *hc_runner_finish(struct hc_runner *runner)
{
    if (runner->answers)
        printf("%s\n", json_object_to_json_string_ext(runner->answers, JSON_C_TO_STRING_NOSLASHESCAPE));
    if (runner->failures)
        return hc_error_create("%zu of %zu expressions failed", runner->failures, runner->runs);
    return NULL;
}

static void on_interrupt(int number)
{
    (void)number;
    hc_interrupt_request();
}

void hc_catch_interrupts(bool is_last)
{
    // Without SA_RESTART, so that a read of the terminal ends.
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = is_last ? (int)SA_RESETHAND : 0};
    struct sigaction before;
    sigemptyset(&action.sa_mask);
    // A program in the background of a script has it ignored, and keeps it so.
    if (!sigaction(SIGINT, NULL, &before) && before.sa_handler != SIG_IGN)
        sigaction(SIGINT, &action, NULL);
}

void hc_die_if_interrupted(void)
{
    if (!hc_interrupt_is_requested())
        return;
    fflush(stdout);
    signal(SIGINT, SIG_DFL);
    raise(SIGINT);
}
