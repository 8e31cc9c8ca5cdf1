// The line of code that allocated an object: byprod, prod and Prod().
#include "query/families.h"
#include "sets/producers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct hc_error *get_byprod(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                   struct hc_answer *ret)
{
    (void)evaluation;
    const struct hc_classifier prod = hc_classifier_of(HC_BY_PROD);
    return hc_answer_set(hc_set_keep(self->view->set), &prod, ret);
}

// The calls that led to an allocation, as they were noted.
struct traceback {
    struct hc_thing thing;
    char *text;
};

static void destroy_traceback(struct hc_thing *thing)
{
    struct traceback *traceback = (struct traceback *)thing;
    free(traceback->text);
    free(traceback);
}

static struct hc_error *print_traceback(struct hc_thing *thing, FILE *file)
{
    fputs(((const struct traceback *)thing)->text, file);
    return NULL;
}

static const struct hc_attribute *const no_attributes[] = {NULL};
static const struct hc_function *const no_methods[] = {NULL};

const struct hc_thing_class hc_traceback_class = {
    .name = "a traceback",
    .destroy = destroy_traceback,
    .print = print_traceback,
    .attributes = no_attributes,
    .methods = no_methods,
};

static void write_frames(const struct hc_producers *producers, uint64_t address, FILE *file)
{
    const struct hc_allocations *allocations = &producers->allocations;
    struct hc_reader reader;
    struct hc_allocation_frame frame;
    hc_reader_init(&reader, allocations->runtime->image);
    uint32_t count = hc_traceback_length(allocations, &reader, address);
    fputs("Traceback (most recent call first):\n", file);
    for (uint32_t i = 0; i < count && hc_traceback_frame(allocations, &reader, address, i, &frame); i++) {
        _cleanup_(hc_freep) char *name = hc_allocation_filename(allocations, &reader, frame.filename);
        fprintf(file, "  File \"%s\", line %u\n", name ? name : "<unreadable>", frame.line);
    }
}

static const char *why_not(const struct hc_producers *producers)
{
    return producers->allocations.tracing == HC_TRACING_OFF
               ? "the process did not trace its allocations; start it with -X tracemalloc, or "
                 "PYTHONTRACEMALLOC=1"
               : "whether the process traced its allocations cannot be told: its variables of tracemalloc "
                 "are "
                 "not in the core, or not in the debug information";
}

static struct hc_error *get_prod(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                 struct hc_answer *ret)
{
    const struct hc_set *set = self->view->set;
    struct hc_producers *producers;
    if (set->count != 1)
        return hc_error_create("prod is of a set of one object; this one has %lu", (unsigned long)set->count);
    HC_TRY(hc_universe_producers(&evaluation->interpreter->universe, &producers));
    bool is_traced = producers->allocations.tracing == HC_TRACING_ON;
    uint32_t traceback = producers->object_tracebacks[hc_set_next(set, 0)];
    if (is_traced && !traceback) {
        *ret = (struct hc_answer){0};
        return NULL;
    }
    struct traceback *thing = calloc(1, sizeof(*thing));
    size_t size;
    FILE *file = thing ? open_memstream(&thing->text, &size) : NULL;
    if (!file) {
        free(thing);
        return hc_error_out_of_memory();
    }
    if (is_traced)
        write_frames(producers, producers->tracebacks.items[traceback - 1].address, file);
    else
        fprintf(file, "%s\n", why_not(producers));
    if (fclose(file)) {
        destroy_traceback(&thing->thing);
        return hc_error_out_of_memory();
    }
    return hc_answer_thing(&thing->thing, &hc_traceback_class, ret);
}

const struct hc_attribute hc_producer_attributes[] = {
    {.name = "byprod",
     .get = get_byprod,
     .help =
         "The set, divided by the line of source code that allocated each object. tracemalloc must have been "
         "on in the process; what it did not trace is called unknown.",
     .example = "h.byprod"},
    {.name = "prod",
     .get = get_prod,
     .help = "The calls that led to the allocation of the one object of a set, the most recent first. "
             "tracemalloc must have been on in the process; what it did not trace has none.",
     .example = "h.by('Id')[0].prod"},
    {0},
};

// A file name, a line, or None; false if it is neither.
struct pattern {
    const char *file;
    int64_t line;
    bool any_line;
};

static bool take_file(const struct hc_answer *argument, struct pattern *pattern)
{
    pattern->file = argument->type == HC_ANSWER_TEXT ? argument->text : NULL;
    return argument->type == HC_ANSWER_TEXT || argument->type == HC_ANSWER_NONE;
}

static bool take_line(const struct hc_answer *argument, struct pattern *pattern)
{
    pattern->any_line = argument->type == HC_ANSWER_NONE;
    pattern->line = argument->integer;
    return argument->type == HC_ANSWER_NONE ||
           (argument->type == HC_ANSWER_INTEGER && argument->integer >= 0 && argument->integer <= UINT32_MAX);
}

// (file, line), or filename=file, lineno=line.
static bool take_arguments(const struct hc_call *call, struct pattern *pattern)
{
    bool has_file = false, has_line = false;
    for (size_t i = 0; i < call->node->call.count; i++) {
        const char *name = call->node->call.arguments[i].name.bytes;
        const struct hc_answer *argument = &call->arguments[i];
        if (call->node->call.arguments[i].value->kind == HC_NODE_SEQUENCE)
            return false;
        bool is_file = name ? !strcmp(name, "filename") : i == 0;
        bool is_line = name ? !strcmp(name, "lineno") : i == 1;
        if (is_file && !has_file)
            has_file = take_file(argument, pattern);
        else if (is_line && !has_line)
            has_line = take_line(argument, pattern);
        else
            return false;
    }
    return has_file &&
           (has_line || (call->node->call.count == 1 && !call->node->call.arguments[0].name.bytes));
}

static struct hc_error *run_prod(const struct hc_call *call, struct hc_answer *ret)
{
    size_t count = call->node->call.count;
    struct hc_producers *producers;
    struct pattern pattern = {.any_line = true};
    uint32_t number = HC_PRODUCER_UNKNOWN;
    HC_TRY(hc_universe_producers(&call->evaluation->interpreter->universe, &producers));
    if (count && !take_arguments(call, &pattern))
        return hc_evaluation_error(call->evaluation, call->node, "it is called so: %s",
                                   "Prod(), Prod('path prefix'), Prod('file', line)");
    if (count)
        HC_TRY(
            hc_producers_intern(producers, pattern.file, (uint32_t)pattern.line, pattern.any_line, &number));
    _cleanup_(hc_kind_releasep) struct hc_kind *kind = hc_kind_of_class(HC_BY_PROD, number), *files = NULL;
    if (!kind)
        return hc_error_out_of_memory();
    if (count != 1)
        return hc_answer_kind(hc_take(kind), ret);
    HC_TRY(hc_kind_alternative(kind, HC_LESS, &files));
    return hc_answer_kind(hc_take(files), ret);
}

const struct hc_function hc_producer_functions[] = {
    {.name = "Prod",
     .usage = "Prod('file', line)",
     .run = run_prod,
     .takes_names = true,
     .help =
         "The kind of the objects that a line of a file allocated. With a file's name alone the files whose "
         "names begin so; without anything the objects whose producer is unknown.",
     .example = "h & Prod()"},
    {0},
};
