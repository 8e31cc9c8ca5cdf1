#include "query/evaluate.h"

#include "base/interrupt.h"
#include "query/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct hc_variable *find_variable(const struct hc_interpreter *interpreter, const char *name)
{
    for (size_t i = interpreter->variables.count; i-- > 0;)
        if (!strcmp(interpreter->variables.items[i].name, name))
            return &interpreter->variables.items[i];
    return NULL;
}

struct hc_error *hc_evaluate_heap(struct hc_evaluation *evaluation, struct hc_answer *ret)
{
    struct hc_interpreter *interpreter = evaluation->interpreter;
    if (interpreter->heap.type == HC_ANSWER_NONE) {
        const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
        struct hc_set *heap;
        HC_TRY(hc_evaluate_states(evaluation, HC_REFERENCE_REACHED, &heap));
        HC_TRY(hc_answer_set(heap, &clodo, &interpreter->heap));
    }
    return hc_answer_copy(&interpreter->heap, ret);
}

struct hc_error *hc_find_class(struct hc_universe *universe, const char *name, struct hc_kind **ret)
{
    _cleanup_(hc_kind_releasep) struct hc_kind *found = NULL;
    for (uint32_t i = 0; i < universe->type_count; i++) {
        _cleanup_(hc_freep) char *class_name = hc_kind_class_name(universe->graph->types.types.items[i]);
        if (!class_name)
            return hc_error_out_of_memory();
        if (strcmp(class_name, name))
            continue;
        _cleanup_(hc_kind_releasep) struct hc_kind *kind = hc_kind_of_class(HC_BY_TYPE, i);
        struct hc_kind *both = kind && found ? hc_kind_both(HC_KIND_OR, found, kind) : NULL;
        if (!kind || (found && !both))
            return hc_error_out_of_memory();
        hc_kind_release(found);
        found = both ? both : hc_take(kind);
    }
    *ret = hc_take(found);
    return NULL;
}

static struct hc_error *bind(const struct hc_answer *self, const struct hc_function *function,
                             struct hc_answer *ret)
{
    struct hc_answer *kept = calloc(1, sizeof(*kept));
    if (!kept)
        return hc_error_out_of_memory();
    struct hc_error *error = hc_answer_copy(self, kept);
    if (error) {
        free(kept);
        return error;
    }
    *ret = (struct hc_answer){.type = HC_ANSWER_FUNCTION, .function = function, .self = kept};
    return NULL;
}

static const struct hc_attribute *find_attribute(const struct hc_answer *self, const char *name)
{
    for (const struct hc_attribute *const *family = hc_attribute_families(self); *family; family++)
        for (const struct hc_attribute *attribute = *family; attribute->name; attribute++)
            if (!strcmp(attribute->name, name))
                return attribute;
    return NULL;
}

static const struct hc_function *find_function(const struct hc_answer *self, const char *name)
{
    for (const struct hc_function *const *family = hc_function_families(self); *family; family++)
        for (const struct hc_function *function = *family; function->name; function++)
            if (!strcmp(function->name, name))
                return function;
    return NULL;
}

struct hc_error *hc_evaluate_attribute(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                       const char *name, struct hc_answer *ret, bool *ret_found)
{
    *ret_found = true;
    const struct hc_attribute *attribute = find_attribute(self, name);
    if (attribute)
        return attribute->get(evaluation, self, ret);
    const struct hc_function *function = find_function(self, name);
    if (function)
        return bind(self, function, ret);
    if (self->type == HC_ANSWER_THING && self->thing->class->attribute)
        return self->thing->class->attribute(self->thing, name, ret, ret_found);
    *ret_found = false;
    return NULL;
}

HC_DEFINE_VECTOR(known_vector, const char *)

static bool add_names_of(const struct hc_answer *self, struct known_vector *names)
{
    for (const struct hc_attribute *const *family = hc_attribute_families(self); *family; family++)
        for (const struct hc_attribute *attribute = *family; attribute->name; attribute++)
            if (!known_vector_push(names, attribute->name))
                return false;
    for (const struct hc_function *const *family = hc_function_families(self); *family; family++)
        for (const struct hc_function *function = *family; function->name; function++)
            if (!known_vector_push(names, function->name))
                return false;
    return true;
}

// All that a bare name can be, but classes.
static bool add_bare_names(const struct hc_interpreter *interpreter, struct known_vector *names)
{
    const struct hc_answer heapy = {.type = HC_ANSWER_HEAPY}, set = {.type = HC_ANSWER_SET};
    for (size_t i = 0; i < interpreter->variables.count; i++)
        if (!known_vector_push(names, interpreter->variables.items[i].name))
            return false;
    return add_names_of(&heapy, names) && add_names_of(&set, names);
}

// "unknown attribute 'byrc'; did you mean 'byrcs'?" Without `self` a bare name.
static struct hc_error *unknown(struct hc_evaluation *evaluation, size_t offset, const char *name,
                                const struct hc_answer *self)
{
    const char *what = self ? "attribute" : "name";
    _cleanup_(known_vector_deinit) struct known_vector names = {0};
    if (!(self ? add_names_of(self, &names) : add_bare_names(evaluation->interpreter, &names)))
        return hc_error_out_of_memory();
    const char *near = hc_suggest(name, names.items, names.count);
    if (near)
        return hc_syntax_error(evaluation->source, offset, "unknown %s '%s'; did you mean '%s'?", what, name,
                               near);
    return hc_syntax_error(evaluation->source, offset, "unknown %s '%s'", what, name);
}

// A variable; hp and its functions; an attribute of heap(); a class.
static struct hc_error *evaluate_name(struct hc_evaluation *evaluation, const char *name,
                                      struct hc_answer *ret, bool *ret_found)
{
    const struct hc_variable *variable = find_variable(evaluation->interpreter, name);
    *ret_found = true;
    if (variable)
        return hc_answer_copy(&variable->value, ret);
    const struct hc_answer heapy = {.type = HC_ANSWER_HEAPY};
    if (!strcmp(name, "hp") || !strcmp(name, "guppy"))
        return hc_answer_copy(&heapy, ret);
    if (!strcmp(name, "h"))
        return hc_evaluate_heap(evaluation, ret);
    HC_TRY(hc_evaluate_attribute(evaluation, &heapy, name, ret, ret_found));
    if (*ret_found)
        return NULL;
    _cleanup_(hc_answer_deinit) struct hc_answer heap = {0};
    HC_TRY(hc_evaluate_heap(evaluation, &heap));
    HC_TRY(hc_evaluate_attribute(evaluation, &heap, name, ret, ret_found));
    if (*ret_found)
        return NULL;
    struct hc_kind *class = NULL;
    HC_TRY(hc_find_class(&evaluation->interpreter->universe, name, &class));
    *ret_found = class != NULL;
    return class ? hc_answer_kind(class, ret) : NULL;
}

// "m.C" of a chain of plain names; NULL if it is none. Free it.
static char *dotted_name(const struct hc_node *node)
{
    if (node->kind == HC_NODE_NAME)
        return strdup(node->text.bytes);
    if (node->kind != HC_NODE_ATTRIBUTE)
        return NULL;
    _cleanup_(hc_freep) char *object = dotted_name(node->attribute.object);
    char *name;
    return !object || asprintf(&name, "%s.%s", object, node->attribute.name.bytes) < 0 ? NULL : name;
}

static struct hc_error *evaluate_chain(struct hc_evaluation *evaluation, const struct hc_node *node,
                                       struct hc_answer *ret)
{
    const struct hc_node *object = node->attribute.object;
    const struct hc_node *first = object;
    while (first->kind == HC_NODE_ATTRIBUTE)
        first = first->attribute.object;
    bool is_variable =
        first->kind == HC_NODE_NAME && find_variable(evaluation->interpreter, first->text.bytes);
    _cleanup_(hc_freep) char *name = is_variable ? NULL : dotted_name(node);
    struct hc_kind *class = NULL;
    if (name)
        HC_TRY(hc_find_class(&evaluation->interpreter->universe, name, &class));
    if (class)
        return hc_answer_kind(class, ret);
    _cleanup_(hc_answer_deinit) struct hc_answer self = {0};
    HC_TRY(hc_evaluate(evaluation, object, &self));
    bool found;
    HC_TRY(hc_evaluate_attribute(evaluation, &self, node->attribute.name.bytes, ret, &found));
    return found ? NULL
                 : unknown(evaluation, node->attribute.name_span.offset, node->attribute.name.bytes, &self);
}

static struct hc_error *evaluate_plain_name(struct hc_evaluation *evaluation, const struct hc_node *node,
                                            struct hc_answer *ret)
{
    bool found;
    HC_TRY(evaluate_name(evaluation, node->text.bytes, ret, &found));
    return found ? NULL : unknown(evaluation, node->span.offset, node->text.bytes, NULL);
}

static struct hc_error *evaluate_call(struct hc_evaluation *evaluation, const struct hc_node *node,
                                      struct hc_answer *ret)
{
    _cleanup_(hc_answer_deinit) struct hc_answer function = {0};
    HC_TRY(hc_evaluate(evaluation, node->call.function, &function));
    if (function.type != HC_ANSWER_FUNCTION)
        return hc_evaluation_error(evaluation, node, "%s cannot be called", hc_answer_name(&function));
    for (size_t i = 0; i < node->call.count && !function.function->takes_names; i++)
        if (node->call.arguments[i].name.bytes)
            return hc_syntax_error(evaluation->source, node->call.arguments[i].name_span.offset,
                                   "no argument has a name here: %s", function.function->usage);
    struct hc_answer *arguments = calloc(node->call.count + 1, sizeof(*arguments));
    if (!arguments)
        return hc_error_out_of_memory();
    struct hc_error *error = NULL;
    for (size_t i = 0; i < node->call.count && !error; i++)
        if (node->call.arguments[i].value->kind != HC_NODE_SEQUENCE)
            error = hc_evaluate(evaluation, node->call.arguments[i].value, &arguments[i]);
    if (!error) {
        struct hc_call call = {evaluation, node, function.self, arguments};
        error = function.function->run(&call, ret);
    }
    for (size_t i = 0; i < node->call.count; i++)
        hc_answer_deinit(&arguments[i]);
    free(arguments);
    return error;
}

static struct hc_error *row_number(struct hc_evaluation *evaluation, const struct hc_node *node, size_t rows,
                                   int64_t fallback, int64_t *ret)
{
    *ret = fallback;
    if (!node)
        return NULL;
    _cleanup_(hc_answer_deinit) struct hc_answer number = {0};
    HC_TRY(hc_evaluate(evaluation, node, &number));
    if (number.type != HC_ANSWER_INTEGER)
        return hc_evaluation_error(evaluation, node, "a row is counted with an integer, not with %s",
                                   hc_answer_name(&number));
    *ret = number.integer < 0 ? number.integer + (int64_t)rows : number.integer;
    return NULL;
}

// The bounds of a slice of `rows`, as Python takes them.
static struct hc_error *slice_bounds(struct hc_evaluation *evaluation, const struct hc_node *node,
                                     int64_t rows, int64_t *first, int64_t *end)
{
    HC_TRY(row_number(evaluation, node->slice.start, (size_t)rows, 0, first));
    HC_TRY(row_number(evaluation, node->slice.stop, (size_t)rows, rows, end));
    *first = *first < 0 ? 0 : *first > rows ? rows : *first;
    *end = *end < *first ? *first : *end > rows ? rows : *end;
    return NULL;
}

static struct hc_error *evaluate_slice(struct hc_evaluation *evaluation, const struct hc_node *node,
                                       const struct hc_answer *self, struct hc_answer *ret)
{
    const struct hc_thing_class *class = self->thing->class;
    int64_t length, first, end;
    if (!class->slice)
        return hc_evaluation_error(evaluation, node, "%s has no slices", hc_answer_name(self));
    HC_TRY(class->slice(self->thing, 0, 0, &length, NULL));
    HC_TRY(slice_bounds(evaluation, node, length, &first, &end));
    return class->slice(self->thing, first, end, &length, ret);
}

// thing[i]
static struct hc_error *evaluate_item(struct hc_evaluation *evaluation, const struct hc_node *node,
                                      const struct hc_answer *self, struct hc_answer *ret)
{
    _cleanup_(hc_answer_deinit) struct hc_answer key = {0};
    if (node->kind != HC_NODE_INDEX)
        return evaluate_slice(evaluation, node, self, ret);
    if (!self->thing->class->item && !self->thing->class->key)
        return hc_evaluation_error(evaluation, node, "%s has no items", hc_answer_name(self));
    HC_TRY(hc_evaluate(evaluation, node->index.key, &key));
    if (self->thing->class->key)
        return self->thing->class->key(self->thing, &key, ret);
    if (key.type != HC_ANSWER_INTEGER)
        return hc_evaluation_error(evaluation, node->index.key,
                                   "an item is counted with an integer, not with %s", hc_answer_name(&key));
    return self->thing->class->item(self->thing, key.integer, ret);
}

static struct hc_error *evaluate_rows(struct hc_evaluation *evaluation, const struct hc_node *node,
                                      struct hc_answer *ret)
{
    bool is_slice = node->kind == HC_NODE_SLICE;
    _cleanup_(hc_answer_deinit) struct hc_answer self = {0};
    HC_TRY(hc_evaluate(evaluation, is_slice ? node->slice.object : node->index.object, &self));
    if (self.type == HC_ANSWER_THING)
        return evaluate_item(evaluation, node, &self, ret);
    if (self.type != HC_ANSWER_SET)
        return hc_evaluation_error(evaluation, node, "%s has no rows", hc_answer_name(&self));
    size_t count;
    HC_TRY(hc_view_row_count(self.view, &count));
    int64_t rows = (int64_t)count, first, end;
    if (is_slice) {
        HC_TRY(slice_bounds(evaluation, node, rows, &first, &end));
    } else {
        HC_TRY(row_number(evaluation, node->index.key, count, 0, &first));
        if (first < 0 || first >= rows)
            return hc_evaluation_error(evaluation, node->index.key, "there is no such row: the table has %ld",
                                       (long)rows);
        end = first + 1;
    }
    struct hc_set *set;
    HC_TRY(hc_view_rows(self.view, (size_t)first, (size_t)end, &set));
    return hc_answer_set(set, &self.view->classifier, ret);
}

static struct hc_error *evaluate_node(struct hc_evaluation *evaluation, const struct hc_node *node,
                                      struct hc_answer *ret)
{
    switch (node->kind) {
    case HC_NODE_NAME:
        return evaluate_plain_name(evaluation, node, ret);
    case HC_NODE_STRING:
        *ret = (struct hc_answer){.type = HC_ANSWER_TEXT, .text = strdup(node->text.bytes)};
        return ret->text ? NULL : hc_error_out_of_memory();
    case HC_NODE_INTEGER:
        *ret = hc_answer_integer(node->integer);
        return NULL;
    case HC_NODE_BOOLEAN:
        *ret = hc_answer_truth(node->boolean);
        return NULL;
    case HC_NODE_NONE:
        *ret = (struct hc_answer){0};
        return NULL;
    case HC_NODE_SEQUENCE:
        return hc_evaluation_error(evaluation, node, "a sequence stands only where a function takes one");
    case HC_NODE_ATTRIBUTE:
        return evaluate_chain(evaluation, node, ret);
    case HC_NODE_CALL:
        return evaluate_call(evaluation, node, ret);
    case HC_NODE_INDEX:
    case HC_NODE_SLICE:
        return evaluate_rows(evaluation, node, ret);
    case HC_NODE_UNARY:
        return hc_evaluate_unary(evaluation, node, ret);
    case HC_NODE_BINARY:
        return hc_evaluate_binary(evaluation, node, ret);
    }
    return hc_evaluation_error(evaluation, node, "this cannot be evaluated");
}

// An error from below the language does not know where the expression stands.
static struct hc_error *add_place(const struct hc_evaluation *evaluation, const struct hc_node *node,
                                  struct hc_error *error)
{
    if (hc_error_has_place(error) || error == hc_error_out_of_memory() || hc_interrupt_is_requested())
        return error;
    size_t offset = node->kind == HC_NODE_ATTRIBUTE ? node->attribute.name_span.offset
                    : node->kind == HC_NODE_INDEX   ? node->index.key->span.offset
                                                    : node->span.offset;
    struct hc_error *placed = hc_syntax_error(evaluation->source, offset, "%s", hc_error_message(error));
    hc_error_destroy(error);
    return placed;
}

struct hc_error *hc_evaluate(struct hc_evaluation *evaluation, const struct hc_node *node,
                             struct hc_answer *ret)
{
    HC_TRY(hc_interrupt_check());
    struct hc_error *error = evaluate_node(evaluation, node, ret);
    return error ? add_place(evaluation, node, error) : NULL;
}
