#include "query/pattern_text.h"

#include "sets/brief.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_WIDTH = 80 };

// "[dict of] class"
static const char *by_name(uint16_t relation)
{
    static const struct {
        const char *relation, *name;
    } names[] = {
        {"Clodo", "[dict of] class"}, {"Id", "object identity"}, {"Idset", "by identity set"},
        {"Module", "module"},         {"Prod", "producer"},      {"Rcs", "referrer kinds"},
        {"Size", "individual size"},  {"Type", "type"},          {"Unity", "unity"},
        {"Via", "referred via"},
    };
    const char *wanted = hc_relation_name((enum hc_relation)relation);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!strcmp(names[i].relation, wanted))
            return names[i].name;
    return wanted;
}

void hc_pattern_write_label(const struct hc_pattern *pattern, FILE *file)
{
    const struct hc_classifier *classifier = &pattern->options.classifier;
    fprintf(file, "Reference Pattern by <%s", classifier->count > 1 ? "<" : "");
    for (unsigned i = 0; i < classifier->count; i++)
        fprintf(file, "%s%s", i ? " & " : "", by_name(classifier->parts[i]));
    fprintf(file, "%s>.\n", classifier->count > 1 ? ">" : "");
}

static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

// At most `limit` characters of `text`, "..." for what is cut off, in one line.
static void write_cut(const char *text, size_t limit, FILE *file)
{
    bool is_cut = characters(text) > limit;
    size_t left = is_cut ? limit - 3 : limit;
    for (; *text; text++) {
        if (((unsigned char)*text & 0xc0) != 0x80 && !left--)
            break;
        fputc(*text == '\n' ? ' ' : *text, file);
    }
    fputs(is_cut ? "...\n" : "\n", file);
}

// What heapy calls one member; several kinds at once have nothing but addresses in common.
static struct hc_error *render(const struct hc_pattern *pattern, const struct hc_pattern_line *line,
                               uint32_t object, char **ret)
{
    uint64_t address;
    if (line->has_renderings)
        return hc_universe_rendering(pattern->universe, object, ret);
    HC_TRY(hc_universe_address(pattern->universe, object, &address));
    return asprintf(ret, "0x%" PRIx64, address) < 0 ? hc_error_out_of_memory() : NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum { MOST_RENDERED = LINE_WIDTH };

static struct hc_error *add_dots(char **text)
{
    char *dotted;
    if (asprintf(&dotted, "%s...", *text) < 0)
        return hc_error_out_of_memory();
    free(*text);
    *text = dotted;
    return NULL;
}

struct renderings {
    char *texts[MOST_RENDERED];
    size_t count;
};

static void renderings_deinit(struct renderings *renderings)
{
    for (size_t i = 0; i < renderings->count; i++)
        free(renderings->texts[i]);
}

// Members from a number on, up to another.
struct cursor {
    uint64_t place;
    uint32_t object, end;
};

static void step(const struct hc_pattern *pattern, const struct hc_pattern_line *line, uint32_t from,
                 struct cursor *cursor)
{
    do
        cursor->object = hc_members_next(&line->members, pattern->universe, &cursor->place, from);
    while (cursor->object < from);
}

// The next member in the order of addresses: numbers follow it in pools and, apart from these, in other
// memory.
static uint32_t next_member(const struct hc_pattern *pattern, const struct hc_pattern_line *line,
                            struct cursor cursors[2])
{
    const struct hc_graph *graph = pattern->universe->graph;
    bool has[2] = {cursors[0].object < cursors[0].end, cursors[1].object < cursors[1].end};
    bool second = !has[0];
    if (has[0] && has[1] && cursors[1].object < graph->real_count)
        second = hc_graph_address(graph, (hc_object_id){cursors[1].object}) <
                 hc_graph_address(graph, (hc_object_id){cursors[0].object});
    uint32_t object = cursors[second].object;
    if (has[second])
        step(pattern, line, object + 1, &cursors[second]);
    return has[second] ? object : graph->count;
}

// The first members, as many as fit into `limit` characters; the first one always.
static struct hc_error *render_members(const struct hc_pattern *pattern, const struct hc_pattern_line *line,
                                       size_t limit, struct renderings *renderings)
{
    const struct hc_graph *graph = pattern->universe->graph;
    struct cursor cursors[2] = {{.end = graph->pool_count}, {.end = graph->count}};
    size_t used = 0;
    step(pattern, line, 0, &cursors[0]);
    step(pattern, line, graph->pool_count, &cursors[1]);
    for (uint32_t object = next_member(pattern, line, cursors);
         object < graph->count && renderings->count < MOST_RENDERED;
         object = next_member(pattern, line, cursors)) {
        char *text;
        HC_TRY(render(pattern, line, object, &text));
        size_t length = characters(text) + 2;
        if (used && used + length >= limit) {
            free(text);
            return add_dots(&renderings->texts[renderings->count - 1]);
        }
        used += length;
        renderings->texts[renderings->count++] = text;
    }
    return NULL;
}

static struct hc_error *write_summary(const struct hc_pattern *pattern, const struct hc_pattern_line *line,
                                      size_t limit, FILE *file)
{
    _cleanup_(renderings_deinit) struct renderings renderings = {.count = 0};
    _cleanup_(hc_freep) char *kind = NULL, *summary = NULL;
    if (asprintf(&kind, "%" PRIu64 " %s: ", line->members.count, line->kind) < 0) {
        kind = NULL;
        return hc_error_out_of_memory();
    }
    size_t used = characters(kind), size;
    HC_TRY(render_members(pattern, line, limit > used ? limit - used : 0, &renderings));
    qsort(renderings.texts, renderings.count, sizeof(*renderings.texts), by_text);
    FILE *memory = open_memstream(&summary, &size);
    if (!memory)
        return hc_error_out_of_memory();
    fputs(kind, memory);
    for (size_t i = 0; i < renderings.count; i++)
        fprintf(memory, "%s%s", i ? ", " : "", renderings.texts[i]);
    bool is_whole = !ferror(memory);
    if (fclose(memory) || !is_whole)
        return hc_error_out_of_memory();
    write_cut(summary, limit, file);
    return NULL;
}

struct hc_error *hc_pattern_write_line(const struct hc_pattern *pattern, uint32_t index, FILE *file)
{
    static const char *const marks[] = {
        [HC_PATTERN_ROOT] = "[R]",
        [HC_PATTERN_STOP] = "[S]",
        [HC_PATTERN_EXPANDED] = "[-]",
        [HC_PATTERN_TOO_DEEP] = "[+]",
    };
    const struct hc_pattern_line *line = &pattern->lines.items[index];
    _cleanup_(hc_freep) char *name = hc_pattern_name(pattern, index);
    char seen[32];
    if (!name)
        return hc_error_out_of_memory();
    snprintf(seen, sizeof(seen), "[^ %" PRIu32 "]", line->seen);
    int used = fprintf(file, "%2" PRIu32 ": %s ", index, name);
    for (; used >= 0 && (uint32_t)used < 9 + line->depth; used++)
        fputc(index & 1 ? ' ' : '-', file);
    used += fprintf(file, " %s ", line->mark == HC_PATTERN_SEEN ? seen : marks[line->mark]);
    enum { LEAST = 20 }; // of the summary, however deep the line is
    return write_summary(pattern, line, used < LINE_WIDTH - LEAST ? (size_t)(LINE_WIDTH - used) : LEAST,
                         file);
}
