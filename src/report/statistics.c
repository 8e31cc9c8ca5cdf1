#include "report/statistics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const struct hc_column set_columns[] = {
    {.kind = HC_COLUMN_RIGHT, .width = 6}, {.kind = HC_COLUMN_RIGHT, .width = 6},
    {.kind = HC_COLUMN_RIGHT, .width = 3}, {.kind = HC_COLUMN_RIGHT, .width = 8},
    {.kind = HC_COLUMN_RIGHT, .width = 3}, {.kind = HC_COLUMN_RIGHT, .width = 9},
    {.kind = HC_COLUMN_RIGHT, .width = 3}, {.kind = HC_COLUMN_LEFT},
};

static const struct hc_column id_columns[] = {
    {.kind = HC_COLUMN_RIGHT, .width = 6}, {.kind = HC_COLUMN_RIGHT, .width = 8},
    {.kind = HC_COLUMN_RIGHT, .width = 5}, {.kind = HC_COLUMN_RIGHT, .width = 9},
    {.kind = HC_COLUMN_RIGHT, .width = 5}, {.kind = HC_COLUMN_LEFT},
};

static const struct hc_column difference_columns[] = {
    {.kind = HC_COLUMN_RIGHT, .width = 6}, {.kind = HC_COLUMN_RIGHT, .width = 6},
    {.kind = HC_COLUMN_RIGHT, .width = 8}, {.kind = HC_COLUMN_RIGHT, .width = 9},
    {.kind = HC_COLUMN_RIGHT, .width = 9}, {.kind = HC_COLUMN_LEFT},
};

static const struct {
    const struct hc_column *columns;
    size_t count;
    const char *header;
} shapes[] = {
    [HC_STATISTICS_SET] = {set_columns, sizeof(set_columns) / sizeof(*set_columns),
                           " Index  Count   %     Size   % Cumulative  % "},
    [HC_STATISTICS_ID] = {id_columns, sizeof(id_columns) / sizeof(*id_columns),
                          " Index     Size   %   Cumulative  %   "},
    [HC_STATISTICS_DIFF] = {difference_columns, sizeof(difference_columns) / sizeof(*difference_columns),
                            " Index  Count     Size  Cumulative  % of B "},
};

static double ratio(int64_t part, int64_t whole)
{
    return whole ? (double)part * 100.0 / (double)whole : 0;
}

static void add_number(struct hc_report *report, int64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, number);
    hc_report_cell_text(report, text);
}

// Without a sign if it rounds to zero.
static void add_percent(struct hc_report *report, double percent)
{
    char text[32];
    snprintf(text, sizeof(text), "%.0f", rint(percent) + 0.0);
    hc_report_cell_text(report, text);
}

static void add_tenths(struct hc_report *report, double percent)
{
    char text[32];
    snprintf(text, sizeof(text), "%.1f", percent);
    hc_report_cell_text(report, text);
}

enum { OF_B = 32 };

static const char *of_b(const struct hc_statistics *statistics, int64_t size, char text[OF_B])
{
    if (!statistics->b_size)
        return "   (n.a.)";
    snprintf(text, OF_B, "%9.3g", ratio(size, statistics->b_size));
    return text;
}

static void add_row(struct hc_report *report, const struct hc_statistics *statistics, size_t index,
                    int64_t cumulative)
{
    const struct hc_statistics_row *row = &statistics->rows.items[index];
    char text[OF_B];
    hc_report_cell_number(report, index);
    switch (statistics->format) {
    case HC_STATISTICS_ID:
        add_number(report, row->size);
        add_tenths(report, ratio(row->size, statistics->size));
        add_number(report, cumulative);
        add_tenths(report, ratio(cumulative, statistics->size));
        break;
    case HC_STATISTICS_DIFF:
        add_number(report, row->count);
        add_number(report, row->size);
        add_number(report, cumulative);
        hc_report_cell_text(report, of_b(statistics, cumulative, text));
        break;
    default:
        add_number(report, row->count);
        add_percent(report, ratio(row->count, statistics->count));
        add_number(report, row->size);
        add_percent(report, ratio(row->size, statistics->size));
        add_number(report, cumulative);
        add_percent(report, ratio(cumulative, statistics->size));
    }
    hc_report_cell_text(report, row->name);
}

static int64_t sum(int64_t left, int64_t right)
{
    return (int64_t)((uint64_t)left + (uint64_t)right);
}

static int label_difference(const struct hc_statistics *statistics, char **ret)
{
    static const char largest_first[] = "\n\nDifferences by kind, largest absolute size diffs first.";
    bool is_change = statistics->count || statistics->size;
    char text[OF_B];
    return asprintf(ret,
                    "Summary of difference operation (A-B).\n"
                    "        Count     Size\n"
                    "  A    %6" PRId64 " %8" PRId64 "\n"
                    "  B    %6" PRId64 " %8" PRId64 "\n"
                    "  A-B  %6" PRId64 " %8" PRId64 "  = %s %% of B%s",
                    sum(statistics->count, statistics->b_count), sum(statistics->size, statistics->b_size),
                    statistics->b_count, statistics->b_size, statistics->count, statistics->size,
                    of_b(statistics, statistics->size, text),
                    is_change                ? largest_first
                    : statistics->rows.count ? "\n"
                                             : "");
}

static int label(const struct hc_statistics *statistics, char **ret)
{
    const char *plural = statistics->count == 1 ? "" : "s";
    if (statistics->format == HC_STATISTICS_DIFF)
        return label_difference(statistics, ret);
    if (statistics->format == HC_STATISTICS_ID)
        return asprintf(ret, "Set of %" PRId64 " %s object%s. Total size = %" PRId64 " bytes.",
                        statistics->count, statistics->kind_name, plural, statistics->size);
    return asprintf(ret, "Partition of a set of %" PRId64 " object%s. Total size = %" PRId64 " bytes.",
                    statistics->count, plural, statistics->size);
}

void hc_report_statistics(struct hc_report *report, const struct hc_statistics *statistics, size_t first,
                          size_t end)
{
    hc_report_section(report, "table", NULL);
    struct hc_table *table =
        hc_report_table(report, shapes[statistics->format].columns, shapes[statistics->format].count);
    if (!table)
        return;
    // heapy leaves the header out where there is nothing in all.
    bool has_header = statistics->count || statistics->size;
    table->is_page = true;
    table->hidden = statistics->rows.count - end;
    if (asprintf(&table->header, "%s%s", has_header ? shapes[statistics->format].header : "",
                 has_header ? statistics->kind_header : "") < 0 ||
        (!first && label(statistics, &table->label) < 0)) {
        table->label = NULL;
        report->out_of_memory = true;
        return;
    }
    int64_t cumulative = 0;
    for (size_t i = 0; i < end; i++) {
        cumulative = sum(cumulative, statistics->rows.items[i].size);
        if (i >= first)
            add_row(report, statistics, i, cumulative);
    }
}
