// code: not collected, so nothing is visited; what it holds is followed all the same.
#include "python/types/families.h"

static uint64_t extra_size(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t extra = hc_view_word(tracer, object, at->code_extra);
    const uint8_t *bytes = extra ? hc_reader_view(&tracer->reader, extra, at->sizeof_code_extra) : NULL;
    if (!bytes) {
        tracer->size_is_exact &= !extra;
        return 0;
    }
    uint64_t count = hc_load_word(&tracer->reader.target, bytes + at->code_extra_size);
    return at->sizeof_code_extra + (count - 1) * tracer->reader.target.word_size;
}

// code_sizeof(), Objects/codeobject.c. Up to 3.10 the bytecode is an object of its own, and cell2arg and the
// opcode cache are blocks; since 3.11 the bytecode ends the object.
static uint64_t code_size(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    enum { CODE_UNIT = 2 };
    unsigned word = tracer->reader.target.word_size;
    uint64_t size = hc_object_size_default(tracer, object);
    if (!hc_is_present(at->code_code))
        return (size + word - 1) / word * word + extra_size(tracer, object);
    if (hc_view_word(tracer, object, at->code_cell2arg))
        size += hc_trace_length(tracer, hc_view_word(tracer, object, at->code_cellvars)) * word;
    if (hc_is_present(at->code_opcache) && hc_view_word(tracer, object, at->code_opcache)) {
        const uint8_t *used = object->bytes + at->code_opcache_size;
        uint64_t entries = at->code_opcache_size < object->available ? *used : 0;
        size += hc_trace_length(tracer, hc_view_word(tracer, object, at->code_code)) / CODE_UNIT;
        size += entries * at->sizeof_opcache;
    }
    return size + extra_size(tracer, object);
}

const struct hc_type_row hc_code_types[] = {
    {.names = "code",
     .structure = "PyCodeObject",
     .unit = "Objects/codeobject.c",
     .holds = "co_code= co_consts= co_names= co_varnames= co_freevars= co_cellvars= co_filename= co_name= "
              "co_qualname= co_lnotab= co_linetable= co_exceptiontable= co_localsplusnames "
              "co_localspluskinds _co_code=co_code",
     .size = code_size},
    {0},
};
