#include "sets/partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Totals of one integer kind: a type's index, or for the dicts of its instances that index + the type count.
struct total {
    uint64_t count, size;
};

static inline uint32_t kind_of(const struct hc_graph *graph, const uint8_t *is_dict, uint32_t type_count,
                               uint32_t object)
{
    uint32_t type = graph->type_indexes[object];
    hc_object_id owner;
    if (!is_dict[type] || !hc_graph_dict_owner(graph, (hc_object_id){object}, &owner))
        return type;
    return type_count + graph->type_indexes[owner.i];
}

// One pass over all objects: the reachable ones by kind, the others by state.
static void add_up(const struct hc_graph *graph, const uint8_t *is_dict, struct total *kinds,
                   struct hc_state_totals *states)
{
    uint32_t type_count = (uint32_t)graph->types.types.count;
    for (uint32_t object = 0; object < graph->count; object++) {
        uint8_t state = graph->states[object];
        uint64_t size = graph->sizes[object];
        if (size == HC_LARGE)
            size = hc_graph_size(graph, (hc_object_id){object});
        if (state == HC_STATE_REACHABLE) {
            struct total *total = &kinds[kind_of(graph, is_dict, type_count, object)];
            total->count++;
            total->size += size;
        } else {
            states->count[state]++;
            states->size[state] += size;
        }
    }
}

static char *kind_name(const struct hc_type *type, bool is_dict_of)
{
    if (!is_dict_of)
        return type->is_dict ? strdup("dict (no owner)") : hc_kind_class_name(type);
    _cleanup_(hc_freep) char *class_name = hc_kind_class_name(type);
    char *name;
    return !class_name || asprintf(&name, "dict of %s", class_name) < 0 ? NULL : name;
}

static struct hc_error *add_row(struct hc_partition *partition, const struct total *total, char *name)
{
    if (!name)
        return hc_error_out_of_memory();
    partition->rows[partition->row_count++] =
        (struct hc_partition_row){.name = name, .count = total->count, .size = total->size};
    partition->count += total->count;
    partition->size += total->size;
    return NULL;
}

static struct hc_error *make_rows(const struct hc_type_vector *types, const struct total *totals,
                                  struct hc_partition *partition)
{
    size_t used = 0;
    for (size_t kind = 0; kind < 2 * types->count; kind++)
        used += totals[kind].count > 0;
    partition->rows = calloc(used + 1, sizeof(*partition->rows));
    if (!partition->rows)
        return hc_error_out_of_memory();
    for (size_t kind = 0; kind < 2 * types->count; kind++) {
        bool is_dict_of = kind >= types->count;
        if (totals[kind].count)
            HC_TRY(add_row(partition, &totals[kind],
                           kind_name(types->items[is_dict_of ? kind - types->count : kind], is_dict_of)));
    }
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    // The bytes of UTF-8 sort as its code points do.
    return strcmp(((const struct hc_partition_row *)a)->name, ((const struct hc_partition_row *)b)->name);
}

static int by_size(const void *a, const void *b)
{
    const struct hc_partition_row *left = a, *right = b;
    return left->size != right->size ? (left->size < right->size ? 1 : -1) : by_name(a, b);
}

struct hc_error *hc_partition_heap(const struct hc_graph *graph, struct hc_partition *ret,
                                   struct hc_state_totals *ret_totals)
{
    const struct hc_type_vector *types = &graph->types.types;
    _cleanup_(hc_freep) struct total *totals = calloc(2 * types->count + 1, sizeof(*totals));
    _cleanup_(hc_freep) uint8_t *is_dict = calloc(types->count + 1, 1);
    if (!totals || !is_dict)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < types->count; i++)
        is_dict[i] = types->items[i]->is_dict;
    struct hc_state_totals states = {0};
    add_up(graph, is_dict, totals, &states);

    _cleanup_(hc_partition_deinit) struct hc_partition partition = {.kind_header =
                                                                        "Kind (class / dict of class)"};
    HC_TRY(make_rows(types, totals, &partition));
    if (partition.row_count)
        qsort(partition.rows, partition.row_count, sizeof(*partition.rows), by_size);
    states.count[HC_STATE_REACHABLE] = partition.count;
    states.size[HC_STATE_REACHABLE] = partition.size;
    if (ret_totals)
        *ret_totals = states;
    *ret = partition;
    partition = (struct hc_partition){0};
    return NULL;
}

void hc_partition_deinit(struct hc_partition *partition)
{
    for (size_t i = 0; i < partition->row_count; i++)
        free(partition->rows[i].name);
    free(partition->rows);
    *partition = (struct hc_partition){0};
}
