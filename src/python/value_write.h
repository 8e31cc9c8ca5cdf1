// What the files of value*.c share: text that grows up to a limit, and a row for each type that has a
// rendering of its own.
#pragma once

#include "base/vector.h"
#include "python/value.h"

HC_DEFINE_VECTOR(hc_value_text, char)

enum { HC_VALUE_DEPTH = 64 };

// One repr() at work.
struct hc_value_writer {
    struct hc_tracer *tracer;
    struct hc_value_text text;
    size_t limit;                        // where text is long enough: what follows is cut
    uint64_t steps;                      // slots of tables that may still be looked at
    unsigned depth;                      // of containers,
    uint64_t containers[HC_VALUE_DEPTH]; // which are these
    bool out_of_memory;
};

typedef void hc_value_fn(struct hc_value_writer *writer, const struct hc_object_view *object);

// Types by tp_name, ended by a row without one.
struct hc_value_row {
    const char *type;
    hc_value_fn *write;
};

extern const struct hc_value_row hc_value_numbers[];
extern const struct hc_value_row hc_value_strings[];
extern const struct hc_value_row hc_value_containers[];
extern const struct hc_value_row hc_value_named[];

void hc_value_put(struct hc_value_writer *writer, const char *text);
void hc_value_put_bytes(struct hc_value_writer *writer, const char *bytes, size_t length);
void hc_value_put_format(struct hc_value_writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
// Is there as much text as there may be?
bool hc_value_is_full(const struct hc_value_writer *writer);

// The text, ended; the writer is empty after that. NULL: out of memory.
char *hc_value_take(struct hc_value_writer *writer);

// The repr() of the object at `address`.
void hc_value_write(struct hc_value_writer *writer, uint64_t address);
void hc_value_write_object(struct hc_value_writer *writer, const struct hc_object_view *object);
// … as reprlib.repr() shortens it.
void hc_value_write_limited(struct hc_value_writer *writer, const struct hc_object_view *object);
// `<m.C object at 0x…>`
void hc_value_write_other(struct hc_value_writer *writer, const struct hc_object_view *object);
// A class of the interpreter itself, exactly this one.
bool hc_value_is_exact(const struct hc_tracer *tracer, const struct hc_type *type, const char *name);
// The text of a str, not its repr(); `fallback` if it is none.
void hc_value_write_name(struct hc_value_writer *writer, uint64_t address, const char *fallback);

struct hc_dict_keys;
// The entries of a dict whose values stand apart from its keys, in the order in which they were put there.
void hc_value_write_split(struct hc_value_writer *writer, const struct hc_dict_keys *keys, uint64_t values);

// The characters of a str, wherever they stand.
struct hc_value_characters {
    const uint8_t *bytes;
    uint64_t length; // characters
    unsigned kind;   // bytes a character
};
bool hc_value_find_characters(struct hc_tracer *tracer, const struct hc_object_view *object,
                              struct hc_value_characters *ret);
// The bytes of a bytes or bytearray object.
bool hc_value_find_bytes(struct hc_tracer *tracer, const struct hc_object_view *object,
                         const uint8_t **ret_bytes, uint64_t *ret_length);

// The code object that a frame object runs, or 0.
uint64_t hc_value_frame_code(struct hc_tracer *tracer, const struct hc_object_view *frame);
bool hc_value_is_negative(struct hc_tracer *tracer, const struct hc_object_view *integer);
// Of two exact ints.
int hc_value_compare_integers(struct hc_tracer *tracer, const struct hc_object_view *left,
                              const struct hc_object_view *right);

// Would str.isprintable() say so? Of characters from U+0080 on, by the Unicode of that CPython (0x030b07f0).
bool hc_value_is_printable(uint32_t character, uint32_t version);
