#include "base/interrupt.h"
#include "cli/runner.h"
#include "query/statistics.h"

// What is kept of the earlier heap, which is closed before the later one is opened.
struct earlier {
    struct hc_statistics *statistics; // by kind
    struct hc_reference *reference;
};

static void earlier_deinit(struct earlier *earlier)
{
    hc_statistics_release(earlier->statistics);
    hc_reference_release(earlier->reference);
}

static struct hc_error *read_earlier(const struct hc_cli_options *options, struct earlier *ret)
{
    struct hc_cli_options own = *options;
    own.session.core = options->baseline;
    own.session.pid = 0;
    _cleanup_(hc_session_closep) struct hc_session *session = NULL;
    _cleanup_(hc_partition_deinit) struct hc_partition heap = {0};
    HC_TRY(hc_command_open(&own, &session));
    HC_TRY(hc_partition_heap(session->graph, &heap, NULL));
    HC_TRY(hc_statistics_of(&heap, &ret->statistics));
    return hc_reference_of_graph(session->graph, &ret->reference);
}

static void print_title(const struct hc_cli_options *options, const char *title)
{
    if (!options->json)
        printf("%s\n", title);
}

// By kind, and by the referrers of what is new.
static struct hc_error *compare(struct hc_runner *runner, const struct earlier *earlier)
{
    _cleanup_(hc_answer_deinit) struct hc_answer table = {0};
    const struct hc_place nowhere = {0};
    HC_TRY(hc_answer_statistics(earlier->statistics, &table));
    HC_TRY(hc_interpreter_assign(&runner->interpreter, "b", &table));
    HC_TRY(hc_runner_run(runner, "h.diff(b)", nowhere));
    _cleanup_(hc_error_destroyp) struct hc_error *error =
        hc_interpreter_set_baseline(&runner->interpreter, earlier->reference);
    if (error) {
        print_title(runner->options, "\nWhat is new cannot be told object by object:");
        print_title(runner->options, hc_error_message(error));
        return NULL;
    }
    print_title(runner->options, "\nWhat A has and B had not, by what refers to it");
    return hc_runner_run(runner, "h.byrcs", nowhere);
}

static struct hc_error *run(const struct hc_cli_options *options)
{
    _cleanup_(earlier_deinit) struct earlier earlier = {0};
    _cleanup_(hc_session_closep) struct hc_session *session = NULL;
    _cleanup_(hc_runner_deinit) struct hc_runner runner = {0};
    HC_TRY(read_earlier(options, &earlier));
    HC_TRY(hc_command_open(options, &session));
    HC_TRY(hc_runner_init(&runner, options, session));
    hc_catch_interrupts(true);
    HC_TRY(compare(&runner, &earlier));
    struct hc_error *error = hc_runner_finish(&runner);
    hc_die_if_interrupted();
    return error;
}

const struct hc_command hc_command_diff = {
    .name = "diff",
    .arguments = "[options] A B | -p PID B",
    .summary = "what heap A has more than heap B, by kind, and what refers to what is new",
    .takes_second = true,
    .help =
        "Subtracts the heap of core B, the earlier one, from that of core A, kind by kind, in heapy's table "
        "of\n"
        "differences: the largest first. If both are of one process, it then shows what A has and B had not\n"
        "(by address and type), divided by the kinds of its referrers: on these the growth hangs. The same "
        "in\n"
        "the language: `heapcore query --baseline B A h byrcs`.\n",
    .run = run,
};
