#include "python/exception.h"

#include "python/value_write.h"

#include <inttypes.h>
#include <string.h>

enum { MOST_MESSAGE = 1000, MOST_TRACEBACK = 1 << 20 };

char *hc_exception_type_name(const struct hc_type *type)
{
    char *name;
    bool is_plain = !strcmp(type->module, "builtins");
    int length = asprintf(&name, "%s%s%s", is_plain ? "" : type->module, is_plain ? "" : ".", type->qualname);
    return length < 0 ? NULL : name;
}

static bool derives_from(const struct hc_tracer *tracer, const struct hc_type *type, const char *name)
{
    for (; type; type = type->base)
        if (hc_value_is_exact(tracer, type, name))
            return true;
    return false;
}

static uint64_t member(struct hc_tracer *tracer, const struct hc_object_view *object, uint32_t offset)
{
    return hc_is_present(offset) ? hc_view_word(tracer, object, offset) : 0;
}

static bool is_object(struct hc_tracer *tracer, uint64_t address)
{
    struct hc_object_view object;
    return address && hc_tracer_view(tracer, address, &object) && !hc_value_is_none(tracer, address);
}

// str() of a plain value.
static char *plain_text(struct hc_tracer *tracer, uint64_t address)
{
    char *text = hc_value_text(tracer, address);
    if (!text)
        return hc_value_repr_within(tracer, address, MOST_MESSAGE);
    // Cut only where the mark has room.
    if (strlen(text) >= MOST_MESSAGE + strlen("…")) {
        size_t end = MOST_MESSAGE;
        while ((text[end] & 0xc0) == 0x80)
            end--;
        strcpy(text + end, "…");
    }
    return text;
}

// OSError_str(), Objects/exceptions.c; NULL if there is no number and no text.
static char *os_error_text(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t number = member(tracer, object, at->os_error_number);
    uint64_t meaning = member(tracer, object, at->os_error_text);
    uint64_t files[] = {member(tracer, object, at->os_error_file),
                        member(tracer, object, at->os_error_other_file)};
    if (!number || !meaning || (!is_object(tracer, number) && !is_object(tracer, files[0])))
        return NULL;
    _cleanup_(hc_freep) char *errno_text = plain_text(tracer, number);
    _cleanup_(hc_freep) char *strerror_text = plain_text(tracer, meaning);
    char *shown[] = {NULL, NULL};
    for (size_t i = 0; i < 2; i++)
        if (is_object(tracer, files[i]))
            shown[i] = hc_value_repr_within(tracer, files[i], MOST_MESSAGE);
    char *text = NULL;
    int length = asprintf(&text, "[Errno %s] %s%s%s%s%s", errno_text ? errno_text : "?",
                          strerror_text ? strerror_text : "?", shown[0] ? ": " : "", shown[0] ? shown[0] : "",
                          shown[0] && shown[1] ? " -> " : "", shown[0] && shown[1] ? shown[1] : "");
    free(shown[0]);
    free(shown[1]);
    return length < 0 ? NULL : text;
}

// BaseExceptionGroup_str(): the first argument, and how many exceptions the second has.
static char *group_text(struct hc_tracer *tracer, uint64_t arguments)
{
    const uint64_t items = arguments + tracer->at->tuple_items;
    uint64_t first, second;
    struct hc_object_view members;
    if (!hc_reader_word(&tracer->reader, items, &first) ||
        !hc_reader_word(&tracer->reader, items + tracer->reader.target.word_size, &second))
        return NULL;
    if (!hc_tracer_view(tracer, second, &members) || (!hc_value_is_exact(tracer, members.type, "list") &&
                                                      !hc_value_is_exact(tracer, members.type, "tuple")))
        return hc_value_repr_within(tracer, arguments, MOST_MESSAGE);
    _cleanup_(hc_freep) char *message = plain_text(tracer, first);
    uint64_t count = hc_trace_length(tracer, second);
    char *text;
    int length = asprintf(&text, "%s (%" PRIu64 " sub-exception%s)", message ? message : "?", count,
                          count == 1 ? "" : "s");
    return length < 0 ? NULL : text;
}

// BaseException_str(), KeyError_str(): the arguments.
static char *arguments_text(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    uint64_t arguments = member(tracer, object, tracer->at->exception_arguments), only;
    struct hc_object_view tuple;
    if (!arguments || !hc_tracer_view(tracer, arguments, &tuple) ||
        !hc_value_is_exact(tracer, tuple.type, "tuple"))
        return NULL;
    uint64_t count = hc_trace_length(tracer, arguments);
    if (!count)
        return strdup("");
    if (count == 2 && derives_from(tracer, object->type, "BaseExceptionGroup"))
        return group_text(tracer, arguments);
    if (count > 1)
        return hc_value_repr_within(tracer, arguments, MOST_MESSAGE);
    if (!hc_reader_word(&tracer->reader, arguments + tracer->at->tuple_items, &only))
        return NULL;
    return derives_from(tracer, object->type, "KeyError") ? hc_value_repr_within(tracer, only, MOST_MESSAGE)
                                                          : plain_text(tracer, only);
}

// The innermost entry of the traceback is the last of its list.
static void find_place(struct hc_tracer *tracer, const struct hc_object_view *object, unsigned *entries_left,
                       struct hc_exception *ret)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t entry = member(tracer, object, at->exception_traceback);
    struct hc_object_view traceback, frame;
    for (; *entries_left && entry; --*entries_left) {
        if (!hc_tracer_view(tracer, entry, &traceback) ||
            !hc_value_is_exact(tracer, traceback.type, "traceback") ||
            !hc_tracer_view(tracer, member(tracer, &traceback, at->traceback_frame), &frame) ||
            !hc_value_is_exact(tracer, frame.type, "frame"))
            return;
        uint64_t code = hc_value_frame_code(tracer, &frame);
        const uint8_t *last = hc_is_present(at->traceback_instruction)
                                  ? hc_reader_view(&tracer->reader, entry + at->traceback_instruction, 4)
                                  : NULL;
        if (!code || !last)
            return;
        ret->code = code;
        ret->instruction = (int32_t)hc_load_u32(&tracer->reader.target, last);
        entry = member(tracer, &traceback, at->traceback_next);
    }
}

static uint32_t offset_of_member(const struct hc_object_view *object, const char *name)
{
    const struct hc_row_layout *layout = object->type->layout;
    for (size_t i = 0; layout && i < layout->visit_count; i++)
        if (layout->visit_names[i].name && !strcmp(layout->visit_names[i].name, name))
            return layout->visits[i];
    return HC_ABSENT;
}

// PyException_HEAD, Include/cpython/pyerrors.h: behind the cause stands a char that says whether the context
// is not to be shown. 0: nothing was before.
static uint64_t find_earlier(struct hc_tracer *tracer, const struct hc_object_view *object,
                             bool *ret_is_cause)
{
    uint32_t offset = offset_of_member(object, "__cause__");
    uint64_t cause = member(tracer, object, offset);
    *ret_is_cause = cause != 0;
    if (cause)
        return cause;
    uint64_t end = (uint64_t)offset + tracer->object_reader.target.word_size;
    bool is_suppressed = hc_is_present(offset) && end < object->available && object->bytes[end];
    return is_suppressed ? 0 : member(tracer, object, offset_of_member(object, "__context__"));
}

// Gives what was before it, or 0.
static bool read_one(struct hc_tracer *tracer, uint64_t address, unsigned *entries_left,
                     struct hc_exception *ret, uint64_t *ret_earlier)
{
    struct hc_object_view object;
    *ret_earlier = 0;
    if (!hc_tracer_view(tracer, address, &object))
        return true;
    ret->type = hc_exception_type_name(object.type);
    if (!ret->type)
        return false;
    if (!(object.type->flags & HC_TYPE_BASE_EXC_SUBCLASS)) {
        ret->message = plain_text(tracer, address);
        return true;
    }
    if (derives_from(tracer, object.type, "OSError"))
        ret->message = os_error_text(tracer, &object);
    if (!ret->message)
        ret->message = arguments_text(tracer, &object);
    find_place(tracer, &object, entries_left, ret);
    *ret_earlier = find_earlier(tracer, &object, &ret->is_from_earlier);
    return true;
}

static bool is_among(const uint64_t *addresses, size_t count, uint64_t address)
{
    for (size_t i = 0; i < count; i++)
        if (addresses[i] == address)
            return true;
    return false;
}

bool hc_exception_read(struct hc_tracer *tracer, uint64_t address, struct hc_exception *ret)
{
    uint64_t chain[HC_EARLIER_EXCEPTIONS + 1];
    unsigned entries_left = MOST_TRACEBACK;
    *ret = (struct hc_exception){0};
    for (size_t i = 0;
         i <= HC_EARLIER_EXCEPTIONS && is_object(tracer, address) && !is_among(chain, i, address); i++) {
        if (i && !(ret->earlier = calloc(1, sizeof(*ret->earlier))))
            return false;
        ret = i ? ret->earlier : ret;
        chain[i] = address;
        if (!read_one(tracer, address, &entries_left, ret, &address))
            return false;
    }
    return true;
}

void hc_exception_deinit(struct hc_exception *exception)
{
    for (struct hc_exception *earlier = exception->earlier, *next; earlier; earlier = next) {
        next = earlier->earlier;
        free(earlier->type);
        free(earlier->message);
        free(earlier);
    }
    free(exception->type);
    free(exception->message);
    *exception = (struct hc_exception){0};
}
