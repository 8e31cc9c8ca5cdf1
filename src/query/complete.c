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

// What attributes of a set come to, where that is no set; those of neither list are not known before they are
// worked out.
static enum hc_answer_type type_of_attribute(const char *name)
{
    static const char *const sets[] = {
        "all",    "byclodo", "byid",      "byidset", "bymodule",  "byprod",    "byrcs",
        "bysize", "bytype",  "byunity",   "byvia",   "dictof",    "dominos",   "imdom",
        "more",   "owners",  "partition", "prev",    "referents", "referrers", "top",
    };
    for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
        if (!strcmp(sets[i], name))
            return HC_ANSWER_SET;
    return !strcmp(name, "kind") ? HC_ANSWER_KIND : HC_ANSWER_NONE;
}

static enum hc_answer_type type_of_call(const char *name)
{
    static const char *const sets[] = {"by", "heap", "heapu", "idset", "iso"};
    static const char *const kinds[] = {"Clodo", "Id",   "Module", "Prod", "Rcs",
                                        "Size",  "Type", "Unity",  "Via",  "alt"};
    for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
        if (!strcmp(sets[i], name))
            return HC_ANSWER_SET;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (!strcmp(kinds[i], name))
            return HC_ANSWER_KIND;
    return strcmp(name, "hpy") ? HC_ANSWER_NONE : HC_ANSWER_HEAPY;
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
    if (!strcmp(name, "h") || !strcmp(name, "Nothing"))
        return (struct hc_answer){.type = HC_ANSWER_SET};
    if (!strcmp(name, "hp") || !strcmp(name, "guppy"))
        return (struct hc_answer){.type = HC_ANSWER_HEAPY};
    if (!strcmp(name, "Anything"))
        return (struct hc_answer){.type = HC_ANSWER_KIND};
    return (struct hc_answer){.type = type_of_attribute(name)};
}

static struct hc_answer infer_call(const struct hc_node *function)
{
    if (function->kind == HC_NODE_NAME)
        return (struct hc_answer){.type = type_of_call(function->text.bytes)};
    if (function->kind == HC_NODE_ATTRIBUTE)
        return (struct hc_answer){.type = type_of_call(function->attribute.name.bytes)};
    return (struct hc_answer){0};
}

static struct hc_answer infer_attribute(const struct hc_interpreter *interpreter, const struct hc_node *node)
{
    const struct hc_answer object = infer(interpreter, node->attribute.object);
    if (object.type == HC_ANSWER_SET)
        return (struct hc_answer){.type = type_of_attribute(node->attribute.name.bytes)};
    if (object.type == HC_ANSWER_HEAPY && !strcmp(node->attribute.name.bytes, "Nothing"))
        return (struct hc_answer){.type = HC_ANSWER_SET};
    return (struct hc_answer){0};
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
