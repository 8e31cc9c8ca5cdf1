// Notes what is asked of debug information and what it says, and writes that as a table.
#pragma once

#include "layout/table.h"

#include <stdio.h>

struct hc_layout_record;

struct hc_error *hc_layout_record_create(struct hc_layout_record **ret);
void hc_layout_record_destroy(struct hc_layout_record *record);
HC_DEFINE_POINTER_CLEANUP(hc_layout_record_destroy, struct hc_layout_record)

// Strings are copied.
struct hc_error *hc_layout_record_field(struct hc_layout_record *record,
                                        const struct hc_field_request *request, const struct hc_field *field);
struct hc_error *hc_layout_record_pointer(struct hc_layout_record *record, const char *structure,
                                          const char *unit, const char *pointee, const char *path,
                                          uint64_t offset, uint64_t count);
// What was asked twice is written once; in an order that does not depend on that of the questions.
struct hc_error *hc_layout_record_write(const struct hc_layout_record *record, const struct hc_table_key *key,
                                        FILE *file);
