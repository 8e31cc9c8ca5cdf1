#include "sets/mapped.h"

#include "base/interrupt.h"
#include "python/relate.h"
#include "sets/links.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct map {
    struct hc_universe *universe;
    struct hc_relater relater;
    struct hc_set *found;
    bool has_attribute, has_value;
    uint32_t attribute, value; // numbers of links
    int64_t from_end;          // of an index below 0; else 0
    uint32_t steps;
};

static void map_deinit(struct map *map)
{
    hc_relater_deinit(&map->relater);
    hc_set_release(map->found);
}

static struct hc_error *map_init(struct map *map, const struct hc_set *set)
{
    *map = (struct map){.universe = set->universe, .found = hc_set_create(set->universe)};
    if (!map->found)
        return hc_error_out_of_memory();
    return hc_universe_tracer(set->universe, &map->relater.tracer);
}

static void put(struct map *map, const struct hc_link *link)
{
    const struct hc_graph *graph = map->universe->graph;
    hc_object_id object;
    if (hc_graph_find(graph, link->target, &object) && graph->states[object.i] != HC_STATE_NONE)
        hc_set_put(map->found, object.i);
}

// relater->links = what a real object, or its virtual dict, refers to.
static struct hc_error *relate(struct map *map, uint32_t object)
{
    struct hc_object_view view;
    map->relater.links.count = 0;
    if (hc_tracer_view(map->relater.tracer, hc_graph_address(map->universe->graph, (hc_object_id){object}),
                       &view))
        hc_relate(&map->relater, &view);
    return map->relater.out_of_memory ? hc_error_out_of_memory() : NULL;
}

static struct hc_error *put_wanted(struct map *map, const struct hc_link *link)
{
    bool is_attribute = link->kind == HC_LINK_ATTRIBUTE && map->has_attribute;
    bool is_value =
        (link->kind == HC_LINK_VALUE || (link->kind == HC_LINK_ITEM && !map->from_end)) && map->has_value;
    uint32_t number;
    if (++map->steps % HC_INTERRUPT_STRIDE == 0)
        HC_TRY(hc_interrupt_check());
    if (!is_attribute && !is_value)
        return NULL;
    HC_TRY(hc_universe_intern_link(map->universe, map->relater.tracer, link, &number));
    if ((is_attribute && number == map->attribute) || (is_value && number == map->value))
        put(map, link);
    return NULL;
}

static void put_from_end(struct map *map)
{
    uint64_t length = 0;
    for (size_t i = 0; i < map->relater.links.count; i++) {
        const struct hc_link *link = &map->relater.links.items[i];
        if (link->kind == HC_LINK_ITEM && link->number >= length)
            length = link->number + 1;
    }
    for (size_t i = 0; i < map->relater.links.count && length; i++) {
        const struct hc_link *link = &map->relater.links.items[i];
        if (link->kind == HC_LINK_ITEM && length - link->number == (uint64_t)-map->from_end)
            put(map, link);
    }
}

// The links of the object that are its virtual dict's, or those that are not.
static struct hc_error *put_links(struct map *map, uint32_t object, bool is_virtual)
{
    HC_TRY(relate(map, object));
    for (size_t i = 0; i < map->relater.links.count; i++)
        if (map->relater.links.items[i].is_virtual == is_virtual)
            HC_TRY(put_wanted(map, &map->relater.links.items[i]));
    if (map->from_end && !is_virtual)
        put_from_end(map);
    return NULL;
}

static struct hc_error *finish(struct map *map, struct hc_set **ret)
{
    hc_set_seal(map->found);
    *ret = hc_take(map->found);
    return NULL;
}

static struct hc_error *put_all(struct map *map, const struct hc_set *set)
{
    const struct hc_graph *graph = map->universe->graph;
    for (uint32_t object = hc_set_next(set, 0); object < graph->count;
         object = hc_set_next(set, object + 1)) {
        bool is_virtual = object >= graph->real_count;
        HC_TRY(put_links(map, is_virtual ? graph->virtual_owners[object - graph->real_count] : object,
                         is_virtual));
    }
    return NULL;
}

static struct hc_error *name_value(struct map *map, const char *key)
{
    _cleanup_(hc_freep) char *text = NULL;
    if (asprintf(&text, "[%s]", key) < 0)
        return hc_error_out_of_memory();
    return hc_universe_intern_link_text(map->universe, text, &map->value, &map->has_value);
}

static struct hc_error *name_str(struct map *map, const char *key)
{
    _cleanup_(hc_freep) char *repr = hc_text_repr(key);
    return repr ? name_value(map, repr) : hc_error_out_of_memory();
}

struct hc_error *hc_set_map_attribute(const struct hc_set *set, const char *name, struct hc_set **ret)
{
    _cleanup_(map_deinit) struct map map = {0};
    _cleanup_(hc_set_releasep) struct hc_set *dicts = NULL;
    _cleanup_(hc_freep) char *text = NULL;
    HC_TRY(hc_set_dicts(set, &dicts));
    if (!strcmp(name, "__dict__")) {
        *ret = hc_take(dicts);
        return NULL;
    }
    HC_TRY(map_init(&map, set));
    if (asprintf(&text, ".%s", name) < 0)
        return hc_error_out_of_memory();
    HC_TRY(hc_universe_intern_link_text(map.universe, text, &map.attribute, &map.has_attribute));
    HC_TRY(put_all(&map, set));
    map.has_attribute = false;
    HC_TRY(name_str(&map, name));
    HC_TRY(put_all(&map, dicts));
    return finish(&map, ret);
}

struct hc_error *hc_set_map_key(const struct hc_set *set, const char *key, struct hc_set **ret)
{
    _cleanup_(map_deinit) struct map map = {0};
    HC_TRY(map_init(&map, set));
    HC_TRY(name_str(&map, key));
    HC_TRY(put_all(&map, set));
    return finish(&map, ret);
}

struct hc_error *hc_set_map_index(const struct hc_set *set, int64_t index, struct hc_set **ret)
{
    _cleanup_(map_deinit) struct map map = {0};
    char digits[24];
    HC_TRY(map_init(&map, set));
    snprintf(digits, sizeof(digits), "%" PRId64, index);
    map.from_end = index < 0 ? index : 0;
    HC_TRY(name_value(&map, digits));
    HC_TRY(put_all(&map, set));
    return finish(&map, ret);
}
