#include "cli/command.h"

#include "cli/progress.h"
#include "report/json.h"
#include "report/text.h"

#include <string.h>

const struct hc_command *const hc_commands[] = {
    &hc_command_analyze, &hc_command_dump, &hc_command_query, &hc_command_shell, &hc_command_layouts, NULL,
};

const struct hc_command *hc_command_find(const char *name)
{
    for (size_t i = 0; hc_commands[i]; i++)
        if (!strcmp(hc_commands[i]->name, name))
            return hc_commands[i];
    return NULL;
}

struct hc_error *hc_command_open(const struct hc_cli_options *options, struct hc_session **ret)
{
    struct hc_progress progress;
    if (options->session.core)
        hc_progress_begin(&progress, options->quiet, "reading %s …", options->session.core);
    else
        hc_progress_begin(&progress, options->quiet, "reading process %d …", options->session.pid);
    struct hc_error *error = hc_session_open(&options->session, ret);
    hc_progress_end(&progress);
    return error;
}

struct hc_error *hc_command_baseline(const struct hc_cli_options *options, struct hc_reference **ret)
{
    struct hc_progress progress;
    *ret = NULL;
    if (!options->baseline)
        return NULL;
    hc_progress_begin(&progress, options->quiet, "reading %s …", options->baseline);
    struct hc_error *error = hc_reference_read(options->baseline, &options->session, ret);
    hc_progress_end(&progress);
    return error ? hc_error_wrap(error, "--baseline %s", options->baseline) : NULL;
}

struct hc_error *hc_command_print(const struct hc_report *report, const struct hc_cli_options *options)
{
    return options->json ? hc_json_write(report, &options->render, stdout)
                         : hc_text_write(report, &options->render, stdout);
}
