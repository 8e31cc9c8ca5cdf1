// str, bytes, bytearray.
#include "python/value_write.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

enum {
    MAX_UTF8 = 64 << 20,
    LIMITED = 30, // reprlib.Repr().maxstring and .maxother
    LIMITED_HEAD = (LIMITED - 3) / 2,
    LIMITED_TAIL = LIMITED - 3 - LIMITED_HEAD,
};

bool hc_value_find_characters(struct hc_tracer *tracer, const struct hc_object_view *object,
                              struct hc_value_characters *ret)
{
    const struct hc_offsets *at = tracer->at;
    const struct hc_field *fields = tracer->runtime->layouts.fields;
    struct hc_reader *reader = &tracer->reader;
    if (object->available < at->sizeof_ascii)
        return false;
    ret->length = hc_view_word(tracer, object, at->ascii_length);
    ret->kind = (unsigned)hc_field_load_bits(&fields[HC_FIELD_ascii_kind], &reader->target, object->bytes);
    bool is_ascii = hc_field_load_bits(&fields[HC_FIELD_ascii_ascii], &reader->target, object->bytes);
    bool is_compact = hc_field_load_bits(&fields[HC_FIELD_ascii_compact], &reader->target, object->bytes);
    if (ret->kind != 1 && ret->kind != 2 && ret->kind != 4)
        return false;
    uint64_t data = object->address + (is_ascii ? at->sizeof_ascii : at->sizeof_compact), available;
    if (!is_compact && !hc_reader_word(reader, object->address + at->unicode_data, &data))
        return false;
    ret->bytes = hc_reader_span(reader, data, &available);
    return ret->bytes && ret->length <= available / ret->kind;
}

bool hc_value_find_bytes(struct hc_tracer *tracer, const struct hc_object_view *object,
                         const uint8_t **ret_bytes, uint64_t *ret_length)
{
    const struct hc_offsets *at = tracer->at;
    int64_t length = hc_view_signed(tracer, object, at->var_size);
    uint64_t available = 0;
    if (length < 0)
        return false;
    if (hc_value_is_exact(tracer, object->type, "bytearray")) {
        static const uint8_t nothing[1];
        if (!hc_is_present(at->bytearray_start))
            return false;
        uint64_t start = hc_view_word(tracer, object, at->bytearray_start);
        *ret_bytes = length ? hc_reader_span(&tracer->reader, start, &available) : nothing;
    } else if (hc_is_present(at->bytes_value) && object->available >= at->bytes_value) {
        *ret_bytes = object->bytes + at->bytes_value;
        available = object->available - at->bytes_value;
    } else {
        return false;
    }
    *ret_length = (uint64_t)length;
    return *ret_bytes && *ret_length <= available;
}

static uint32_t character_at(const struct hc_value_writer *writer, const struct hc_value_characters *text,
                             uint64_t index)
{
    return (uint32_t)hc_load_unsigned(&writer->tracer->reader.target, text->bytes + index * text->kind,
                                      text->kind);
}

static bool has_character(const struct hc_value_writer *writer, const struct hc_value_characters *text,
                          char wanted)
{
    if (text->kind == 1)
        return memchr(text->bytes, wanted, text->length) != NULL;
    for (uint64_t i = 0; i < text->length; i++)
        if (character_at(writer, text, i) == (uint32_t)wanted)
            return true;
    return false;
}

static char quote_of(const struct hc_value_writer *writer, const struct hc_value_characters *text)
{
    return has_character(writer, text, '\'') && !has_character(writer, text, '"') ? '"' : '\'';
}

// The escapes that str and bytes share; false if it is none of these.
static bool write_escape(struct hc_value_writer *writer, uint32_t character, char quote)
{
    const char named = character == '\t' ? 't' : character == '\n' ? 'n' : character == '\r' ? 'r' : '\0';
    if (named)
        hc_value_put_format(writer, "\\%c", named);
    else if (character == (uint32_t)quote || character == '\\')
        hc_value_put_format(writer, "\\%c", (char)character);
    else if (character < ' ' || character == 0x7f)
        hc_value_put_format(writer, "\\x%02x", character);
    else
        return false;
    return true;
}

static void write_character(struct hc_value_writer *writer, uint32_t character, char quote)
{
    char bytes[4];
    if (write_escape(writer, character, quote))
        return;
    bool is_plain = character < 0x7f || (character <= 0x10ffff &&
                                         hc_value_is_printable(character, writer->tracer->runtime->version));
    if (is_plain)
        hc_value_put_bytes(writer, bytes, hc_utf8_encode(character, bytes));
    else if (character <= 0xff)
        hc_value_put_format(writer, "\\x%02x", character);
    else if (character <= 0xffff)
        hc_value_put_format(writer, "\\u%04x", character);
    else
        hc_value_put_format(writer, "\\U%08x", character);
}

static void write_byte(struct hc_value_writer *writer, uint32_t byte, char quote)
{
    char plain = (char)byte;
    if (write_escape(writer, byte, quote))
        return;
    if (byte < 0x7f)
        hc_value_put_bytes(writer, &plain, 1);
    else
        hc_value_put_format(writer, "\\x%02x", byte);
}

// Up to 3.14 bytearray_repr() escapes every single quote.
static void write_array_byte(struct hc_value_writer *writer, uint32_t byte, char quote)
{
    if (byte == '\'')
        hc_value_put(writer, "\\'");
    else
        write_byte(writer, byte, quote);
}

typedef void write_fn(struct hc_value_writer *writer, uint32_t character, char quote);

static void write_quoted(struct hc_value_writer *writer, const struct hc_value_characters *text, char quote,
                         write_fn *write)
{
    uint64_t i = 0;
    hc_value_put_bytes(writer, &quote, 1);
    for (; i < text->length && !hc_value_is_full(writer); i++)
        write(writer, character_at(writer, text, i), quote);
    if (i < text->length)
        hc_value_put(writer, "…");
    hc_value_put_bytes(writer, &quote, 1);
}

static void write_str(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    struct hc_value_characters text;
    if (hc_value_find_characters(writer->tracer, object, &text))
        write_quoted(writer, &text, quote_of(writer, &text), write_character);
    else
        hc_value_write_other(writer, object);
}

static bool find_bytes(struct hc_value_writer *writer, const struct hc_object_view *object,
                       struct hc_value_characters *ret)
{
    ret->kind = 1;
    return hc_value_find_bytes(writer->tracer, object, &ret->bytes, &ret->length);
}

static void write_bytes(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    struct hc_value_characters bytes;
    if (!find_bytes(writer, object, &bytes)) {
        hc_value_write_other(writer, object);
        return;
    }
    bool is_array = !strcmp(object->type->name, "bytearray");
    hc_value_put(writer, is_array ? "bytearray(b" : "b");
    bool escapes_quotes = is_array && !hc_runtime_since(writer->tracer->runtime, 3, 15);
    write_quoted(writer, &bytes, quote_of(writer, &bytes), escapes_quotes ? write_array_byte : write_byte);
    hc_value_put(writer, is_array ? ")" : "");
}

const struct hc_value_row hc_value_strings[] = {
    {.type = "str", .write = write_str},
    {.type = "bytes", .write = write_bytes},
    {.type = "bytearray", .write = write_bytes},
    {0},
};

void hc_value_write_name(struct hc_value_writer *writer, uint64_t address, const char *fallback)
{
    struct hc_object_view object;
    struct hc_value_characters text;
    if (!hc_tracer_view(writer->tracer, address, &object) ||
        !hc_value_is_exact(writer->tracer, object.type, "str") ||
        !hc_value_find_characters(writer->tracer, &object, &text)) {
        hc_value_put(writer, fallback);
        return;
    }
    uint64_t i = 0;
    for (; i < text.length && !hc_value_is_full(writer); i++) {
        char bytes[4];
        uint32_t character = character_at(writer, &text, i);
        hc_value_put_bytes(writer, bytes, hc_utf8_encode(character ? character : 0xfffd, bytes));
    }
    if (i < text.length)
        hc_value_put(writer, "…");
}

// The first `count` characters of UTF-8, or what follows the last `-count`, in bytes from the start.
static size_t bytes_before(const char *text, size_t length, uint64_t count)
{
    size_t at = 0;
    while (count && at < length) {
        at++;
        while (at < length && (text[at] & 0xc0) == 0x80)
            at++;
        count--;
    }
    return at;
}

static uint64_t characters_of(const char *text, size_t length)
{
    uint64_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += (text[i] & 0xc0) != 0x80;
    return count;
}

// writer->text from `start` on becomes its first and last characters with dots between.
static void cut_middle(struct hc_value_writer *writer, size_t start)
{
    _cleanup_(hc_freep) char *whole = strndup(writer->text.items + start, writer->text.count - start);
    if (!whole) {
        writer->out_of_memory = true;
        return;
    }
    size_t length = writer->text.count - start;
    size_t tail = bytes_before(whole, length, characters_of(whole, length) - LIMITED_TAIL);
    writer->text.count = start;
    hc_value_put_bytes(writer, whole, bytes_before(whole, length, LIMITED_HEAD));
    hc_value_put(writer, "...");
    hc_value_put_bytes(writer, whole + tail, length - tail);
}

static void write_limited_str(struct hc_value_writer *writer, const struct hc_value_characters *text)
{
    const struct hc_target *target = &writer->tracer->reader.target;
    struct hc_value_characters start = {text->bytes, text->length < LIMITED ? text->length : LIMITED,
                                        text->kind};
    size_t before = writer->text.count;
    write_quoted(writer, &start, quote_of(writer, &start), write_character);
    if (writer->out_of_memory ||
        characters_of(writer->text.items + before, writer->text.count - before) <= LIMITED)
        return;
    // As reprlib has it: x[:13] + x[len(x) - 14:], where a negative start counts from the end.
    uint64_t head = text->length < LIMITED_HEAD ? text->length : LIMITED_HEAD;
    uint64_t tail = text->length >= LIMITED_TAIL       ? text->length - LIMITED_TAIL
                    : text->length * 2 >= LIMITED_TAIL ? text->length * 2 - LIMITED_TAIL
                                                       : 0;
    uint32_t joined[LIMITED];
    struct hc_value_characters both = {(const uint8_t *)joined, 0, sizeof(*joined)};
    for (uint64_t i = 0; i < head + (text->length - tail); i++) {
        uint32_t character = character_at(writer, text, i < head ? i : tail + (i - head));
        joined[both.length++] = hc_target_is_native_order(target) ? character : __builtin_bswap32(character);
    }
    writer->text.count = before;
    write_quoted(writer, &both, quote_of(writer, &both), write_character);
    if (!writer->out_of_memory)
        cut_middle(writer, before);
}

static void write_limited_bytes(struct hc_value_writer *writer, const struct hc_value_characters *bytes)
{
    struct hc_value_characters start = *bytes, end = {bytes->bytes, 0, 1};
    if (bytes->length > 2 * LIMITED) {
        start.length = LIMITED;
        end = (struct hc_value_characters){bytes->bytes + bytes->length - LIMITED, LIMITED, 1};
    }
    char quote = quote_of(writer, bytes);
    size_t before = writer->text.count;
    hc_value_put(writer, "b");
    hc_value_put_bytes(writer, &quote, 1);
    for (uint64_t i = 0; i < start.length; i++)
        write_byte(writer, start.bytes[i], quote);
    for (uint64_t i = 0; i < end.length; i++)
        write_byte(writer, end.bytes[i], quote);
    hc_value_put_bytes(writer, &quote, 1);
    if (!writer->out_of_memory && writer->text.count - before > LIMITED)
        cut_middle(writer, before);
}

void hc_value_write_limited(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    struct hc_value_characters text;
    size_t before = writer->text.count;
    if (hc_value_is_exact(writer->tracer, object->type, "str") &&
        hc_value_find_characters(writer->tracer, object, &text)) {
        write_limited_str(writer, &text);
    } else if (hc_value_is_exact(writer->tracer, object->type, "bytes") &&
               find_bytes(writer, object, &text)) {
        write_limited_bytes(writer, &text);
    } else {
        hc_value_write_object(writer, object);
        if (!writer->out_of_memory &&
            characters_of(writer->text.items + before, writer->text.count - before) > LIMITED)
            cut_middle(writer, before);
    }
}

char *hc_value_text(struct hc_tracer *tracer, uint64_t address)
{
    struct hc_object_view object;
    if (!hc_tracer_view(tracer, address, &object) || !hc_value_is_exact(tracer, object.type, "str"))
        return NULL;
    struct hc_value_writer writer = {.tracer = tracer, .limit = MAX_UTF8};
    hc_value_write_name(&writer, address, "");
    return hc_value_take(&writer);
}

// By code point.
static int compare_characters(struct hc_tracer *tracer, const struct hc_value_characters *left,
                              const struct hc_value_characters *right)
{
    const struct hc_target *target = &tracer->reader.target;
    uint64_t common = left->length < right->length ? left->length : right->length;
    int order = 0;
    if (left->kind == 1 && right->kind == 1)
        order = memcmp(left->bytes, right->bytes, common);
    for (uint64_t i = 0; (left->kind > 1 || right->kind > 1) && i < common && !order; i++) {
        uint64_t a = hc_load_unsigned(target, left->bytes + i * left->kind, left->kind);
        uint64_t b = hc_load_unsigned(target, right->bytes + i * right->kind, right->kind);
        order = (a > b) - (a < b);
    }
    return order ? order : (left->length > right->length) - (left->length < right->length);
}

int hc_value_compare(struct hc_tracer *tracer, uint64_t left, uint64_t right)
{
    struct hc_object_view a, b;
    struct hc_value_characters one = {.kind = 1}, other = {.kind = 1};
    if (!hc_tracer_view(tracer, left, &a) || !hc_tracer_view(tracer, right, &b) || a.type != b.type)
        return 0;
    if (hc_value_is_exact(tracer, a.type, "int"))
        return hc_value_compare_integers(tracer, &a, &b);
    bool are_found = false;
    if (hc_value_is_exact(tracer, a.type, "str"))
        are_found =
            hc_value_find_characters(tracer, &a, &one) && hc_value_find_characters(tracer, &b, &other);
    else if (hc_value_is_exact(tracer, a.type, "bytes"))
        are_found = hc_value_find_bytes(tracer, &a, &one.bytes, &one.length) &&
                    hc_value_find_bytes(tracer, &b, &other.bytes, &other.length);
    return are_found ? compare_characters(tracer, &one, &other) : 0;
}
