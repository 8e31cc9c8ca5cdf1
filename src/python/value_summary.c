#include "python/value_summary.h"

#include "base/path.h"
#include "python/strings.h"
#include "python/value_write.h"

#include <inttypes.h>
#include <string.h>

static const struct {
    const char *type;
    enum hc_summary_style style;
} styles[] = {
    {"bool", HC_SUMMARY_VALUE},           {"builtin_function_or_method", HC_SUMMARY_BUILTIN},
    {"bytes", HC_SUMMARY_LIMITED},        {"code", HC_SUMMARY_CODE},
    {"complex", HC_SUMMARY_VALUE},        {"dict", HC_SUMMARY_ADDRESS_LENGTH},
    {"float", HC_SUMMARY_VALUE},          {"frame", HC_SUMMARY_FRAME},
    {"function", HC_SUMMARY_FUNCTION},    {"int", HC_SUMMARY_VALUE},
    {"list", HC_SUMMARY_ADDRESS_LENGTH},  {"method", HC_SUMMARY_METHOD},
    {"module", HC_SUMMARY_MODULE},        {"NoneType", HC_SUMMARY_VALUE},
    {"str", HC_SUMMARY_LIMITED},          {"traceback", HC_SUMMARY_TRACEBACK},
    {"tuple", HC_SUMMARY_ADDRESS_LENGTH},
};

enum hc_summary_style hc_summary_style(const struct hc_tracer *tracer, const struct hc_type *type)
{
    if (type->flags & HC_TYPE_TYPE_SUBCLASS)
        return HC_SUMMARY_CLASS;
    for (size_t i = 0; i < sizeof(styles) / sizeof(*styles); i++)
        if (hc_value_is_exact(tracer, type, styles[i].type))
            return styles[i].style;
    return HC_SUMMARY_ADDRESS;
}

const char *hc_summary_header(enum hc_summary_style style)
{
    static const char *const headers[] = {
        [HC_SUMMARY_ADDRESS] = "Address",
        [HC_SUMMARY_ADDRESS_LENGTH] = "Address*Length",
        [HC_SUMMARY_VALUE] = "Value",
        [HC_SUMMARY_LIMITED] = "Representation (limited)",
        [HC_SUMMARY_FUNCTION] = "Name",
        [HC_SUMMARY_BUILTIN] = "Name",
        [HC_SUMMARY_CODE] = "File:Line:Name",
        [HC_SUMMARY_FRAME] = "Name at Address",
        [HC_SUMMARY_METHOD] = "Type/<Type at address> . method",
        [HC_SUMMARY_MODULE] = "Name",
        [HC_SUMMARY_TRACEBACK] = "Frame at Address",
        [HC_SUMMARY_CLASS] = "Name",
    };
    return headers[style];
}

static uint64_t member(const struct hc_value_writer *writer, const struct hc_object_view *object,
                       uint32_t offset)
{
    return hc_is_present(offset) ? hc_view_word(writer->tracer, object, offset) : 0;
}

static int64_t length_of(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    return hc_view_signed(tracer, object, object->type->is_dict ? at->dict_used : at->var_size);
}

// __module__ and a dot; nothing for builtins where it goes without saying.
static void write_module_of(struct hc_value_writer *writer, uint64_t address, bool hides_builtins)
{
    _cleanup_(hc_freep) char *name = hc_value_text(writer->tracer, address);
    if (!name || !hides_builtins || strcmp(name, "builtins"))
        hc_value_put_format(writer, "%s.", name ? name : "None");
}

static void write_builtin(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = writer->tracer->at;
    uint64_t definition = member(writer, object, at->builtin_definition), text;
    char name[256] = "?";
    write_module_of(writer, member(writer, object, at->builtin_module), true);
    if (definition && hc_is_present(at->definition_name) &&
        hc_reader_word(&writer->tracer->reader, definition + at->definition_name, &text) &&
        !hc_reader_string(&writer->tracer->reader, text, name, sizeof(name)))
        strcpy(name, "?");
    hc_value_put(writer, name);
}

static void write_code(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = writer->tracer->at;
    _cleanup_(hc_freep) char *file = hc_value_text(writer->tracer, member(writer, object, at->code_filename));
    uint32_t line = 0;
    if (hc_is_present(at->code_first_line) && object->available >= at->code_first_line + sizeof(line))
        line = hc_load_u32(&writer->tracer->object_reader.target, object->bytes + at->code_first_line);
    hc_value_put_format(writer, "%s:%" PRId32 ":", file ? hc_path_name(file) : "?", (int32_t)line);
    hc_value_write_name(writer, member(writer, object, at->code_name), "?");
}

static void write_frame(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    struct hc_object_view code;
    uint64_t name = 0;
    if (hc_tracer_view(writer->tracer, hc_value_frame_code(writer->tracer, object), &code))
        name = member(writer, &code, writer->tracer->at->code_name);
    hc_value_put(writer, "<");
    hc_value_write_name(writer, name, "?");
    hc_value_put_format(writer, " at 0x%" PRIx64 ">", object->address);
}

static void write_method(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = writer->tracer->at;
    struct hc_object_view self, function;
    uint64_t name = 0;
    if (hc_tracer_view(writer->tracer, member(writer, object, at->method_self), &self)) {
        bool is_builtin = !strcmp(self.type->module, "builtins");
        hc_value_put_format(writer, "<%s%s%s at 0x%" PRIx64 ">.", is_builtin ? "" : self.type->module,
                            is_builtin ? "" : ".", self.type->name, self.address);
    }
    if (hc_tracer_view(writer->tracer, member(writer, object, at->method_function), &function) &&
        hc_value_is_exact(writer->tracer, function.type, "function"))
        name = member(writer, &function, at->function_name);
    hc_value_write_name(writer, name, "?");
}

static void write_module(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = writer->tracer->at;
    uint64_t name;
    if (!hc_dict_find_string(writer->tracer->runtime, &writer->tracer->reader,
                             member(writer, object, at->module_dict), "__name__", &name))
        name = member(writer, object, at->module_name);
    hc_value_write_name(writer, name, "?");
}

static void write_traceback(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    struct hc_object_view frame;
    hc_value_put(writer, "<in frame ");
    if (hc_tracer_view(writer->tracer, member(writer, object, writer->tracer->at->traceback_frame), &frame))
        write_frame(writer, &frame);
    hc_value_put_format(writer, " at 0x%" PRIx64 ">", object->address);
}

static void write_summary(struct hc_value_writer *writer, const struct hc_object_view *object,
                          enum hc_summary_style style)
{
    switch (style) {
    case HC_SUMMARY_ADDRESS:
    case HC_SUMMARY_CLASS:
        hc_value_put_format(writer, "0x%" PRIx64, object->address);
        break;
    case HC_SUMMARY_ADDRESS_LENGTH:
        hc_value_put_format(writer, "0x%" PRIx64 "*%" PRId64, object->address,
                            length_of(writer->tracer, object));
        break;
    case HC_SUMMARY_VALUE:
        hc_value_write_object(writer, object);
        break;
    case HC_SUMMARY_LIMITED:
        hc_value_write_limited(writer, object);
        break;
    case HC_SUMMARY_FUNCTION:
        write_module_of(writer, member(writer, object, writer->tracer->at->function_module), false);
        hc_value_write_name(writer, member(writer, object, writer->tracer->at->function_name), "?");
        break;
    case HC_SUMMARY_BUILTIN:
        write_builtin(writer, object);
        break;
    case HC_SUMMARY_CODE:
        write_code(writer, object);
        break;
    case HC_SUMMARY_FRAME:
        write_frame(writer, object);
        break;
    case HC_SUMMARY_METHOD:
        write_method(writer, object);
        break;
    case HC_SUMMARY_MODULE:
        write_module(writer, object);
        break;
    case HC_SUMMARY_TRACEBACK:
        write_traceback(writer, object);
        break;
    }
}

char *hc_value_summary(struct hc_tracer *tracer, uint64_t address, enum hc_summary_style style)
{
    enum { MAX_SUMMARY = 4096 };
    struct hc_value_writer writer = {.tracer = tracer, .limit = MAX_SUMMARY};
    struct hc_object_view object;
    if (hc_tracer_view(tracer, address, &object))
        write_summary(&writer, &object, style);
    else
        hc_value_put_format(&writer, "0x%" PRIx64, address);
    return hc_value_take(&writer);
}

static uint64_t integer_key(int64_t integer)
{
    return (uint64_t)integer ^ 1ull << 63;
}

// IEEE 754 numbers sort by their bits once the sign is seen to.
static uint64_t float_key(uint64_t bits)
{
    return bits >> 63 ? ~bits : bits | 1ull << 63;
}

// UTF-8 sorts as code points do; so its first bytes are a key.
static uint64_t text_key(const struct hc_tracer *tracer, const struct hc_value_characters *text, bool is_str)
{
    const struct hc_target *target = &tracer->reader.target;
    uint64_t key = 0;
    unsigned left = 64;
    for (uint64_t i = 0; i < text->length && left; i++) {
        uint64_t c = hc_load_unsigned(target, text->bytes + i * text->kind, text->kind);
        unsigned bits = !is_str || c < 0x80 ? 8 : c < 0x800 ? 16 : c < 0x10000 ? 24 : 32;
        if (bits == 16)
            c = (0xc0 | c >> 6) << 8 | (0x80 | (c & 0x3f));
        else if (bits == 24)
            c = (0xe0 | c >> 12) << 16 | (0x80 | (c >> 6 & 0x3f)) << 8 | (0x80 | (c & 0x3f));
        else if (bits == 32)
            c = (0xf0 | (c >> 18 & 7)) << 24 | (0x80 | (c >> 12 & 0x3f)) << 16 |
                (0x80 | (c >> 6 & 0x3f)) << 8 | (0x80 | (c & 0x3f));
        if (bits > left)
            return key | c >> (bits - left);
        left -= bits;
        key |= c << left;
    }
    return key;
}

uint64_t hc_value_sort_key(struct hc_tracer *tracer, uint64_t address)
{
    struct hc_object_view object;
    struct hc_value_characters text = {.kind = 1};
    int64_t integer;
    bool truth;
    if (!hc_tracer_view(tracer, address, &object))
        return 0;
    if (hc_value_is_exact(tracer, object.type, "str"))
        return hc_value_find_characters(tracer, &object, &text) ? text_key(tracer, &text, true) : 0;
    if (hc_value_is_exact(tracer, object.type, "bytes"))
        return hc_value_find_bytes(tracer, &object, &text.bytes, &text.length)
                   ? text_key(tracer, &text, false)
                   : 0;
    if (hc_value_integer(tracer, address, &integer))
        return integer_key(integer);
    if (hc_value_is_exact(tracer, object.type, "int"))
        return hc_value_is_negative(tracer, &object) ? 0 : UINT64_MAX;
    if (hc_value_truth(tracer, address, &truth))
        return truth;
    const uint32_t value = tracer->at->float_value;
    if (hc_value_is_exact(tracer, object.type, "float") && hc_is_present(value) &&
        object.available >= value + sizeof(uint64_t))
        return float_key(hc_load_u64(&tracer->object_reader.target, object.bytes + value));
    return 0;
}
