#include "python/coroutines.h"

#include "python/value_write.h"

#include <string.h>

bool hc_coroutine_is(struct hc_tracer *tracer, uint64_t address)
{
    struct hc_object_view object;
    return address && hc_tracer_view(tracer, address, &object) &&
           (hc_value_is_exact(tracer, object.type, "coroutine") ||
            hc_value_is_exact(tracer, object.type, "generator") ||
            hc_value_is_exact(tracer, object.type, "async_generator"));
}

static const uint8_t *member(struct hc_tracer *tracer, uint64_t address, uint32_t offset, unsigned size)
{
    return hc_is_present(offset) ? hc_reader_view(&tracer->reader, address + offset, size) : NULL;
}

static enum hc_coroutine_state state_of(const struct hc_tracer *tracer, uint8_t number)
{
    switch (hc_frame_state(tracer->runtime, (int8_t)number)) {
    case HC_FRAME_CREATED:
        return HC_COROUTINE_CREATED;
    case HC_FRAME_SUSPENDED:
    case HC_FRAME_DELEGATING:
        return HC_COROUTINE_SUSPENDED;
    case HC_FRAME_EXECUTING:
        return HC_COROUTINE_RUNNING;
    case HC_FRAME_COMPLETED:
    case HC_FRAME_CLEARED:
        break;
    }
    return HC_COROUTINE_FINISHED;
}

// Since 3.11 the frame is a part of the object.
static bool read_with_frame(struct hc_tracer *tracer, uint64_t address, struct hc_coroutine *ret)
{
    const struct hc_offsets *at = tracer->at;
    const uint8_t *state = member(tracer, address, at->generator_frame_state, 1);
    if (!state)
        return false;
    ret->state = state_of(tracer, *state);
    return ret->state == HC_COROUTINE_FINISHED ||
           hc_frame_read(tracer, address + at->generator_iframe, &ret->frame);
}

// Up to 3.10 it is an object of its own, which goes when all is done.
static bool read_with_object(struct hc_tracer *tracer, uint64_t address, struct hc_coroutine *ret)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t frame;
    if (!hc_is_present(at->generator_frame) ||
        !hc_reader_word(&tracer->reader, address + at->generator_frame, &frame))
        return false;
    ret->state = HC_COROUTINE_FINISHED;
    if (!frame)
        return true;
    if (!hc_frame_read(tracer, frame, &ret->frame))
        return false;
    const uint8_t *running = member(tracer, address, at->generator_running, 1);
    const uint8_t *state = member(tracer, frame, at->frame_state, 1); // 3.10
    if (state)
        ret->state = state_of(tracer, *state);
    else if (running && *running)
        ret->state = HC_COROUTINE_RUNNING;
    else
        ret->state = ret->frame.instruction < 0 ? HC_COROUTINE_CREATED : HC_COROUTINE_SUSPENDED;
    return true;
}

// Does a suspended frame wait for another, or did it yield a value? _PyGen_yf(), Objects/genobject.c.
static bool is_delegating(struct hc_tracer *tracer, uint64_t address, const struct hc_frame *frame)
{
    enum { YIELD_FROM = 72, RESUME_AFTER_YIELD_FROM = 2, UNIT = 2 };
    const struct hc_offsets *at = tracer->at;
    struct hc_object_view code;
    const uint8_t *bytes;
    uint64_t length, instructions, next = (uint64_t)frame->instruction + UNIT;
    if (hc_runtime_since(tracer->runtime, 3, 13)) {
        const uint8_t *state = member(tracer, address, at->generator_frame_state, 1);
        return state && hc_frame_state(tracer->runtime, (int8_t)*state) == HC_FRAME_DELEGATING;
    }
    if (hc_is_present(at->code_instructions)) { // what follows a yield is a RESUME, whose argument tells why
        bytes = hc_reader_view(&tracer->reader, frame->code + at->code_instructions + next, UNIT);
        return bytes && (bytes[1] & 3) >= RESUME_AFTER_YIELD_FROM;
    }
    return hc_is_present(at->code_code) &&
           hc_reader_word(&tracer->reader, frame->code + at->code_code, &instructions) &&
           hc_tracer_view(tracer, instructions, &code) &&
           hc_value_find_bytes(tracer, &code, &bytes, &length) && next < length && bytes[next] == YIELD_FROM;
}

// Where the item of a suspended frame's value stack stands that it waits for; 0: there is none. It is the
// topmost but in 3.15, where an iterator's state stands above it.
static uint64_t awaited_slot(struct hc_tracer *tracer, const struct hc_frame *frame)
{
    const struct hc_offsets *at = tracer->at;
    unsigned word = tracer->reader.target.word_size;
    uint64_t slots = hc_code_frame_slots(tracer, frame->code, true), stack, top, used;
    if (hc_is_present(at->iframe_localsplus)) { // since 3.11
        const unsigned from_top = hc_runtime_since(tracer->runtime, 3, 15) ? 2 : 1;
        return hc_interpreter_frame_depth(tracer, frame->address, &used) && used >= from_top
                   ? frame->address + at->iframe_localsplus + (used - from_top) * word
                   : 0;
    }
    if (!hc_is_present(at->frame_valuestack) ||
        !hc_reader_word(&tracer->reader, frame->address + at->frame_valuestack, &stack))
        return 0;
    const uint8_t *bytes = member(tracer, frame->address, at->frame_stackdepth, 4);
    if (bytes) { // 3.10
        int32_t depth = (int32_t)hc_load_u32(&tracer->reader.target, bytes);
        return depth > 0 && (uint64_t)depth <= slots ? stack + ((uint64_t)depth - 1) * word : 0;
    }
    if (!hc_is_present(at->frame_stacktop) ||
        !hc_reader_word(&tracer->reader, frame->address + at->frame_stacktop, &top))
        return 0;
    return top > stack && (top - stack) / word <= slots ? top - word : 0;
}

bool hc_coroutine_read(struct hc_tracer *tracer, uint64_t address, struct hc_coroutine *ret)
{
    const bool has_frame = hc_is_present(tracer->at->generator_iframe);
    *ret = (struct hc_coroutine){0};
    if (!hc_coroutine_is(tracer, address) ||
        !(has_frame ? read_with_frame(tracer, address, ret) : read_with_object(tracer, address, ret)))
        return false;
    if (ret->state != HC_COROUTINE_SUSPENDED || !is_delegating(tracer, address, &ret->frame))
        return true;
    uint64_t slot = awaited_slot(tracer, &ret->frame);
    return !slot || hc_read_stack_slot(tracer, slot, &ret->awaited);
}

uint64_t hc_coroutine_behind(struct hc_tracer *tracer, uint64_t address)
{
    static const char *const between[] = {"coroutine_wrapper", "async_generator_asend",
                                          "async_generator_athrow", "anext_awaitable", "FutureIter"};
    struct hc_object_view object, referent;
    bool is_between = false;
    if (!hc_tracer_view(tracer, address, &object))
        return address;
    for (size_t i = 0; i < sizeof(between) / sizeof(*between); i++)
        is_between |= !strcmp(object.type->name, between[i]);
    if (!is_between)
        return address;
    hc_tracer_trace(tracer, &object);
    const struct hc_word_vector *visited = &tracer->references.visited;
    // The first that is no part of the machinery: what is sent, the arguments of a throw, come later.
    for (size_t i = 0; i < visited->count; i++)
        if (visited->items[i] != object.type->address && hc_tracer_view(tracer, visited->items[i], &referent))
            return visited->items[i];
    return address;
}
