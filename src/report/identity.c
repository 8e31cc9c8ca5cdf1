// Tables of single objects: heapy's byid and byidset.
#include "report/identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct hc_column object_columns[] = {
    {.key = "index", .kind = HC_COLUMN_RIGHT, .width = 6},
    {.key = "size", .kind = HC_COLUMN_RIGHT, .width = 8},
    {.kind = HC_COLUMN_RIGHT, .width = 5},
    {.kind = HC_COLUMN_RIGHT, .width = 9},
    {.kind = HC_COLUMN_RIGHT, .width = 5},
    {.key = "name", .kind = HC_COLUMN_LEFT},
};

// heapy computes with doubles, and rounds these.
static double percent(uint64_t part, uint64_t whole)
{
    return whole ? (double)part * 100.0 / (double)whole : 0;
}

static void add_percent(struct hc_report *report, uint64_t part, uint64_t whole)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%.1f", percent(part, whole));
    text[length - 2] = '.'; // whatever the locale says
    hc_report_cell_text(report, text);
}

static void add_whole_percent(struct hc_report *report, uint64_t part, uint64_t whole)
{
    char text[32];
    snprintf(text, sizeof(text), "%.0f", percent(part, whole));
    hc_report_cell_text(report, text);
}

static void add_row(struct hc_report *report, const struct hc_identity *identity, size_t row,
                    uint64_t cumulative, const char *name)
{
    uint64_t size = hc_identity_size(identity, row);
    hc_report_cell_number(report, row);
    if (identity->look == HC_IDENTITY_OBJECTS) {
        hc_report_cell_number(report, size);
        add_percent(report, size, identity->size);
        hc_report_cell_number(report, cumulative);
        add_percent(report, cumulative, identity->size);
    } else {
        hc_report_cell_number(report, 1);
        add_whole_percent(report, 1, identity->count);
        hc_report_cell_number(report, size);
        add_whole_percent(report, size, identity->size);
        hc_report_cell_number(report, cumulative);
        add_whole_percent(report, cumulative, identity->size);
    }
    hc_report_cell_text(report, name);
}

static char *label(const struct hc_identity *identity)
{
    const char *plural = identity->count == 1 ? "" : "s";
    char *text;
    int length = identity->look == HC_IDENTITY_OBJECTS
                     ? asprintf(&text, "Set of %zu <%s> object%s. Total size = %" PRIu64 " bytes.",
                                identity->count, identity->kind_name, plural, identity->size)
                     : asprintf(&text, "Partition of a set of %zu object%s. Total size = %" PRIu64 " bytes.",
                                identity->count, plural, identity->size);
    return length < 0 ? NULL : text;
}

static struct hc_table *open_table(struct hc_report *report, const struct hc_identity *identity)
{
    static const char *const headers[] = {
        [HC_IDENTITY_OBJECTS] = " Index     Size   %   Cumulative  %   ",
        [HC_IDENTITY_SETS] = " Index  Count   %     Size   % Cumulative  % ",
    };
    struct hc_table *table =
        identity->look == HC_IDENTITY_OBJECTS
            ? hc_report_table(report, object_columns, sizeof(object_columns) / sizeof(*object_columns))
            : hc_report_table(report, hc_partition_columns, HC_PARTITION_COLUMNS);
    if (table && asprintf(&table->header, "%s%s", headers[identity->look], identity->header) < 0) {
        table->header = NULL;
        report->out_of_memory = true;
    }
    return table && table->header ? table : NULL;
}

struct hc_error *hc_report_identity_page(struct hc_report *report, const char *key,
                                         struct hc_identity *identity, size_t first, size_t end)
{
    HC_TRY(hc_identity_settle(identity, first, end));
    hc_report_section(report, key, NULL);
    struct hc_table *table = open_table(report, identity);
    if (!table)
        return hc_error_out_of_memory();
    table->empty = "hp.Nothing";
    table->is_page = true;
    table->hidden = identity->count - end;
    if (!first && !(table->label = label(identity)))
        return hc_error_out_of_memory();
    uint64_t cumulative = 0;
    for (size_t row = 0; row < end; row++) {
        _cleanup_(hc_freep) char *name = NULL;
        cumulative += hc_identity_size(identity, row);
        if (row < first)
            continue;
        HC_TRY(hc_identity_name(identity, row, &name));
        add_row(report, identity, row, cumulative, name);
    }
    return NULL;
}
