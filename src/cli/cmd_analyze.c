#include "cli/command.h"
#include "report/analyze.h"

static struct hc_error *run(const struct hc_cli_options *options)
{
    _cleanup_(hc_session_closep) struct hc_session *session = NULL;
    _cleanup_(hc_report_deinit) struct hc_report report = {0};
    _cleanup_(hc_reference_releasep) struct hc_reference *baseline = NULL;
    HC_TRY(hc_command_baseline(options, &baseline));
    HC_TRY(hc_command_open(options, &session));
    HC_TRY(hc_report_analyze(session, baseline, &report));
    return hc_command_print(&report, options);
}

const struct hc_command hc_command_analyze = {
    .name = "analyze",
    .arguments = "[options] CORE | -p PID",
    .summary = "what the process was, and what its heap holds",
    .help =
        "Prints the process and how it ended, the heap as heapy's heap() shows it (the reachable objects by\n"
        "class, largest first), how many objects are only tracked or stray, how their sizes and references\n"
        "are known, and what is not known: holes in the core, damage, files that are missing.\n"
        "With --baseline CORE, a core of the same process dumped earlier, it adds the objects that the "
        "roots\n"
        "did not reach then, by class.\n",
    .takes_baseline = true,
    .run = run,
};
