#include "base/interrupt.h"
#include "cli/runner.h"

static struct hc_error *run(const struct hc_cli_options *options)
{
    _cleanup_(hc_session_closep) struct hc_session *session = NULL;
    _cleanup_(hc_reference_releasep) struct hc_reference *baseline = NULL;
    HC_TRY(hc_command_baseline(options, &baseline));
    HC_TRY(hc_command_open(options, &session));
    _cleanup_(hc_runner_deinit) struct hc_runner runner = {0};
    HC_TRY(hc_runner_init(&runner, options, session));
    if (baseline)
        HC_TRY(hc_interpreter_set_baseline(&runner.interpreter, baseline));
    hc_catch_interrupts(true);
    for (size_t i = 0; i < options->expression_count && !hc_interrupt_is_requested(); i++)
        HC_TRY(hc_runner_run(&runner, options->expressions[i], (struct hc_place){0}));
    struct hc_error *error = hc_runner_finish(&runner);
    hc_die_if_interrupted();
    return error;
}

const struct hc_command hc_command_query = {
    .name = "query",
    .arguments = "[options] CORE EXPR... | -p PID EXPR...",
    .summary = "heapy's expressions over the heap: sets, partitions, referrers, what would go if it went",
    .takes_expressions = true,
    .takes_baseline = true,
    .help =
        "Evaluates each EXPR in one session: a later one sees the variables of an earlier one, and `_`, the\n"
        "last answer. `h` is the heap; a name that is no variable is an attribute of it:\n"
        "    heapcore query core byrcs 'r = _' 'r[0].byclodo' '(r[0] & str).referrers.byclodo' _.domisize\n"
        "`heapcore help query NAME` explains a name of the language, docs/query.md has all of it. An "
        "expression\n"
        "that fails is told with its place; the others still run, and the exit status is 1. Put -- before "
        "an\n"
        "EXPR that begins with a minus sign.\n",
    .run = run,
};
