#include "query/complete.h"

#include "query/families.h"
#include "query/parser.h"

#include <stdlib.h>
#include <string.h>

void hc_completion_deinit(struct hc_completion *completion)
{
    for (size_t i = 0; i < completion->names.count; i++)
        free(completion->names.items[i]);
    hc_name_vector_deinit(&completion->names);
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static struct hc_error *propose(struct hc_completion *completion, const char *typed, const char *name)
{
    if (strncmp(name, typed, strlen(typed)))
        return NULL;
    char *copy = strdup(name);
    if (!copy || !hc_name_vector_push(&completion->names, copy)) {
        free(copy);
        return hc_error_out_of_memory();
    }
    return NULL;
}

static struct hc_error *propose_names_of(struct hc_completion *completion, const char *typed,
                                         const struct hc_answer *self)
{
    for (const struct hc_attribute *const *family = hc_attribute_families(self); *family; family++)
        for (const struct hc_attribute *attribute = *family; attribute->name; attribute++)
            HC_TRY(propose(completion, typed, attribute->name));
    for (const struct hc_function *const *family = hc_function_families(self); *family; family++)
        for (const struct hc_function *function = *family; function->name; function++)
            HC_TRY(propose(completion, typed, function->name));
    return NULL;
}

// Classes whose whole name begins with `dotted`, by what of it begins `skip` characters further on.
static struct hc_error *propose_classes(struct hc_completion *completion, struct hc_interpreter *interpreter,
                                        const char *dotted, size_t skip)
{
    const struct hc_universe *universe = &interpreter->universe;
    for (uint32_t i = 0; i < universe->type_count; i++) {
        _cleanup_(hc_freep) char *name = hc_kind_class_name(universe->graph->types.types.items[i]);
        if (!name)
            return hc_error_out_of_memory();
        bool is_writable =
            name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")] == '\0';
        if (is_writable && !strncmp(name, dotted, strlen(dotted)))
            HC_TRY(propose(completion, dotted + skip, name + skip));
    }
    return NULL;
}

static struct hc_thing object = {.class = &hc_object_class}, nodes = {.class = &hc_nodes_class},
                       iterator = {.class = &hc_iterator_class}, paths = {.class = &hc_paths_class},
                       path = {.class = &hc_path_class}, pattern = {.class = &hc_pattern_class},
                       statistics = {.class = &hc_statistics_class}, tables = {.class = &hc_tables_class};

// What a name comes to. Those that are not here are known only when they are worked out.
struct result {
    const char *name;
    enum hc_answer_type type;
    struct hc_thing *thing; // of HC_ANSWER_THING: an empty one of its class
};

static const struct result attributes_of_sets[] = {
    {"all", HC_ANSWER_SET, NULL},
    {"byclodo", HC_ANSWER_SET, NULL},
    {"byid", HC_ANSWER_SET, NULL},
    {"byidset", HC_ANSWER_SET, NULL},
    {"bymodule", HC_ANSWER_SET, NULL},
    {"byprod", HC_ANSWER_SET, NULL},
    {"byrcs", HC_ANSWER_SET, NULL},
    {"bysize", HC_ANSWER_SET, NULL},
    {"bytype", HC_ANSWER_SET, NULL},
    {"byunity", HC_ANSWER_SET, NULL},
    {"byvia", HC_ANSWER_SET, NULL},
    {"dictof", HC_ANSWER_SET, NULL},
    {"dominos", HC_ANSWER_SET, NULL},
    {"imdom", HC_ANSWER_SET, NULL},
    {"kind", HC_ANSWER_KIND, NULL},
    {"more", HC_ANSWER_SET, NULL},
    {"nodes", HC_ANSWER_THING, &nodes},
    {"owners", HC_ANSWER_SET, NULL},
    {"partition", HC_ANSWER_SET, NULL},
    {"pathsin", HC_ANSWER_THING, &paths},
    {"pathsout", HC_ANSWER_THING, &paths},
    {"prev", HC_ANSWER_SET, NULL},
    {"referents", HC_ANSWER_SET, NULL},
    {"referrers", HC_ANSWER_SET, NULL},
    {"rp", HC_ANSWER_THING, &pattern},
    {"shpaths", HC_ANSWER_THING, &paths},
    {"sp", HC_ANSWER_THING, &paths},
    {"stat", HC_ANSWER_THING, &statistics},
    {"theone", HC_ANSWER_THING, &object},
    {"top", HC_ANSWER_SET, NULL},
    {0},
};

static const struct result attributes_of_heapy[] = {
    {"Anything", HC_ANSWER_KIND, NULL},
    {"Nothing", HC_ANSWER_SET, NULL},
    {"relheap", HC_ANSWER_SET, NULL},
    {"relheapu", HC_ANSWER_SET, NULL},
    {0},
};

static const struct result calls[] = {
    {"Clodo", HC_ANSWER_KIND, NULL},
    {"Rcs", HC_ANSWER_KIND, NULL},
    {"Size", HC_ANSWER_KIND, NULL},
    {"Type", HC_ANSWER_KIND, NULL},
    {"Via", HC_ANSWER_KIND, NULL},
    {"alt", HC_ANSWER_KIND, NULL},
    {"by", HC_ANSWER_SET, NULL},
    {"diff", HC_ANSWER_THING, &statistics},
    {"get_rp", HC_ANSWER_THING, &pattern},
    {"get_shpaths", HC_ANSWER_THING, &paths},
    {"heap", HC_ANSWER_SET, NULL},
    {"heapu", HC_ANSWER_SET, NULL},
    {"hpy", HC_ANSWER_HEAPY, NULL},
    {"idset", HC_ANSWER_SET, NULL},
    {"iso", HC_ANSWER_SET, NULL},
    {"iter", HC_ANSWER_THING, &iterator},
    {"load", HC_ANSWER_THING, &statistics},
    {"loadall", HC_ANSWER_THING, &tables},
    {0},
};

static struct hc_answer result_of(const struct result *results, const char *name)
{
    while (results->name && strcmp(results->name, name))
        results++;
    return (struct hc_answer){.type = results->type, .thing = results->thing};
}

static const struct hc_answer *variable(const struct hc_interpreter *interpreter, const char *name)
{
    for (size_t i = 0; i < interpreter->variables.count; i++)
        if (!strcmp(interpreter->variables.items[i].name, name))
            return &interpreter->variables.items[i].value;
    return NULL;
}

static struct hc_answer infer(const struct hc_interpreter *interpreter, const struct hc_node *node);

static struct hc_answer infer_name(const struct hc_interpreter *interpreter, const char *name)
{
    const struct hc_answer *value = variable(interpreter, name);
    if (value)
        return *value;
    if (!strcmp(name, "h"))
        return (struct hc_answer){.type = HC_ANSWER_SET};
    if (!strcmp(name, "hp") || !strcmp(name, "guppy"))
        return (struct hc_answer){.type = HC_ANSWER_HEAPY};
    const struct hc_answer heapy = result_of(attributes_of_heapy, name);
    return heapy.type ? heapy : result_of(attributes_of_sets, name);
}

static struct hc_answer infer_call(const struct hc_node *function)
{
    if (function->kind == HC_NODE_NAME)
        return result_of(calls, function->text.bytes);
    if (function->kind == HC_NODE_ATTRIBUTE)
        return result_of(calls, function->attribute.name.bytes);
    return (struct hc_answer){0};
}

static struct hc_answer infer_attribute(const struct hc_interpreter *interpreter, const struct hc_node *node)
{
    const struct hc_answer self = infer(interpreter, node->attribute.object);
    const char *name = node->attribute.name.bytes;
    if (self.type == HC_ANSWER_SET)
        return result_of(attributes_of_sets, name);
    if (self.type == HC_ANSWER_HEAPY)
        return result_of(attributes_of_heapy, name);
    // The pages of a thing are of its class.
    bool is_page =
        !strcmp(name, "all") || !strcmp(name, "more") || !strcmp(name, "prev") || !strcmp(name, "top");
    return self.type == HC_ANSWER_THING && is_page ? self : (struct hc_answer){0};
}

// An answer of the right type, which borrows the thing of a variable; HC_ANSWER_NONE: it is not known.
static struct hc_answer infer(const struct hc_interpreter *interpreter, const struct hc_node *node)
{
    struct hc_answer left, right;
    switch (node->kind) {
    case HC_NODE_NAME:
        return infer_name(interpreter, node->text.bytes);
    case HC_NODE_ATTRIBUTE:
        return infer_attribute(interpreter, node);
    case HC_NODE_CALL:
        return infer_call(node->call.function);
    case HC_NODE_INDEX:
    case HC_NODE_SLICE:
        left = infer(interpreter, node->kind == HC_NODE_INDEX ? node->index.object : node->slice.object);
        if (left.type == HC_ANSWER_THING && left.thing->class == &hc_paths_class &&
            node->kind == HC_NODE_INDEX)
            return (struct hc_answer){.type = HC_ANSWER_THING, .thing = &path};
        return left.type == HC_ANSWER_SET ? left : (struct hc_answer){0};
    case HC_NODE_UNARY:
        return (struct hc_answer){.type =
                                      node->unary.op == HC_OPERATOR_INVERT ? HC_ANSWER_KIND : HC_ANSWER_NONE};
    case HC_NODE_BINARY:
        left = infer(interpreter, node->binary.left);
        right = infer(interpreter, node->binary.right);
        if (node->binary.op < HC_OPERATOR_SUBTRACT || node->binary.op > HC_OPERATOR_OR)
            return (struct hc_answer){0};
        return left.type == HC_ANSWER_SET ? left : right;
    default:
        return (struct hc_answer){0};
    }
}

// Where the value begins that ends at `end`: names, dots, and what stands in brackets.
static size_t value_start(const char *line, size_t end)
{
    size_t depth = 0, at = end;
    for (; at; at--) {
        char c = line[at - 1];
        if (c == ')' || c == ']')
            depth++;
        else if ((c == '(' || c == '[') && depth)
            depth--;
        else if (!depth && !is_name_character(c) && c != '.')
            break;
    }
    return at;
}

// After a dot: the names of what stands before it.
static struct hc_error *propose_attributes(struct hc_completion *completion,
                                           struct hc_interpreter *interpreter, const char *line,
                                           const char *typed)
{
    size_t end = completion->start - 1;
    size_t start = value_start(line, end);
    _cleanup_(hc_freep) char *value = strndup(line + start, end - start);
    _cleanup_(hc_freep) char *dotted = strndup(line + start, strlen(line + start));
    if (!value || !dotted)
        return hc_error_out_of_memory();
    _cleanup_(hc_ast_destroyp) struct hc_ast *ast = NULL;
    struct hc_error *error = hc_parse(value, &ast);
    hc_error_destroy(error); // what is no value has no names
    if (error || ast->count != 1 || ast->statements[0].target.bytes)
        return NULL;
    const struct hc_answer self = infer(interpreter, ast->statements[0].expression);
    HC_TRY(propose_names_of(completion, typed, &self));
    return propose_classes(completion, interpreter, dotted, completion->start - start);
}

static struct hc_error *propose_names(struct hc_completion *completion, struct hc_interpreter *interpreter,
                                      const char *typed)
{
    const struct hc_answer heapy = {.type = HC_ANSWER_HEAPY}, set = {.type = HC_ANSWER_SET};
    for (size_t i = 0; i < interpreter->variables.count; i++)
        HC_TRY(propose(completion, typed, interpreter->variables.items[i].name));
    HC_TRY(propose(completion, typed, "h"));
    HC_TRY(propose(completion, typed, "hp"));
    HC_TRY(propose_names_of(completion, typed, &heapy));
    HC_TRY(propose_names_of(completion, typed, &set));
    return *typed ? propose_classes(completion, interpreter, typed, 0) : NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct hc_name_vector *names)
{
    size_t kept = 0;
    if (names->count)
        qsort(names->items, names->count, sizeof(*names->items), by_text);
    for (size_t i = 0; i < names->count; i++) {
        if (kept && !strcmp(names->items[kept - 1], names->items[i]))
            free(names->items[i]);
        else
            names->items[kept++] = names->items[i];
    }
    names->count = kept;
}

struct hc_error *hc_complete(struct hc_interpreter *interpreter, const char *line, size_t cursor,
                             struct hc_completion *ret)
{
    _cleanup_(hc_completion_deinit) struct hc_completion completion = {.start = strnlen(line, cursor)};
    _cleanup_(hc_freep) char *before = strndup(line, completion.start);
    if (!before)
        return hc_error_out_of_memory();
    while (completion.start && is_name_character(before[completion.start - 1]))
        completion.start--;
    const char *typed = before + completion.start;
    if (completion.start && before[completion.start - 1] == '.')
        HC_TRY(propose_attributes(&completion, interpreter, before, typed));
    else
        HC_TRY(propose_names(&completion, interpreter, typed));
    sort(&completion.names);
    *ret = completion;
    completion = (struct hc_completion){0};
    return NULL;
}
