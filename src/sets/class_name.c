// What tables call classes.
#include "sets/brief.h"
#include "sets/classifier.h"
#include "sets/derived.h"
#include "sets/findex.h"
#include "sets/links.h"
#include "sets/partition.h"
#include "sets/producers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const headers[] = {
    [HC_BY_UNITY] = "<unclassified>",
    [HC_BY_TYPE] = "Type",
    [HC_BY_CLODO] = "Kind (class / dict of class)",
    [HC_BY_SIZE] = "Individual Size",
    [HC_BY_RCS] = "Referrers by Kind (class / dict of class)",
    [HC_BY_VIA] = "Referred Via:",
    [HC_BY_MODULE] = "Module",
    [HC_BY_ID] = "Object",
    [HC_BY_IDSET] = "by identity set",
    [HC_BY_PROD] = "Producer (line of allocation)",
};

// Joins what `part` gives for each of the classifier's parts by " & "; in a sum, sets stand in
// braces.
static char *join_parts(const struct hc_classifier *classifier,
                        char *(*part)(const void *argument, unsigned index), const void *argument)
{
    char *joined = NULL;
    for (unsigned i = 0; i < classifier->count; i++) {
        _cleanup_(hc_freep) char *text = part(argument, i);
        bool in_braces = classifier->count > 1 &&
                         (classifier->parts[i] == HC_BY_RCS || classifier->parts[i] == HC_BY_VIA ||
                          classifier->parts[i] & HC_BY_REFERRERS);
        char *longer = NULL;
        if (!text || asprintf(&longer, "%s%s%s%s%s", joined ? joined : "", joined ? " & " : "",
                              in_braces ? "{" : "", text, in_braces ? "}" : "") < 0)
            longer = NULL;
        free(joined);
        joined = longer;
        if (!joined)
            return NULL;
    }
    return joined;
}

static char *header_part(const void *argument, unsigned index)
{
    const struct hc_classifier *classifier = argument;
    uint16_t part = classifier->parts[index];
    if (hc_relation_is_derived(part)) {
        const struct hc_classifier base = hc_classifier_of((enum hc_relation)(part & HC_DERIVED_BASE));
        _cleanup_(hc_freep) char *inner = header_part(&base, 0);
        char *header;
        return !inner || asprintf(&header, "%s%s", part & HC_BY_REFERRERS ? "Referrers by " : "Dict of ",
                                  inner) < 0
                   ? NULL
                   : header;
    }
    if (part >= HC_RELATION_COUNT)
        return strdup("First Matching Kind / Index");
    return strdup(part == HC_BY_VIA && classifier->count > 1 ? "Referred Via" : headers[part]);
}

char *hc_classifier_header(const struct hc_universe *universe, const struct hc_classifier *classifier)
{
    const struct hc_producers *producers = universe->producers;
    _cleanup_(hc_freep) char *header = join_parts(classifier, header_part, classifier);
    char *noted;
    bool is_of_producers = false;
    for (unsigned i = 0; i < classifier->count; i++)
        is_of_producers |= classifier->parts[i] == HC_BY_PROD;
    if (!header || !is_of_producers || !producers || producers->allocations.tracing == HC_TRACING_ON)
        return hc_take(header);
    return asprintf(&noted, "%s; %s", header,
                    producers->allocations.tracing == HC_TRACING_OFF
                        ? "tracemalloc was off in the process"
                        : "no table of tracemalloc was found") < 0
               ? NULL
               : noted;
}

char *hc_universe_kind_name(const struct hc_universe *universe, uint32_t kind)
{
    struct hc_type *const *types = universe->graph->types.types.items;
    if (kind == hc_universe_root_kind(universe))
        return strdup("hp.Root");
    if (kind < universe->type_count)
        return types[kind]->is_dict ? strdup("dict (no owner)") : hc_kind_class_name(types[kind]);
    _cleanup_(hc_freep) char *class_name = hc_kind_class_name(types[kind - universe->type_count]);
    char *name;
    return !class_name || asprintf(&name, "dict of %s", class_name) < 0 ? NULL : name;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *join_names(char **names, uint32_t count)
{
    size_t length = 1;
    for (uint32_t i = 0; i < count; i++)
        length += strlen(names[i]) + 2;
    char *joined = calloc(length, 1), *end = joined;
    for (uint32_t i = 0; joined && i < count; i++)
        end = stpcpy(stpcpy(end, i ? ", " : ""), names[i]);
    return joined;
}

static char *list_name(const struct hc_universe *universe, const struct hc_number_list *list,
                       char *(*name)(const struct hc_universe *universe, uint32_t number))
{
    char **names = calloc(list->count + 1u, sizeof(*names));
    bool complete = names != NULL;
    for (uint32_t i = 0; complete && i < list->count; i++)
        complete = (names[i] = name(universe, list->numbers[i])) != NULL;
    char *joined = NULL;
    if (complete) {
        qsort(names, list->count, sizeof(*names), by_text);
        joined = join_names(names, list->count);
    }
    for (uint32_t i = 0; names && i < list->count; i++)
        free(names[i]);
    free(names);
    return joined;
}

struct class_view {
    struct hc_universe *universe;
    const struct hc_classifier *classifier;
    const struct hc_class *class;
};

static char *format_number(const char *format, uint64_t number)
{
    char *text;
    return asprintf(&text, format, number) < 0 ? NULL : text;
}

// Reading makes the universe's tracer, if it was not there.
static char *module_name(const struct hc_universe *universe, uint32_t module)
{
    char *name;
    struct hc_error *error = hc_universe_rendering((struct hc_universe *)universe, module, &name);
    if (!error)
        return name;
    hc_error_destroy(error);
    return NULL;
}

static char *findex_name(const struct hc_findex *findex, uint64_t index)
{
    char *name;
    if (index >= findex->count)
        return strdup("<None>");
    return asprintf(&name, "%s / %lu", findex->names[index], (unsigned long)index) < 0 ? NULL : name;
}

static char *numbered_class_name(const struct hc_universe *universe, uint32_t number)
{
    const struct hc_numbered_class *numbered = &universe->classes->items[number];
    const struct hc_classifier base = hc_classifier_of((enum hc_relation)numbered->relation);
    const struct hc_class class = {{numbered->key}};
    return numbered->key == HC_ROOT_CLASS ? strdup("hp.Root") : hc_class_name(universe, &base, &class);
}

static char *derived_name(const struct hc_universe *universe, uint16_t relation, uint64_t key)
{
    if (relation & HC_BY_REFERRERS) {
        const struct hc_number_list *list = &universe->lists.items[key];
        return list->count ? list_name(universe, list, numbered_class_name) : strdup("<Nothing>");
    }
    if (key < HC_FIRST_OWNER)
        return strdup(key == HC_NO_DICT ? "~dict" : "dict (no owner)");
    _cleanup_(hc_freep) char *owner = numbered_class_name(universe, (uint32_t)(key - HC_FIRST_OWNER));
    char *name;
    return !owner || asprintf(&name, "dict of %s", owner) < 0 ? NULL : name;
}

static char *class_part(const void *argument, unsigned index)
{
    const struct class_view *view = argument;
    const struct hc_graph *graph = view->universe->graph;
    uint64_t key = view->class->keys[index];
    uint16_t part = view->classifier->parts[index];
    if (hc_relation_is_derived(part))
        return derived_name(view->universe, part, key);
    if (part >= HC_RELATION_COUNT)
        return findex_name(&view->universe->findexes.items[part - HC_RELATION_COUNT], key);
    switch ((enum hc_relation)part) {
    case HC_BY_TYPE:
        return hc_kind_class_name(graph->types.types.items[key]);
    case HC_BY_CLODO:
        return hc_universe_kind_name(view->universe, (uint32_t)key);
    case HC_BY_SIZE:
        return format_number(view->classifier->count > 1 ? "%lu" : "%9lu", key);
    case HC_BY_RCS:
        if (!view->universe->lists.items[key].count)
            return strdup("<Nothing>");
        return list_name(view->universe, &view->universe->lists.items[key], hc_universe_kind_name);
    case HC_BY_VIA:
        return list_name(view->universe, &view->universe->lists.items[key], hc_universe_link_repr);
    case HC_BY_MODULE:
        return key ? module_name(view->universe, (uint32_t)key - 1) : strdup("~module");
    case HC_BY_ID:
    case HC_BY_IDSET:
        return format_number("0x%lx", hc_graph_address(graph, (hc_object_id){(uint32_t)key}));
    case HC_BY_PROD:
        return hc_producers_name(view->universe->producers, (uint32_t)key);
    default:
        return strdup("<Anything>");
    }
}

char *hc_class_name(const struct hc_universe *universe, const struct hc_classifier *classifier,
                    const struct hc_class *class)
{
    // Names of modules are read when they are asked for.
    struct class_view view = {(struct hc_universe *)universe, classifier, class};
    return join_parts(classifier, class_part, &view);
}
