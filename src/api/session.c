// Opening and closing; errors.
#include "api/api.h"

#include "query/inherit.h"

#include <stdlib.h>

int heapcore_api_version(void)
{
    return HEAPCORE_API_VERSION;
}

const char *heapcore_version(void)
{
    return HC_VERSION;
}

const char *heapcore_error_message(const heapcore_error *error)
{
    return error ? hc_error_message((const struct hc_error *)error) : "";
}

void heapcore_error_destroy(heapcore_error *error)
{
    if (error)
        hc_error_destroy((struct hc_error *)error);
}

void heapcore_free(void *memory)
{
    free(memory);
}

void heapcore_session_destroy(heapcore_session *session)
{
    if (!session)
        return;
    for (size_t i = 0; session->type_names && i < session->session->graph->types.types.count; i++)
        free(session->type_names[i]);
    free(session->type_names);
    hc_interpreter_deinit(&session->interpreter);
    hc_session_close(session->session);
    free(session);
}

static struct hc_error *open_session(struct hc_session_options *options,
                                     const struct heapcore_options *wishes, heapcore_session **ret)
{
    options->image.exe = API_MEMBER(wishes, exe, NULL);
    options->image.sysroot = options->debug.sysroot = API_MEMBER(wishes, sysroot, NULL);
    options->debug.debug_dir = API_MEMBER(wishes, debug_dir, NULL);
    options->no_emulation = API_MEMBER(wishes, no_emulation, false);
    options->definitions.list = API_MEMBER(wishes, definitions, NULL);
    options->threads = API_MEMBER(wishes, threads, 0);
    const char *baseline = API_MEMBER(wishes, baseline, NULL);
    _cleanup_(hc_reference_releasep) struct hc_reference *reference = NULL;
    api_forget_interrupts();
    if (baseline)
        HC_TRY(hc_reference_read(baseline, options, &reference));
    heapcore_session *session = calloc(1, sizeof(*session));
    if (!session)
        return hc_error_out_of_memory();
    struct hc_error *error = hc_session_open(options, &session->session);
    if (!error)
        error = hc_interpreter_init(&session->interpreter, session->session->graph, options->threads);
    if (!error && reference)
        error = hc_interpreter_set_baseline(&session->interpreter, reference);
    if (error) {
        hc_interpreter_deinit(&session->interpreter);
        hc_session_close(session->session);
        free(session);
        return error;
    }
    *ret = session;
    return NULL;
}

heapcore_error *heapcore_open_core(const char *path, const struct heapcore_options *options,
                                   heapcore_session **ret)
{
    struct hc_session_options session = {.core = path};
    return api_error(open_session(&session, options, ret));
}

heapcore_error *heapcore_open_process(int pid, const struct heapcore_options *options, heapcore_session **ret)
{
    struct hc_session_options session = {.pid = pid};
    return api_error(open_session(&session, options, ret));
}

heapcore_error *heapcore_open_stopped(int pid, const struct heapcore_options *options, heapcore_session **ret)
{
    struct hc_session_options session = {.pid = pid, .is_stopped = true};
    return api_error(open_session(&session, options, ret));
}

heapcore_error *heapcore_open_target(const struct heapcore_target *target,
                                     const struct heapcore_options *options, heapcore_session **ret)
{
    if (target->size < sizeof(*target) || !target->read || (target->word_size != 4 && target->word_size != 8))
        return api_error(hc_error_create("the description of the target is not whole"));
    const struct hc_image_source source = {
        .name = target->name ? target->name : "the target",
        .pid = target->pid,
        .maps = target->maps ? target->maps : "",
        .auxv = target->auxv,
        .auxv_size = target->auxv_size,
        .target = {.machine = (uint16_t)target->machine,
                   .word_size = (uint8_t)target->word_size,
                   .big_endian = target->is_big_endian},
        .read = target->read,
        .argument = target->argument,
    };
    struct hc_session_options session = {.source = &source};
    return api_error(open_session(&session, options, ret));
}

heapcore_error *heapcore_session_inherit(heapcore_session *session, heapcore_session *old)
{
    api_forget_interrupts();
    return api_error(hc_interpreter_inherit(&session->interpreter, &old->interpreter));
}
