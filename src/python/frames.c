#include "python/frames.h"

#include "base/address_map.h"
#include "python/strings.h"
#include "python/value_write.h"

#include <string.h>

// enum _frameowner, Include/internal/pycore_frame.h, since 3.11; the last since 3.12.
enum { FRAME_OWNED_BY_GENERATOR = 1, FRAME_OWNED_BY_CSTACK = 3 };
enum { MOST_VARIABLES = 1 << 12 };

enum hc_frame_state hc_frame_state(const struct hc_runtime *runtime, int8_t number)
{
    // enum _framestate, Include/internal/pycore_frame.h (3.10: Include/cpython/frameobject.h): the lowest
    // number of each state. What can be told of a suspended frame was added in 3.13, COMPLETED went in 3.15.
    static const struct {
        unsigned minor;
        int8_t lowest[HC_FRAME_CLEARED + 1];
    } numbers[] = {
        {15, {0, 1, 2, 4, 5, 5}},
        {13, {-3, -2, -1, 0, 1, 4}},
        {0, {-2, -1, 0, 0, 1, 4}},
    };
    size_t version = 0;
    while (!hc_runtime_since(runtime, 3, numbers[version].minor))
        version++;
    int state = HC_FRAME_CLEARED;
    while (state > HC_FRAME_CREATED && number < numbers[version].lowest[state])
        state--;
    return (enum hc_frame_state)state;
}

uint64_t hc_thread_frame(struct hc_tracer *tracer, uint64_t thread)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t frame = 0;
    if (hc_is_present(at->thread_current_frame)) { // 3.13
        hc_reader_word(&tracer->reader, thread + at->thread_current_frame, &frame);
    } else if (hc_is_present(at->cframe_current_frame)) { // 3.11, 3.12
        if (!hc_reader_word(&tracer->reader, thread + at->thread_cframe, &frame) ||
            !hc_reader_word(&tracer->reader, frame + at->cframe_current_frame, &frame))
            return 0;
    } else if (hc_is_present(at->thread_frame)) {
        hc_reader_word(&tracer->reader, thread + at->thread_frame, &frame);
    }
    return frame;
}

// The byte at `address + offset`, or -1.
static int read_byte(struct hc_tracer *tracer, uint64_t address, uint32_t offset)
{
    const uint8_t *byte = hc_is_present(offset) ? hc_reader_view(&tracer->reader, address + offset, 1) : NULL;
    return byte ? *byte : -1;
}

static bool read_int(struct hc_tracer *tracer, uint64_t address, uint32_t offset, int32_t *ret)
{
    const uint8_t *bytes =
        hc_is_present(offset) ? hc_reader_view(&tracer->reader, address + offset, 4) : NULL;
    if (!bytes)
        return false;
    *ret = (int32_t)hc_load_u32(&tracer->reader.target, bytes);
    return true;
}

static bool read_member(struct hc_tracer *tracer, uint64_t address, uint32_t offset, uint64_t *ret)
{
    return hc_is_present(offset) && hc_reader_word(&tracer->reader, address + offset, ret);
}

bool hc_frame_is_shim(struct hc_tracer *tracer, uint64_t frame)
{
    return hc_runtime_since(tracer->runtime, 3, 12) &&
           read_byte(tracer, frame, tracer->at->iframe_owner) >= FRAME_OWNED_BY_CSTACK;
}

uint64_t hc_frame_owner(struct hc_tracer *tracer, uint64_t frame)
{
    const struct hc_offsets *at = tracer->at;
    if (!hc_is_present(at->iframe_previous))
        return frame;
    return hc_is_present(at->generator_iframe) &&
                   read_byte(tracer, frame, at->iframe_owner) == FRAME_OWNED_BY_GENERATOR
               ? frame - at->generator_iframe
               : 0;
}

static bool is_code(struct hc_tracer *tracer, uint64_t address)
{
    struct hc_object_view object;
    return address && hc_tracer_view(tracer, address, &object) &&
           hc_value_is_exact(tracer, object.type, "code");
}

// Up to 3.10. f_lasti counts instructions in 3.10, bytes before.
static bool read_frame_object(struct hc_tracer *tracer, uint64_t address, struct hc_frame *ret)
{
    const struct hc_offsets *at = tracer->at;
    int32_t last;
    if (!read_member(tracer, address, at->frame_back, &ret->previous) ||
        !read_member(tracer, address, at->frame_code, &ret->code) || !is_code(tracer, ret->code) ||
        !read_int(tracer, address, at->frame_last_instruction, &last))
        return false;
    ret->instruction = hc_runtime_since(tracer->runtime, 3, 10) ? 2 * (int64_t)last : last;
    return true;
}

// _PyFrame_IsIncomplete(), Include/internal/pycore_frame.h.
static bool is_incomplete(struct hc_tracer *tracer, const struct hc_frame *frame)
{
    int32_t first = 0;
    read_int(tracer, frame->code, tracer->at->code_first_traceable, &first);
    return read_byte(tracer, frame->address, tracer->at->iframe_owner) != FRAME_OWNED_BY_GENERATOR &&
           frame->instruction < 2 * (int64_t)first;
}

static bool read_interpreter_frame(struct hc_tracer *tracer, uint64_t address, struct hc_frame *ret)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t instruction;
    if (!read_member(tracer, address, at->iframe_previous, &ret->previous))
        return false;
    ret->is_shim = hc_frame_is_shim(tracer, address);
    if (ret->is_shim)
        return true;
    ret->code = hc_interpreter_frame_code(tracer, address);
    if (!is_code(tracer, ret->code) || !read_member(tracer, address, at->iframe_instruction, &instruction) ||
        !hc_is_present(at->code_instructions))
        return false;
    ret->instruction = (int64_t)(instruction - (ret->code + at->code_instructions));
    ret->is_incomplete = is_incomplete(tracer, ret);
    return true;
}

bool hc_frame_read(struct hc_tracer *tracer, uint64_t address, struct hc_frame *ret)
{
    *ret = (struct hc_frame){.address = address};
    if (!address || address % tracer->reader.target.word_size)
        return false;
    return hc_is_present(tracer->at->iframe_previous) ? read_interpreter_frame(tracer, address, ret)
                                                      : read_frame_object(tracer, address, ret);
}

struct hc_error *hc_thread_frames(struct hc_tracer *tracer, uint64_t thread, size_t most,
                                  struct hc_frame_vector *ret, enum hc_frames_end *ret_end)
{
    _cleanup_(hc_address_map_deinit) struct hc_address_map seen = {0};
    struct hc_frame frame;
    *ret_end = HC_FRAMES_COMPLETE;
    for (uint64_t address = hc_thread_frame(tracer, thread); address; address = frame.previous) {
        bool is_new;
        if (seen.count >= most) {
            *ret_end = HC_FRAMES_MANY;
            return NULL;
        }
        if (!hc_address_map_insert(&seen, address, 0, &is_new))
            return hc_error_out_of_memory();
        if (!is_new || !hc_frame_read(tracer, address, &frame)) {
            *ret_end = is_new ? HC_FRAMES_HOLE : HC_FRAMES_CYCLE;
            return NULL;
        }
        if (!frame.is_shim && !frame.is_incomplete && !hc_frame_vector_push(ret, frame))
            return hc_error_out_of_memory();
    }
    return NULL;
}

static char *code_text(struct hc_tracer *tracer, uint64_t code, uint32_t member)
{
    uint64_t text;
    return read_member(tracer, code, member, &text) ? hc_string_read(tracer->runtime, &tracer->reader, text)
                                                    : NULL;
}

char *hc_code_name(struct hc_tracer *tracer, uint64_t code)
{
    return code_text(tracer, code, tracer->at->code_name);
}

char *hc_code_qualname(struct hc_tracer *tracer, uint64_t code)
{
    return code_text(tracer, code, tracer->at->code_qualname);
}

char *hc_code_file(struct hc_tracer *tracer, uint64_t code)
{
    return code_text(tracer, code, tracer->at->code_filename);
}

void hc_variables_deinit(struct hc_variable_vector *variables)
{
    for (size_t i = 0; i < variables->count; i++)
        free(variables->items[i].name);
    hc_variable_vector_deinit(variables);
}

struct variable_search {
    struct hc_tracer *tracer;
    struct hc_variable_vector *ret;
    uint64_t names; // the dict that has them, if no slots do
    bool of_module;
    bool out_of_memory;
};

// Owns `name` from then on.
static bool add_variable(struct variable_search *search, char *name, uint64_t value, uint64_t holder)
{
    struct hc_object_view object;
    bool is_shown = name && value && hc_tracer_view(search->tracer, value, &object);
    if (is_shown && hc_variable_vector_push(search->ret, (struct hc_variable){name, value, holder}))
        return true;
    free(name);
    search->out_of_memory |= is_shown;
    return !is_shown;
}

static bool add_entry(void *argument, uint64_t key, uint64_t value)
{
    struct variable_search *search = argument;
    char *name = hc_string_read(search->tracer->runtime, &search->tracer->reader, key);
    if (name && search->of_module && !strncmp(name, "__", 2)) {
        free(name);
        return true;
    }
    return add_variable(search, name, value, search->names) && search->ret->count < MOST_VARIABLES;
}

// Is a slot made for a cell, that is, for a variable shared with other functions?
static bool holds_cell(struct hc_tracer *tracer, uint64_t code, uint64_t slot)
{
    enum { CO_FAST_CELL = 0x40, CO_FAST_FREE = 0x80 }; // Include/internal/pycore_code.h, since 3.11
    const struct hc_offsets *at = tracer->at;
    const uint8_t *kinds;
    uint64_t address, length;
    struct hc_object_view object;
    int32_t locals;
    if (!hc_is_present(at->code_variable_kinds)) // up to 3.10 they follow the plain ones
        return read_int(tracer, code, at->code_nlocals, &locals) && locals >= 0 && slot >= (uint64_t)locals;
    return read_member(tracer, code, at->code_variable_kinds, &address) &&
           hc_tracer_view(tracer, address, &object) &&
           hc_value_find_bytes(tracer, &object, &kinds, &length) && slot < length &&
           kinds[slot] & (CO_FAST_CELL | CO_FAST_FREE);
}

// A slot for a cell holds the plain value until the function's prologue has made the cell.
static uint64_t cell_content(struct hc_tracer *tracer, uint64_t value)
{
    struct hc_object_view object;
    if (!value || !hc_tracer_view(tracer, value, &object) || !hc_value_is_exact(tracer, object.type, "cell"))
        return value;
    return hc_is_present(tracer->at->cell_content) ? hc_view_word(tracer, &object, tracer->at->cell_content)
                                                   : 0;
}

static void add_slots(struct variable_search *search, const struct hc_frame *frame)
{
    struct hc_tracer *tracer = search->tracer;
    const struct hc_offsets *at = tracer->at;
    uint32_t offset = hc_is_present(at->iframe_localsplus) ? at->iframe_localsplus : at->frame_localsplus;
    uint64_t slots = hc_code_frame_slots(tracer, frame->code, false), value;
    for (uint64_t i = 0; i < slots && i < MOST_VARIABLES && hc_is_present(offset); i++) {
        if (!hc_read_stack_slot(tracer, frame->address + offset + i * tracer->reader.target.word_size,
                                &value))
            return;
        uint64_t slot = value;
        if (holds_cell(tracer, frame->code, i))
            value = cell_content(tracer, value);
        uint64_t name = value ? hc_code_variable(tracer, frame->code, i) : 0;
        char *text = name ? hc_string_read(tracer->runtime, &tracer->reader, name) : NULL;
        if (text && !add_variable(search, text, value, value == slot ? 0 : slot))
            return;
    }
}

// Code of functions has CO_OPTIMIZED: their variables live in slots. That of modules and classes names them
// in a dict.
static bool is_optimized(struct hc_tracer *tracer, uint64_t code)
{
    enum { CO_OPTIMIZED = 1 };
    int32_t flags = CO_OPTIMIZED;
    read_int(tracer, code, tracer->at->code_flags, &flags);
    return flags & CO_OPTIMIZED;
}

struct hc_error *hc_frame_variables(struct hc_tracer *tracer, const struct hc_frame *frame,
                                    struct hc_variable_vector *ret)
{
    const struct hc_offsets *at = tracer->at;
    const bool is_interpreter_frame = hc_is_present(at->iframe_previous);
    struct variable_search search = {.tracer = tracer, .ret = ret};
    uint64_t names = 0, globals = 0;
    if (!is_optimized(tracer, frame->code)) {
        read_member(tracer, frame->address, is_interpreter_frame ? at->iframe_locals : at->frame_locals,
                    &names);
        read_member(tracer, frame->address, is_interpreter_frame ? at->iframe_globals : at->frame_globals,
                    &globals);
    }
    search.names = names;
    search.of_module = names && names == globals;
    struct hc_object_view object;
    if (names && hc_tracer_view(tracer, names, &object) && hc_value_is_exact(tracer, object.type, "dict"))
        hc_dict_each(tracer->runtime, &tracer->reader, names, add_entry, &search);
    add_slots(&search, frame);
    return search.out_of_memory ? hc_error_out_of_memory() : NULL;
}
