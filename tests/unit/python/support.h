// What the tests of python/ share: a piece of memory to write structs into, at offsets chosen here, and the
// image of it. No debug information is needed.
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core_builder.h"
#include "python/runtime.h"
#include "python/trace.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    MEMORY = 0x10000000, // address
    MEMORY_SIZE = 1 << 20,
};

// Bits of PyASCIIObject.state, wherever the test's layout has them.
enum { KIND_SHIFT = 2, COMPACT_BIT = 1 << 5, ASCII_BIT = 1 << 6 };

static const struct hc_target test_target = {.machine = EM_X86_64, .word_size = 8};
static uint8_t memory[MEMORY_SIZE];
// If set, the page of MEMORY + twin_offset is seen a second time, at twin_address.
static uint64_t twin_address, twin_offset;

static inline void put(uint64_t address, uint64_t value, unsigned size)
{
    assert_in_range(address, MEMORY, MEMORY + MEMORY_SIZE - size);
    core_store(&test_target, memory + (address - MEMORY), value, size);
}

static inline void put_word(uint64_t address, uint64_t value)
{
    put(address, value, 8);
}

static inline void put_bytes(uint64_t address, const void *bytes, size_t size)
{
    assert_in_range(address, MEMORY, MEMORY + MEMORY_SIZE - size);
    memcpy(memory + (address - MEMORY), bytes, size);
}

static inline int clear_memory(void **state)
{
    (void)state;
    memset(memory, 0, sizeof(memory));
    twin_address = 0;
    return 0;
}

// The first `size` bytes of the memory as the image of a process.
static inline struct hc_image *open_memory(uint64_t size)
{
    char path[] = "/tmp/heapcore-python-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct core_builder builder;
    core_builder_init(&builder, EM_X86_64, 8, false);
    core_builder_add_load(&builder, MEMORY, memory, size, size, PF_R | PF_W);
    if (twin_address)
        core_builder_add_load(&builder, twin_address, memory + twin_offset, CORE_PAGE, CORE_PAGE,
                              PF_R | PF_W);
    core_builder_write(&builder, path);
    core_builder_deinit(&builder);
    struct hc_image *image = NULL;
    struct hc_error *error = hc_image_open_core(path, NULL, &image);
    unlink(path);
    if (error)
        fail_msg("%s", hc_error_message(error));
    return image;
}

static inline struct hc_field bits(uint64_t offset, uint8_t bit_offset, uint8_t bit_size)
{
    return (struct hc_field){.offset = offset,
                             .size = 4,
                             .bit_offset = bit_offset,
                             .bit_size = bit_size,
                             .kind = HC_FIELD_BITS,
                             .present = true};
}

static inline void expect_success(struct hc_error *error)
{
    if (error)
        fail_msg("%s", hc_error_message(error));
}

// A runtime of `version` (0x030b0000) over `image`; what the test needs beyond objects, types and strings it
// sets itself.
static inline void make_runtime(struct hc_runtime *runtime, const struct hc_image *image, uint32_t version)
{
    static struct hc_row_layout no_rows[1];
    static const struct hc_module module = {.start = MEMORY, .end = MEMORY + MEMORY_SIZE};
    *runtime = (struct hc_runtime){.image = image, .module = &module, .version = version};
    struct hc_layouts *layouts = &runtime->layouts;
    memset(&layouts->at, 0xff, sizeof(layouts->at));
    layouts->rows = no_rows;
    struct hc_offsets *at = &layouts->at;
    at->object_refcnt = 0, at->object_type = 8, at->var_size = 16;
    at->gc_next = 0, at->gc_prev = 8, at->sizeof_gc_head = 16;
    at->type_name = 24, at->type_basicsize = 32, at->type_itemsize = 40, at->type_flags = 48;
    at->type_traverse = 56, at->type_base = 64, at->type_dict = 72, at->type_dictoffset = 80;
    at->sizeof_type = 88;
    at->heap_type_qualname = 88, at->heap_type_cached_keys = 96, at->sizeof_heap_type = 104;
    at->member_type = 8, at->member_offset = 16, at->sizeof_member = 24;
    at->ascii_length = 16, at->sizeof_ascii = 48, at->sizeof_compact = 72;
    at->unicode_data = 72, at->sizeof_unicode = 80;
    layouts->fields[HC_FIELD_ascii_kind] = bits(32, KIND_SHIFT, 3);
    layouts->fields[HC_FIELD_ascii_compact] = bits(32, 5, 1);
    layouts->fields[HC_FIELD_ascii_ascii] = bits(32, 6, 1);
    at->dict_used = 16, at->dict_keys = 32, at->dict_values = 40;
    at->long_digits = 24, at->tuple_items = 24;
    runtime->type_type = MEMORY + 0x100;
}

// A str object at `address`, compact; its characters follow it.
static inline void put_string(uint64_t address, const void *characters, uint64_t length, unsigned kind,
                              bool is_ascii)
{
    put_word(address, 1);
    put_word(address + 16, length);
    put(address + 32, (uint64_t)kind << KIND_SHIFT | COMPACT_BIT | (is_ascii ? ASCII_BIT : 0u), 4);
    put_bytes(address + (is_ascii ? 48 : 72), characters, length * kind);
}

// A static type: name at address + 0x80 …
enum { TYPE_ROOM = 0x200, TYPE_NAME = 0x180 };

struct type_fields {
    uint64_t metatype, base, basicsize, itemsize, flags, traverse;
};

static inline void put_type(uint64_t address, const char *name, const struct type_fields *fields)
{
    put_word(address, 1);
    put_word(address + 8, fields->metatype);
    put_word(address + 24, address + TYPE_NAME);
    put_word(address + 32, fields->basicsize);
    put_word(address + 40, fields->itemsize);
    put_word(address + 48, fields->flags);
    put_word(address + 56, fields->traverse);
    put_word(address + 64, fields->base);
    put_bytes(address + TYPE_NAME, name, strlen(name) + 1);
}

// type and object, at MEMORY + 0x100 and OBJECT_TYPE.
enum { TYPE_TYPE = MEMORY + 0x100, OBJECT_TYPE = MEMORY + 0x400, FIRST_TYPE = MEMORY + 0x800 };

static inline void put_type_and_object(void)
{
    put_type(TYPE_TYPE, "type",
             &(struct type_fields){.metatype = TYPE_TYPE,
                                   .base = OBJECT_TYPE,
                                   .basicsize = 104,
                                   .itemsize = 24,
                                   .flags = HC_TYPE_TYPE_SUBCLASS | HC_TYPE_HAVE_GC});
    put_type(OBJECT_TYPE, "object", &(struct type_fields){.metatype = TYPE_TYPE, .basicsize = 16});
}
