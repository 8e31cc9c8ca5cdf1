// int, bool, float, complex, None, Ellipsis, NotImplemented.
#include "python/value_write.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    DIGIT_BITS = 30, // 15-bit digits are gone from every build since 3.2
    DIGIT_SIZE = 4,
    MAX_DECIMAL_DIGITS = 1024, // of 30 bits: some nine thousand decimal ones
    GROUP = 1000000000,        // decimal digits come nine at a time
};

// An int's digits, least significant first.
struct integer {
    const uint8_t *digits;
    uint64_t count;
    bool is_negative;
    struct hc_target target;
};

static bool find_integer(struct hc_tracer *tracer, const struct hc_object_view *object, struct integer *ret)
{
    const struct hc_offsets *at = tracer->at;
    enum { SIGN_MASK = 3, SIGN_NEGATIVE = 2, TAG_BITS = 3 };
    if (hc_is_present(at->long_tag)) {
        // 3.12: the digit count stands above three tag bits (Include/cpython/longintrepr.h).
        uint64_t tag = hc_view_word(tracer, object, at->long_tag);
        ret->count = tag >> TAG_BITS;
        ret->is_negative = (tag & SIGN_MASK) == SIGN_NEGATIVE;
    } else {
        int64_t size = hc_view_signed(tracer, object, at->var_size);
        ret->is_negative = size < 0;
        ret->count = size < 0 ? 0 - (uint64_t)size : (uint64_t)size;
    }
    ret->target = tracer->object_reader.target;
    if (at->long_digits > object->available ||
        ret->count > (object->available - at->long_digits) / DIGIT_SIZE)
        return false;
    ret->digits = object->bytes + at->long_digits;
    return true;
}

static uint32_t digit_at(const struct integer *integer, uint64_t index)
{
    uint32_t digit = hc_load_u32(&integer->target, integer->digits + index * DIGIT_SIZE);
    return digit & ((1u << DIGIT_BITS) - 1);
}

// Horner's scheme, most significant digit first, in groups of nine decimal digits: quadratic, so for a
// bounded number of them only.
static void write_decimal(struct hc_value_writer *writer, const struct integer *integer)
{
    uint32_t groups[MAX_DECIMAL_DIGITS + MAX_DECIMAL_DIGITS / 64 + 1];
    size_t count = 0;
    for (uint64_t i = integer->count; i-- > 0;) {
        uint64_t carry = digit_at(integer, i);
        for (size_t k = 0; k < count; k++) {
            carry += (uint64_t)groups[k] << DIGIT_BITS;
            groups[k] = (uint32_t)(carry % GROUP);
            carry /= GROUP;
        }
        for (; carry; carry /= GROUP)
            groups[count++] = (uint32_t)(carry % GROUP);
    }
    hc_value_put_format(writer, "%s%" PRIu32, integer->is_negative ? "-" : "", count ? groups[count - 1] : 0);
    while (count-- > 1)
        hc_value_put_format(writer, "%09" PRIu32, groups[count - 1]);
}

// The bits `from` … `from` + 3.
static unsigned hex_digit(const struct integer *integer, uint64_t from)
{
    uint64_t index = from / DIGIT_BITS, shift = from % DIGIT_BITS;
    uint64_t bits = digit_at(integer, index);
    if (index + 1 < integer->count)
        bits |= (uint64_t)digit_at(integer, index + 1) << DIGIT_BITS;
    return bits >> shift & 0xf;
}

static void write_hexadecimal(struct hc_value_writer *writer, const struct integer *integer)
{
    uint64_t digits = (integer->count * DIGIT_BITS + 3) / 4;
    while (digits > 1 && !hex_digit(integer, (digits - 1) * 4))
        digits--;
    hc_value_put(writer, integer->is_negative ? "-0x" : "0x");
    for (; digits && !hc_value_is_full(writer); digits--)
        hc_value_put_bytes(writer, &"0123456789abcdef"[hex_digit(integer, (digits - 1) * 4)], 1);
    if (digits)
        hc_value_put(writer, "…");
}

static void write_int(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    struct integer integer;
    if (!find_integer(writer->tracer, object, &integer))
        hc_value_write_other(writer, object);
    else if (integer.count <= MAX_DECIMAL_DIGITS)
        write_decimal(writer, &integer);
    else
        write_hexadecimal(writer, &integer);
}

static void write_bool(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    struct integer integer;
    bool is_true = find_integer(writer->tracer, object, &integer) && integer.count && digit_at(&integer, 0);
    hc_value_put(writer, is_true ? "True" : "False");
}

static bool integer_value(const struct integer *integer, int64_t *ret)
{
    enum { FITTING = 3 };
    unsigned __int128 value = 0;
    if (integer->count > FITTING)
        return false;
    for (uint64_t i = integer->count; i-- > 0;)
        value = value << DIGIT_BITS | digit_at(integer, i);
    if (value > (unsigned __int128)INT64_MAX + integer->is_negative)
        return false;
    *ret = integer->is_negative ? (int64_t)(0 - (uint64_t)value) : (int64_t)value;
    return true;
}

bool hc_value_integer(struct hc_tracer *tracer, uint64_t address, int64_t *ret)
{
    struct hc_object_view object;
    struct integer integer;
    return hc_tracer_view(tracer, address, &object) && hc_value_is_exact(tracer, object.type, "int") &&
           find_integer(tracer, &object, &integer) && integer_value(&integer, ret);
}

bool hc_value_truth(struct hc_tracer *tracer, uint64_t address, bool *ret)
{
    struct hc_object_view object;
    struct integer integer;
    if (!hc_tracer_view(tracer, address, &object) || !hc_value_is_exact(tracer, object.type, "bool") ||
        !find_integer(tracer, &object, &integer))
        return false;
    *ret = integer.count && digit_at(&integer, 0);
    return true;
}

bool hc_value_is_none(struct hc_tracer *tracer, uint64_t address)
{
    struct hc_object_view object;
    return hc_tracer_view(tracer, address, &object) && hc_value_is_exact(tracer, object.type, "NoneType");
}

bool hc_value_is_negative(struct hc_tracer *tracer, const struct hc_object_view *integer)
{
    struct integer digits;
    return find_integer(tracer, integer, &digits) && digits.is_negative;
}

int hc_value_compare_integers(struct hc_tracer *tracer, const struct hc_object_view *left,
                              const struct hc_object_view *right)
{
    struct integer a, b;
    if (!find_integer(tracer, left, &a) || !find_integer(tracer, right, &b))
        return 0;
    if (a.is_negative != b.is_negative)
        return a.is_negative ? -1 : 1;
    int sign = a.is_negative ? -1 : 1;
    if (a.count != b.count)
        return a.count < b.count ? -sign : sign;
    for (uint64_t i = a.count; i-- > 0;)
        if (digit_at(&a, i) != digit_at(&b, i))
            return digit_at(&a, i) < digit_at(&b, i) ? -sign : sign;
    return 0;
}

// A finite number above zero as decimal digits: 0.d1d2… times ten to the power of `point`.
struct decimal {
    char digits[DBL_DECIMAL_DIG + 1];
    int count;
    int point;
};

// The number in `count` digits, rounded. Whatever stands between the digits depends on the locale.
static void round_to(double number, int count, struct decimal *ret)
{
    char text[64];
    snprintf(text, sizeof(text), "%.*e", count - 1, number);
    ret->count = 0;
    char *at = text;
    for (; *at && *at != 'e'; at++)
        if (*at >= '0' && *at <= '9' && ret->count < DBL_DECIMAL_DIG)
            ret->digits[ret->count++] = *at;
    ret->digits[ret->count] = '\0';
    ret->point = (*at ? (int)strtol(at + 1, NULL, 10) : 0) + 1;
}

static bool reads_back(const struct decimal *decimal, double number)
{
    char text[64];
    snprintf(text, sizeof(text), "%se%d", decimal->digits, decimal->point - decimal->count);
    return strtod(text, NULL) == number;
}

// One more in the last place.
static void count_up(struct decimal *decimal)
{
    for (int i = decimal->count; i-- > 0;) {
        if (decimal->digits[i] != '9') {
            decimal->digits[i]++;
            return;
        }
        decimal->digits[i] = '0';
    }
    decimal->digits[0] = '1';
    decimal->point++;
}

// The shortest digits that read back as the number. At a power of two the numbers below stand closer than
// those above, so that the nearest digits may miss it where the next ones up do not.
static void shorten(double number, struct decimal *ret)
{
    int exponent;
    bool is_power_of_two = frexp(number, &exponent) == 0.5;
    for (int count = 1; count <= DBL_DECIMAL_DIG; count++) {
        round_to(number, count, ret);
        if (reads_back(ret, number))
            break;
        if (is_power_of_two) {
            count_up(ret);
            if (reads_back(ret, number))
                break;
        }
    }
    while (ret->count > 1 && ret->digits[ret->count - 1] == '0')
        ret->digits[--ret->count] = '\0';
}

// format_float_short() with 'r', Python/pystrtod.c: `ending` where there is no point, an exponent from 1e16
// on and below 1e-4.
static void write_double(struct hc_value_writer *writer, double number, bool with_sign, const char *ending)
{
    enum { MOST_PLACES = 16, LEAST_PLACES = -4 };
    bool is_negative = signbit(number) && !isnan(number);
    hc_value_put(writer, is_negative ? "-" : with_sign ? "+" : "");
    if (!isfinite(number)) {
        hc_value_put(writer, isnan(number) ? "nan" : "inf");
        return;
    }
    struct decimal decimal = {.digits = "0", .count = 1, .point = 1};
    if (number != 0)
        shorten(fabs(number), &decimal);
    const char *digits = decimal.digits;
    int point = decimal.point, count = decimal.count;
    if (point > MOST_PLACES || point <= LEAST_PLACES)
        hc_value_put_format(writer, "%c%s%se%+03d", digits[0], count > 1 ? "." : "", digits + 1, point - 1);
    else if (point <= 0)
        hc_value_put_format(writer, "0.%.*s%s", -point, "0000", digits);
    else if (point >= count)
        hc_value_put_format(writer, "%s%.*s%s", digits, point - count, "0000000000000000", ending);
    else
        hc_value_put_format(writer, "%.*s.%s", point, digits, digits + point);
}

static double load_double(const struct hc_tracer *tracer, const struct hc_object_view *object,
                          uint32_t offset)
{
    double number = 0;
    if (!hc_is_present(offset) || object->available < offset + sizeof(number))
        return number;
    uint64_t bits = hc_load_u64(&tracer->object_reader.target, object->bytes + offset);
    memcpy(&number, &bits, sizeof(number));
    return number;
}

static void write_float(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    write_double(writer, load_double(writer->tracer, object, writer->tracer->at->float_value), false, ".0");
}

static void write_complex(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    double real = load_double(writer->tracer, object, writer->tracer->at->complex_real);
    double imaginary = load_double(writer->tracer, object, writer->tracer->at->complex_imaginary);
    if (real == 0 && !signbit(real)) {
        write_double(writer, imaginary, false, "");
        hc_value_put(writer, "j");
        return;
    }
    hc_value_put(writer, "(");
    write_double(writer, real, false, "");
    write_double(writer, imaginary, true, "");
    hc_value_put(writer, "j)");
}

static void write_none(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    (void)object;
    hc_value_put(writer, "None");
}

static void write_ellipsis(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    (void)object;
    hc_value_put(writer, "Ellipsis");
}

static void write_not_implemented(struct hc_value_writer *writer, const struct hc_object_view *object)
{
    (void)object;
    hc_value_put(writer, "NotImplemented");
}

const struct hc_value_row hc_value_numbers[] = {
    {.type = "int", .write = write_int},
    {.type = "bool", .write = write_bool},
    {.type = "float", .write = write_float},
    {.type = "complex", .write = write_complex},
    {.type = "NoneType", .write = write_none},
    {.type = "ellipsis", .write = write_ellipsis},
    {.type = "NotImplementedType", .write = write_not_implemented},
    {0},
};
