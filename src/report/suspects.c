#include "report/suspects.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static const struct hc_column figure_columns[] = {
    {.key = "figure", .kind = HC_COLUMN_HIDDEN},
    {.key = "value", .kind = HC_COLUMN_HIDDEN},
    {.key = "in_bytes", .kind = HC_COLUMN_HIDDEN},
};

static const struct hc_column columns[] = {
    {.key = "finding", .kind = HC_COLUMN_HIDDEN},  {.key = "bytes", .kind = HC_COLUMN_HIDDEN},
    {.key = "sentence", .kind = HC_COLUMN_HIDDEN}, {.key = "path", .kind = HC_COLUMN_HIDDEN},
    {.key = "query", .kind = HC_COLUMN_HIDDEN},    {.key = "command", .kind = HC_COLUMN_HIDDEN},
    {.key = "figures", .kind = HC_COLUMN_HIDDEN},
};

static void write_suspect(struct hc_report *report, const struct hc_suspect *suspect)
{
    hc_report_line(report, suspect->name, "%s", suspect->sentence);
    if (suspect->path)
        hc_report_line(report, "  held by", "%s", suspect->path);
    if (suspect->query)
        hc_report_line(report, "  shown by", "heapcore query CORE \"%s\"", suspect->query);
    if (suspect->elsewhere)
        hc_report_line(report, "  shown by", "%s", suspect->elsewhere);
}

static void add_row(struct hc_report *report, const struct hc_suspect *suspect)
{
    hc_report_cell_text(report, suspect->name);
    hc_report_cell_number(report, suspect->bytes);
    hc_report_cell_text(report, suspect->sentence);
    hc_report_cell_text(report, suspect->path);
    hc_report_cell_text(report, suspect->query);
    hc_report_cell_text(report, suspect->elsewhere);
    hc_report_open_rows(report, figure_columns, COUNT_OF(figure_columns));
    for (unsigned i = 0; i < suspect->figure_count; i++) {
        hc_report_cell_text(report, suspect->figures[i].key);
        hc_report_cell_number(report, suspect->figures[i].number);
        hc_report_cell_truth(report, suspect->figures[i].is_bytes);
    }
    hc_report_close_rows(report);
}

static void write_section(const struct hc_session *session, const struct hc_suspect_vector *suspects,
                          struct hc_report *report)
{
    bool is_cut = hc_image_losses(session->image)->truncated;
    hc_report_section(report, "suspects", "Suspects");
    if (!suspects->count)
        hc_report_line(report, NULL,
                       is_cut ? "none in what is left: the core is cut short"
                              : "none: nothing is larger, older or more often there than it should be");
    for (size_t i = 0; i < suspects->count; i++)
        write_suspect(report, &suspects->items[i]);
    hc_report_table(report, columns, COUNT_OF(columns));
    for (size_t i = 0; i < suspects->count; i++)
        add_row(report, &suspects->items[i]);
}

struct hc_error *hc_report_suspects(const struct hc_session *session, const struct hc_reference *baseline,
                                    struct hc_report *report)
{
    struct hc_suspect_vector suspects = {0};
    HC_TRY(hc_suspects_find(session, baseline, &suspects));
    write_section(session, &suspects, report);
    hc_suspects_deinit(&suspects);
    return hc_report_check(report);
}
