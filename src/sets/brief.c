#include "sets/brief.h"

#include "base/interrupt.h"
#include "sets/classifier.h"
#include "sets/partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct hc_error *join(const char *first, const char *second, char **ret)
{
    char *text;
    if (asprintf(&text, "%s%s", first, second) < 0)
        return hc_error_out_of_memory();
    *ret = text;
    return NULL;
}

// The object that names this one: a dict's owner, or itself.
static uint32_t named_by(const struct hc_universe *universe, uint32_t object)
{
    hc_object_id owner;
    if (universe->is_dict[universe->graph->type_indexes[object]] &&
        hc_graph_dict_owner(universe->graph, (hc_object_id){object}, &owner))
        return owner.i;
    return object;
}

struct hc_error *hc_universe_rendering(struct hc_universe *universe, uint32_t object, char **ret)
{
    hc_object_id named = {named_by(universe, object)};
    struct hc_tracer *tracer;
    HC_TRY(hc_universe_tracer(universe, &tracer));
    uint64_t address = hc_graph_address(universe->graph, named);
    enum hc_summary_style style = hc_summary_style(tracer, hc_graph_type(universe->graph, named));
    const struct hc_type *class = style == HC_SUMMARY_CLASS ? hc_tracer_find_type(tracer, address) : NULL;
    *ret = class ? hc_kind_class_name(class) : hc_value_summary(tracer, address, style);
    return *ret ? NULL : hc_error_out_of_memory();
}

struct hc_error *hc_universe_brief(struct hc_universe *universe, uint32_t object, char **ret)
{
    _cleanup_(hc_freep) char *kind = hc_universe_kind_name(universe, hc_universe_kind(universe, object));
    _cleanup_(hc_freep) char *rendering = NULL, *beginning = NULL;
    if (!kind)
        return hc_error_out_of_memory();
    HC_TRY(hc_universe_rendering(universe, object, &rendering));
    // heapy shortens an owner's name to what follows its last dot.
    const char *dot = named_by(universe, object) != object ? strrchr(rendering, '.') : NULL;
    HC_TRY(join(kind, dot ? ": .." : ": ", &beginning));
    return join(beginning, dot ? dot + 1 : rendering, ret);
}

struct hc_error *hc_universe_rendering_header(struct hc_universe *universe, uint32_t kind, char **ret)
{
    struct hc_tracer *tracer;
    HC_TRY(hc_universe_tracer(universe, &tracer));
    bool is_owned = kind >= universe->type_count;
    const struct hc_type *type =
        universe->graph->types.types.items[is_owned ? kind - universe->type_count : kind];
    return join(is_owned ? "Owner " : "", hc_summary_header(hc_summary_style(tracer, type)), ret);
}

static struct hc_error *values_address(struct hc_universe *universe, struct hc_tracer *tracer, uint32_t dict,
                                       uint64_t *ret)
{
    hc_object_id owner;
    struct hc_object_view view;
    *ret = 0;
    if (!hc_graph_dict_owner(universe->graph, (hc_object_id){dict}, &owner) ||
        !hc_tracer_view(tracer, hc_graph_address(universe->graph, owner), &view))
        return NULL;
    hc_tracer_trace(tracer, &view);
    if (tracer->out_of_memory)
        return hc_error_out_of_memory();
    *ret = tracer->references.values_address;
    return NULL;
}

struct hc_error *hc_universe_address(struct hc_universe *universe, uint32_t object, uint64_t *ret)
{
    struct hc_tracer *tracer;
    if (object < universe->graph->real_count) {
        *ret = hc_graph_address(universe->graph, (hc_object_id){object});
        return NULL;
    }
    HC_TRY(hc_universe_tracer(universe, &tracer));
    return values_address(universe, tracer, object, ret);
}

static struct hc_error *find_virtual_dicts(struct hc_universe *universe, struct hc_address_map *map)
{
    const struct hc_graph *graph = universe->graph;
    struct hc_tracer *tracer;
    HC_TRY(hc_universe_tracer(universe, &tracer));
    for (uint32_t i = graph->real_count; i < graph->count; i++) {
        uint64_t address;
        bool is_new;
        if (i % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        HC_TRY(values_address(universe, tracer, i, &address));
        if (address && !hc_address_map_insert(map, address, i, &is_new))
            return hc_error_out_of_memory();
    }
    return NULL;
}

struct hc_error *hc_universe_find(struct hc_universe *universe, uint64_t address, uint32_t *ret,
                                  bool *ret_found)
{
    const struct hc_graph *graph = universe->graph;
    hc_object_id object;
    *ret_found = hc_graph_find(graph, address, &object) && graph->states[object.i] != HC_STATE_NONE;
    *ret = object.i;
    if (*ret_found || graph->real_count == graph->count)
        return NULL;
    if (!universe->virtual_dicts_known) {
        struct hc_address_map map = {0};
        struct hc_error *error = find_virtual_dicts(universe, &map);
        if (error) {
            hc_address_map_deinit(&map);
            return error;
        }
        universe->virtual_dicts = map;
        universe->virtual_dicts_known = true;
    }
    *ret_found =
        hc_address_map_find(&universe->virtual_dicts, address, ret) && graph->states[*ret] != HC_STATE_NONE;
    return NULL;
}
