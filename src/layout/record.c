#include "layout/record.h"

#include "base/vector.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

// A line of the table, behind the head of its part.
struct note {
    char *part; // "struct PyListObject Objects/listobject.c"
    char *line;
};

HC_DEFINE_VECTOR(note_vector, struct note)

struct hc_layout_record {
    struct note_vector notes;
};

struct hc_error *hc_layout_record_create(struct hc_layout_record **ret)
{
    *ret = calloc(1, sizeof(**ret));
    return *ret ? NULL : hc_error_out_of_memory();
}

void hc_layout_record_destroy(struct hc_layout_record *record)
{
    if (!record)
        return;
    for (size_t i = 0; i < record->notes.count; i++) {
        free(record->notes.items[i].part);
        free(record->notes.items[i].line);
    }
    note_vector_deinit(&record->notes);
    free(record);
}

static struct hc_error *add(struct hc_layout_record *record, struct note note)
{
    if (note.part && note.line && note_vector_push(&record->notes, note))
        return NULL;
    free(note.part);
    free(note.line);
    return hc_error_out_of_memory();
}

// NULL when out of memory.
__attribute__((format(printf, 1, 2))) static char *format_text(const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return length < 0 ? NULL : text;
}

struct hc_error *hc_layout_record_field(struct hc_layout_record *record,
                                        const struct hc_field_request *request, const struct hc_field *field)
{
    static const char kinds[] = "sptab"; // in the order of enum hc_field_kind
    const char *member = request->member ? request->member : ".";
    struct note note = {
        .part = format_text("struct %s %s", request->structure, request->unit ? request->unit : "-")};
    if (!field->present)
        note.line = format_text("%s -", member);
    else if (field->kind == HC_FIELD_BITS)
        note.line = format_text("%s %" PRIu64 " %" PRIu64 " b %u %u", member, field->offset, field->size,
                                field->bit_offset, field->bit_size);
    else
        note.line = format_text("%s %" PRIu64 " %" PRIu64 " %c", member, field->offset, field->size,
                                kinds[field->kind]);
    return add(record, note);
}

struct hc_error *hc_layout_record_pointer(struct hc_layout_record *record, const char *structure,
                                          const char *unit, const char *pointee, const char *path,
                                          uint64_t offset, uint64_t count)
{
    struct note note = {
        .part = format_text("pointers %s %s %s", structure, unit ? unit : "-", pointee),
        .line = format_text("%s %" PRIu64 " %" PRIu64, path, offset, count),
    };
    return add(record, note);
}

static int by_text(const void *a, const void *b)
{
    const struct note *left = a, *right = b;
    int order = strcmp(left->part, right->part);
    return order ? order : strcmp(left->line, right->line);
}

static void write_key(const struct hc_table_key *key, FILE *file)
{
    fprintf(file, "heapcore layouts 1\nversions");
    for (size_t i = 0; i < key->version_count; i++) {
        char version[32];
        hc_version_write(key->versions[i], version, sizeof(version));
        fprintf(file, " %s", version);
    }
    fprintf(file, "\nmachine %s\nflags", hc_machine_name(key->machine));
    for (unsigned flag = 1; flag && flag <= key->flags; flag <<= 1)
        if (key->flags & flag)
            fprintf(file, " %s", hc_build_flag_name(flag));
    fputc('\n', file);
}

struct hc_error *hc_layout_record_write(const struct hc_layout_record *record, const struct hc_table_key *key,
                                        FILE *file)
{
    size_t count = record->notes.count;
    _cleanup_(hc_freep) struct note *notes = malloc((count + 1) * sizeof(*notes));
    if (!notes)
        return hc_error_out_of_memory();
    memcpy(notes, record->notes.items, count * sizeof(*notes));
    qsort(notes, count, sizeof(*notes), by_text);
    write_key(key, file);
    for (size_t i = 0; i < count; i++) {
        bool is_new_part = !i || strcmp(notes[i].part, notes[i - 1].part);
        if (is_new_part)
            fprintf(file, "%s\n", notes[i].part);
        if (is_new_part || strcmp(notes[i].line, notes[i - 1].line))
            fprintf(file, "%s\n", notes[i].line);
    }
    fprintf(file, "end\n");
    return NULL;
}
