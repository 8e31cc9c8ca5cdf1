#include "report/json.h"

#include <string.h>

enum { SCHEMA_VERSION = 1 }; // of docs/schema: counts up when a key changes its meaning or goes

static void json_putp(json_object **object)
{
    json_object_put(*object);
}

// Adds `value` and owns it from then on, also when it fails.
static struct hc_error *add(json_object *object, const char *key, json_object *value)
{
    if (value && !json_object_object_add(object, key, value))
        return NULL;
    json_object_put(value);
    return hc_error_out_of_memory();
}

static struct hc_error *fill_rows(json_object *array, const struct hc_table *table, long limit);

static struct hc_error *add_value(json_object *object, const char *key, const struct hc_value *value)
{
    switch (value->kind) {
    case HC_VALUE_NUMBER:
        return add(object, key, json_object_new_uint64(value->number));
    case HC_VALUE_TRUTH:
        return add(object, key, json_object_new_boolean(value->number != 0));
    case HC_VALUE_TEXT:
        return add(object, key, json_object_new_string(value->text));
    case HC_VALUE_ROWS: {
        json_object *rows = json_object_new_array();
        HC_TRY(add(object, key, rows));
        return fill_rows(rows, value->rows, HC_NO_LIMIT);
    }
    default:
        return json_object_object_add(object, key, NULL) ? hc_error_out_of_memory() : NULL;
    }
}

// "signal.name": the member `name` of the object `signal`, made when it is first needed.
static struct hc_error *add_path(json_object *object, const char *path, const struct hc_value *value)
{
    const char *dot = strchr(path, '.');
    if (!dot)
        return add_value(object, path, value);
    if (value->kind == HC_VALUE_NONE)
        return NULL;
    _cleanup_(hc_freep) char *outer = strndup(path, (size_t)(dot - path));
    if (!outer)
        return hc_error_out_of_memory();
    json_object *inner = NULL;
    if (!json_object_object_get_ex(object, outer, &inner)) {
        inner = json_object_new_object();
        HC_TRY(add(object, outer, inner));
    }
    return add_value(inner, dot + 1, value);
}

static struct hc_error *fill_row(json_object *object, const struct hc_table *table, size_t row)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].key)
            HC_TRY(
                add_path(object, table->columns[i].key, &table->cells.items[row * table->column_count + i]));
    return NULL;
}

static struct hc_error *fill_rows(json_object *array, const struct hc_table *table, long limit)
{
    size_t rows = hc_table_rows(table);
    if (table->is_limited && limit != HC_NO_LIMIT && rows > (size_t)limit)
        rows = (size_t)limit;
    for (size_t row = 0; row < rows; row++) {
        json_object *object = json_object_new_object();
        if (!object || json_object_array_add(array, object)) {
            json_object_put(object);
            return hc_error_out_of_memory();
        }
        HC_TRY(fill_row(object, table, row));
    }
    return NULL;
}

static bool has_facts(const struct hc_section *section)
{
    for (size_t i = 0; i < section->facts.count; i++)
        if (section->facts.items[i].key)
            return true;
    return false;
}

// The object that has the section: the root, or the member of it that is a report of its own.
static struct hc_error *find_part(json_object *root, const char *part, json_object **ret)
{
    *ret = root;
    if (!part || json_object_object_get_ex(root, part, ret))
        return NULL;
    *ret = json_object_new_object();
    return add(root, part, *ret);
}

// A section is an object of its facts; with a table, too, that is the member `rows`; a table alone is an
// array.
static struct hc_error *add_section(json_object *root, const struct hc_section *section, long limit)
{
    json_object *target = NULL;
    HC_TRY(find_part(root, section->part, &root));
    if (has_facts(section)) {
        target = json_object_new_object();
        HC_TRY(add(root, section->key, target));
        for (size_t i = 0; i < section->facts.count; i++)
            if (section->facts.items[i].key)
                HC_TRY(add_path(target, section->facts.items[i].key, &section->facts.items[i].value));
    }
    if (!section->table.column_count)
        return NULL;
    json_object *rows = json_object_new_array();
    HC_TRY(add(target ? target : root, target ? "rows" : section->key, rows));
    return fill_rows(rows, &section->table, limit);
}

struct hc_error *hc_json_add_header(json_object *root, const char *name)
{
    json_object *header = json_object_new_object();
    HC_TRY(add(root, "heapcore", header));
    if (name)
        HC_TRY(add(header, "report", json_object_new_string(name)));
    HC_TRY(add(header, "schema", json_object_new_int(SCHEMA_VERSION)));
    HC_TRY(add(header, "version", json_object_new_string(HC_VERSION)));
    return add(root, "version", json_object_new_int(SCHEMA_VERSION));
}

struct hc_error *hc_json_write(const struct hc_report *report, const struct hc_render_options *options,
                               FILE *file)
{
    HC_TRY(hc_report_check(report));
    _cleanup_(json_putp) json_object *root = json_object_new_object();
    if (!root)
        return hc_error_out_of_memory();
    HC_TRY(hc_json_add_header(root, report->name));
    for (size_t i = 0; i < report->sections.count; i++)
        HC_TRY(add_section(root, &report->sections.items[i], options->limit));
    const char *text = json_object_to_json_string_ext(
        root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
    if (!text)
        return hc_error_out_of_memory();
    fprintf(file, "%s\n", text);
    return NULL;
}
