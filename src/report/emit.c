#include "report/emit.h"

#include "layout/record.h"
#include "python/allocations.h"
#include "python/sanity.h"

struct hc_error *hc_emit_layouts(const struct hc_session_options *options, FILE *file)
{
    _cleanup_(hc_layout_record_destroyp) struct hc_layout_record *record = NULL;
    _cleanup_(hc_session_closep) struct hc_session *session = NULL;
    struct hc_session_options own = *options;
    struct hc_allocations allocations;
    struct hc_reader reader;
    HC_TRY(hc_layout_record_create(&record));
    own.debug.record = record;
    HC_TRY(hc_session_open(&own, &session));
    const struct hc_runtime *runtime = &session->runtime;
    if (runtime->choice.table)
        return hc_error_create("%s has no debug information that is here: a table is made from that",
                               runtime->module->path);
    HC_TRY(hc_allocations_init(&allocations, runtime)); // asked only when somebody wants to know
    hc_reader_init(&reader, session->image);
    const struct hc_table_key key = {
        .versions = {runtime->version},
        .version_count = 1,
        .machine = reader.target.machine,
        .flags = hc_build_flags(runtime, &reader),
    };
    return hc_layout_record_write(record, &key, file);
}
