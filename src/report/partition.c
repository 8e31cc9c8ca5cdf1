#include "report/analyze.h"

#include <inttypes.h>
#include <stdio.h>

const struct hc_column hc_partition_columns[HC_PARTITION_COLUMNS] = {
    {.key = "index", .kind = HC_COLUMN_RIGHT, .width = 6},
    {.key = "count", .kind = HC_COLUMN_RIGHT, .width = 6},
    {.kind = HC_COLUMN_RIGHT, .width = 3},
    {.key = "size", .kind = HC_COLUMN_RIGHT, .width = 8},
    {.kind = HC_COLUMN_RIGHT, .width = 3},
    {.kind = HC_COLUMN_RIGHT, .width = 9},
    {.kind = HC_COLUMN_RIGHT, .width = 3},
    {.key = "name", .kind = HC_COLUMN_LEFT},
};

// Rounded half to even, as '%.0f' does.
static uint64_t percent(uint64_t part, uint64_t whole)
{
    if (!whole)
        return 0;
    unsigned __int128 scaled = (unsigned __int128)part * 100;
    uint64_t quotient = (uint64_t)(scaled / whole);
    unsigned __int128 twice = scaled % whole * 2;
    return quotient + (twice > whole || (twice == whole && quotient % 2));
}

static char *label(const struct hc_partition *partition)
{
    char *text;
    return asprintf(&text, "Partition of a set of %" PRIu64 " object%s. Total size = %" PRIu64 " bytes.",
                    partition->count, partition->count == 1 ? "" : "s", partition->size) < 0
               ? NULL
               : text;
}

static void add_rows(struct hc_report *report, struct hc_partition *partition, size_t first, size_t end)
{
    uint64_t cumulative = 0;
    for (size_t i = 0; i < end; i++) {
        const struct hc_partition_row *row = &partition->rows[i];
        cumulative += row->size;
        if (i < first)
            continue;
        hc_report_cell_number(report, i);
        hc_report_cell_number(report, row->count);
        hc_report_cell_number(report, percent(row->count, partition->count));
        hc_report_cell_number(report, row->size);
        hc_report_cell_number(report, percent(row->size, partition->size));
        hc_report_cell_number(report, cumulative);
        hc_report_cell_number(report, percent(cumulative, partition->size));
        hc_report_cell_text(report, hc_partition_name(partition, i));
    }
}

static struct hc_table *open_table(struct hc_report *report, const struct hc_partition *partition,
                                   bool has_label)
{
    struct hc_table *table = hc_report_table(report, hc_partition_columns, HC_PARTITION_COLUMNS);
    if (!table)
        return NULL;
    table->empty = "hp.Nothing";
    if ((has_label && !(table->label = label(partition))) ||
        asprintf(&table->header, " Index  Count   %%     Size   %% Cumulative  %% %s",
                 partition->kind_header) < 0) {
        report->out_of_memory = true;
        return NULL;
    }
    return table;
}

void hc_report_partition_page(struct hc_report *report, const char *key, struct hc_partition *partition,
                              size_t first, size_t end)
{
    hc_report_section(report, key, NULL);
    struct hc_table *table = open_table(report, partition, !first);
    if (!table)
        return;
    table->is_page = true;
    table->hidden = partition->row_count - end;
    add_rows(report, partition, first, end);
}

void hc_report_partition(struct hc_report *report, const char *key, const char *title,
                         struct hc_partition *partition)
{
    hc_report_section(report, key, title);
    hc_report_number(report, "count", partition->count);
    hc_report_number(report, "size", partition->size);
    hc_report_text(report, "header", partition->kind_header);
    struct hc_table *table = open_table(report, partition, true);
    if (!table)
        return;
    table->is_limited = true;
    add_rows(report, partition, 0, partition->row_count);
}
