#include "python/keys.h"
#include "python/value_write.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    MAX_STEPS = 1 << 22,
};

static const struct hc_value_row *const families[] = {hc_value_strings, hc_value_numbers, hc_value_containers,
                                                      hc_value_named, NULL};

void hc_value_put_bytes(struct hc_value_writer *writer, const char *bytes, size_t length)
{
    struct hc_value_text *text = &writer->text;
    if (text->capacity - text->count < length && !hc_value_text_reserve(text, text->count + length)) {
        writer->out_of_memory = true;
        return;
    }
    if (length)
        memcpy(text->items + text->count, bytes, length);
    text->count += length;
}

void hc_value_put(struct hc_value_writer *writer, const char *text)
{
    hc_value_put_bytes(writer, text, strlen(text));
}

void hc_value_put_format(struct hc_value_writer *writer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text;
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        writer->out_of_memory = true;
        return;
    }
    hc_value_put_bytes(writer, text, (size_t)length);
    free(text);
}

bool hc_value_is_full(const struct hc_value_writer *writer)
{
    return writer->text.count >= writer->limit || writer->out_of_memory;
}

bool hc_value_is_exact(const struct hc_tracer *tracer, const struct hc_type *type, const char *name)
{
    const struct hc_module *module = tracer->runtime->module;
    return module && !hc_type_is_heap(type) && type->address - module->start < module->end - module->start &&
           !strcmp(type->name, name) && !strcmp(type->module, "builtins");
}

// repr() of an object whose class has none of its own, object_repr(), Objects/typeobject.c.
void hc_value_write_other(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    const struct hc_type *type = object->type;
    bool is_builtin = !strcmp(type->module, "builtins");
    hc_value_put_format(writer, "<%s%s%s object at 0x%" PRIx64 ">", is_builtin ? "" : type->module,
                        is_builtin ? "" : ".", is_builtin ? type->name : type->qualname, object->address);
}

static const struct hc_value_row *find_row(const struct hc_tracer *tracer, const struct hc_type *type)
{
    const struct hc_module *module = tracer->runtime->module;
    if (type->flags & HC_TYPE_TYPE_SUBCLASS)
        return NULL;
    if (hc_type_is_heap(type) || type->address - module->start >= module->end - module->start ||
        strcmp(type->module, "builtins"))
        return NULL;
    for (size_t family = 0; families[family]; family++)
        for (const struct hc_value_row *row = families[family]; row->type; row++)
            if (!strcmp(row->type, type->name))
                return row;
    return NULL;
}

void hc_value_write_object(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    const struct hc_value_row *row = find_row(writer->tracer, object->type);
    const struct hc_type *type = object->type->flags & HC_TYPE_TYPE_SUBCLASS
                                     ? hc_tracer_find_type(writer->tracer, object->address)
                                     : NULL;
    if (row) {
        row->write(writer, object);
    } else if (type) {
        bool is_builtin = !strcmp(type->module, "builtins");
        hc_value_put_format(writer, "<class '%s%s%s'>", is_builtin ? "" : type->module, is_builtin ? "" : ".",
                            is_builtin ? type->name : type->qualname);
    } else {
        hc_value_write_other(writer, object);
    }
}

void hc_value_write(struct hc_value_writer *writer, uint64_t address)
{
    struct hc_object_view object;
    if (hc_tracer_view(writer->tracer, address, &object))
        hc_value_write_object(writer, &object);
    else if (address)
        hc_value_put_format(writer, "<0x%" PRIx64 ">", address);
    else
        hc_value_put(writer, "<NULL>");
}

char *hc_value_take(struct hc_value_writer *writer)
{
    hc_value_put_bytes(writer, "", 1);
    char *text = writer->text.items;
    if (writer->out_of_memory) {
        free(text);
        text = NULL;
    }
    writer->text = (struct hc_value_text){0};
    return text;
}

char *hc_value_repr_within(struct hc_tracer *tracer, uint64_t address, size_t limit)
{
    struct hc_value_writer writer = {.tracer = tracer, .limit = limit, .steps = MAX_STEPS};
    hc_value_write(&writer, address);
    return hc_value_take(&writer);
}

char *hc_value_repr(struct hc_tracer *tracer, uint64_t address)
{
    return hc_value_repr_within(tracer, address, HC_VALUE_MAX_LENGTH);
}

char *hc_value_repr_limited(struct hc_tracer *tracer, uint64_t address)
{
    struct hc_value_writer writer = {.tracer = tracer, .limit = HC_VALUE_MAX_LENGTH, .steps = MAX_STEPS};
    struct hc_object_view object;
    if (hc_tracer_view(tracer, address, &object))
        hc_value_write_limited(&writer, &object);
    else
        hc_value_write(&writer, address);
    return hc_value_take(&writer);
}

char *hc_value_repr_attributes(struct hc_tracer *tracer, uint64_t owner, size_t limit)
{
    struct hc_value_writer writer = {.tracer = tracer, .limit = limit, .steps = MAX_STEPS};
    struct hc_object_view object;
    struct hc_dict_keys keys;
    hc_value_put(&writer, "{");
    bool has_keys = hc_tracer_view(tracer, owner, &object) && object.type->cached_keys &&
                    hc_dict_keys_read(tracer->runtime, &tracer->reader, object.type->cached_keys, &keys);
    if (has_keys)
        hc_tracer_trace(tracer, &object);
    if (has_keys && tracer->references.values_address)
        hc_value_write_split(&writer, &keys, tracer->references.values_address);
    else
        hc_value_put(&writer, "…");
    hc_value_put(&writer, "}");
    return hc_value_take(&writer);
}
