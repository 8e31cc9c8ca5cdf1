#include "cli/command.h"
#include "report/dump.h"

static struct hc_error *run(const struct hc_cli_options *options)
{
    _cleanup_(hc_session_closep) struct hc_session *session = NULL;
    HC_TRY(hc_command_open(options, &session));
    return hc_dump_write(session, &options->render, stdout);
}

const struct hc_command hc_command_dump = {
    .name = "dump",
    .arguments = "[options] CORE | -p PID",
    .summary = "every object, a JSON object a line",
    .help = "Prints each object with its address, type, size, reference count, state (reachable, tracked, "
            "stray),\n"
            "how its size and references are known, and the addresses of the objects that it refers to.\n"
            "Attributes that live in inline values and never were made a dict follow as dicts with\n"
            "\"virtual\":true.\n",
    .run = run,
};
