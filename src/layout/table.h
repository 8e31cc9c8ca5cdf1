// A table of layouts: what debug information said of one build of CPython, or of several whose layouts agree,
// kept as text. heapcore writes it (table_record.h) and reads it where there is no debug information.
#pragma once

#include "layout/layout.h"

enum hc_build_flag {
    HC_BUILD_DEBUG = 1 << 0,         // Py_DEBUG
    HC_BUILD_TRACE_REFS = 1 << 1,    // Py_TRACE_REFS: two links before every object
    HC_BUILD_FREE_THREADED = 1 << 2, // Py_GIL_DISABLED
};

enum { HC_TABLE_VERSIONS = 64 };

// Which builds a table is of.
struct hc_table_key {
    uint32_t versions[HC_TABLE_VERSIONS]; // as sys.hexversion
    size_t version_count;
    uint16_t machine; // ELF e_machine
    unsigned flags;   // enum hc_build_flag
};

// Made into the program, from the files of src/layout/tables.
struct hc_shipped_table {
    const char *name; // ends with NULL
    const char *text, *end;
};

extern const struct hc_shipped_table hc_shipped_tables[];

const char *hc_build_flag_name(unsigned flag); // "debug"; NULL: there is no such
const char *hc_machine_name(uint16_t machine); // "x86-64"; NULL: heapcore does not read it

// "3.11.7", "3.15.0a2+" as sys.hexversion; false if it is no version.
bool hc_version_parse(const char *text, size_t length, uint32_t *ret);
// As sys.version begins.
void hc_version_write(uint32_t version, char *buffer, size_t size);

struct hc_layout_table;

// The head of a table. An error names line and cause.
struct hc_error *hc_table_key_parse(const char *name, const char *text, size_t length,
                                    struct hc_table_key *ret);
struct hc_error *hc_layout_table_parse(const char *name, const char *text, size_t length,
                                       struct hc_layout_table **ret);
struct hc_error *hc_layout_table_read(const char *path, struct hc_layout_table **ret);
void hc_layout_table_destroy(struct hc_layout_table *table);
HC_DEFINE_POINTER_CLEANUP(hc_layout_table_destroy, struct hc_layout_table)

const char *hc_layout_table_name(const struct hc_layout_table *table);
const struct hc_table_key *hc_layout_table_key(const struct hc_layout_table *table);
// A request that the table does not know is answered like one for what is absent.
struct hc_field hc_layout_table_find(const struct hc_layout_table *table,
                                     const struct hc_field_request *request);
void hc_layout_table_each_pointer(const struct hc_layout_table *table, const char *structure,
                                  const char *unit, const char *pointee, hc_pointer_member_fn *callback,
                                  void *argument);
