#include "cli/command.h"
#include "report/analyze.h"

static struct hc_error *run(const struct hc_cli_options *options)
{
    struct hc_cli_options layouts_options = *options;
    layouts_options.session.layouts_only = true;
    _cleanup_(hc_session_closep) struct hc_session *session = NULL;
    _cleanup_(hc_report_deinit) struct hc_report report = {0};
    HC_TRY(hc_command_open(&layouts_options, &session));
    HC_TRY(hc_report_layouts(session, &report));
    return hc_command_print(&report, options);
}

const struct hc_command hc_command_layouts = {
    .name = "layouts",
    .arguments = "[options] CORE | -p PID",
    .summary = "every struct member used, its offset and where it comes from",
    .help =
        "Prints each member of CPython's structs that heapcore reads, with its offset and size in bytes and\n"
        "the source that says so; `absent` where this version of CPython has no such member.\n",
    .run = run,
};
