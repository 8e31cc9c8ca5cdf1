#include "python/lines.h"

#include "python/value_write.h"

enum { UNIT = 2 }; // bytes of an instruction and its argument

struct line_table {
    const uint8_t *bytes;
    uint64_t length;
    int64_t line; // that the table starts from
};

static bool read_table(struct hc_tracer *tracer, uint64_t code, struct line_table *ret)
{
    const struct hc_offsets *at = tracer->at;
    struct hc_object_view table;
    uint64_t address;
    if (!hc_is_present(at->code_lines) || !hc_is_present(at->code_first_line))
        return false;
    const uint8_t *line = hc_reader_view(&tracer->reader, code + at->code_first_line, 4);
    if (!line || !hc_reader_word(&tracer->reader, code + at->code_lines, &address))
        return false;
    ret->line = (int32_t)hc_load_u32(&tracer->reader.target, line);
    return hc_tracer_view(tracer, address, &table) &&
           hc_value_find_bytes(tracer, &table, &ret->bytes, &ret->length);
}

// Pairs of bytes: how many bytes of code, how many lines. Up to 3.9: Objects/lnotab_notes.txt.
static bool find_in_pairs(const struct line_table *table, uint64_t instruction, int64_t *ret)
{
    int64_t line = table->line;
    uint64_t address = 0;
    for (uint64_t i = 0; i + 1 < table->length; i += 2) {
        address += table->bytes[i];
        if (address > instruction)
            break;
        line += (int8_t)table->bytes[i + 1];
    }
    *ret = line;
    return true;
}

// Pairs again, but the second byte counts from the range before to this one, and may say that there is no
// line. 3.10, PEP 626.
static bool find_in_ranges(const struct line_table *table, uint64_t instruction, int64_t *ret)
{
    enum { NO_LINE = -128 };
    int64_t line = table->line;
    uint64_t end = 0;
    for (uint64_t i = 0; i + 1 < table->length; i += 2) {
        int8_t delta = (int8_t)table->bytes[i + 1];
        end += table->bytes[i];
        line += delta == NO_LINE ? 0 : delta;
        if (end > instruction) {
            *ret = line;
            return delta != NO_LINE;
        }
    }
    return false;
}

// A number in groups of six bits, the lowest first; its lowest bit is the sign.
static int64_t read_signed(const struct line_table *table, uint64_t at)
{
    uint64_t value = 0;
    for (unsigned shift = 0; at < table->length && shift < 60; shift += 6) {
        uint8_t byte = table->bytes[at++];
        value |= (uint64_t)(byte & 63) << shift;
        if (!(byte & 64))
            break;
    }
    return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

// Entries begin with a byte whose highest bit is set: how the place is written, and how many units of code it
// is for. Since 3.11, PEP 657: Objects/locations.md.
static bool find_in_locations(const struct line_table *table, uint64_t instruction, int64_t *ret)
{
    enum { ONE_LINE_0 = 10, ONE_LINE_2 = 12, NO_COLUMNS = 13, LONG = 14, NONE = 15 };
    int64_t line = table->line;
    uint64_t end = 0;
    for (uint64_t i = 0; i < table->length;) {
        unsigned form = table->bytes[i] >> 3 & 15;
        end += ((table->bytes[i] & 7u) + 1) * UNIT;
        if (form == NO_COLUMNS || form == LONG)
            __builtin_add_overflow(line, read_signed(table, i + 1), &line);
        else if (form >= ONE_LINE_0 && form <= ONE_LINE_2)
            line += form - ONE_LINE_0;
        if (end > instruction) {
            *ret = line;
            return form != NONE;
        }
        for (i++; i < table->length && !(table->bytes[i] & 128); i++)
            ;
    }
    return false;
}

bool hc_code_line(struct hc_tracer *tracer, uint64_t code, int64_t instruction, int64_t *ret)
{
    struct line_table table;
    if (!read_table(tracer, code, &table))
        return false;
    *ret = table.line;
    if (instruction < 0)
        return true;
    if (hc_runtime_since(tracer->runtime, 3, 11))
        return find_in_locations(&table, (uint64_t)instruction, ret);
    if (hc_runtime_since(tracer->runtime, 3, 10))
        return find_in_ranges(&table, (uint64_t)instruction, ret);
    return find_in_pairs(&table, (uint64_t)instruction, ret);
}
