#include "query/pattern_paths.h"

#include "base/interrupt.h"
#include "query/families.h"
#include "sets/brief.h"
#include "sets/paths.h"

#include <inttypes.h>
#include <string.h>

// An object on the way, and what it leads to in the set of the line above.
struct step {
    uint32_t object;
    uint32_t line;  // of the pattern, whose set it is in
    size_t index;   // among its siblings
    uint32_t *next; // objects
    size_t count, at;
};

HC_DEFINE_VECTOR(step_vector, struct step)

struct text_line {
    char *text;
    bool is_end; // of a path: a page may stop behind it
};

HC_DEFINE_VECTOR(text_line_vector, struct text_line)

// A line was written for the object as a member of the pattern's line: from there on paths are known.
struct seen {
    uint32_t object, depth, line;
    bool is_used;
};

// Lines are made when they are asked for.
struct walk {
    struct hc_answer owner; // of the pattern
    struct hc_pattern *pattern;
    struct hc_relater relater;
    struct hc_set **sets; // of the pattern's lines, by depth
    uint32_t depth;       // of the line where paths begin
    char *source;         // its name
    size_t name_width, index_width;
    struct step start; // its members
    struct step_vector steps;
    struct text_line_vector lines;
    struct seen *seen; // open addressing
    size_t seen_count, bucket_count;
};

struct paths_thing {
    struct hc_thing thing;
    struct walk *walk;    // of the first page
    struct hc_answer top; // of the others: the first
    size_t first_line;
    bool all_lines;
};

static struct paths_thing *page_of(struct hc_thing *thing)
{
    return (struct paths_thing *)thing;
}

static struct walk *walk_of(struct hc_thing *thing)
{
    struct paths_thing *page = page_of(thing);
    return page->walk ? page->walk : page_of(page->top.thing)->walk;
}

static void walk_destroy(struct walk *walk)
{
    for (uint32_t i = 0; walk->sets && i <= walk->depth; i++)
        hc_set_release(walk->sets[i]);
    for (size_t i = 0; i < walk->steps.count; i++)
        free(walk->steps.items[i].next);
    for (size_t i = 0; i < walk->lines.count; i++)
        free(walk->lines.items[i].text);
    step_vector_deinit(&walk->steps);
    text_line_vector_deinit(&walk->lines);
    free(walk->seen);
    hc_relater_deinit(&walk->relater);
    free(walk->start.next);
    free(walk->sets);
    free(walk->source);
    hc_answer_deinit(&walk->owner);
    free(walk);
}

HC_DEFINE_POINTER_CLEANUP(walk_destroy, struct walk)

static void destroy(struct hc_thing *thing)
{
    struct paths_thing *page = page_of(thing);
    if (page->walk)
        walk_destroy(page->walk);
    hc_answer_deinit(&page->top);
    free(page);
}

// The members of `set` in the order of byid.
static struct hc_error *order_members(const struct hc_set *set, uint32_t **ret, size_t *ret_count)
{
    _cleanup_(hc_identity_destroyp) struct hc_identity *identity = NULL;
    HC_TRY(hc_identity_create(set, HC_IDENTITY_OBJECTS, &identity));
    HC_TRY(hc_identity_settle(identity, 0, identity->count));
    uint32_t *objects = calloc(identity->count + 1, sizeof(*objects));
    if (!objects)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < identity->count; i++)
        objects[i] = hc_identity_object(identity, i);
    *ret = objects;
    *ret_count = identity->count;
    return NULL;
}

// The bucket of the object at that depth, or the empty one where it would be.
static struct seen *find_seen(const struct walk *walk, uint32_t object, uint32_t depth)
{
    size_t mask = walk->bucket_count - 1;
    size_t bucket = ((object * 0x9e3779b97f4a7c15u) >> 20 ^ depth) & mask;
    while (walk->seen[bucket].is_used &&
           (walk->seen[bucket].object != object || walk->seen[bucket].depth != depth))
        bucket = (bucket + 1) & mask;
    return &walk->seen[bucket];
}

static bool grow_seen(struct walk *walk)
{
    struct seen *old = walk->seen;
    size_t count = walk->bucket_count, grown = count ? count * 2 : 64;
    if (walk->seen_count * 2 < count)
        return true;
    if (!(walk->seen = calloc(grown, sizeof(*walk->seen)))) {
        walk->seen = old;
        return false;
    }
    walk->bucket_count = grown;
    for (size_t i = 0; i < count; i++)
        if (old[i].is_used)
            *find_seen(walk, old[i].object, old[i].depth) = old[i];
    free(old);
    return true;
}

static void mark_seen(struct walk *walk, uint32_t object, uint32_t depth)
{
    struct seen *seen = find_seen(walk, object, depth);
    walk->seen_count += !seen->is_used;
    *seen = (struct seen){object, depth, (uint32_t)walk->lines.count, true};
}

// "b  [0]  @"
static void write_start(const struct walk *walk, uint32_t line, size_t index, FILE *file)
{
    _cleanup_(hc_freep) char *name = hc_pattern_name(walk->pattern, line);
    char number[32];
    int digits = snprintf(number, sizeof(number), "[%zu]", index);
    uint32_t depth = walk->pattern->lines.items[line].depth;
    fprintf(file, "%2zu: %s", walk->lines.count, name ? name : "?");
    size_t length = name ? strlen(name) : 1, width = 3 + walk->index_width + walk->name_width;
    for (size_t i = length + (size_t)digits; i < width; i++)
        fputc(' ', file);
    fputs(number, file);
    for (uint32_t i = depth; i < walk->depth + 1; i++)
        fputc(' ', file);
}

// How `object` refers to `target`: "['x'] / .y"; "??" if nobody knows.
static struct hc_error *write_relations(struct walk *walk, uint32_t object, uint32_t target, FILE *file)
{
    const struct hc_graph *graph = walk->pattern->universe->graph;
    bool is_virtual = object >= graph->real_count;
    uint32_t real = is_virtual ? graph->virtual_owners[object - graph->real_count] : object;
    struct hc_object_view view;
    size_t written = 0;
    walk->relater.links.count = 0;
    if (hc_tracer_view(walk->relater.tracer, hc_graph_address(graph, (hc_object_id){real}), &view))
        hc_relate(&walk->relater, &view);
    if (walk->relater.out_of_memory)
        return hc_error_out_of_memory();
    for (unsigned kind = HC_LINK_ATTRIBUTE; kind < HC_LINK_KIND_COUNT; kind++)
        for (size_t i = 0; i < walk->relater.links.count; i++) {
            const struct hc_link *link = &walk->relater.links.items[i];
            hc_object_id found;
            if (link->kind != kind || link->is_virtual != is_virtual ||
                !hc_graph_find(graph, link->target, &found) || found.i != target)
                continue;
            fprintf(file, "%s%s", written++ ? " / " : "", kind == HC_LINK_MEMBER ? "list()" : "");
            HC_TRY(hc_path_write_link(file, walk->relater.tracer, link));
        }
    if (!written && target >= graph->real_count &&
        graph->virtual_owners[target - graph->real_count] == object)
        fputs(".__dict__", file);
    else if (!written)
        fputs("??", file);
    return NULL;
}

static struct hc_error *keep_line(struct walk *walk, FILE *file, char **text, struct hc_error *error,
                                  bool is_end)
{
    bool is_whole = !ferror(file);
    is_whole = !fclose(file) && is_whole;
    if (!error && !is_whole)
        error = hc_error_out_of_memory();
    if (!error && !text_line_vector_push(&walk->lines, (struct text_line){*text, is_end}))
        error = hc_error_out_of_memory();
    if (error)
        free(*text);
    return error;
}

// The line of an object of the set that the pattern is of.
static struct hc_error *add_target(struct walk *walk, uint32_t object, size_t index)
{
    _cleanup_(hc_freep) char *brief = NULL;
    char *text;
    size_t size;
    HC_TRY(hc_universe_brief(walk->pattern->universe, object, &brief));
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return hc_error_out_of_memory();
    write_start(walk, 0, index, file);
    fprintf(file, "= <1 %s>\n", brief);
    return keep_line(walk, file, &text, NULL, true);
}

// What the object refers to in the set above it.
static struct hc_error *find_next(struct walk *walk, uint32_t object, uint32_t depth, struct step *step)
{
    const struct hc_graph *graph = walk->pattern->universe->graph;
    const struct hc_set *above = walk->sets[depth - 1];
    uint32_t only = HC_NO_LINE;
    bool is_one = true;
    for (uint32_t edge = graph->edge_starts[object]; edge < graph->edge_starts[object + 1]; edge++) {
        uint32_t referent = graph->edges[edge];
        if (!hc_set_has(above, referent) || graph->states[referent] == HC_STATE_NONE)
            continue;
        is_one &= only == HC_NO_LINE || only == referent;
        only = referent;
    }
    if (is_one) { // the usual case, and there are many
        step->count = only != HC_NO_LINE;
        step->next = malloc(sizeof(*step->next));
        if (!step->next)
            return hc_error_out_of_memory();
        *step->next = only;
        return NULL;
    }
    _cleanup_(hc_set_releasep) struct hc_set *next = hc_set_create(walk->pattern->universe);
    if (!next)
        return hc_error_out_of_memory();
    for (uint32_t edge = graph->edge_starts[object]; edge < graph->edge_starts[object + 1]; edge++)
        if (hc_set_has(above, graph->edges[edge]) && graph->states[graph->edges[edge]] != HC_STATE_NONE)
            hc_set_put(next, graph->edges[edge]);
    hc_set_seal(next);
    return order_members(next, &step->next, &step->count);
}

// Goes on to `object`, a member of the set of `line`: it will lead to others.
static struct hc_error *push(struct walk *walk, uint32_t line, uint32_t object, size_t index)
{
    uint32_t depth = walk->pattern->lines.items[line].depth;
    struct step step = {.object = object, .line = line, .index = index};
    if (!grow_seen(walk))
        return hc_error_out_of_memory();
    mark_seen(walk, object, depth);
    if (!depth)
        return add_target(walk, object, index);
    HC_TRY(find_next(walk, object, depth, &step));
    if (step_vector_push(&walk->steps, step))
        return NULL;
    free(step.next);
    return hc_error_out_of_memory();
}

// The next edge of the last step, and what it leads to.
static struct hc_error *follow(struct walk *walk)
{
    struct step *step = &walk->steps.items[walk->steps.count - 1];
    uint32_t above = walk->pattern->lines.items[step->line].parent, target = step->next[step->at];
    size_t index = step->at++, size;
    const struct seen *seen = find_seen(walk, target, walk->pattern->lines.items[above].depth);
    bool is_seen = seen->is_used;
    uint32_t seen_line = seen->line;
    char *text;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return hc_error_out_of_memory();
    write_start(walk, step->line, step->index, file);
    fputs("@ ", file);
    struct hc_error *error = write_relations(walk, step->object, target, file);
    if (is_seen)
        fprintf(file, " -> #%" PRIu32, seen_line);
    fputc('\n', file);
    HC_TRY(keep_line(walk, file, &text, error, is_seen));
    return is_seen ? NULL : push(walk, above, target, index);
}

// Makes lines up to number `line`, as far as there are any.
static struct hc_error *make(struct walk *walk, uint32_t source, size_t line)
{
    while (walk->lines.count <= line) {
        HC_TRY(hc_interrupt_check());
        if (!walk->steps.count) {
            if (walk->start.at == walk->start.count)
                return NULL;
            size_t index = walk->start.at++;
            HC_TRY(push(walk, source, walk->start.next[index], index));
        } else if (walk->steps.items[walk->steps.count - 1].at ==
                   walk->steps.items[walk->steps.count - 1].count) {
            free(walk->steps.items[--walk->steps.count].next);
        } else {
            HC_TRY(follow(walk));
        }
    }
    return NULL;
}

// A page ends behind the end of a path, ten lines on or later, unless only one line follows.
static struct hc_error *page_end(struct hc_thing *thing, size_t *ret, bool *ret_has_more)
{
    const struct paths_thing *page = page_of(thing);
    struct walk *walk = walk_of(thing);
    size_t end = page->first_line;
    *ret_has_more = false;
    for (;; end++) {
        HC_TRY(make(walk, walk->start.line, end));
        if (end >= walk->lines.count)
            break;
        if (page->all_lines || end - page->first_line < HC_ANSWER_PAGE || !walk->lines.items[end - 1].is_end)
            continue;
        HC_TRY(make(walk, walk->start.line, end + 1));
        *ret_has_more = end + 1 < walk->lines.count;
        end += !*ret_has_more;
        break;
    }
    *ret = end;
    return NULL;
}

static struct hc_error *print(struct hc_thing *thing, FILE *file)
{
    const struct walk *walk = walk_of(thing);
    size_t end;
    bool has_more;
    HC_TRY(page_end(thing, &end, &has_more));
    if (!page_of(thing)->first_line)
        fprintf(file, "Paths from source '%s' to target '_'.\n", walk->source);
    for (size_t i = page_of(thing)->first_line; i < end; i++)
        fputs(walk->lines.items[i].text, file);
    if (has_more)
        fputs("<Type e.g. '_.more' for more.>\n", file);
    return NULL;
}

static struct hc_error *make_page(const struct hc_answer *self, size_t first_line, bool all_lines,
                                  struct hc_answer *ret)
{
    const struct paths_thing *page = page_of(self->thing);
    const struct hc_answer *top = page->walk ? self : &page->top;
    if (!first_line && !all_lines)
        return hc_answer_copy(top, ret);
    struct paths_thing *made = calloc(1, sizeof(*made));
    if (!made)
        return hc_error_out_of_memory();
    made->first_line = first_line;
    made->all_lines = all_lines;
    HC_TRY(hc_answer_thing(&made->thing, &hc_pattern_paths_class, ret));
    struct hc_error *error = hc_answer_copy(top, &made->top);
    if (error)
        hc_answer_deinit(ret);
    return error;
}

static struct hc_error *get_more(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    (void)evaluation;
    size_t end;
    bool has_more;
    HC_TRY(page_end(self->thing, &end, &has_more));
    return has_more ? make_page(self, end, false, ret) : hc_answer_copy(self, ret);
}

static struct hc_error *get_top(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                struct hc_answer *ret)
{
    (void)evaluation;
    return make_page(self, 0, false, ret);
}

static struct hc_error *get_all(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                struct hc_answer *ret)
{
    (void)evaluation;
    return make_page(self, page_of(self->thing)->first_line, true, ret);
}

static const struct hc_attribute attributes[] = {
    {.name = "all",
     .get = get_all,
     .help = "Is the paths to their last line. There can be very many.",
     .example = "h[-1].rp.paths('_').all"},
    {.name = "more",
     .get = get_more,
     .help = "Is the next page of the paths. The last page has no next and stays.",
     .example = "h[0].rp.paths('_').more"},
    {.name = "top",
     .get = get_top,
     .help = "Is the first page of the paths. It begins with the first object of the source.",
     .example = "h[0].rp.paths('_').more.top"},
    {0},
};

static const struct hc_attribute *const attribute_tables[] = {attributes, NULL};
static const struct hc_function *const method_tables[] = {NULL};

const struct hc_thing_class hc_pattern_paths_class = {
    .name = "paths of a reference pattern",
    .destroy = destroy,
    .print = print,
    .attributes = attribute_tables,
    .methods = method_tables,
};

static size_t digits_of(uint64_t number)
{
    size_t digits = 1;
    for (; number >= 10; number /= 10)
        digits++;
    return digits;
}

// The sets of the lines from `line` up, and how wide their names and numbers are.
static struct hc_error *take_sets(struct walk *walk, uint32_t line)
{
    const struct hc_pattern_line *lines = walk->pattern->lines.items;
    walk->depth = lines[line].depth;
    walk->source = hc_pattern_name(walk->pattern, line);
    walk->sets = calloc(walk->depth + 1ul, sizeof(*walk->sets));
    if (!walk->source || !walk->sets)
        return hc_error_out_of_memory();
    for (uint32_t at = line; at != HC_NO_LINE; at = lines[at].parent) {
        _cleanup_(hc_freep) char *name = hc_pattern_name(walk->pattern, at);
        if (!name)
            return hc_error_out_of_memory();
        size_t width = strlen(name), digits = digits_of(lines[at].members.count);
        walk->name_width = width > walk->name_width ? width : walk->name_width;
        walk->index_width = digits > walk->index_width ? digits : walk->index_width;
        HC_TRY(hc_pattern_set(walk->pattern, at, &walk->sets[lines[at].depth]));
    }
    return NULL;
}

struct hc_error *hc_pattern_paths(const struct hc_answer *self, struct hc_pattern *pattern, uint32_t line,
                                  struct hc_answer *ret)
{
    _cleanup_(walk_destroyp) struct walk *walk = calloc(1, sizeof(*walk));
    if (!walk)
        return hc_error_out_of_memory();
    walk->pattern = pattern;
    walk->start.line = line;
    HC_TRY(hc_answer_copy(self, &walk->owner));
    HC_TRY(hc_universe_tracer(pattern->universe, &walk->relater.tracer));
    HC_TRY(take_sets(walk, line));
    HC_TRY(order_members(walk->sets[walk->depth], &walk->start.next, &walk->start.count));
    struct paths_thing *thing = calloc(1, sizeof(*thing));
    if (!thing)
        return hc_error_out_of_memory();
    thing->walk = hc_take(walk);
    return hc_answer_thing(&thing->thing, &hc_pattern_paths_class, ret);
}
