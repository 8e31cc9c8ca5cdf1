// frame, generator, coroutine, asynchronous generator, traceback.
#include "python/frames.h"
#include "python/types/families.h"

#include <string.h>

// enum _frameowner, Include/internal/pycore_frame.h, since 3.11.
enum { FRAME_OWNED_BY_FRAME_OBJECT = 2 };

static uint64_t code_int(struct hc_tracer *tracer, uint64_t code, uint32_t offset)
{
    const uint8_t *bytes = hc_is_present(offset) ? hc_reader_view(&tracer->reader, code + offset, 4) : NULL;
    tracer->size_is_exact &= bytes != NULL;
    uint32_t value = bytes ? hc_load_u32(&tracer->reader.target, bytes) : 0;
    return value < 1 << 20 ? value : 0; // a larger frame would not fit any stack
}

uint64_t hc_code_frame_slots(struct hc_tracer *tracer, uint64_t code, bool with_stack)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t slots;
    if (hc_is_present(at->code_nlocalsplus)) {
        slots = code_int(tracer, code, at->code_nlocalsplus);
    } else {
        uint64_t cells = 0, frees = 0;
        hc_reader_word(&tracer->reader, code + at->code_cellvars, &cells);
        hc_reader_word(&tracer->reader, code + at->code_freevars, &frees);
        slots = code_int(tracer, code, at->code_nlocals) + hc_trace_length(tracer, cells) +
                hc_trace_length(tracer, frees);
    }
    return with_stack ? slots + code_int(tracer, code, at->code_stacksize) : slots;
}

// Item `index` of the tuple that the member of `code` at `member` points to; `*index` less its length if it
// is shorter.
static uint64_t name_in_tuple(struct hc_tracer *tracer, uint64_t code, uint32_t member, uint64_t *index)
{
    uint64_t tuple = 0, name = 0;
    if (!hc_is_present(member) || !hc_reader_word(&tracer->reader, code + member, &tuple))
        return 0;
    uint64_t length = hc_trace_length(tracer, tuple);
    if (*index >= length) {
        *index -= length;
        return 0;
    }
    hc_reader_word(&tracer->reader,
                   tuple + tracer->at->tuple_items + *index * tracer->reader.target.word_size, &name);
    return name;
}

uint64_t hc_code_variable(struct hc_tracer *tracer, uint64_t code, uint64_t slot)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t name = name_in_tuple(tracer, code, at->code_variable_names, &slot);
    if (name || hc_is_present(at->code_nlocalsplus))
        return name;
    name = name_in_tuple(tracer, code, at->code_cellvars, &slot); // up to 3.10
    return name ? name : name_in_tuple(tracer, code, at->code_freevars, &slot);
}

static void visit_slots(struct hc_tracer *tracer, uint64_t address, uint64_t count)
{
    for (uint64_t i = 0; i < count && (i || hc_trace_afford(tracer, count)); i++) {
        uint64_t value;
        if (!hc_read_stack_slot(tracer, address + i * tracer->reader.target.word_size, &value)) {
            tracer->unreadable++;
            return;
        }
        hc_trace_visit(tracer, value);
    }
}

uint64_t hc_interpreter_frame_code(struct hc_tracer *tracer, uint64_t address)
{
    uint64_t code;
    return hc_read_stack_slot(tracer, address + tracer->at->iframe_code, &code) ? code : 0;
}

bool hc_interpreter_frame_depth(struct hc_tracer *tracer, uint64_t address, uint64_t *ret)
{
    const struct hc_offsets *at = tracer->at;
    const struct hc_target *target = &tracer->reader.target;
    uint64_t top, slots = hc_code_frame_slots(tracer, hc_interpreter_frame_code(tracer, address), true);
    if (hc_is_present(at->iframe_stackpointer)) { // 3.14
        uint64_t bottom = address + at->iframe_localsplus;
        if (!hc_reader_word(&tracer->reader, address + at->iframe_stackpointer, &top) || top < bottom ||
            (top - bottom) / target->word_size > slots)
            return false;
        *ret = (top - bottom) / target->word_size;
        return true;
    }
    const uint8_t *bytes = hc_is_present(at->iframe_stacktop)
                               ? hc_reader_view(&tracer->reader, address + at->iframe_stacktop, 4)
                               : NULL;
    int32_t depth = bytes ? (int32_t)hc_load_u32(target, bytes) : -1;
    if (depth < 0 || (uint64_t)depth > slots)
        return false;
    *ret = (uint64_t)depth;
    return true;
}

void hc_trace_interpreter_frame(struct hc_tracer *tracer, uint64_t address)
{
    const struct hc_offsets *at = tracer->at;
    const struct hc_target *target = &tracer->reader.target;
    const uint8_t *frame = hc_reader_view(&tracer->reader, address, at->iframe_localsplus);
    if (!frame) {
        tracer->unreadable++;
        return;
    }
    uint64_t code = hc_stack_reference(hc_load_word(target, frame + at->iframe_code));
    hc_trace_visit(tracer, hc_load_word(target, frame + at->iframe_frame));
    hc_trace_visit(tracer, hc_load_word(target, frame + at->iframe_locals));
    hc_trace_visit(tracer, hc_stack_reference(hc_load_word(target, frame + at->iframe_function)));
    hc_trace_visit(tracer, code);
    uint64_t used;
    if (hc_interpreter_frame_depth(tracer, address, &used))
        visit_slots(tracer, address + at->iframe_localsplus, used);
}

// 3.11 and later: the frame proper is apart, and the object may own it.
static void frame_traverse_new(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t frame = hc_view_word(tracer, object, at->frame_frame);
    const uint8_t *owner = hc_reader_view(&tracer->reader, frame + at->iframe_owner, 1);
    if (owner && *owner == FRAME_OWNED_BY_FRAME_OBJECT)
        hc_trace_interpreter_frame(tracer, frame);
}

static uint64_t old_stack_depth(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t stack = hc_view_word(tracer, object, at->frame_valuestack);
    uint64_t room = code_int(tracer, hc_view_word(tracer, object, at->frame_code), at->code_stacksize);
    uint64_t depth = 0;
    if (hc_is_present(at->frame_stackdepth)) { // 3.10
        const uint8_t *bytes = object->bytes + at->frame_stackdepth;
        int32_t found = at->frame_stackdepth + 4ull <= object->available
                            ? (int32_t)hc_load_u32(&tracer->reader.target, bytes)
                            : 0;
        depth = found > 0 ? (uint64_t)found : 0;
    } else {
        uint64_t top = hc_view_word(tracer, object, at->frame_stacktop);
        depth = top > stack ? (top - stack) / tracer->reader.target.word_size : 0;
    }
    return depth <= room ? depth : 0;
}

static void frame_traverse_old(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t code = hc_view_word(tracer, object, at->frame_code);
    hc_trace_visit_array(tracer, object->address + at->frame_localsplus,
                         hc_code_frame_slots(tracer, code, false));
    hc_trace_visit_array(tracer, hc_view_word(tracer, object, at->frame_valuestack),
                         old_stack_depth(tracer, object));
}

static void frame_traverse(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    if (hc_is_present(tracer->at->frame_frame))
        frame_traverse_new(tracer, object);
    else
        frame_traverse_old(tracer, object);
}

static bool is_cell(const struct hc_type *type)
{
    return type->layout && !strcmp(type->layout->row->names, "cell");
}

// `count` slots from `address` on, the first of them number `first` of the frame: `locals` variables, then
// its value stack.
static void relate_slots(struct hc_relater *relater, uint64_t code, uint64_t address, uint64_t first,
                         uint64_t count, uint64_t locals)
{
    struct hc_tracer *tracer = relater->tracer;
    for (uint64_t i = 0; i < count && (i || hc_trace_afford(tracer, count)); i++) {
        uint64_t value, slot = first + i;
        struct hc_object_view cell;
        if (!hc_read_stack_slot(tracer, address + i * tracer->reader.target.word_size, &value) || !value)
            continue;
        if (slot >= locals) {
            hc_relate_numbered(relater, HC_LINK_STACK, value, slot - locals);
            continue;
        }
        uint64_t name = hc_code_variable(tracer, code, slot);
        hc_relate_keyed(relater, HC_LINK_LOCAL, value, name);
        if (hc_tracer_view(tracer, value, &cell) && is_cell(cell.type) &&
            hc_is_present(tracer->at->cell_content))
            hc_relate_keyed(relater, HC_LINK_CELL, hc_view_word(tracer, &cell, tracer->at->cell_content),
                            name);
    }
}

// 3.11 and later. `object_name`, `code_name`: what Python code calls the frame object and the code.
static void relate_interpreter_frame(struct hc_relater *relater, uint64_t address, const char *object_name,
                                     const char *code_name)
{
    struct hc_tracer *tracer = relater->tracer;
    const struct hc_offsets *at = tracer->at;
    const struct hc_target *target = &tracer->reader.target;
    const uint8_t *frame = hc_reader_view(&tracer->reader, address, at->iframe_localsplus);
    if (!frame)
        return;
    uint64_t used, code = hc_stack_reference(hc_load_word(target, frame + at->iframe_code));
    hc_relate_named(relater, HC_LINK_ATTRIBUTE, hc_load_word(target, frame + at->iframe_frame), object_name);
    hc_relate_named(relater, HC_LINK_ATTRIBUTE, code, code_name);
    // Since 3.13, f_locals is made anew for whoever asks (PEP 667); f_func was renamed in 3.12.
    hc_relate_named(relater, hc_runtime_since(tracer->runtime, 3, 13) ? HC_LINK_INTERNAL : HC_LINK_ATTRIBUTE,
                    hc_load_word(target, frame + at->iframe_locals), "f_locals");
    hc_relate_named(relater, HC_LINK_INTERNAL,
                    hc_stack_reference(hc_load_word(target, frame + at->iframe_function)),
                    hc_runtime_since(tracer->runtime, 3, 12) ? "f_funcobj" : "f_func");
    if (hc_interpreter_frame_depth(tracer, address, &used))
        relate_slots(relater, code, address + at->iframe_localsplus, 0, used,
                     hc_code_frame_slots(tracer, code, false));
}

static void frame_relate(struct hc_relater *relater, const struct hc_object_view *object)
{
    struct hc_tracer *tracer = relater->tracer;
    const struct hc_offsets *at = tracer->at;
    uint64_t code = hc_view_word(tracer, object, at->frame_code);
    if (hc_is_present(at->frame_frame)) {
        if (tracer->references.items_count)
            relate_interpreter_frame(relater, hc_view_word(tracer, object, at->frame_frame), "f_frame",
                                     "f_code");
        return;
    }
    uint64_t locals = hc_code_frame_slots(tracer, code, false);
    relate_slots(relater, code, object->address + at->frame_localsplus, 0, locals, locals);
    relate_slots(relater, code, hc_view_word(tracer, object, at->frame_valuestack), locals,
                 old_stack_depth(tracer, object), locals);
}

static void generator_relate(struct hc_relater *relater, const struct hc_object_view *object)
{
    static const struct {
        const char *row, *frame, *code;
    } names[] = {{"generator", "gi_frame", "gi_code"},
                 {"coroutine", "cr_frame", "cr_code"},
                 {"async_generator", "ag_frame", "ag_code"}};
    if (!relater->tracer->references.items_count)
        return;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!strcmp(object->type->layout->row->names, names[i].row))
            relate_interpreter_frame(relater, object->address + relater->tracer->at->generator_iframe,
                                     names[i].frame, names[i].code);
}

// frame_sizeof(), Objects/frameobject.c.
static uint64_t frame_size(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    unsigned word = tracer->reader.target.word_size;
    if (hc_is_present(at->frame_frame)) {
        uint64_t code = hc_interpreter_frame_code(tracer, hc_view_word(tracer, object, at->frame_frame));
        return at->frame_data + at->iframe_localsplus + hc_code_frame_slots(tracer, code, true) * word;
    }
    uint64_t slots = hc_code_frame_slots(tracer, hc_view_word(tracer, object, at->frame_code), true);
    return at->sizeof_frame + (slots - 1) * word;
}

static void generator_traverse(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    if (!hc_is_present(at->generator_iframe) || at->generator_frame_state >= object->available)
        return;
    int8_t state = (int8_t)object->bytes[at->generator_frame_state];
    if (hc_frame_state(tracer->runtime, state) != HC_FRAME_CLEARED)
        hc_trace_interpreter_frame(tracer, object->address + at->generator_iframe);
    else if (hc_runtime_since(tracer->runtime, 3, 14)) // its code lives as long as it does
        hc_trace_visit(tracer, hc_interpreter_frame_code(tracer, object->address + at->generator_iframe));
}

// gen_sizeof(), Objects/genobject.c, since 3.11.
static uint64_t generator_size(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    if (!hc_is_present(at->generator_iframe))
        return hc_object_size_default(tracer, object);
    uint64_t code = hc_interpreter_frame_code(tracer, object->address + at->generator_iframe);
    return at->generator_iframe + at->iframe_localsplus +
           hc_code_frame_slots(tracer, code, true) * tracer->reader.target.word_size;
}

const struct hc_type_row hc_frame_types[] = {
    {.names = "frame",
     .structure = "_frame",
     .unit = "Objects/frameobject.c",
     .visits = "f_back= f_code= f_builtins= f_globals= f_locals= f_trace= f_exc_type f_exc_value "
               "f_exc_traceback f_extra_locals f_locals_cache f_overwritten_fast_locals",
     .traverse = frame_traverse,
     .relate = frame_relate,
     .size = frame_size},
    {.names = "generator",
     .structure = "PyGenObject",
     .unit = "Objects/genobject.c",
     .visits = "gi_frame= gi_code= gi_name=__name__ gi_qualname=__qualname__ gi_exc_state.exc_type "
               "gi_exc_state.exc_value "
               "gi_exc_state.exc_traceback",
     .traverse = generator_traverse,
     .relate = generator_relate,
     .size = generator_size},
    {.names = "coroutine",
     .structure = "PyCoroObject",
     .unit = "Objects/genobject.c",
     .visits = "cr_frame= cr_code= cr_name=__name__ cr_qualname=__qualname__ cr_exc_state.exc_type "
               "cr_exc_state.exc_value "
               "cr_exc_state.exc_traceback",
     .holds = "cr_origin= cr_origin_or_finalizer=cr_origin",
     .traverse = generator_traverse,
     .relate = generator_relate,
     .size = generator_size},
    {.names = "async_generator",
     .structure = "PyAsyncGenObject",
     .unit = "Objects/genobject.c",
     .visits = "ag_frame= ag_code= ag_name=__name__ ag_qualname=__qualname__ ag_exc_state.exc_type "
               "ag_exc_state.exc_value "
               "ag_exc_state.exc_traceback ag_finalizer ag_origin_or_finalizer",
     .traverse = generator_traverse,
     .relate = generator_relate,
     .size = generator_size},
    {.names = "coroutine_wrapper",
     .structure = "PyCoroWrapper",
     .unit = "Objects/genobject.c",
     .visits = "cw_coroutine"},
    {.names = "async_generator_asend",
     .structure = "PyAsyncGenASend",
     .unit = "Objects/genobject.c",
     .visits = "ags_gen ags_sendval"},
    {.names = "async_generator_athrow",
     .structure = "PyAsyncGenAThrow",
     .unit = "Objects/genobject.c",
     .visits = "agt_gen agt_args agt_typ agt_tb agt_val"},
    {.names = "async_generator_wrapped_value",
     .structure = "_PyAsyncGenWrappedValue",
     .unit = "Objects/genobject.c",
     .visits = "agw_val"},
    {.names = "traceback",
     .structure = "_traceback",
     .unit = "Python/traceback.c",
     .visits = "tb_next= tb_frame="},
    {0},
};
