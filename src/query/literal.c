// What the integers and strings of the language mean.
#include "query/lexer.h"
#include "query/parser.h"
#include "base/utf8.h"

#include <string.h>

// 16 and more: no digit.
static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 16;
}

static unsigned integer_base(const char *text, size_t length)
{
    if (length < 2 || text[0] != '0')
        return 10;
    switch (text[1] | 0x20) {
    case 'x':
        return 16;
    case 'o':
        return 8;
    case 'b':
        return 2;
    default:
        return 10;
    }
}

struct hc_error *hc_integer_read(const char *source, struct hc_span span, int64_t *ret)
{
    const char *text = source + span.offset;
    unsigned base = integer_base(text, span.length);
    int64_t value = 0;
    bool after_digit = base != 10; // an underscore may follow
    for (size_t i = base == 10 ? 0 : 2; i < span.length; i++) {
        if (text[i] == '_' && after_digit) {
            after_digit = false;
            continue;
        }
        unsigned digit = digit_value(text[i]);
        if (digit >= base)
            return hc_syntax_error(source, span.offset + i, "this is no digit of a number of base %u", base);
        if (__builtin_mul_overflow(value, (int64_t)base, &value) ||
            __builtin_add_overflow(value, (int64_t)digit, &value))
            return hc_syntax_error(source, span.offset, "this number is too large");
        after_digit = true;
    }
    if (!after_digit || (base != 10 && span.length == 2))
        return hc_syntax_error(source, span.offset + span.length, "expected a digit");
    if (base == 10 && text[0] == '0' && value)
        return hc_syntax_error(source, span.offset, "a number must not begin with 0; base 8 is written 0o17");
    *ret = value;
    return NULL;
}

static bool append(struct hc_byte_buffer *buffer, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!hc_byte_buffer_push(buffer, bytes[i]))
            return false;
    }
    return true;
}

// The value of exactly `count` hexadecimal digits.
static bool read_hex(const char *text, size_t count, uint32_t *ret)
{
    uint32_t value = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned digit = digit_value(text[i]);
        if (digit >= 16)
            return false;
        value = value << 4 | digit;
    }
    *ret = value;
    return true;
}

// The escapes that name a character by its number, after the backslash. The string's closing quote, which is
// no digit, ends every scan.
static struct hc_error *read_numbered(const char *source, size_t offset, uint32_t *ret, size_t *ret_length)
{
    const char *text = source + offset;
    if (*text >= '0' && *text <= '7') {
        uint32_t value = 0;
        size_t length = 0;
        for (; length < 3 && text[length] >= '0' && text[length] <= '7'; length++)
            value = value << 3 | (uint32_t)(text[length] - '0');
        *ret = value;
        *ret_length = length;
        return NULL;
    }
    size_t digits = *text == 'x' ? 2 : *text == 'u' ? 4 : 8;
    if (!read_hex(text + 1, digits, ret))
        return hc_syntax_error(source, offset - 1, "'\\%c' needs %zu hexadecimal digits", *text, digits);
    if (*ret > 0x10ffff)
        return hc_syntax_error(source, offset - 1, "there is no such character");
    *ret_length = digits + 1;
    return NULL;
}

// One escape; `*offset` stands behind the backslash, and is moved behind the escape.
static struct hc_error *append_escape(const char *source, size_t *offset, struct hc_byte_buffer *buffer)
{
    static const char names[] = "abfnrtv\\'\"";
    static const char values[] = "\a\b\f\n\r\t\v\\'\"";
    char c = source[*offset];
    const char *name = strchr(names, c);
    if (name) {
        ++*offset;
        return append(buffer, &values[name - names], 1) ? NULL : hc_error_out_of_memory();
    }
    if (c == '\n') {
        ++*offset;
        return NULL;
    }
    if (c == 'N')
        return hc_syntax_error(source, *offset - 1,
                               "characters have no names here; write '\\u' and four digits");
    if (strchr("xuU01234567", c)) {
        uint32_t character = 0;
        size_t length = 0;
        char bytes[4];
        HC_TRY(read_numbered(source, *offset, &character, &length));
        if (!character)
            return hc_syntax_error(source, *offset - 1,
                                   "a string of the language cannot hold the character 0");
        *offset += length;
        return append(buffer, bytes, hc_utf8_encode(character, bytes)) ? NULL : hc_error_out_of_memory();
    }
    // As Python: what is no escape stays as it is.
    return append(buffer, "\\", 1) ? NULL : hc_error_out_of_memory();
}

struct hc_error *hc_string_append(const char *source, struct hc_span span, struct hc_byte_buffer *buffer)
{
    size_t end = span.offset + span.length - 1;
    for (size_t offset = span.offset + 1; offset < end;) {
        if (source[offset] == '\\') {
            offset++;
            HC_TRY(append_escape(source, &offset, buffer));
            continue;
        }
        if (!append(buffer, source + offset++, 1))
            return hc_error_out_of_memory();
    }
    return NULL;
}
