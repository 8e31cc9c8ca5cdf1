#include "report/verify.h"

#include "graph/verify.h"

#include <inttypes.h>

static const struct hc_column columns[] = {
    {.key = "type", .heading = "Type", .kind = HC_COLUMN_LEFT},
    {.key = "how", .heading = "Known by", .kind = HC_COLUMN_LEFT},
    {.key = "sampled", .heading = "Run", .kind = HC_COLUMN_RIGHT},
    {.key = "agreeing", .heading = "Agree", .kind = HC_COLUMN_RIGHT},
    {.key = "failed", .heading = "Not run", .kind = HC_COLUMN_RIGHT},
    {.key = "remark", .heading = "", .kind = HC_COLUMN_LEFT},
};

// The first object that does not agree, or why objects could not be asked.
static void add_remark(struct hc_report *report, const struct hc_verified_type *row)
{
    char text[160];
    if (row->example)
        snprintf(text, sizeof(text), "0x%" PRIx64 " visits %zu objects, heapcore has %zu", row->example,
                 row->expected, row->found);
    hc_report_cell_text(report, row->example ? text : row->failed ? hc_emulation_name(row->failure) : NULL);
}

static struct hc_error *add_type(struct hc_report *report, const struct hc_type *type)
{
    _cleanup_(hc_freep) char *name = NULL;
    if (asprintf(&name, "%s.%s", type->module, type->qualname) < 0)
        return hc_error_out_of_memory();
    hc_report_cell_text(report, name);
    return NULL;
}

struct hc_error *hc_report_verification(const struct hc_session *session, struct hc_report *report)
{
    _cleanup_(hc_verified_type_vector_deinit) struct hc_verified_type_vector types = {0};
    HC_TRY(hc_graph_verify(session->graph, &types));
    uint64_t sampled = 0, agreeing = 0, failed = 0;
    for (size_t i = 0; i < types.count; i++) {
        sampled += types.items[i].sampled;
        agreeing += types.items[i].agreeing;
        failed += types.items[i].failed;
    }
    hc_report_section(report, "verification", "What types' own code says");
    hc_report_number(report, "sampled", sampled);
    hc_report_number(report, "agreeing", agreeing);
    hc_report_number(report, "failed", failed);
    hc_report_line(report, "verification",
                   "%" PRIu64 " objects of %zu types traversed by their own tp_traverse: %" PRIu64
                   " agree, %" PRIu64 " do not; %" PRIu64 " could not be run",
                   sampled, types.count, agreeing, sampled - agreeing, failed);
    hc_report_table(report, columns, sizeof(columns) / sizeof(*columns))->is_limited = true;
    for (size_t i = 0; i < types.count; i++) {
        const struct hc_verified_type *row = &types.items[i];
        HC_TRY(add_type(report, row->type));
        hc_report_cell_text(report, hc_how_name(row->how));
        hc_report_cell_number(report, row->sampled);
        hc_report_cell_number(report, row->agreeing);
        hc_report_cell_number(report, row->failed);
        add_remark(report, row);
    }
    return NULL;
}
