#include "graph/audit.h"

#include "base/address_map.h"
#include "graph/audit_parts.h"

#include <stdatomic.h>
#include <stdlib.h>

void hc_audit_deinit(struct hc_audit *audit)
{
    hc_audit_item_vector_deinit(&audit->high);
    hc_audit_item_vector_deinit(&audit->low);
    hc_holder_vector_deinit(&audit->holders);
}

struct hc_audit_item *hc_audit_find(struct hc_audit_item_vector *items, uint32_t object)
{
    size_t low = 0, high = items->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (items->items[middle].object < object)
            low = middle + 1;
        else
            high = middle;
    }
    return low < items->count && items->items[low].object == object ? &items->items[low] : NULL;
}

// What one worker counts beside the edges.
struct HC_ALONE worker {
    struct hc_address_map keys; // keys object → dicts that share it; with OWN_KEYS, a class owns it
    uint32_t *instances;        // by type: instances that own their type though no edge says so
};

// Of one task.
struct HC_ALONE outcome {
    uint64_t agreeing, immortal, fixed;
    struct hc_audit_item_vector high, low;
};

enum { OWN_KEYS = 1u << 31 };

struct count {
    const struct hc_graph *graph;
    struct hc_audit_walk walk;
    struct worker *workers;
    uint8_t *type_references; // enum hc_type_reference, by type
    uint8_t *rules;           // enum hc_count_rule, by type
    uint32_t *type_objects;   // by type
    _Atomic uint32_t *found;  // by object
    struct outcome *outcomes;
};

static void count_deinit(struct count *count)
{
    for (unsigned i = 0; count->workers && i < count->walk.threads; i++) {
        hc_address_map_deinit(&count->workers[i].keys);
        free(count->workers[i].instances);
    }
    for (size_t i = 0; count->outcomes && i < count->walk.task_count; i++) {
        hc_audit_item_vector_deinit(&count->outcomes[i].high);
        hc_audit_item_vector_deinit(&count->outcomes[i].low);
    }
    hc_audit_walk_deinit(&count->walk);
    free(count->workers);
    free(count->type_references);
    free(count->rules);
    free(count->type_objects);
    free(count->found);
    free(count->outcomes);
}

static void add(struct count *count, uint32_t object, uint32_t number)
{
    atomic_fetch_add_explicit(&count->found[object], number, memory_order_relaxed);
}

// The table of interned strings does not count its references, to the key and to the value, which are the
// same str. No root reaches it.
static bool is_intern_table(const struct hc_graph *graph, uint32_t object)
{
    enum { LEAST = 64 };
    uint32_t first = graph->edge_starts[object], size = graph->edge_starts[object + 1] - first;
    if (size < LEAST || size % 2 || graph->states[object] == HC_STATE_REACHABLE ||
        !graph->types.types.items[graph->type_indexes[object]]->is_dict)
        return false;
    for (uint32_t i = 0; i < size / 2; i++)
        if (graph->edges[first + i] != graph->edges[first + size / 2 + i])
            return false;
    return true;
}

static void count_type(struct count *count, struct worker *worker, uint32_t object)
{
    const struct hc_graph *graph = count->graph;
    uint32_t type = graph->type_indexes[object];
    enum hc_type_reference reference = count->type_references[type];
    bool is_found = reference == HC_TYPE_REFERENCE_VISITED || reference == HC_TYPE_REFERENCE_NONE;
    if (reference == HC_TYPE_REFERENCE_EITHER)
        for (uint32_t e = graph->edge_starts[object]; !is_found && e < graph->edge_starts[object + 1]; e++)
            is_found = graph->edges[e] == count->type_objects[type];
    worker->instances[type] += !is_found;
}

static void uncount(void *argument, uint64_t address)
{
    struct count *count = argument;
    hc_object_id object;
    if (address && hc_graph_find(count->graph, address, &object))
        add(count, object.i, UINT32_MAX);
}

static struct hc_error *count_keys(struct count *count, unsigned worker, const struct hc_object_view *object)
{
    bool inserted;
    struct hc_tracer *tracer = &count->walk.tracers[worker];
    uint64_t shared = hc_dict_shared_keys(tracer, object), own = hc_type_own_keys(tracer, object);
    if (!shared && !own)
        return NULL;
    if (shared)
        hc_dict_each_borrowed_value(tracer, object, uncount, count);
    struct hc_address_slot *slot =
        hc_address_map_insert(&count->workers[worker].keys, shared ? shared : own, 0, &inserted);
    if (!slot)
        return hc_error_out_of_memory();
    slot->value = shared ? slot->value + 1 : slot->value | OWN_KEYS;
    return NULL;
}

static void count_frame(struct count *count, struct hc_tracer *tracer, const struct hc_object_view *object)
{
    hc_object_id code;
    hc_frame_each_borrowed(tracer, object, uncount, count);
    if (hc_graph_find(count->graph, hc_frame_hidden_code(tracer, object), &code))
        add(count, code.i, 1);
}

static void count_edges(struct count *count, uint32_t object)
{
    const struct hc_graph *graph = count->graph;
    for (uint32_t e = graph->edge_starts[object]; e < graph->edge_starts[object + 1]; e++)
        add(count, graph->edges[e], 1);
}

static struct hc_error *count_object(void *argument, unsigned worker, size_t task, uint32_t object,
                                     const struct hc_object_view *view)
{
    struct count *count = argument;
    (void)task;
    if (is_intern_table(count->graph, object))
        return NULL;
    count_edges(count, object);
    count_type(count, &count->workers[worker], object);
    switch ((enum hc_count_rule)count->rules[count->graph->type_indexes[object]]) {
    case HC_COUNT_EDGES:
        break;
    case HC_COUNT_KEYS:
        return count_keys(count, worker, view);
    case HC_COUNT_FRAME:
        count_frame(count, &count->walk.tracers[worker], view);
        break;
    }
    return NULL;
}

static void count_virtual_dicts(struct count *count)
{
    for (uint32_t i = count->graph->real_count; i < count->graph->count; i++)
        if (count->graph->states[i] != HC_STATE_NONE)
            count_edges(count, i);
}

static struct hc_error *compare_object(void *argument, unsigned worker, size_t task, uint32_t object,
                                       const struct hc_object_view *view)
{
    struct count *count = argument;
    struct outcome *outcome = &count->outcomes[task];
    const struct hc_runtime *runtime = count->graph->types.runtime;
    uint64_t refcount = hc_tracer_refcount(&count->walk.tracers[worker], view);
    uint32_t found = atomic_load_explicit(&count->found[object], memory_order_relaxed);
    if (found > INT32_MAX) // a damaged heap: more was taken away than had been added
        found = 0;
    if (hc_refcount_is_immortal(runtime, refcount))
        outcome->immortal++;
    else if (object >= count->graph->pool_count && hc_image_find_module(runtime->image, view->address))
        outcome->fixed++;
    else if (refcount == found)
        outcome->agreeing++;
    else if (!hc_audit_item_vector_push(
                 refcount > found ? &outcome->high : &outcome->low,
                 (struct hc_audit_item){.object = object, .refcount = (uint32_t)refcount, .found = found}))
        return hc_error_out_of_memory();
    return NULL;
}

static struct hc_error *prepare_types(struct count *count)
{
    const struct hc_type_table *types = &count->graph->types;
    size_t type_count = types->types.count;
    count->type_references = calloc(type_count + 1, sizeof(*count->type_references));
    count->rules = calloc(type_count + 1, sizeof(*count->rules));
    count->type_objects = calloc(type_count + 1, sizeof(*count->type_objects));
    if (!count->type_references || !count->rules || !count->type_objects)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < type_count; i++) {
        const struct hc_type *type = types->types.items[i];
        hc_object_id object;
        bool is_known = hc_graph_find(count->graph, type->address, &object);
        count->type_references[i] =
            (uint8_t)(is_known ? hc_type_reference_of(types->runtime, type) : HC_TYPE_REFERENCE_NONE);
        count->rules[i] = (uint8_t)hc_count_rule_of(types->runtime, type);
        count->type_objects[i] = is_known ? object.i : 0;
    }
    return NULL;
}

static struct hc_error *prepare(struct count *count, unsigned threads)
{
    HC_TRY(hc_audit_walk_init(&count->walk, count->graph, threads));
    HC_TRY(prepare_types(count));
    count->workers = hc_calloc_alone(count->walk.threads, sizeof(*count->workers));
    count->outcomes = hc_calloc_alone(count->walk.task_count, sizeof(*count->outcomes));
    count->found = calloc(count->graph->count + 1ull, sizeof(*count->found));
    if (!count->workers || !count->outcomes || !count->found)
        return hc_error_out_of_memory();
    for (unsigned i = 0; i < count->walk.threads; i++) {
        count->workers[i].instances = calloc(count->graph->types.types.count + 1, sizeof(uint32_t));
        if (!count->workers[i].instances)
            return hc_error_out_of_memory();
    }
    return NULL;
}

struct names {
    struct count *count;
    uint32_t number; // to take away
};

static void uncount_name(void *argument, uint64_t name)
{
    struct names *names = argument;
    hc_object_id object;
    if (name && hc_graph_find(names->count->graph, name, &object))
        add(names->count, object.i, 0u - names->number);
}

// Each dict that shares keys leads to the names in them, but the keys own these once.
static struct hc_error *correct_keys(struct count *count)
{
    struct hc_address_map *all = &count->workers[0].keys;
    for (unsigned i = 1; i < count->walk.threads; i++)
        for (size_t k = 0; k < count->workers[i].keys.capacity; k++) {
            const struct hc_address_slot *from = &count->workers[i].keys.slots[k];
            bool inserted;
            struct hc_address_slot *to =
                from->address ? hc_address_map_insert(all, from->address, 0, &inserted) : NULL;
            if (from->address && !to)
                return hc_error_out_of_memory();
            if (to)
                to->value += from->value;
        }
    for (size_t i = 0; i < all->capacity; i++) {
        uint32_t dicts = all->slots[i].value & ~OWN_KEYS;
        bool is_owned = all->slots[i].value & OWN_KEYS;
        struct names names = {count, is_owned ? dicts : dicts - 1};
        if (all->slots[i].address && dicts && names.number)
            hc_keys_each_name(&count->walk.tracers[0], all->slots[i].address, uncount_name, &names);
    }
    return NULL;
}

static void correct_types(struct count *count)
{
    for (size_t type = 0; type < count->graph->types.types.count; type++)
        for (unsigned i = 0; i < count->walk.threads; i++)
            if (count->workers[i].instances[type])
                add(count, count->type_objects[type], count->workers[i].instances[type]);
}

static struct hc_error *count_roots(struct count *count, struct hc_owned_root_vector *roots)
{
    HC_TRY(hc_owned_roots_find(count->graph->types.runtime, &count->walk.tracers[0], roots));
    for (size_t i = 0; i < roots->count; i++) {
        hc_object_id object;
        if (roots->items[i].place <= HC_ROOT_IN_LOCALS &&
            hc_graph_find(count->graph, roots->items[i].object, &object))
            add(count, object.i, 1);
    }
    return NULL;
}

static struct hc_error *collect(struct count *count, struct hc_audit *audit)
{
    for (size_t t = 0; t < count->walk.task_count; t++) {
        const struct outcome *outcome = &count->outcomes[t];
        audit->agreeing += outcome->agreeing;
        audit->immortal += outcome->immortal;
        audit->fixed += outcome->fixed;
        for (size_t i = 0; i < outcome->high.count; i++)
            if (!hc_audit_item_vector_push(&audit->high, outcome->high.items[i]))
                return hc_error_out_of_memory();
        for (size_t i = 0; i < outcome->low.count; i++)
            if (!hc_audit_item_vector_push(&audit->low, outcome->low.items[i]))
                return hc_error_out_of_memory();
    }
    return NULL;
}

// Of objects that the collector does not know, their container may visit the type, as functools.lru_cache()'s
// does: it is found twice then.
static void doubt_types(const struct count *count, struct hc_audit *audit)
{
    for (size_t type = 0; type < count->graph->types.types.count; type++) {
        struct hc_audit_item *item = count->graph->types.types.items[type]->is_gc
                                         ? NULL
                                         : hc_audit_find(&audit->low, count->type_objects[type]);
        for (unsigned i = 0; item && i < count->walk.threads; i++)
            item->doubtful += count->workers[i].instances[type];
    }
}

// What may be borrowed makes no count too low.
static void settle_low(struct hc_audit *audit)
{
    size_t kept = 0;
    for (size_t i = 0; i < audit->low.count; i++) {
        const struct hc_audit_item *item = &audit->low.items[i];
        if (item->found > item->doubtful && item->found - item->doubtful > item->refcount)
            audit->low.items[kept++] = *item;
    }
    audit->agreeing += audit->low.count - kept;
    audit->low.count = kept;
}

struct hc_error *hc_audit_run(const struct hc_graph *graph, unsigned threads, struct hc_audit *ret)
{
    _cleanup_(hc_audit_deinit) struct hc_audit audit = {0};
    _cleanup_(hc_owned_root_vector_deinit) struct hc_owned_root_vector roots = {0};
    _cleanup_(count_deinit) struct count count = {.graph = graph};
    HC_TRY(prepare(&count, threads));
    HC_TRY(hc_audit_walk_run(&count.walk, count_object, &count));
    count_virtual_dicts(&count);
    HC_TRY(correct_keys(&count));
    correct_types(&count);
    HC_TRY(count_roots(&count, &roots));
    HC_TRY(hc_audit_walk_run(&count.walk, compare_object, &count));
    HC_TRY(collect(&count, &audit));
    doubt_types(&count, &audit);
    HC_TRY(hc_audit_doubt(&count.walk, &audit.low));
    settle_low(&audit);
    HC_TRY(hc_audit_explain(&count.walk, &roots, &audit));
    *ret = audit;
    audit = (struct hc_audit){0};
    return NULL;
}
