// What Python shows by name: functions, methods, modules, code, frames, cells, generators, descriptors.
#include "python/value_write.h"

#include "python/attribute.h"
#include "python/strings.h"

#include <inttypes.h>
#include <string.h>

static uint64_t member(const struct hc_value_writer *writer, const struct hc_object_view *object,
                       uint32_t offset)
{
    return hc_is_present(offset) ? hc_view_word(writer->tracer, object, offset) : 0;
}

static void write_function(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    hc_value_put(writer, "<function ");
    hc_value_write_name(writer, member(writer, object, writer->tracer->at->function_qualname), "?");
    hc_value_put_format(writer, " at 0x%" PRIx64 ">", object->address);
}

static bool is_module(const struct hc_value_writer *writer, const struct hc_type *type)
{
    for (; type; type = type->base)
        if (hc_value_is_exact(writer->tracer, type, "module"))
            return true;
    return false;
}

// meth_repr(), Objects/methodobject.c.
static void write_builtin(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = writer->tracer->at;
    struct hc_object_view self;
    char name[256];
    uint64_t definition = member(writer, object, at->builtin_definition), text;
    if (!definition || !hc_is_present(at->definition_name) ||
        !hc_reader_word(&writer->tracer->reader, definition + at->definition_name, &text) ||
        !hc_reader_string(&writer->tracer->reader, text, name, sizeof(name))) {
        hc_value_write_other(writer, object);
        return;
    }
    uint64_t address = member(writer, object, at->builtin_self);
    if (!address || !hc_tracer_view(writer->tracer, address, &self) || is_module(writer, self.type)) {
        hc_value_put_format(writer, "<built-in function %s>", name);
        return;
    }
    const struct hc_type *type = self.type;
    bool has_module = !hc_type_is_heap(type) && strcmp(type->module, "builtins");
    hc_value_put_format(writer, "<built-in method %s of %s%s%s object at 0x%" PRIx64 ">", name,
                        has_module ? type->module : "", has_module ? "." : "", type->name, address);
}

static void write_method(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = writer->tracer->at;
    struct hc_object_view function;
    uint64_t name = 0;
    if (hc_tracer_view(writer->tracer, member(writer, object, at->method_function), &function) &&
        hc_value_is_exact(writer->tracer, function.type, "function"))
        name = member(writer, &function, at->function_qualname);
    if (writer->depth == HC_VALUE_DEPTH) {
        hc_value_put(writer, "…");
        return;
    }
    writer->containers[writer->depth++] = object->address;
    hc_value_put(writer, "<bound method ");
    hc_value_write_name(writer, name, "?");
    hc_value_put(writer, " of ");
    hc_value_write(writer, member(writer, object, at->method_self));
    hc_value_put(writer, ">");
    writer->depth--;
}

// Up to 3.10 the loaders of built-in and frozen modules have a text of their own for these.
static void write_loader(struct hc_value_writer *writer, uint64_t loader)
{
    const struct hc_type *type = hc_tracer_find_type(writer->tracer, loader);
    if (type && !strcmp(type->name, "BuiltinImporter")) {
        hc_value_put(writer, " (built-in)");
    } else if (type && !strcmp(type->name, "FrozenImporter")) {
        hc_value_put(writer, " (frozen)");
    } else {
        hc_value_put(writer, " (");
        hc_value_write(writer, loader);
        hc_value_put(writer, ")");
    }
}

// Where a module is from, as its spec says: _module_repr_from_spec(), Lib/importlib/_bootstrap.py. False if
// there is no spec.
static bool write_origin(struct hc_value_writer *writer, uint64_t dict)
{
    struct hc_tracer *tracer = writer->tracer;
    uint64_t spec, origin, loader, has_location;
    bool truth = false;
    if (!hc_dict_find_string(tracer->runtime, &tracer->reader, dict, "__spec__", &spec) ||
        hc_value_is_none(tracer, spec) || !hc_attribute_find(tracer, spec, "origin", &origin))
        return false;
    if (hc_value_is_none(tracer, origin)) {
        if (hc_attribute_find(tracer, spec, "loader", &loader) && !hc_value_is_none(tracer, loader))
            write_loader(writer, loader);
        return true;
    }
    if (hc_attribute_find(tracer, spec, "_set_fileattr", &has_location) &&
        hc_value_truth(tracer, has_location, &truth) && truth) {
        hc_value_put(writer, " from ");
        hc_value_write(writer, origin);
        return true;
    }
    hc_value_put(writer, " (");
    hc_value_write_name(writer, origin, "?");
    hc_value_put(writer, ")");
    return true;
}

static void write_module(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = writer->tracer->at;
    uint64_t dict = member(writer, object, at->module_dict), name = member(writer, object, at->module_name);
    uint64_t file;
    hc_value_put(writer, "<module ");
    if (name)
        hc_value_write(writer, name);
    else
        hc_value_put(writer, "?");
    if (!write_origin(writer, dict) &&
        hc_dict_find_string(writer->tracer->runtime, &writer->tracer->reader, dict, "__file__", &file)) {
        hc_value_put(writer, " from ");
        hc_value_write(writer, file);
    }
    hc_value_put(writer, ">");
}

static void write_code(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = writer->tracer->at;
    hc_value_put(writer, "<code object ");
    hc_value_write_name(writer, member(writer, object, at->code_name), "?");
    hc_value_put_format(writer, " at 0x%" PRIx64 ", file \"", object->address);
    hc_value_write_name(writer, member(writer, object, at->code_filename), "?");
    uint32_t line = 0;
    if (hc_is_present(at->code_first_line) && object->available >= at->code_first_line + sizeof(line))
        line = hc_load_u32(&writer->tracer->object_reader.target, object->bytes + at->code_first_line);
    hc_value_put_format(writer, "\", line %" PRId32 ">", line ? (int32_t)line : -1);
}

uint64_t hc_value_frame_code(struct hc_tracer *tracer, const struct hc_object_view *frame)
{
    const struct hc_offsets *at = tracer->at;
    if (hc_is_present(at->frame_code))
        return hc_view_word(tracer, frame, at->frame_code);
    if (!hc_is_present(at->frame_frame) || !hc_is_present(at->iframe_code))
        return 0;
    return hc_interpreter_frame_code(tracer, hc_view_word(tracer, frame, at->frame_frame));
}

// Without the line: what it executes is not known here.
static void write_frame(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = writer->tracer->at;
    struct hc_object_view code;
    if (!hc_tracer_view(writer->tracer, hc_value_frame_code(writer->tracer, object), &code) ||
        !hc_value_is_exact(writer->tracer, code.type, "code")) {
        hc_value_write_other(writer, object);
        return;
    }
    hc_value_put_format(writer, "<frame at 0x%" PRIx64 ", file ", object->address);
    hc_value_write(writer, member(writer, &code, at->code_filename));
    hc_value_put(writer, ", code ");
    hc_value_write_name(writer, member(writer, &code, at->code_name), "?");
    hc_value_put(writer, ">");
}

// tp_name: of static types with the module, of others without.
static void write_type_name(struct hc_value_writer *writer, const struct hc_type *type)
{
    bool has_module = !hc_type_is_heap(type) && strcmp(type->module, "builtins");
    hc_value_put_format(writer, "%s%s%s", has_module ? type->module : "", has_module ? "." : "", type->name);
}

static void write_cell(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    struct hc_object_view content;
    hc_value_put_format(writer, "<cell at 0x%" PRIx64 ": ", object->address);
    if (hc_tracer_view(writer->tracer, member(writer, object, writer->tracer->at->cell_content), &content)) {
        write_type_name(writer, content.type);
        hc_value_put_format(writer, " object at 0x%" PRIx64 ">", content.address);
    } else {
        hc_value_put(writer, "empty>");
    }
}

static void write_generator(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    hc_value_put_format(writer, "<%s object ", object->type->name);
    hc_value_write_name(writer, member(writer, object, writer->tracer->at->generator_qualname), "?");
    hc_value_put_format(writer, " at 0x%" PRIx64 ">", object->address);
}

// descr_repr() and its kin, Objects/descrobject.c.
static void write_descriptor(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    static const char *const words[][2] = {
        {"method_descriptor", "method"},        {"classmethod_descriptor", "method"},
        {"wrapper_descriptor", "slot wrapper"}, {"member_descriptor", "member"},
        {"getset_descriptor", "attribute"},
    };
    const struct hc_offsets *at = writer->tracer->at;
    const char *word = "";
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (!strcmp(words[i][0], object->type->name))
            word = words[i][1];
    const struct hc_type *type =
        hc_tracer_find_type(writer->tracer, member(writer, object, at->descriptor_type));
    hc_value_put_format(writer, "<%s '", word);
    hc_value_write_name(writer, member(writer, object, at->descriptor_name), "?");
    hc_value_put(writer, "' of '");
    if (type)
        write_type_name(writer, type);
    hc_value_put(writer, "' objects>");
}

const struct hc_value_row hc_value_named[] = {
    {.type = "function", .write = write_function},
    {.type = "builtin_function_or_method", .write = write_builtin},
    {.type = "builtin_method", .write = write_builtin},
    {.type = "method", .write = write_method},
    {.type = "module", .write = write_module},
    {.type = "code", .write = write_code},
    {.type = "frame", .write = write_frame},
    {.type = "cell", .write = write_cell},
    {.type = "generator", .write = write_generator},
    {.type = "coroutine", .write = write_generator},
    {.type = "async_generator", .write = write_generator},
    {.type = "method_descriptor", .write = write_descriptor},
    {.type = "classmethod_descriptor", .write = write_descriptor},
    {.type = "wrapper_descriptor", .write = write_descriptor},
    {.type = "member_descriptor", .write = write_descriptor},
    {.type = "getset_descriptor", .write = write_descriptor},
    {0},
};
