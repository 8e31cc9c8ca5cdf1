// hp: heapy's own names.
#include "query/families.h"
#include "sets/links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct hc_error *get_nothing(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                    struct hc_answer *ret)
{
    (void)self;
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    struct hc_set *set = hc_set_create(&evaluation->interpreter->universe);
    return set ? hc_answer_set(set, &clodo, ret) : hc_error_out_of_memory();
}

static struct hc_error *get_anything(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                     struct hc_answer *ret)
{
    (void)evaluation;
    (void)self;
    return hc_answer_kind(hc_kind_of_all(), ret);
}

const struct hc_attribute hc_heapy_attributes[] = {
    {.name = "Anything",
     .get = get_anything,
     .help = "Is the symbolic set of all objects. Use it to build others by subtraction.",
     .example = "h & (Anything - str)"},
    {.name = "Nothing",
     .get = get_nothing,
     .help = "Is the empty set. Every set without objects is equal to it and prints as it.",
     .example = "h & Nothing"},
    {0},
};

static struct hc_error *wrong_use(const struct hc_call *call, const char *usage)
{
    return hc_evaluation_error(call->evaluation, call->node, "it is called so: %s", usage);
}

static struct hc_error *run_heap(const struct hc_call *call, struct hc_answer *ret)
{
    return call->node->call.count ? wrong_use(call, "heap()") : hc_evaluate_heap(call->evaluation, ret);
}

// heapy's own name of a class: '<type m.C at 0x55d0c0f4a220>'.
static struct hc_error *find_pasted_class(const struct hc_universe *universe, const char *text,
                                          struct hc_kind **ret)
{
    const char *at = NULL;
    char *end;
    for (const char *next = strstr(text, " at 0x"); next; next = strstr(next + 1, " at 0x"))
        at = next;
    if (strncmp(text, "<type ", 6) || !at)
        return NULL;
    uint64_t address = strtoull(at + 4, &end, 16);
    for (uint32_t i = 0; i < universe->type_count && !strcmp(end, ">"); i++)
        if (universe->graph->types.types.items[i]->address == address) {
            *ret = hc_kind_of_class(HC_BY_TYPE, i);
            return *ret ? NULL : hc_error_out_of_memory();
        }
    return NULL;
}

static struct hc_error *class_argument(const struct hc_call *call, size_t index, struct hc_kind **ret)
{
    const struct hc_answer *argument = &call->arguments[index];
    const struct hc_node *node = call->node->call.arguments[index].value;
    *ret = NULL;
    if (argument->type == HC_ANSWER_TEXT)
        HC_TRY(hc_find_class(&call->evaluation->interpreter->universe, argument->text, ret));
    else if (argument->type == HC_ANSWER_KIND)
        *ret = hc_kind_keep(argument->kind);
    if (!*ret && argument->type == HC_ANSWER_TEXT)
        HC_TRY(find_pasted_class(&call->evaluation->interpreter->universe, argument->text, ret));
    if (*ret)
        return NULL;
    if (argument->type == HC_ANSWER_TEXT)
        return hc_evaluation_error(call->evaluation, node, "no class is called '%s'", argument->text);
    return hc_evaluation_error(call->evaluation, node, "a class is wanted, or its name, not %s",
                               hc_answer_name(argument));
}

// A class, or several of one name.
static bool is_of_types(const struct hc_kind *kind)
{
    for (; kind->operation == HC_KIND_OR; kind = kind->left)
        if (!is_of_types(kind->right))
            return false;
    return kind->operation == HC_KIND_CLASS && kind->relation == HC_BY_TYPE;
}

static struct hc_error *run_type(const struct hc_call *call, struct hc_answer *ret)
{
    if (call->node->call.count != 1)
        return wrong_use(call, "Type('module.Class')");
    _cleanup_(hc_kind_releasep) struct hc_kind *kind = NULL;
    HC_TRY(class_argument(call, 0, &kind));
    if (!is_of_types(kind))
        return hc_evaluation_error(call->evaluation, call->node->call.arguments[0].value,
                                   "a class is wanted here");
    return hc_answer_kind(hc_take(kind), ret);
}

// Turns each class in a kind by type into what `translate` makes of its type index.
static struct hc_error *each_class(const struct hc_call *call, const struct hc_kind *kind, uint64_t offset,
                                   struct hc_kind **ret)
{
    const struct hc_universe *universe = &call->evaluation->interpreter->universe;
    bool is_kind = kind->operation == HC_KIND_CLASS && kind->comparison == HC_EQUAL &&
                   (kind->relation == HC_BY_TYPE || kind->relation == HC_BY_CLODO);
    if (is_kind && (!offset || kind->key < universe->type_count)) {
        *ret = hc_kind_of_clodo(universe, kind->key + offset);
        return *ret ? NULL : hc_error_out_of_memory();
    }
    if (kind->operation != HC_KIND_OR)
        return hc_evaluation_error(call->evaluation, call->node, "a class is wanted here");
    _cleanup_(hc_kind_releasep) struct hc_kind *left = NULL, *right = NULL;
    HC_TRY(each_class(call, kind->left, offset, &left));
    HC_TRY(each_class(call, kind->right, offset, &right));
    *ret = hc_kind_both(HC_KIND_OR, left, right);
    return *ret ? NULL : hc_error_out_of_memory();
}

// Clodo(class): its instances, for dict those without an owner. Clodo(dictof=class); Clodo(dictof=()): dicts
// that are nobody's.
static struct hc_error *run_clodo(const struct hc_call *call, struct hc_answer *ret)
{
    static const char usage[] = "Clodo('module.Class'), Clodo(dictof='module.Class') or Clodo(dictof=())";
    struct hc_universe *universe = &call->evaluation->interpreter->universe;
    if (call->node->call.count != 1)
        return wrong_use(call, usage);
    const struct hc_argument *argument = &call->node->call.arguments[0];
    bool is_dictof = argument->name.bytes != NULL;
    if (is_dictof && strcmp(argument->name.bytes, "dictof"))
        return wrong_use(call, usage);
    bool is_unowned = argument->value->kind == HC_NODE_SEQUENCE;
    if (is_unowned && (!is_dictof || argument->value->sequence.count))
        return wrong_use(call, usage);
    _cleanup_(hc_kind_releasep) struct hc_kind *class = NULL, *kind = NULL;
    if (is_unowned)
        HC_TRY(hc_find_class(universe, "dict", &class));
    else
        HC_TRY(class_argument(call, 0, &class));
    if (!class)
        return wrong_use(call, usage);
    HC_TRY(each_class(call, class, is_dictof && !is_unowned ? universe->type_count : 0, &kind));
    return hc_answer_kind(hc_take(kind), ret);
}

static struct hc_error *run_size(const struct hc_call *call, struct hc_answer *ret)
{
    if (call->node->call.count != 1 || call->arguments[0].type != HC_ANSWER_INTEGER ||
        call->arguments[0].integer < 0)
        return wrong_use(call, "Size(bytes)");
    return hc_answer_kind(hc_kind_of_class(HC_BY_SIZE, (uint64_t)call->arguments[0].integer), ret);
}

// Rcs(kind, …): the objects whose referrers are of just these kinds.
static struct hc_error *run_rcs(const struct hc_call *call, struct hc_answer *ret)
{
    struct hc_universe *universe = &call->evaluation->interpreter->universe;
    size_t count = call->node->call.count;
    _cleanup_(hc_freep) uint32_t *kinds = calloc(count + 1, sizeof(*kinds));
    uint32_t number;
    if (!kinds)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < count; i++) {
        _cleanup_(hc_kind_releasep) struct hc_kind *class = NULL, *kind = NULL;
        if (call->arguments[i].type == HC_ANSWER_THING && call->arguments[i].thing->class == &hc_root_class) {
            kinds[i] = hc_universe_root_kind(universe);
            continue;
        }
        HC_TRY(class_argument(call, i, &class));
        HC_TRY(each_class(call, class, 0, &kind));
        if (kind->operation != HC_KIND_CLASS)
            return hc_evaluation_error(call->evaluation, call->node->call.arguments[i].value,
                                       "several classes have this name");
        kinds[i] = (uint32_t)kind->key;
    }
    HC_TRY(hc_universe_intern_list(universe, kinds, (uint32_t)count, &number));
    return hc_answer_kind(hc_kind_of_class(HC_BY_RCS, number), ret);
}

// Via('.x', "['y']", …): the objects that are referred to in just these ways.
static struct hc_error *run_via(const struct hc_call *call, struct hc_answer *ret)
{
    struct hc_universe *universe = &call->evaluation->interpreter->universe;
    size_t count = call->node->call.count;
    _cleanup_(hc_freep) uint32_t *links = calloc(count + 1, sizeof(*links));
    uint32_t number;
    if (!links)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < count; i++) {
        bool is_link = false;
        if (call->arguments[i].type == HC_ANSWER_TEXT)
            HC_TRY(hc_universe_intern_link_text(universe, call->arguments[i].text, &links[i], &is_link));
        if (!is_link)
            return hc_evaluation_error(call->evaluation, call->node->call.arguments[i].value,
                                       "a way to refer is written as byvia shows it: '.x', \"['x']\", '[0]', "
                                       "'.keys()[0]', '->x'");
    }
    HC_TRY(hc_universe_intern_list(universe, links, (uint32_t)count, &number));
    return hc_answer_kind(hc_kind_of_class(HC_BY_VIA, number), ret);
}

const struct hc_function hc_heapy_functions[] = {
    {.name = "Clodo",
     .usage = "Clodo('module.Class')",
     .run = run_clodo,
     .takes_names = true,
     .help = "Makes the kind of the instances of a class; of dict, those without an owner. Clodo(dictof=C) "
             "is the dicts of the instances of C, and Clodo(dictof=()) is the dicts that belong to nothing.",
     .example = "h & Clodo(dictof='module')"},
    {.name = "Rcs",
     .usage = "Rcs(kind, …)",
     .run = run_rcs,
     .help = "Makes the kind of the objects whose referrers are of exactly the given kinds. Rcs() is the "
             "kind of objects that nothing refers to.",
     .example = "h & Rcs('dict')"},
    {.name = "Size",
     .usage = "Size(bytes)",
     .run = run_size,
     .help = "Makes the kind of the objects that have exactly this size in bytes. Its alt() selects the "
             "smaller or the larger ones.",
     .example = "h & Size(64)"},
    {.name = "Type",
     .usage = "Type('module.Class')",
     .run = run_type,
     .help = "Makes the kind of the objects of exactly this type. The type is named as tables name it, in a "
             "string or bare.",
     .example = "h & Type('str')"},
    {.name = "Via",
     .usage = "Via('.x', …)",
     .run = run_via,
     .help =
         "Makes the kind of the objects that are referred to in exactly the given ways, which are written "
         "as byvia shows them. Its alt() selects those referred to in fewer or more ways.",
     .example = "h & Via('.__doc__').alt('>=')"},
    {.name = "heap",
     .usage = "heap()",
     .run = run_heap,
     .help = "Is the set of all objects that the roots of the interpreter reach. The name h stands for it, "
             "and a name that is nothing else is an attribute of it.",
     .example = "heap()"},
    {0},
};
