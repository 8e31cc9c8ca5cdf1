// Reference patterns: what refers to a set, what refers to that, and so on.
#include "sets/pattern.h"

#include "query/families.h"
#include "query/pattern_paths.h"
#include "query/pattern_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A page of a pattern.
struct pattern_thing {
    struct hc_thing thing;
    struct hc_pattern *pattern; // of the first page
    struct hc_answer top;       // of the others: the first
    size_t first_line;
    bool all_lines;
};

static struct pattern_thing *page_of(struct hc_thing *thing)
{
    return (struct pattern_thing *)thing;
}

static struct hc_pattern *pattern_of(struct hc_thing *thing)
{
    struct pattern_thing *page = page_of(thing);
    return page->pattern ? page->pattern : page_of(page->top.thing)->pattern;
}

static void destroy(struct hc_thing *thing)
{
    struct pattern_thing *page = page_of(thing);
    if (page->pattern)
        hc_pattern_destroy(page->pattern);
    hc_answer_deinit(&page->top);
    free(page);
}

static struct hc_error *page_end(struct hc_thing *thing, size_t *ret)
{
    struct hc_pattern *pattern = pattern_of(thing);
    const struct pattern_thing *page = page_of(thing);
    const size_t last = page->first_line + HC_ANSWER_PAGE + 1;
    HC_TRY(hc_pattern_make(pattern, page->all_lines ? SIZE_MAX : last));
    *ret = page->all_lines || pattern->lines.count <= last ? pattern->lines.count
                                                           : page->first_line + HC_ANSWER_PAGE;
    return NULL;
}

static struct hc_error *print(struct hc_thing *thing, FILE *file)
{
    struct hc_pattern *pattern = pattern_of(thing);
    const struct pattern_thing *page = page_of(thing);
    size_t end;
    HC_TRY(page_end(thing, &end));
    if (!page->first_line)
        hc_pattern_write_label(pattern, file);
    for (size_t i = page->first_line; i < end; i++)
        HC_TRY(hc_pattern_write_line(pattern, (uint32_t)i, file));
    if (end < pattern->lines.count && pattern->is_whole)
        fprintf(file, "<%zu more lines. Type e.g. '_.more' for more.>\n", pattern->lines.count - end);
    else if (end < pattern->lines.count)
        fputs("<Type e.g. '_.more' for more.>\n", file);
    return NULL;
}

static struct hc_error *line_set(struct hc_pattern *pattern, uint32_t line, struct hc_answer *ret)
{
    struct hc_set *set;
    HC_TRY(hc_pattern_set(pattern, line, &set));
    return hc_answer_set(set, &pattern->options.classifier, ret);
}

static struct hc_error *item(struct hc_thing *thing, int64_t index, struct hc_answer *ret)
{
    struct hc_pattern *pattern = pattern_of(thing);
    HC_TRY(hc_pattern_make(pattern, index < 0 ? SIZE_MAX : (size_t)index));
    int64_t count = (int64_t)pattern->lines.count;
    int64_t line = index < 0 ? index + count : index;
    if (line < 0 || line >= count)
        return hc_error_create("there is no line %" PRId64 ": the reference pattern has %" PRId64, index,
                               count);
    return line_set(pattern, (uint32_t)line, ret);
}

// rp.a, rp.ba3
static struct hc_error *attribute(struct hc_thing *thing, const char *name, struct hc_answer *ret,
                                  bool *ret_found)
{
    uint32_t line;
    HC_TRY(hc_pattern_find(pattern_of(thing), name, &line));
    *ret_found = line != HC_NO_LINE;
    return *ret_found ? line_set(pattern_of(thing), line, ret) : NULL;
}

static struct hc_error *get_set(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                struct hc_answer *ret)
{
    (void)evaluation;
    return line_set(pattern_of(self->thing), 0, ret);
}

static struct hc_error *make_page(const struct hc_answer *self, size_t first_line, bool all_lines,
                                  struct hc_answer *ret)
{
    const struct pattern_thing *page = page_of(self->thing);
    if (!first_line && !all_lines)
        return hc_answer_copy(page->pattern ? self : &page->top, ret);
    struct pattern_thing *made = calloc(1, sizeof(*made));
    if (!made)
        return hc_error_out_of_memory();
    made->first_line = first_line;
    made->all_lines = all_lines;
    HC_TRY(hc_answer_thing(&made->thing, &hc_pattern_class, ret));
    struct hc_error *error = hc_answer_copy(page->pattern ? self : &page->top, &made->top);
    if (error)
        hc_answer_deinit(ret);
    return error;
}

static struct hc_error *get_more(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    (void)evaluation;
    size_t end;
    HC_TRY(page_end(self->thing, &end));
    if (end == pattern_of(self->thing)->lines.count) // the last page has no next
        return hc_answer_copy(self, ret);
    return make_page(self, end, false, ret);
}

static struct hc_error *get_prev(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    (void)evaluation;
    size_t first = page_of(self->thing)->first_line;
    return make_page(self, first > HC_ANSWER_PAGE ? first - HC_ANSWER_PAGE : 0, false, ret);
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
     .help = "Is the reference pattern to its last line. A pattern of many kinds can be very long.",
     .example = "h[-1].get_rp(depth=1).all"},
    {.name = "more",
     .get = get_more,
     .help = "Is the next page of the reference pattern. The last page has no next and stays.",
     .example = "h[0].rp.more"},
    {.name = "prev",
     .get = get_prev,
     .help = "Is the page of the reference pattern before this one. The first page stays.",
     .example = "h[0].rp.more.prev"},
    {.name = "set",
     .get = get_set,
     .help = "Is the set that the reference pattern is of. It is line 0 of the pattern.",
     .example = "h[0].rp.set"},
    {.name = "top",
     .get = get_top,
     .help = "Is the first page of the reference pattern. It begins with the line `_`.",
     .example = "h[0].rp.more.top"},
    {0},
};

// rp.paths('ba'), rp.paths(3)
static struct hc_error *run_paths(const struct hc_call *call, struct hc_answer *ret)
{
    struct hc_pattern *pattern = pattern_of(call->self->thing);
    const struct pattern_thing *page = page_of(call->self->thing);
    const struct hc_answer *key = call->node->call.count == 1 ? &call->arguments[0] : NULL;
    uint32_t line = HC_NO_LINE;
    if (!key || (key->type != HC_ANSWER_TEXT && key->type != HC_ANSWER_INTEGER))
        return hc_evaluation_error(call->evaluation, call->node,
                                   "it is called so: paths('ba') or paths(3), with a line's name or number");
    if (key->type == HC_ANSWER_TEXT) {
        HC_TRY(hc_pattern_find(pattern, key->text, &line));
    } else if (key->integer >= 0) {
        HC_TRY(hc_pattern_make(pattern, (size_t)key->integer));
        if ((uint64_t)key->integer < pattern->lines.count)
            line = (uint32_t)key->integer;
    }
    if (line == HC_NO_LINE)
        return hc_evaluation_error(call->evaluation, call->node->call.arguments[0].value,
                                   "the reference pattern has no such line");
    return hc_pattern_paths(page->pattern ? call->self : &page->top, pattern, line, ret);
}

static const struct hc_function methods[] = {
    {.name = "paths",
     .usage = "paths('name')",
     .run = run_paths,
     .help = "Is all ways from the objects of a line to the set that the pattern is of, along the lines "
             "between them, each with how it refers to the next. The line is named or numbered.",
     .example = "h[0].rp.paths('_')"},
    {0},
};

static const struct hc_attribute *const attribute_tables[] = {attributes, NULL};
static const struct hc_function *const method_tables[] = {methods, NULL};

const struct hc_thing_class hc_pattern_class = {
    .name = "a reference pattern",
    .destroy = destroy,
    .print = print,
    .attributes = attribute_tables,
    .methods = method_tables,
    .item = item,
    .attribute = attribute,
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// The kind of all members: the class, or "(int | str)" of several.
static struct hc_error *name_kind(struct hc_view *view, char **ret, bool *ret_is_one_class)
{
    enum { MOST_NAMES = 100 };
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    _cleanup_(hc_partition_deinit) struct hc_partition by_class = {0};
    struct hc_partition *partition = &by_class;
    const char *names[MOST_NAMES];
    if (hc_view_is_by_identity(view))
        HC_TRY(hc_partition_set(view->set, &clodo, &by_class));
    else
        HC_TRY(hc_view_divide(view, &partition));
    size_t count = partition->row_count < MOST_NAMES ? partition->row_count : MOST_NAMES, size;
    for (size_t i = 0; i < count; i++)
        if (!(names[i] = hc_partition_name(partition, i)))
            return hc_error_out_of_memory();
    uint16_t relation = view->classifier.parts[0];
    *ret_is_one_class = count == 1 && view->classifier.count == 1 &&
                        (partition == &by_class || relation == HC_BY_CLODO || relation == HC_BY_TYPE);
    if (count <= 1) {
        *ret = strdup(count ? names[0] : "<Nothing>");
        return *ret ? NULL : hc_error_out_of_memory();
    }
    qsort(names, count, sizeof(*names), by_text);
    FILE *file = open_memstream(ret, &size);
    if (!file)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < count; i++)
        fprintf(file, "%s%s", i ? " | " : "(", names[i]);
    fputs(count < partition->row_count ? " | ...)" : ")", file);
    return fclose(file) ? hc_error_out_of_memory() : NULL;
}

// Modules and types, their dicts, code and frames: nearly everything leads there.
static struct hc_error *default_stop(struct hc_universe *universe, struct hc_kind **ret)
{
    static const struct {
        const char *name;
        bool has_dict;
    } stops[] = {{"module", true}, {"type", true}, {"code", false}, {"frame", false}};
    const struct hc_type_vector *types = &universe->graph->types.types;
    _cleanup_(hc_kind_releasep) struct hc_kind *stop = NULL;
    for (size_t i = 0; i < 2 * types->count; i++) {
        const struct hc_type *type = types->items[i / 2];
        size_t k = 0;
        while (k < 4 && strcmp(stops[k].name, type->name))
            k++;
        if (k == 4 || (i % 2 && !stops[k].has_dict) || hc_type_is_heap(type) ||
            strcmp(type->module, "builtins"))
            continue;
        _cleanup_(hc_kind_releasep) struct hc_kind *kind =
            hc_kind_of_class(HC_BY_CLODO, i / 2 + i % 2 * universe->type_count);
        struct hc_kind *both = kind && stop ? hc_kind_both(HC_KIND_OR, stop, kind) : NULL;
        if (!kind || (stop && !both))
            return hc_error_out_of_memory();
        hc_kind_release(stop);
        stop = both ? both : hc_take(kind);
    }
    *ret = hc_take(stop);
    return NULL;
}

static struct hc_error *create(const struct hc_answer *self, const struct hc_pattern_options *options,
                               struct hc_answer *ret)
{
    _cleanup_(hc_freep) char *kind = NULL;
    bool is_one_class;
    HC_TRY(name_kind(self->view, &kind, &is_one_class));
    _cleanup_(hc_pattern_destroyp) struct hc_pattern *pattern = NULL;
    HC_TRY(hc_pattern_create(self->view->set, kind, is_one_class, options, &pattern));
    struct pattern_thing *thing = calloc(1, sizeof(*thing));
    if (!thing)
        return hc_error_out_of_memory();
    thing->pattern = hc_take(pattern);
    return hc_answer_thing(&thing->thing, &hc_pattern_class, ret);
}

static struct hc_error *get_rp(struct hc_evaluation *evaluation, const struct hc_answer *self,
                               struct hc_answer *ret)
{
    _cleanup_(hc_kind_releasep) struct hc_kind *stop = NULL;
    HC_TRY(default_stop(&evaluation->interpreter->universe, &stop));
    const struct hc_pattern_options options = {
        .depth = HC_PATTERN_DEPTH, .classifier = hc_classifier_of(HC_BY_CLODO), .stop = stop};
    return create(self, &options, ret);
}

const struct hc_attribute hc_pattern_set_attributes[] = {
    {.name = "rp",
     .get = get_rp,
     .help = "Is the reference pattern: what kinds of objects refer to the set, what refers to those, and so "
             "on. Its lines are sets: `rp.a` is the first kind of referrers, `rp.ab` the second kind of "
             "theirs, and `rp[2]` is the set of line 2.",
     .example = "h[0].rp"},
    {0},
};

// Where the arguments of get_rp() go.
struct arguments {
    struct hc_pattern_options options;
    struct hc_kind *stop;
    struct hc_set *source;
};

static void arguments_deinit(struct arguments *arguments)
{
    hc_kind_release(arguments->stop);
    hc_set_release(arguments->source);
}

static const char *take_depth(const struct hc_answer *value, struct arguments *arguments)
{
    if (value->type != HC_ANSWER_INTEGER || value->integer < 0 || value->integer > HC_PATTERN_MAX_DEPTH)
        return "an integer from 0 to 10000";
    arguments->options.depth = (uint32_t)value->integer;
    return NULL;
}

static const char *take_relation(const struct hc_answer *value, struct arguments *arguments)
{
    bool is_known =
        value->type == HC_ANSWER_TEXT && hc_classifier_parse(value->text, &arguments->options.classifier);
    return is_known ? NULL : "a relation, as by() takes it";
}

static bool is_flag(const struct hc_answer *value)
{
    return value->type == HC_ANSWER_TRUTH || value->type == HC_ANSWER_INTEGER;
}

static const char *take_dominators(const struct hc_answer *value, struct arguments *arguments)
{
    if (is_flag(value) && value->integer)
        arguments->options.image = HC_PATTERN_DOMINATORS;
    return is_flag(value) ? NULL : "True or False";
}

static const char *take_breadth_first(const struct hc_answer *value, struct arguments *arguments)
{
    arguments->options.is_breadth_first = value->integer;
    return is_flag(value) ? NULL : "True or False";
}

static const char *take_no_cycles(const struct hc_answer *value, struct arguments *arguments)
{
    arguments->options.has_no_cycles = value->integer;
    return is_flag(value) ? NULL : "True or False";
}

static const char *take_source(const struct hc_answer *value, struct arguments *arguments)
{
    if (value->type != HC_ANSWER_SET)
        return "a set";
    arguments->source = hc_set_keep(value->view->set);
    return NULL;
}

static const char *take_stop(const struct hc_answer *value, struct arguments *arguments)
{
    if (value->type != HC_ANSWER_SET && value->type != HC_ANSWER_KIND)
        return "a kind or a set";
    hc_kind_release(arguments->stop);
    arguments->stop =
        value->type == HC_ANSWER_KIND ? hc_kind_keep(value->kind) : hc_kind_of_set(value->view->set);
    return arguments->stop ? NULL : "a kind or a set, and memory for it";
}

// The collector's referrers are the referrers here: nothing of heapy's is in the heap.
static const char *take_reference(const struct hc_answer *value, struct arguments *arguments)
{
    static const char wanted[] = "'gc', 'gcx' or 'imdom'";
    if (value->type != HC_ANSWER_TEXT)
        return wanted;
    if (!strcmp(value->text, "imdom"))
        arguments->options.image = HC_PATTERN_DOMINATORS;
    else if (strcmp(value->text, "gc") && strcmp(value->text, "gcx"))
        return wanted;
    return NULL;
}

static const struct {
    const char *name;
    const char *(*take)(const struct hc_answer *value, struct arguments *arguments);
} parameters[] = {
    {"depth", take_depth}, {"er", take_relation},   {"imdom", take_dominators}, {"bf", take_breadth_first},
    {"src", take_source},  {"stopkind", take_stop}, {"nocyc", take_no_cycles},  {"ref", take_reference},
};

static const char usage[] = "get_rp(depth=7, er='Clodo', imdom=False, bf=False, src=set, stopkind=kind, "
                            "nocyc=False, ref='gc')";

static struct hc_error *take_argument(const struct hc_call *call, size_t index, struct arguments *arguments)
{
    const struct hc_argument *argument = &call->node->call.arguments[index];
    const size_t count = sizeof(parameters) / sizeof(*parameters);
    size_t at = index;
    if (argument->name.bytes)
        for (at = 0; at < count && strcmp(parameters[at].name, argument->name.bytes);)
            at++;
    if (at >= count)
        return hc_evaluation_error(call->evaluation, argument->value, "it is called so: %s", usage);
    if (argument->value->kind == HC_NODE_NONE) // as if it were not there
        return NULL;
    const char *wanted = parameters[at].take(&call->arguments[index], arguments);
    return wanted ? hc_evaluation_error(call->evaluation, argument->value, "%s is %s", parameters[at].name,
                                        wanted)
                  : NULL;
}

static struct hc_error *run_get_rp(const struct hc_call *call, struct hc_answer *ret)
{
    _cleanup_(arguments_deinit) struct arguments arguments = {
        .options = {.depth = HC_PATTERN_DEPTH, .classifier = hc_classifier_of(HC_BY_CLODO)}};
    HC_TRY(default_stop(&call->evaluation->interpreter->universe, &arguments.stop));
    for (size_t i = 0; i < call->node->call.count; i++)
        HC_TRY(take_argument(call, i, &arguments));
    arguments.options.stop = arguments.stop;
    arguments.options.source = arguments.source;
    return create(call->self, &arguments.options, ret);
}

const struct hc_function hc_pattern_set_methods[] = {
    {.name = "get_rp",
     .usage = usage,
     .run = run_get_rp,
     .takes_names = true,
     .help = "Is the reference pattern of the set, with choices: how deep it goes, the relation that divides "
             "the referrers, immediate dominators in place of referrers, breadth first, where references "
             "come from, and what ends a branch. `rp` is the same with none of them.",
     .example = "h[0].get_rp(depth=2, er='Type')"},
    {0},
};
