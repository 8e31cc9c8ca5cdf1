// Tables without objects: what a set's table says, kept, subtracted, written to files and read from them.
#include "query/statistics.h"

#include "query/families.h"

#include <inttypes.h>
#include <string.h>

// A page of a table.
struct statistics_thing {
    struct hc_thing thing;
    struct hc_statistics *statistics;
    size_t first_row;
    bool all_rows;
};

static const struct statistics_thing *page_of(const struct hc_thing *thing)
{
    return (const struct statistics_thing *)thing;
}

static void destroy(struct hc_thing *thing)
{
    hc_statistics_release(page_of(thing)->statistics);
    free(thing);
}

static struct hc_statistics_page table(const struct hc_thing *thing)
{
    const struct statistics_thing *page = page_of(thing);
    return (struct hc_statistics_page){page->statistics, page->first_row, page->all_rows};
}

// Keeps the statistics.
static struct hc_error *answer_page(struct hc_statistics *statistics, size_t first_row, bool all_rows,
                                    struct hc_answer *ret)
{
    struct statistics_thing *page = calloc(1, sizeof(*page));
    if (!page)
        return hc_error_out_of_memory();
    page->statistics = hc_statistics_keep(statistics);
    page->first_row = first_row;
    page->all_rows = all_rows;
    return hc_answer_thing(&page->thing, &hc_statistics_class, ret);
}

struct hc_error *hc_answer_statistics(struct hc_statistics *statistics, struct hc_answer *ret)
{
    return answer_page(statistics, 0, false, ret);
}

static const struct hc_statistics *statistics_of(const struct hc_answer *answer)
{
    bool has = answer->type == HC_ANSWER_THING && answer->thing->class == &hc_statistics_class;
    return has ? page_of(answer->thing)->statistics : NULL;
}

static struct hc_error *slice(struct hc_thing *thing, int64_t first, int64_t end, int64_t *length,
                              struct hc_answer *ret)
{
    const struct hc_statistics *statistics = page_of(thing)->statistics;
    _cleanup_(hc_statistics_releasep) struct hc_statistics *some = NULL;
    *length = (int64_t)statistics->rows.count;
    if (!ret)
        return NULL;
    HC_TRY(hc_statistics_slice(statistics, (size_t)first, (size_t)end, &some));
    return answer_page(some, 0, false, ret);
}

static struct hc_error *item(struct hc_thing *thing, int64_t index, struct hc_answer *ret)
{
    int64_t rows = (int64_t)page_of(thing)->statistics->rows.count;
    int64_t row = index < 0 ? index + rows : index;
    if (row < 0 || row >= rows)
        return hc_error_create("there is no row %" PRId64 ": the table has %" PRId64, index, rows);
    return slice(thing, row, row + 1, &rows, ret);
}

static struct hc_error *subtract(struct hc_thing *thing, const struct hc_answer *other, struct hc_answer *ret)
{
    const struct hc_statistics *b = statistics_of(other);
    _cleanup_(hc_statistics_releasep) struct hc_statistics *difference = NULL;
    if (!b)
        return hc_error_create("from a table without objects only another can be subtracted, not %s",
                               hc_answer_name(other));
    HC_TRY(hc_statistics_subtract(page_of(thing)->statistics, b, &difference));
    return answer_page(difference, 0, false, ret);
}

// The table of a set, without its objects.
static struct hc_error *statistics_of_view(struct hc_view *view, struct hc_statistics **ret)
{
    struct hc_partition *partition;
    struct hc_identity *identity;
    if (hc_view_is_by_identity(view)) {
        HC_TRY(hc_view_identify(view, &identity));
        return hc_statistics_of_identity(identity, ret);
    }
    HC_TRY(hc_view_divide(view, &partition));
    return hc_statistics_of(partition, ret);
}

static struct hc_error *get_stat(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    (void)evaluation;
    _cleanup_(hc_statistics_releasep) struct hc_statistics *statistics = NULL;
    HC_TRY(statistics_of_view(self->view, &statistics));
    return answer_page(statistics, 0, false, ret);
}

#define NUMBER(name, expression)                                                                             \
    static struct hc_error *name(struct hc_evaluation *evaluation, const struct hc_answer *self,             \
                                 struct hc_answer *ret)                                                      \
    {                                                                                                        \
        (void)evaluation;                                                                                    \
        *ret = hc_answer_integer((int64_t)page_of(self->thing)->statistics->expression);                     \
        return NULL;                                                                                         \
    }

NUMBER(get_count, count)
NUMBER(get_size, size)
NUMBER(get_b_count, b_count)
NUMBER(get_b_size, b_size)
NUMBER(get_numrows, rows.count)

static struct hc_error *get_kindheader(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                       struct hc_answer *ret)
{
    (void)evaluation;
    char *text = strdup(page_of(self->thing)->statistics->kind_header);
    if (!text)
        return hc_error_out_of_memory();
    *ret = (struct hc_answer){.type = HC_ANSWER_TEXT, .text = text};
    return NULL;
}

static struct hc_error *get_all(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                struct hc_answer *ret)
{
    (void)evaluation;
    return answer_page(page_of(self->thing)->statistics, page_of(self->thing)->first_row, true, ret);
}

static struct hc_error *get_more(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    (void)evaluation;
    const struct statistics_thing *page = page_of(self->thing);
    const struct hc_answer shown = {.first_row = page->first_row, .all_rows = page->all_rows};
    size_t end = hc_answer_page_end(&shown, page->statistics->rows.count);
    bool is_last = end == page->statistics->rows.count; // the last page has no next
    return answer_page(page->statistics, is_last ? page->first_row : end, is_last && page->all_rows, ret);
}

static struct hc_error *get_prev(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    (void)evaluation;
    size_t first = page_of(self->thing)->first_row;
    first = first > HC_ANSWER_PAGE ? first - HC_ANSWER_PAGE : 0;
    return answer_page(page_of(self->thing)->statistics, first, false, ret);
}

static struct hc_error *get_top(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                struct hc_answer *ret)
{
    (void)evaluation;
    return answer_page(page_of(self->thing)->statistics, 0, false, ret);
}

static const struct hc_attribute attributes[] = {
    {.name = "all",
     .get = get_all,
     .help = "Is the table to its end. Pages have ten rows otherwise.",
     .example = "h.stat.all"},
    {.name = "b_count",
     .get = get_b_count,
     .help = "Is the number of objects that were subtracted, B. It is 0 in a table that is no difference.",
     .example = "h.diff(h[0]).b_count"},
    {.name = "b_size",
     .get = get_b_size,
     .help = "Is the number of bytes that were subtracted, B. It is 0 in a table that is no difference.",
     .example = "h.diff(h[0]).b_size"},
    {.name = "count",
     .get = get_count,
     .help = "Is the number of objects that the rows tell of. In a difference it can be negative.",
     .example = "h.stat.count"},
    {.name = "kindheader",
     .get = get_kindheader,
     .help = "Is what the table's header says of its rows. Tables are subtracted only if it is the same.",
     .example = "h.stat.kindheader"},
    {.name = "more",
     .get = get_more,
     .help = "Is the next page of the table. The last page has no next and stays.",
     .example = "h.stat.more"},
    {.name = "numrows",
     .get = get_numrows,
     .help = "Is the number of rows of the whole table. Any of them is there by its index.",
     .example = "h.stat.numrows"},
    {.name = "prev",
     .get = get_prev,
     .help = "Is the page of the table before this one. The first page stays.",
     .example = "h.stat.more.prev"},
    {.name = "size",
     .get = get_size,
     .help = "Is the number of bytes that the rows tell of. In a difference it can be negative.",
     .example = "h.stat.size"},
    {.name = "top",
     .get = get_top,
     .help = "Is the first page of the table. It begins with row 0.",
     .example = "h.stat.more.top"},
    {0},
};

static struct hc_error *write_file(const struct hc_statistics *statistics, const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);
    if (!file)
        return hc_error_create("cannot write %s: %m", path);
    hc_statistics_write(statistics, file);
    bool is_whole = !ferror(file);
    if (fclose(file) || !is_whole)
        return hc_error_create("cannot write all of %s: %m", path);
    return NULL;
}

static const struct hc_answer *argument(const struct hc_call *call, const char *name, size_t place)
{
    for (size_t i = 0; i < call->node->call.count; i++) {
        const char *given = call->node->call.arguments[i].name.bytes;
        if (given ? !strcmp(given, name) : i == place)
            return &call->arguments[i];
    }
    return NULL;
}

// dump(file, mode='a')
static struct hc_error *dump(const struct hc_call *call, const struct hc_statistics *statistics)
{
    static const char usage[] = "it is called so: dump('FILE'), which appends, or dump('FILE', mode='w'), "
                                "which overwrites, or mode='x', which writes new files only";
    const struct hc_answer *path = argument(call, "fn", 0), *mode = argument(call, "mode", 1);
    const char *letter = mode && mode->type == HC_ANSWER_TEXT ? mode->text : "a";
    bool is_right = path && path->type == HC_ANSWER_TEXT && call->node->call.count == 1u + (mode != NULL) &&
                    (!mode || mode->type == HC_ANSWER_TEXT) && strlen(letter) == 1 && strchr("awx", *letter);
    if (!is_right)
        return hc_evaluation_error(call->evaluation, call->node, "%s", usage);
    return write_file(statistics, path->text, *letter == 'a' ? "ae" : *letter == 'w' ? "we" : "wxe");
}

static struct hc_error *run_dump(const struct hc_call *call, struct hc_answer *ret)
{
    *ret = (struct hc_answer){0};
    return dump(call, page_of(call->self->thing)->statistics);
}

static struct hc_error *run_set_dump(const struct hc_call *call, struct hc_answer *ret)
{
    _cleanup_(hc_statistics_releasep) struct hc_statistics *statistics = NULL;
    HC_TRY(statistics_of_view(call->self->view, &statistics));
    *ret = (struct hc_answer){0};
    return dump(call, statistics);
}

// What diff() subtracts: a table, or that of a set, divided as `self` is (NULL: as it is).
static struct hc_error *run_diff_of(const struct hc_call *call, const struct hc_statistics *a,
                                    const struct hc_classifier *classifier, struct hc_answer *ret)
{
    _cleanup_(hc_answer_deinit) struct hc_answer set = {0};
    _cleanup_(hc_statistics_releasep) struct hc_statistics *b = NULL, *difference = NULL;
    const struct hc_answer *other = call->node->call.count == 1 ? &call->arguments[0] : NULL;
    const struct hc_statistics *given = other ? statistics_of(other) : NULL;
    if (!given && (!other || other->type != HC_ANSWER_SET))
        return hc_evaluation_error(call->evaluation, call->node,
                                   "diff() takes a set, or a table as `.stat` and load() give it");
    if (!given) {
        HC_TRY(hc_answer_set(hc_set_keep(other->view->set),
                             classifier ? classifier : &other->view->classifier, &set));
        HC_TRY(statistics_of_view(set.view, &b));
    }
    HC_TRY(hc_statistics_subtract(a, given ? given : b, &difference));
    return answer_page(difference, 0, false, ret);
}

static struct hc_error *run_diff(const struct hc_call *call, struct hc_answer *ret)
{
    return run_diff_of(call, page_of(call->self->thing)->statistics, NULL, ret);
}

static struct hc_error *run_set_diff(const struct hc_call *call, struct hc_answer *ret)
{
    _cleanup_(hc_statistics_releasep) struct hc_statistics *a = NULL;
    HC_TRY(statistics_of_view(call->self->view, &a));
    return run_diff_of(call, a, &call->self->view->classifier, ret);
}

static const struct hc_function methods[] = {
    {.name = "diff",
     .usage = "diff(table or set)",
     .run = run_diff,
     .help = "Is this table minus another, by the names of the rows, the largest differences first. The "
             "other may be a set, whose table is meant.",
     .example = "h.stat.diff(h[0].stat)"},
    {.name = "dump",
     .usage = "dump('FILE', mode='a')",
     .run = run_dump,
     .takes_names = true,
     .help = "Writes the table to a file that load() and heapy read. It is added to what the file has; mode "
             "'w' overwrites, and 'x' refuses if there is a file.",
     .example = "h.stat.dump('/dev/null')"},
    {0},
};

static const struct hc_attribute *const attribute_tables[] = {attributes, NULL};
static const struct hc_function *const method_tables[] = {methods, NULL};

const struct hc_thing_class hc_statistics_class = {
    .name = "a table without objects",
    .destroy = destroy,
    .table = table,
    .attributes = attribute_tables,
    .methods = method_tables,
    .item = item,
    .slice = slice,
    .subtract = subtract,
};

const struct hc_attribute hc_statistics_set_attributes[] = {
    {.name = "stat",
     .get = get_stat,
     .help = "Is the set's table without its objects: names, counts and sizes. Such tables are subtracted, "
             "and written to files.",
     .example = "h.stat - h[0].stat"},
    {0},
};

const struct hc_function hc_statistics_set_methods[] = {
    {.name = "diff",
     .usage = "diff(set or table)",
     .run = run_set_diff,
     .help =
         "Is the set's table minus that of another set, by the names of the rows, the largest differences "
         "first. It takes a table that load() gave as well.",
     .example = "h.diff(h[0])"},
    {.name = "dump",
     .usage = "dump('FILE', mode='a')",
     .run = run_set_dump,
     .takes_names = true,
     .help = "Writes the set's table to a file that load() and heapy read. It is the same as `stat.dump`.",
     .example = "h.dump('/dev/null')"},
    {0},
};

static struct hc_error *open_file(const struct hc_call *call, struct hc_statistics_reader *reader)
{
    if (call->node->call.count != 1 || call->arguments[0].type != HC_ANSWER_TEXT)
        return hc_evaluation_error(call->evaluation, call->node, "it takes the name of a file, in a string");
    const char *path = call->arguments[0].text;
    FILE *file = fopen(path, "re");
    if (!file)
        return hc_error_create("cannot read %s: %m", path);
    *reader = (struct hc_statistics_reader){.file = file, .path = path};
    return NULL;
}

static struct hc_error *run_load(const struct hc_call *call, struct hc_answer *ret)
{
    _cleanup_(hc_statistics_reader_deinit) struct hc_statistics_reader reader = {0};
    _cleanup_(hc_statistics_releasep) struct hc_statistics *statistics = NULL;
    HC_TRY(open_file(call, &reader));
    HC_TRY(hc_statistics_read(&reader, &statistics));
    if (!statistics)
        return hc_error_create("%s is empty", reader.path);
    return answer_page(statistics, 0, false, ret);
}

HC_DEFINE_VECTOR(statistics_vector, struct hc_statistics *)

// All tables of a file.
struct tables_thing {
    struct hc_thing thing;
    struct statistics_vector tables;
};

static struct statistics_vector *tables_of(struct hc_thing *thing)
{
    return &((struct tables_thing *)thing)->tables;
}

static void tables_destroy(struct hc_thing *thing)
{
    struct statistics_vector *tables = tables_of(thing);
    for (size_t i = 0; i < tables->count; i++)
        hc_statistics_release(tables->items[i]);
    statistics_vector_deinit(tables);
    free(thing);
}

static struct hc_error *tables_print(struct hc_thing *thing, FILE *file)
{
    const struct statistics_vector *tables = tables_of(thing);
    fputs(" Index  Count     Size   Rows Kind\n", file);
    for (size_t i = 0; i < tables->count; i++) {
        const struct hc_statistics *each = tables->items[i];
        fprintf(file, "%6zu %6" PRId64 " %8" PRId64 " %6zu %s%s\n", i, each->count, each->size,
                each->rows.count, each->format == HC_STATISTICS_DIFF ? "A-B, " : "", each->kind_header);
    }
    return NULL;
}

static struct hc_error *tables_item(struct hc_thing *thing, int64_t index, struct hc_answer *ret)
{
    const struct statistics_vector *tables = tables_of(thing);
    int64_t count = (int64_t)tables->count, at = index < 0 ? index + count : index;
    if (at < 0 || at >= count)
        return hc_error_create("there is no table %" PRId64 ": the file has %" PRId64, index, count);
    return answer_page(tables->items[at], 0, false, ret);
}

static struct hc_error *tables_count(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                     struct hc_answer *ret)
{
    (void)evaluation;
    *ret = hc_answer_integer((int64_t)tables_of(self->thing)->count);
    return NULL;
}

static const struct hc_attribute tables_attributes[] = {
    {.name = "count",
     .get = tables_count,
     .help = "Is the number of tables in the file. Each of them is there by its index.",
     .example = "dumph('heap.stat'); loadall('heap.stat').count"},
    {0},
};
static const struct hc_attribute *const tables_attribute_tables[] = {tables_attributes, NULL};
static const struct hc_function *const tables_method_tables[] = {NULL};

const struct hc_thing_class hc_tables_class = {
    .name = "tables of a file",
    .destroy = tables_destroy,
    .print = tables_print,
    .attributes = tables_attribute_tables,
    .methods = tables_method_tables,
    .item = tables_item,
};

static struct hc_error *read_tables(struct hc_statistics_reader *reader, struct statistics_vector *tables)
{
    struct hc_statistics *statistics;
    HC_TRY(hc_statistics_read(reader, &statistics));
    while (statistics) {
        if (!statistics_vector_push(tables, statistics)) {
            hc_statistics_release(statistics);
            return hc_error_out_of_memory();
        }
        HC_TRY(hc_statistics_read(reader, &statistics));
    }
    return NULL;
}

static struct hc_error *run_loadall(const struct hc_call *call, struct hc_answer *ret)
{
    _cleanup_(hc_statistics_reader_deinit) struct hc_statistics_reader reader = {0};
    _cleanup_(hc_answer_deinit) struct hc_answer answer = {0};
    HC_TRY(open_file(call, &reader));
    struct tables_thing *thing = calloc(1, sizeof(*thing));
    if (!thing)
        return hc_error_out_of_memory();
    HC_TRY(hc_answer_thing(&thing->thing, &hc_tables_class, &answer));
    HC_TRY(read_tables(&reader, &thing->tables));
    return hc_answer_copy(&answer, ret);
}

// heapy writes a table of the heap now and again for ever; a dead process has one heap.
static struct hc_error *run_dumph(const struct hc_call *call, struct hc_answer *ret)
{
    if (call->node->call.count != 1 || call->arguments[0].type != HC_ANSWER_TEXT)
        return hc_evaluation_error(call->evaluation, call->node, "it is called so: dumph('FILE')");
    _cleanup_(hc_answer_deinit) struct hc_answer heap = {0};
    _cleanup_(hc_statistics_releasep) struct hc_statistics *statistics = NULL;
    HC_TRY(hc_evaluate_heap(call->evaluation, &heap));
    HC_TRY(statistics_of_view(heap.view, &statistics));
    *ret = (struct hc_answer){0};
    return write_file(statistics, call->arguments[0].text, "we");
}

const struct hc_function hc_statistics_functions[] = {
    {.name = "dumph",
     .usage = "dumph('FILE')",
     .run = run_dumph,
     .help = "Writes the table of the heap to a file, over what is there. heapy goes on to do so for ever; a "
             "dead process does not change.",
     .example = "dumph('/dev/null')"},
    {.name = "load",
     .usage = "load('FILE')",
     .run = run_load,
     .help = "Reads the first table of a file that dump() wrote, here or in heapy. It is a table without "
             "objects.",
     .example = "dumph('heap.stat'); load('heap.stat')"},
    {.name = "loadall",
     .usage = "loadall('FILE')",
     .run = run_loadall,
     .help = "Reads all tables of a file that dump() wrote, here or in heapy. `loadall('FILE')[1]` is the "
             "second of them.",
     .example = "dumph('heap.stat'); loadall('heap.stat')[0]"},
    {0},
};
