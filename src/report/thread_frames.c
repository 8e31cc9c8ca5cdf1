#include "report/thread_frames.h"

#include "base/interrupt.h"
#include "python/lines.h"
#include "python/value.h"

#include <inttypes.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum { MOST_VALUE = 80 };

void hc_code_place_find(const struct hc_frames_report *frames, uint64_t code, int64_t instruction,
                        struct hc_code_place *ret)
{
    *ret = (struct hc_code_place){
        .file = hc_code_file(frames->tracer, code),
        .function = hc_code_name(frames->tracer, code),
        .qualname = hc_code_qualname(frames->tracer, code),
    };
    ret->has_line = hc_code_line(frames->tracer, code, instruction, &ret->line);
    if (frames->sources && ret->file && ret->has_line)
        ret->source = hc_sources_line(frames->sources, ret->file, ret->line);
}

void hc_code_place_deinit(struct hc_code_place *place)
{
    free(place->file);
    free(place->function);
    free(place->qualname);
    free(place->source);
}

static void line_cell(struct hc_report *report, const struct hc_code_place *place)
{
    if (place->has_line)
        hc_report_cell_number(report, (uint64_t)place->line);
    else
        hc_report_cell_empty(report);
}

static const struct hc_column local_columns[] = {
    {.key = "name", .kind = HC_COLUMN_HIDDEN},  {.key = "type", .kind = HC_COLUMN_HIDDEN},
    {.key = "size", .kind = HC_COLUMN_HIDDEN},  {.key = "retained", .kind = HC_COLUMN_HIDDEN},
    {.key = "value", .kind = HC_COLUMN_HIDDEN}, {.key = "address", .kind = HC_COLUMN_HIDDEN},
};

static const struct hc_column frame_columns[] = {
    {.key = "file", .kind = HC_COLUMN_HIDDEN},     {.key = "line", .kind = HC_COLUMN_HIDDEN},
    {.key = "function", .kind = HC_COLUMN_HIDDEN}, {.key = "qualname", .kind = HC_COLUMN_HIDDEN},
    {.key = "source", .kind = HC_COLUMN_HIDDEN},   {.key = "locals", .kind = HC_COLUMN_HIDDEN},
};

struct shown_variable {
    char *type, *value;
    uint64_t size;
};

static void shown_variable_deinit(struct shown_variable *shown)
{
    free(shown->type);
    free(shown->value);
}

static struct hc_error *show_variable(const struct hc_frames_report *frames,
                                      const struct hc_variable *variable, struct shown_variable *ret)
{
    struct hc_object_view object;
    if (!hc_tracer_view(frames->tracer, variable->value, &object))
        return NULL;
    ret->size = hc_tracer_size(frames->tracer, &object);
    ret->type = hc_exception_type_name(object.type);
    ret->value = hc_value_repr_within(frames->tracer, variable->value, MOST_VALUE);
    return ret->type && ret->value ? NULL : hc_error_out_of_memory();
}

static struct hc_error *find_variables(const struct hc_frames_report *frames, const struct hc_frame *frame,
                                       struct hc_variable_vector *ret)
{
    if (!*frames->variables_left)
        return NULL;
    HC_TRY(hc_frame_variables(frames->tracer, frame, ret));
    *frames->variables_left -= ret->count < *frames->variables_left ? ret->count : *frames->variables_left;
    return NULL;
}

static uint64_t retained_by(const struct hc_frames_report *frames, const struct hc_frame *frame,
                            const struct hc_variable *variable)
{
    return hc_holds_of_variable(frames->holds, frame->address, variable->holder, variable->value);
}

static struct hc_error *local_cells(const struct hc_frames_report *frames, const struct hc_frame *frame)
{
    _cleanup_(hc_variables_deinit) struct hc_variable_vector variables = {0};
    HC_TRY(find_variables(frames, frame, &variables));
    hc_report_open_rows(frames->report, local_columns, COUNT_OF(local_columns));
    for (size_t i = 0; i < variables.count; i++) {
        _cleanup_(shown_variable_deinit) struct shown_variable shown = {0};
        char address[24];
        HC_TRY(show_variable(frames, &variables.items[i], &shown));
        snprintf(address, sizeof(address), "0x%" PRIx64, variables.items[i].value);
        hc_report_cell_text(frames->report, variables.items[i].name);
        hc_report_cell_text(frames->report, shown.type);
        hc_report_cell_number(frames->report, shown.size);
        if (frames->holds)
            hc_report_cell_number(frames->report, retained_by(frames, frame, &variables.items[i]));
        else
            hc_report_cell_empty(frames->report);
        hc_report_cell_text(frames->report, shown.value);
        hc_report_cell_text(frames->report, address);
    }
    hc_report_close_rows(frames->report);
    return NULL;
}

struct hc_error *hc_report_frame_cells(const struct hc_frames_report *frames,
                                       const struct hc_frame_vector *vector)
{
    struct hc_report *report = frames->report;
    // Without --locals there is no such key at all.
    size_t columns = frames->with_locals ? COUNT_OF(frame_columns) : COUNT_OF(frame_columns) - 1;
    hc_report_open_rows(report, frame_columns, columns);
    for (size_t i = 0; i < vector->count; i++) {
        _cleanup_(hc_code_place_deinit) struct hc_code_place place = {0};
        HC_TRY(hc_interrupt_check());
        hc_code_place_find(frames, vector->items[i].code, vector->items[i].instruction, &place);
        hc_report_cell_text(report, place.file);
        line_cell(report, &place);
        hc_report_cell_text(report, place.function);
        hc_report_cell_text(report, place.qualname);
        hc_report_cell_text(report, place.source);
        if (frames->with_locals)
            HC_TRY(local_cells(frames, &vector->items[i]));
    }
    hc_report_close_rows(report);
    return NULL;
}

static void exception_cells(const struct hc_frames_report *frames, const struct hc_exception *exception)
{
    _cleanup_(hc_code_place_deinit) struct hc_code_place place = {0};
    struct hc_report *report = frames->report;
    if (exception->code)
        hc_code_place_find(frames, exception->code, exception->instruction, &place);
    hc_report_cell_text(report, exception->type);
    hc_report_cell_text(report, exception->message);
    hc_report_cell_text(report, place.file);
    line_cell(report, &place);
    hc_report_cell_text(report, place.function);
}

static const struct hc_column earlier_columns[] = {
    {.key = "type", .kind = HC_COLUMN_HIDDEN},     {.key = "message", .kind = HC_COLUMN_HIDDEN},
    {.key = "file", .kind = HC_COLUMN_HIDDEN},     {.key = "line", .kind = HC_COLUMN_HIDDEN},
    {.key = "function", .kind = HC_COLUMN_HIDDEN}, {.key = "is_cause", .kind = HC_COLUMN_HIDDEN},
};

void hc_report_exception_cells(const struct hc_frames_report *frames, const struct hc_exception *exception)
{
    struct hc_report *report = frames->report;
    exception_cells(frames, exception);
    if (!exception->type) {
        hc_report_cell_empty(report);
        return;
    }
    hc_report_open_rows(report, earlier_columns, COUNT_OF(earlier_columns));
    for (; exception->earlier; exception = exception->earlier) {
        exception_cells(frames, exception->earlier);
        hc_report_cell_truth(report, exception->is_from_earlier);
    }
    hc_report_close_rows(report);
}

static struct hc_error *local_lines(const struct hc_frames_report *frames, const struct hc_frame *frame)
{
    _cleanup_(hc_variables_deinit) struct hc_variable_vector variables = {0};
    HC_TRY(find_variables(frames, frame, &variables));
    for (size_t i = 0; i < variables.count; i++) {
        _cleanup_(shown_variable_deinit) struct shown_variable shown = {0};
        char retained[48] = "";
        HC_TRY(show_variable(frames, &variables.items[i], &shown));
        if (frames->holds)
            snprintf(retained, sizeof(retained), " (%" PRIu64 " retained)",
                     retained_by(frames, frame, &variables.items[i]));
        hc_report_line(frames->report, NULL, "        %s: %s, %" PRIu64 " bytes%s = %s",
                       variables.items[i].name, shown.type ? shown.type : "?", shown.size, retained,
                       shown.value ? shown.value : "?");
    }
    return NULL;
}

static struct hc_error *frame_line(const struct hc_frames_report *frames, const struct hc_frame *frame,
                                   size_t number)
{
    _cleanup_(hc_code_place_deinit) struct hc_code_place place = {0};
    HC_TRY(hc_interrupt_check());
    hc_code_place_find(frames, frame->code, frame->instruction, &place);
    char line[24] = "?";
    if (place.has_line)
        snprintf(line, sizeof(line), "%" PRId64, place.line);
    const char *function = place.qualname ? place.qualname : place.function;
    hc_report_line(frames->report, NULL, "#%-3zu File \"%s\", line %s, in %s", number,
                   place.file ? place.file : "?", line, function ? function : "?");
    if (place.source)
        hc_report_line(frames->report, NULL, "        %s", place.source);
    return frames->with_locals ? local_lines(frames, frame) : NULL;
}

static bool is_same_place(const struct hc_frame *left, const struct hc_frame *right)
{
    return left->code == right->code && left->instruction == right->instruction;
}

// How often the `period` frames at `start` come, one round after the other.
static size_t count_rounds(const struct hc_frame_vector *vector, size_t start, size_t period)
{
    size_t end = start + period;
    while (end < vector->count && is_same_place(&vector->items[end - period], &vector->items[end]))
        end++;
    return end <= vector->count ? (end - start) / period : 0;
}

// Recursion, of a function or of a few that call each other: three rounds stand for the rest.
struct hc_error *hc_report_frame_lines(const struct hc_frames_report *frames,
                                       const struct hc_frame_vector *vector, size_t most)
{
    enum { SHOWN_ROUNDS = 3, MOST_PERIOD = 16 };
    for (size_t i = 0, shown = 0; i < vector->count;) {
        size_t period = 1, rounds;
        while ((rounds = count_rounds(vector, i, period)) <= SHOWN_ROUNDS && period < MOST_PERIOD)
            period++;
        bool is_told_once = rounds > SHOWN_ROUNDS;
        for (size_t end = i + (is_told_once ? SHOWN_ROUNDS * period : 1), k = i; k < end; k++) {
            if (shown++ == most) {
                hc_report_line(frames->report, NULL, "… %zu more frames", vector->count - k);
                return NULL;
            }
            HC_TRY(frame_line(frames, &vector->items[k], k));
        }
        if (is_told_once && period == 1)
            hc_report_line(frames->report, NULL, "     … the same line %zu more times",
                           rounds - SHOWN_ROUNDS);
        else if (is_told_once)
            hc_report_line(frames->report, NULL, "     … the same %zu lines %zu more times", period,
                           rounds - SHOWN_ROUNDS);
        i += is_told_once ? rounds * period : 1;
    }
    return NULL;
}

static void exception_line(const struct hc_frames_report *frames, const char *what,
                           const struct hc_exception *exception)
{
    _cleanup_(hc_code_place_deinit) struct hc_code_place place = {0};
    char line[24] = "?";
    const char *message = exception->message ? exception->message : "";
    if (!exception->code) {
        hc_report_line(frames->report, NULL, "%s %s%s%s", what, exception->type, *message ? ": " : "",
                       message);
        return;
    }
    hc_code_place_find(frames, exception->code, exception->instruction, &place);
    if (place.has_line)
        snprintf(line, sizeof(line), "%" PRId64, place.line);
    hc_report_line(frames->report, NULL, "%s %s%s%s, raised in %s (\"%s\", line %s)", what, exception->type,
                   *message ? ": " : "", message, place.function ? place.function : "?",
                   place.file ? place.file : "?", line);
}

void hc_report_exception_lines(const struct hc_frames_report *frames, const char *what,
                               const struct hc_exception *exception)
{
    if (!exception->type)
        return;
    exception_line(frames, what, exception);
    for (; exception->earlier; exception = exception->earlier)
        exception_line(frames, exception->is_from_earlier ? "  caused by" : "  raised while handling",
                       exception->earlier);
}
