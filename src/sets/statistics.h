// Tables without objects, as heapy's Stat: rows of counts, sizes and names, which can be subtracted, written
// to a file and read again. The file is heapy's own.
#pragma once

#include "base/vector.h"
#include "sets/identity.h"
#include "sets/partition.h"

#include <stdio.h>

enum hc_statistics_format {
    HC_STATISTICS_SET,  // a set by classes
    HC_STATISTICS_ID,   // a set by its objects: every count is 1
    HC_STATISTICS_DIFF, // a difference
    HC_STATISTICS_FORMAT_COUNT,
};

struct hc_statistics_row {
    char *name;
    int64_t count, size;
};

HC_DEFINE_VECTOR(hc_statistics_row_vector, struct hc_statistics_row)

// Counted, immutable once made.
struct hc_statistics {
    unsigned references;
    enum hc_statistics_format format;
    double time_made;        // seconds since 1970
    int64_t count, size;     // of all rows
    int64_t b_count, b_size; // of a difference: of what was subtracted
    char *kind_header;       // "Kind (class / dict of class)"
    char *kind_name;         // of HC_STATISTICS_ID: "<str>"; else empty
    struct hc_statistics_row_vector rows;
};

struct hc_statistics *hc_statistics_keep(struct hc_statistics *statistics);
void hc_statistics_release(struct hc_statistics *statistics);
HC_DEFINE_POINTER_CLEANUP(hc_statistics_release, struct hc_statistics)

struct hc_error *hc_statistics_of(struct hc_partition *partition, struct hc_statistics **ret);
struct hc_error *hc_statistics_of_identity(struct hc_identity *identity, struct hc_statistics **ret);
// a - b: rows by name, those without a difference left out, the largest differences first.
struct hc_error *hc_statistics_subtract(const struct hc_statistics *a, const struct hc_statistics *b,
                                        struct hc_statistics **ret);
// Some of the rows, and their totals.
struct hc_error *hc_statistics_slice(const struct hc_statistics *statistics, size_t first, size_t end,
                                     struct hc_statistics **ret);

// Files. What cannot be written shows in ferror(file).
void hc_statistics_write(const struct hc_statistics *statistics, FILE *file);

// Where a file is being read; zeroed but for the first two.
struct hc_statistics_reader {
    FILE *file;
    const char *path; // for messages
    char *line;       // the last one read, without its end
    size_t capacity;
    uint64_t number;
    bool is_at_end;
};

void hc_statistics_reader_deinit(struct hc_statistics_reader *reader);
// The next table; NULL in `*ret` if there is none.
struct hc_error *hc_statistics_read(struct hc_statistics_reader *reader, struct hc_statistics **ret);
