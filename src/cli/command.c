#include "cli/command.h"

#include "cli/progress.h"
#include "layout/table.h"
#include "report/emit.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>

// The note on stderr must be gone before the report is on the terminal.
static struct hc_error *write_slow(const struct hc_session_report *report, const struct hc_session *session,
                                   const struct hc_report_options *wishes, bool quiet)
{
    _cleanup_(hc_freep) char *text = NULL;
    struct hc_progress progress;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    if (!file)
        return hc_error_out_of_memory();
    hc_progress_begin(&progress, quiet, "looking into %s …", hc_image_path(session->image));
    struct hc_error *error = hc_session_report_write(report, session, wishes, file);
    bool is_complete = !ferror(file);
    is_complete = !fclose(file) && is_complete;
    hc_progress_end(&progress);
    HC_TRY(error);
    if (!is_complete)
        return hc_error_out_of_memory();
    fwrite(text, 1, length, stdout);
    return NULL;
}

static struct hc_error *run_report(const struct hc_cli_options *options)
{
    const struct hc_session_report *report = options->report;
    if (options->emit)
        return hc_emit_layouts(&options->session, stdout);
    struct hc_cli_options own = *options;
    own.session.layouts_only = report->layouts_only;
    _cleanup_(hc_session_closep) struct hc_session *session = NULL;
    _cleanup_(hc_reference_releasep) struct hc_reference *baseline = NULL;
    HC_TRY(hc_command_baseline(&own, &baseline));
    HC_TRY(hc_command_open(&own, &session));
    const struct hc_report_options wishes = {
        .render = options->render,
        .json = options->json,
        .baseline = baseline,
        .locals = options->locals,
        .full = options->full,
        .verify = options->verify,
    };
    return report->is_slow ? write_slow(report, session, &wishes, own.quiet)
                           : hc_session_report_write(report, session, &wishes, stdout);
}

static struct hc_command of_report(const struct hc_session_report *report)
{
    return (struct hc_command){
        .name = report->name,
        .arguments = "[options] CORE | -p PID",
        .summary = report->summary,
        .help = report->help,
        .takes_baseline = report->takes_baseline,
        .takes_locals = report->takes_locals,
        .takes_full = report->takes_full,
        .takes_emit = report->takes_emit,
        .takes_verify = report->takes_verify,
        .report = report,
        .run = run_report,
    };
}

const struct hc_command *hc_command_at(size_t index)
{
    static const struct hc_command *const others[] = {&hc_command_diff,    &hc_command_query,
                                                      &hc_command_shell,   &hc_command_capture,
                                                      &hc_command_collect, &hc_command_watch};
    static struct hc_command of_reports[16];
    size_t reports = hc_session_report_count();
    if (index >= reports)
        return index - reports < sizeof(others) / sizeof(*others) ? others[index - reports] : NULL;
    assert(reports <= sizeof(of_reports) / sizeof(*of_reports));
    of_reports[index] = of_report(&hc_session_reports[index]);
    return &of_reports[index];
}

const struct hc_command *hc_command_find(const char *name)
{
    const struct hc_command *command;
    for (size_t i = 0; (command = hc_command_at(i)); i++)
        if (!strcmp(command->name, name))
            return command;
    return NULL;
}

static struct hc_error *check_folder(const char *path)
{
    struct stat status;
    if (!path || (!stat(path, &status) && S_ISDIR(status.st_mode)))
        return NULL;
    return hc_error_create("%s is no folder to look for files in", path);
}

// What is looked into only if something is missing: wrong names would pass without a word.
static struct hc_error *check_paths(const struct hc_session_options *options)
{
    struct hc_layout_table *table;
    HC_TRY(check_folder(options->image.sysroot));
    HC_TRY(check_folder(options->debug.debug_dir));
    if (!options->debug.layouts)
        return NULL;
    HC_TRY(hc_layout_table_read(options->debug.layouts, &table));
    hc_layout_table_destroy(table);
    return NULL;
}

struct hc_error *hc_command_open(const struct hc_cli_options *options, struct hc_session **ret)
{
    struct hc_progress progress;
    HC_TRY(check_paths(&options->session));
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
