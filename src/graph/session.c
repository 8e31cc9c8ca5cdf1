#include "graph/session.h"

static struct hc_error *open_image(const struct hc_session_options *options, struct hc_image **ret)
{
    if (options->core)
        return hc_image_open_core(options->core, &options->image, ret);
    if (options->source)
        return hc_image_open_source(options->source, &options->image, ret);
    if (options->is_stopped)
        return hc_image_open_stopped(options->pid, &options->image, ret);
    return hc_image_open_process(options->pid, &options->image, ret);
}

static struct hc_error *open_session(const struct hc_session_options *options, struct hc_session *session)
{
    HC_TRY(hc_definitions_open(&options->definitions, &session->definitions));
    HC_TRY(open_image(options, &session->image));
    HC_TRY(hc_runtime_init(&session->runtime, session->image, &options->debug));
    session->runtime.definitions = session->definitions;
    session->runtime.no_emulation = options->no_emulation;
    if (options->layouts_only)
        return NULL;
    return hc_graph_build(&session->runtime, options->threads, &session->graph);
}

struct hc_error *hc_session_open(const struct hc_session_options *options, struct hc_session **ret)
{
    _cleanup_(hc_session_closep) struct hc_session *session = calloc(1, sizeof(*session));
    if (!session)
        return hc_error_out_of_memory();
    struct hc_error *error = open_session(options, session);
    if (error && session->image && hc_image_losses(session->image)->truncated)
        return hc_error_wrap(error, "the core is cut short (%lu bytes of memory are gone)",
                             (long)hc_image_losses(session->image)->truncated_bytes);
    HC_TRY(error);
    *ret = hc_take(session);
    return NULL;
}

void hc_session_close(struct hc_session *session)
{
    if (!session)
        return;
    hc_graph_destroy(session->graph);
    hc_runtime_deinit(&session->runtime);
    hc_definitions_destroy(session->definitions);
    hc_image_destroy(session->image);
    free(session);
}
