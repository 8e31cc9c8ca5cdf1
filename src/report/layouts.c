#include "report/analyze.h"

#include <inttypes.h>

static const struct hc_column columns[] = {
    {.key = "structure", .heading = "Struct", .kind = HC_COLUMN_LEFT},
    {.key = "member", .heading = "Member", .kind = HC_COLUMN_LEFT},
    {.key = "offset", .heading = "Offset", .kind = HC_COLUMN_RIGHT},
    {.key = "size", .heading = "Size", .kind = HC_COLUMN_RIGHT},
    {.key = "source", .heading = "Source", .kind = HC_COLUMN_LEFT},
};

static void add_entry(struct hc_report *report, const struct hc_layout_entry *entry)
{
    hc_report_cell_text(report, entry->structure);
    hc_report_cell_text(report, entry->member ? entry->member : "(size)");
    if (!entry->field.present) {
        hc_report_cell_text(report, NULL);
        hc_report_cell_text(report, NULL);
        hc_report_cell_text(report, "absent");
        return;
    }
    if (entry->member)
        hc_report_cell_number(report, entry->field.offset);
    else
        hc_report_cell_text(report, NULL);
    hc_report_cell_number(report, entry->field.size);
    hc_report_cell_text(report, hc_layout_source_name(entry->field.source));
}

struct hc_error *hc_report_layouts(const struct hc_session *session, struct hc_report *report)
{
    const struct hc_runtime *runtime = &session->runtime;
    const char *file = hc_debug_info_file(runtime->debug_info);
    hc_report_section(report, "python", NULL);
    hc_report_text(report, "version", runtime->version_text);
    hc_report_text(report, "binary", runtime->module->path);
    hc_report_text(report, "debug_file", file);
    hc_report_line(report, "Python", "%s, %s", runtime->version_text, runtime->module->path);
    hc_report_text(report, "source", hc_layout_source_name(runtime->choice.source));
    hc_report_truth(report, "guess", runtime->choice.is_guess);
    hc_report_line(report, runtime->choice.table ? "table" : "DWARF", "%s%s", file,
                   runtime->choice.is_guess ? ", a guess: it is of other versions" : "");

    hc_report_section(report, "layouts", "Layouts");
    struct hc_table *table = hc_report_table(report, columns, sizeof(columns) / sizeof(*columns));
    if (table)
        table->is_limited = true;
    for (size_t i = 0; i < runtime->layouts.entries.count; i++)
        add_entry(report, &runtime->layouts.entries.items[i]);
    return hc_report_check(report);
}
