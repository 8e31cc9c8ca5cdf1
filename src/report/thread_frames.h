// Frames and exceptions as rows of a report and as lines of text.
#pragma once

#include "graph/holds.h"
#include "python/exception.h"
#include "python/frames.h"
#include "report/report.h"
#include "report/source.h"

struct hc_frames_report {
    struct hc_tracer *tracer;
    struct hc_report *report;
    struct hc_sources *sources;
    bool with_locals;
    const struct hc_holds *holds; // what variables retain; NULL: not known
    uint64_t *variables_left;     // that may still be shown: forged frames could have any number of them
};

// A frame's place, in words. Strings are owned; NULL: not known.
struct hc_code_place {
    char *file, *function, *qualname, *source;
    int64_t line;
    bool has_line;
};

void hc_code_place_find(const struct hc_frames_report *frames, uint64_t code, int64_t instruction,
                        struct hc_code_place *ret);
void hc_code_place_deinit(struct hc_code_place *place);

// Cells of a row: the frames as a table in a cell; of an exception type, message, file, line, function, and
// those before it as a table.
#define HC_EXCEPTION_COLUMNS(name)                                                                           \
    {.key = name ".type", .kind = HC_COLUMN_HIDDEN}, {.key = name ".message", .kind = HC_COLUMN_HIDDEN},     \
        {.key = name ".file", .kind = HC_COLUMN_HIDDEN}, {.key = name ".line", .kind = HC_COLUMN_HIDDEN},    \
        {.key = name ".function", .kind = HC_COLUMN_HIDDEN},                                                 \
    {                                                                                                        \
        .key = name ".earlier", .kind = HC_COLUMN_HIDDEN                                                     \
    }

struct hc_error *hc_report_frame_cells(const struct hc_frames_report *frames,
                                       const struct hc_frame_vector *vector);
void hc_report_exception_cells(const struct hc_frames_report *frames, const struct hc_exception *exception);

// At most `most` of them. What repeats itself is told once.
struct hc_error *hc_report_frame_lines(const struct hc_frames_report *frames,
                                       const struct hc_frame_vector *vector, size_t most);
// One line of it and one of each before it.
void hc_report_exception_lines(const struct hc_frames_report *frames, const char *what,
                               const struct hc_exception *exception);
