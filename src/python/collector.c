#include "python/collector.h"

#include "python/strings.h"
#include "python/threads.h"

struct hc_collector hc_collector_read(struct hc_tracer *tracer, uint64_t interpreter)
{
    const struct hc_offsets *at = tracer->at;
    struct hc_reader *reader = &tracer->reader;
    bool is_own = hc_is_present(at->interpreter_gc_enabled);
    uint32_t enabled = is_own ? at->interpreter_gc_enabled : at->runtime_gc_enabled;
    uint32_t debug = is_own ? at->interpreter_gc_debug : at->runtime_gc_debug;
    uint64_t base = is_own ? interpreter : tracer->runtime->address;
    struct hc_collector collector = {0};
    if (!hc_is_present(enabled) || !hc_is_present(debug) || !base)
        return collector;
    const uint8_t *is_enabled = hc_reader_view(reader, base + enabled, sizeof(int32_t));
    const uint8_t *flags = hc_reader_view(reader, base + debug, sizeof(int32_t));
    if (is_enabled && flags)
        collector = (struct hc_collector){true, hc_load_u32(&reader->target, is_enabled) != 0,
                                          hc_load_u32(&reader->target, flags)};
    return collector;
}

uint64_t hc_collector_garbage(struct hc_tracer *tracer, uint64_t interpreter)
{
    uint64_t dict, garbage;
    return hc_interpreter_find_module(tracer, interpreter, "gc", &dict) &&
                   hc_dict_find_string(tracer->runtime, &tracer->reader, dict, "garbage", &garbage)
               ? garbage
               : 0;
}
