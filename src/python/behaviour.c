#include "python/behaviour.h"

#include "emulator/emulator.h"

enum {
    FIRST_WITH_VISITING_DICTS = 0x030d0d00, // 3.13.13
    LIMIT = 1 << 16,                        // of basic blocks
};

// dict_traverse() runs over the dict of sys, whose values are made to seem inline: they are said to stand
// where its keys are, that is, at words most of which are not 0, the first of which says yes to everything.
// *ret is what it visits; false: it did not run.
static bool visit_forged_values(const struct hc_runtime *runtime, struct hc_emulator *emulator, size_t *ret)
{
    enum { ALL_BYTES_ONE = 0x01 };
    const struct hc_offsets *at = &runtime->layouts.at;
    struct hc_reader reader;
    hc_reader_init(&reader, runtime->image);
    uint64_t dict, keys, traverse, yes = UINT64_MAX / UINT8_MAX * ALL_BYTES_ONE;
    const uint64_t *visited;
    return hc_reader_word(&reader, runtime->interpreters.items[0] + at->interpreter_sysdict, &dict) &&
           hc_reader_word(&reader, dict + at->dict_keys, &keys) &&
           hc_reader_word(&reader, runtime->dict_type + at->type_traverse, &traverse) &&
           hc_emulator_preset(emulator, dict + at->dict_values, keys) &&
           hc_emulator_preset(emulator, keys + at->keys_refcnt, yes) &&
           hc_emulator_collect(emulator, traverse, dict, LIMIT, &visited, ret) == HC_EMULATION_DONE;
}

struct hc_error *hc_behaviour_of_inline_values(const struct hc_runtime *runtime, bool *ret)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    _cleanup_(hc_emulator_destroyp) struct hc_emulator *emulator = NULL;
    size_t visited;
    *ret = runtime->version >= FIRST_WITH_VISITING_DICTS;
    bool is_certain = *ret || !hc_is_present(at->values_embedded) || at->keys_refcnt != 0;
    if (is_certain)
        return NULL;
    HC_TRY(hc_emulator_create(runtime->image, &(struct hc_emulator_options){0}, &emulator));
    if (emulator && visit_forged_values(runtime, emulator, &visited))
        *ret = visited != 0;
    return NULL;
}
