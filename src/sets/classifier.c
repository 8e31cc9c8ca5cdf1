#include "sets/classifier.h"

#include "sets/derived.h"
#include "sets/findex.h"
#include "sets/producers.h"
#include "sets/roots.h"
#include "sets/via.h"

#include <stdlib.h>
#include <string.h>

static const char *const relation_names[] = {
    [HC_BY_UNITY] = "Unity", [HC_BY_TYPE] = "Type", [HC_BY_CLODO] = "Clodo",   [HC_BY_SIZE] = "Size",
    [HC_BY_RCS] = "Rcs",     [HC_BY_VIA] = "Via",   [HC_BY_MODULE] = "Module", [HC_BY_ID] = "Id",
    [HC_BY_IDSET] = "Idset", [HC_BY_PROD] = "Prod",
};

const char *hc_relation_name(enum hc_relation relation)
{
    return relation < HC_RELATION_COUNT ? relation_names[relation] : "findex";
}

bool hc_classifier_parse(const char *text, struct hc_classifier *ret)
{
    struct hc_classifier classifier = {0};
    while (true) {
        size_t length = strcspn(text, "&");
        unsigned relation = 0;
        while (relation < HC_RELATION_COUNT &&
               (strlen(relation_names[relation]) != length || memcmp(relation_names[relation], text, length)))
            relation++;
        if (relation == HC_RELATION_COUNT || classifier.count == HC_CLASSIFIER_PARTS)
            return false;
        classifier.parts[classifier.count++] = (uint16_t)relation;
        if (!text[length])
            break;
        text += length + 1;
    }
    *ret = classifier;
    return true;
}

static const struct hc_findex *findex_of(const struct hc_classify *classify, unsigned part)
{
    uint16_t relation = classify->classifier.parts[part];
    return relation < HC_RELATION_COUNT || hc_relation_is_derived(relation)
               ? NULL
               : &classify->universe->findexes.items[relation - HC_RELATION_COUNT];
}

static struct hc_error *find_kinds(struct hc_classify *classify, unsigned part, const struct hc_set *set)
{
    const struct hc_findex *findex = findex_of(classify, part);
    struct hc_set **found = calloc(findex->count + 1, sizeof(struct hc_set *));
    if (!found)
        return hc_error_out_of_memory();
    classify->found[part] = found;
    for (size_t i = 0; i < findex->count; i++)
        HC_TRY(hc_kind_select(findex_of(classify, part)->kinds[i], set, &found[i]));
    return NULL;
}

static uint64_t first_kind(const struct hc_classify *classify, unsigned part, uint32_t object)
{
    size_t count = findex_of(classify, part)->count, index = 0;
    while (index < count && !hc_set_has(classify->found[part][index], object))
        index++;
    return index;
}

// The relation that a derived one is made of, for what it is asked of.
static struct hc_error *init_base(struct hc_classify *classify, unsigned part, const struct hc_set *set)
{
    struct hc_universe *universe = classify->universe;
    uint16_t relation = classify->classifier.parts[part];
    const struct hc_classifier base = hc_classifier_of((enum hc_relation)(relation & HC_DERIVED_BASE));
    _cleanup_(hc_set_releasep) struct hc_set *others = NULL;
    if (relation & HC_BY_REFERRERS) {
        HC_TRY(hc_graph_find_referrers(universe->graph, universe->threads));
        HC_TRY(hc_universe_roots(universe, &classify->roots));
        HC_TRY(hc_set_referrers(set, &others));
    } else {
        HC_TRY(hc_set_owners(set, &others));
    }
    if (!(classify->bases[part] = calloc(1, sizeof(*classify))))
        return hc_error_out_of_memory();
    return hc_classify_init(classify->bases[part], universe, &base, others);
}

struct hc_error *hc_classify_init(struct hc_classify *classify, struct hc_universe *universe,
                                  const struct hc_classifier *classifier, const struct hc_set *set)
{
    *classify = (struct hc_classify){.universe = universe, .classifier = *classifier};
    const struct hc_type_vector *types = &universe->graph->types.types;
    classify->frame_kind = hc_universe_root_kind(universe);
    for (size_t i = 0; i < types->count; i++) {
        if (hc_type_is_heap(types->items[i]) || strcmp(types->items[i]->module, "builtins"))
            continue;
        if (!strcmp(types->items[i]->name, "module"))
            classify->module_type = types->items[i];
        else if (!strcmp(types->items[i]->name, "frame"))
            classify->frame_kind = (uint32_t)i;
    }
    for (unsigned i = 0; i < classifier->count; i++) {
        if (classifier->parts[i] == HC_BY_RCS) {
            HC_TRY(hc_graph_find_referrers(universe->graph, universe->threads));
            HC_TRY(hc_universe_roots(universe, &classify->roots));
        }
        if (hc_relation_is_derived(classifier->parts[i]))
            HC_TRY(init_base(classify, i, set));
        else if (classifier->parts[i] >= HC_RELATION_COUNT)
            HC_TRY(find_kinds(classify, i, set));
        if (classifier->parts[i] == HC_BY_VIA)
            HC_TRY(hc_universe_find_vias(universe, set));
        if (classifier->parts[i] == HC_BY_PROD)
            HC_TRY(hc_universe_producers(universe, &classify->producers));
    }
    return NULL;
}

void hc_classify_deinit(struct hc_classify *classify)
{
    for (unsigned part = 0; part < classify->classifier.count; part++) {
        struct hc_set **found = classify->found[part];
        for (size_t i = 0; found && i < findex_of(classify, part)->count; i++)
            hc_set_release(found[i]);
        free(found);
        if (classify->bases[part])
            hc_classify_deinit(classify->bases[part]);
        free(classify->bases[part]);
    }
    free(classify->kinds);
}

static struct hc_error *number_of(struct hc_classify *base, uint32_t object, uint32_t *ret)
{
    struct hc_class class;
    HC_TRY(hc_classify_object(base, object, &class));
    return hc_universe_number_class(base->universe, base->classifier.parts[0], class.keys[0], ret);
}

// What leads from the interpreter to the object, as a class of the base.
static struct hc_error *number_of_root(struct hc_classify *classify, struct hc_classify *base,
                                       enum hc_root_rank rank, uint32_t *ret)
{
    bool is_frame = rank == HC_ROOT_FRAME && base->classifier.parts[0] == HC_BY_TYPE &&
                    classify->frame_kind != hc_universe_root_kind(classify->universe);
    return hc_universe_number_class(classify->universe, base->classifier.parts[0],
                                    is_frame ? classify->frame_kind : HC_ROOT_CLASS, ret);
}

static struct hc_error *referrer_classes(struct hc_classify *classify, struct hc_classify *base,
                                         uint32_t object, uint64_t *ret)
{
    const struct hc_graph *graph = classify->universe->graph;
    uint32_t start = graph->referrer_starts[object], end = graph->referrer_starts[object + 1];
    uint32_t count = 0, number;
    size_t root_count = 0;
    const struct hc_root_link *links = hc_roots_of(classify->roots, object, &root_count);
    if (!hc_vector_grow((void **)&classify->kinds, &classify->kind_capacity, end - start + root_count + 1,
                        sizeof(*classify->kinds)))
        return hc_error_out_of_memory();
    for (size_t i = 0; i < root_count; i++)
        if (links[i].rank != HC_ROOT_SPARE)
            HC_TRY(number_of_root(classify, base, links[i].rank, &classify->kinds[count++]));
    for (uint32_t i = start; i < end; i++)
        if (hc_is_referrer(graph, graph->referrers[i], object))
            HC_TRY(number_of(base, graph->referrers[i], &classify->kinds[count++]));
    HC_TRY(hc_universe_intern_list(classify->universe, classify->kinds, count, &number));
    *ret = number;
    return NULL;
}

static struct hc_error *owner_class(struct hc_classify *classify, struct hc_classify *base, uint32_t object,
                                    uint64_t *ret)
{
    const struct hc_graph *graph = classify->universe->graph;
    hc_object_id owner;
    uint32_t number;
    bool is_dict = classify->universe->is_dict[graph->type_indexes[object]];
    *ret = is_dict ? HC_NO_OWNER : HC_NO_DICT;
    if (!is_dict || !hc_graph_dict_owner(graph, (hc_object_id){object}, &owner))
        return NULL;
    HC_TRY(number_of(base, owner.i, &number));
    *ret = HC_FIRST_OWNER + (uint64_t)number;
    return NULL;
}

static struct hc_error *referrer_kinds(struct hc_classify *classify, uint32_t object, uint64_t *ret)
{
    const struct hc_graph *graph = classify->universe->graph;
    uint32_t start = graph->referrer_starts[object], end = graph->referrer_starts[object + 1];
    uint32_t count = 0, number;
    size_t root_count = 0;
    const struct hc_root_link *links = hc_roots_of(classify->roots, object, &root_count);
    if (!hc_vector_grow((void **)&classify->kinds, &classify->kind_capacity, end - start + root_count + 1,
                        sizeof(*classify->kinds)))
        return hc_error_out_of_memory();
    // Since 3.11 a frame is seldom an object; its variables are told as if it were.
    for (size_t i = 0; i < root_count; i++)
        if (links[i].rank != HC_ROOT_SPARE)
            classify->kinds[count++] = links[i].rank == HC_ROOT_FRAME
                                           ? classify->frame_kind
                                           : hc_universe_root_kind(classify->universe);
    for (uint32_t i = start; i < end; i++) {
        uint32_t referrer = graph->referrers[i];
        if (!hc_is_referrer(graph, referrer, object))
            continue;
        uint32_t kind = hc_universe_kind(classify->universe, referrer);
        if (!count || classify->kinds[count - 1] != kind)
            classify->kinds[count++] = kind;
    }
    HC_TRY(hc_universe_intern_list(classify->universe, classify->kinds, count, &number));
    *ret = number;
    return NULL;
}

struct hc_error *hc_classify_object(struct hc_classify *classify, uint32_t object, struct hc_class *ret)
{
    const struct hc_graph *graph = classify->universe->graph;
    for (unsigned i = 0; i < classify->classifier.count; i++) {
        uint64_t *key = &ret->keys[i];
        if (classify->bases[i]) {
            HC_TRY(classify->classifier.parts[i] & HC_BY_REFERRERS
                       ? referrer_classes(classify, classify->bases[i], object, key)
                       : owner_class(classify, classify->bases[i], object, key));
            continue;
        }
        if (classify->classifier.parts[i] >= HC_RELATION_COUNT) {
            *key = first_kind(classify, i, object);
            continue;
        }
        switch ((enum hc_relation)classify->classifier.parts[i]) {
        case HC_BY_UNITY:
        case HC_RELATION_COUNT:
            *key = 0;
            break;
        case HC_BY_TYPE:
            *key = graph->type_indexes[object];
            break;
        case HC_BY_CLODO:
            *key = hc_universe_kind(classify->universe, object);
            break;
        case HC_BY_SIZE:
            *key = hc_graph_size(graph, (hc_object_id){object});
            break;
        case HC_BY_RCS:
            HC_TRY(referrer_kinds(classify, object, key));
            break;
        case HC_BY_VIA:
            *key = classify->universe->vias[object] - 1u;
            break;
        case HC_BY_MODULE:
            *key = hc_type_derives_from(hc_graph_type(graph, (hc_object_id){object}), classify->module_type)
                       ? object + 1ull
                       : 0;
            break;
        case HC_BY_ID:
        case HC_BY_IDSET:
            *key = object;
            break;
        case HC_BY_PROD:
            *key = hc_producers_of(classify->producers, object);
            break;
        }
    }
    return NULL;
}
