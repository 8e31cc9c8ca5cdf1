// str, bytes, bytearray, memoryview and their iterators, templates.
#include "python/types/families.h"

static uint64_t state_bits(struct hc_tracer *tracer, const struct hc_object_view *object,
                           const struct hc_field *field)
{
    if (!field->present || field->offset + field->size > object->available)
        return 0;
    return hc_field_load_bits(field, &tracer->object_reader.target, object->bytes);
}

struct str_parts {
    uint64_t size;      // of the object itself, with the characters where they are part of it
    uint64_t data;      // address of the characters
    uint64_t data_size; // of characters in a block of their own
    uint64_t wstr, wstr_size;
    uint64_t utf8, utf8_size;
};

// unicode_sizeof(), Objects/unicodeobject.c; wstr and legacy strings are gone since 3.12.
static struct str_parts str_parts(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    const struct hc_field *fields = tracer->runtime->layouts.fields;
    uint64_t length = hc_view_word(tracer, object, at->ascii_length);
    uint64_t kind = state_bits(tracer, object, &fields[HC_FIELD_ascii_kind]);
    bool is_compact = state_bits(tracer, object, &fields[HC_FIELD_ascii_compact]);
    bool is_ascii = state_bits(tracer, object, &fields[HC_FIELD_ascii_ascii]);
    bool is_ready =
        !fields[HC_FIELD_ascii_ready].present || state_bits(tracer, object, &fields[HC_FIELD_ascii_ready]);
    struct str_parts parts = {0};
    if (is_compact && is_ascii) {
        parts.size = at->sizeof_ascii + length + 1;
        parts.data = object->address + at->sizeof_ascii;
    } else if (is_compact) {
        parts.size = at->sizeof_compact + (length + 1) * kind;
        parts.data = object->address + at->sizeof_compact;
    } else {
        parts.size = at->sizeof_unicode;
        parts.data = hc_view_word(tracer, object, at->unicode_data);
        parts.data_size = parts.data ? (length + 1) * kind : 0;
    }
    if (!(is_compact && is_ascii)) {
        parts.utf8 = hc_view_word(tracer, object, at->compact_utf8);
        if (parts.utf8 == parts.data)
            parts.utf8 = 0;
        else if (parts.utf8)
            parts.utf8_size = hc_view_word(tracer, object, at->compact_utf8_length) + 1;
    }
    if (hc_is_present(at->ascii_wstr)) {
        enum { WCHAR_SIZE = 4 }; // wchar_t on Linux
        parts.wstr = hc_view_word(tracer, object, at->ascii_wstr);
        if (is_ready && parts.wstr == parts.data)
            parts.wstr = 0;
        else if (parts.wstr)
            parts.wstr_size =
                ((is_compact && is_ascii ? length : hc_view_word(tracer, object, at->compact_wstr_length)) +
                 1) *
                WCHAR_SIZE;
    }
    return parts;
}

static uint64_t str_size(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    struct str_parts parts = str_parts(tracer, object);
    return parts.size + parts.data_size + parts.wstr_size + parts.utf8_size;
}

static void str_traverse(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    struct str_parts parts = str_parts(tracer, object);
    if (parts.data_size)
        hc_trace_buffer(tracer, parts.data);
    hc_trace_buffer(tracer, parts.wstr);
    hc_trace_buffer(tracer, parts.utf8);
}

static uint64_t bytearray_size(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t allocated = hc_view_word(tracer, object, at->bytearray_alloc);
    if (hc_is_present(at->bytearray_object) && allocated) // a bytes object, which has a NUL at its end
        allocated += at->bytes_value + 1;
    return object->type->basicsize + allocated;
}

static void bytearray_traverse(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    bool is_object = hc_is_present(at->bytearray_object); // since 3.15, shared where it is empty
    if (!is_object || hc_view_word(tracer, object, at->bytearray_alloc))
        hc_trace_buffer(tracer,
                        hc_view_word(tracer, object, is_object ? at->bytearray_object : at->bytearray_bytes));
}

const struct hc_type_row hc_text_types[] = {
    {.names = "str", .traverse = str_traverse, .size = str_size, .fits_blocks = true},
    {.names = "str_iterator|str_ascii_iterator",
     .structure = "unicodeiterobject",
     .unit = "Objects/unicodeobject.c",
     .visits = "it_seq"},
    {.names = "bytes", .fits_blocks = true},
    {.names = "bytes_iterator",
     .structure = "striterobject",
     .unit = "Objects/bytesobject.c",
     .visits = "it_seq"},
    {.names = "bytearray", .traverse = bytearray_traverse, .size = bytearray_size, .fits_blocks = true},
    {.names = "bytearray_iterator",
     .structure = "bytesiterobject",
     .unit = "Objects/bytearrayobject.c",
     .visits = "it_seq"},
    {.names = "memoryview",
     .structure = "PyMemoryViewObject",
     .unit = "Objects/memoryobject.c",
     .visits = "mbuf"},
    {.names = "managedbuffer",
     .structure = "_PyManagedBufferObject",
     .unit = "Objects/memoryobject.c",
     .visits = "master.obj"},
    {.names = "memory_iterator",
     .structure = "memoryiterobject",
     .unit = "Objects/memoryobject.c",
     .visits = "it_seq"},
    {.names = "string.templatelib.Template",
     .structure = "templateobject",
     .unit = "Objects/templateobject.c",
     .visits = "strings= interpolations="},
    {.names = "string.templatelib.TemplateIter",
     .structure = "templateiterobject",
     .unit = "Objects/templateobject.c",
     .visits = "stringsiter interpolationsiter"},
    {.names = "string.templatelib.Interpolation",
     .structure = "interpolationobject",
     .unit = "Objects/interpolationobject.c",
     .visits = "value= expression= conversion= format_spec="},
    {0},
};
