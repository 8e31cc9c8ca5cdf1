#include "sets/partition.h"

#include "base/interrupt.h"

#include <stdlib.h>
#include <string.h>

void hc_partition_deinit(struct hc_partition *partition)
{
    for (size_t i = 0; i < partition->row_count; i++)
        free(partition->rows[i].name);
    free(partition->rows);
    free(partition->kind_header);
    *partition = (struct hc_partition){0};
}

const char *hc_partition_name(struct hc_partition *partition, size_t index)
{
    struct hc_partition_row *row = &partition->rows[index];
    if (!row->name && partition->universe)
        row->name = hc_class_name(partition->universe, &partition->classifier, &row->class);
    return row->name;
}

static int by_size(const void *a, const void *b, void *argument)
{
    struct hc_partition *partition = argument;
    const struct hc_partition_row *left = a, *right = b;
    if (left->size != right->size)
        return left->size < right->size ? 1 : -1;
    // A row moves while it is sorted, so that its name is made where it stands.
    struct hc_partition_row *const rows[] = {(struct hc_partition_row *)a, (struct hc_partition_row *)b};
    for (size_t i = 0; i < 2; i++)
        if (!rows[i]->name)
            rows[i]->name = hc_class_name(partition->universe, &partition->classifier, &rows[i]->class);
    // The bytes of UTF-8 sort as its code points do.
    return left->name && right->name ? strcmp(left->name, right->name) : 0;
}

static struct hc_error *finish(struct hc_partition *partition, struct hc_universe *universe,
                               const struct hc_classifier *classifier)
{
    partition->universe = universe;
    partition->classifier = *classifier;
    partition->kind_header = hc_classifier_header(universe, classifier);
    if (!partition->kind_header)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < partition->row_count; i++) {
        partition->count += partition->rows[i].count;
        partition->size += partition->rows[i].size;
    }
    if (partition->row_count)
        qsort_r(partition->rows, partition->row_count, sizeof(*partition->rows), by_size, partition);
    return NULL;
}

struct total {
    uint64_t count, size;
};

// One pass over all objects: the reachable ones by kind, the others by state.
static void add_up(const struct hc_universe *universe, struct total *kinds, struct hc_state_totals *states)
{
    const struct hc_graph *graph = universe->graph;
    for (uint32_t object = 0; object < graph->count; object++) {
        uint8_t state = graph->states[object];
        uint64_t size = graph->sizes[object];
        if (size == HC_LARGE)
            size = hc_graph_size(graph, (hc_object_id){object});
        if (state == HC_STATE_REACHABLE) {
            struct total *total = &kinds[hc_universe_kind(universe, object)];
            total->count++;
            total->size += size;
        } else {
            states->count[state]++;
            states->size[state] += size;
        }
    }
}

static struct hc_error *make_rows(const struct total *totals, size_t count, struct hc_partition *partition)
{
    size_t used = 0;
    for (size_t kind = 0; kind < count; kind++)
        used += totals[kind].count > 0;
    partition->rows = calloc(used + 1, sizeof(*partition->rows));
    if (!partition->rows)
        return hc_error_out_of_memory();
    for (size_t kind = 0; kind < count; kind++)
        if (totals[kind].count)
            partition->rows[partition->row_count++] = (struct hc_partition_row){
                .count = totals[kind].count, .size = totals[kind].size, .class.keys = {kind}};
    return NULL;
}

static struct hc_error *partition_heap(struct hc_universe *universe, struct hc_partition *partition,
                                       struct hc_state_totals *states)
{
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    size_t kinds = 2 * (size_t)universe->type_count;
    _cleanup_(hc_freep) struct total *totals = calloc(kinds + 1, sizeof(*totals));
    if (!totals)
        return hc_error_out_of_memory();
    add_up(universe, totals, states);
    HC_TRY(make_rows(totals, kinds, partition));
    HC_TRY(finish(partition, universe, &clodo));
    for (size_t i = 0; i < partition->row_count; i++)
        if (!hc_partition_name(partition, i))
            return hc_error_out_of_memory();
    partition->universe = NULL;
    return NULL;
}

struct hc_error *hc_partition_heap(struct hc_graph *graph, struct hc_partition *ret,
                                   struct hc_state_totals *ret_totals)
{
    _cleanup_(hc_universe_deinit) struct hc_universe universe = {0};
    _cleanup_(hc_partition_deinit) struct hc_partition partition = {0};
    struct hc_state_totals states = {0};
    HC_TRY(hc_universe_init(&universe, graph, 1));
    HC_TRY(partition_heap(&universe, &partition, &states));
    states.count[HC_STATE_REACHABLE] = partition.count;
    states.size[HC_STATE_REACHABLE] = partition.size;
    if (ret_totals)
        *ret_totals = states;
    *ret = partition;
    partition = (struct hc_partition){0};
    return NULL;
}

// Class → row, open addressing.
struct row_index {
    struct hc_partition *partition;
    size_t row_capacity;
    uint32_t *buckets; // row + 1
    size_t bucket_count;
    unsigned parts;
};

static size_t find_bucket(const struct row_index *index, const struct hc_class *class)
{
    uint64_t hash = 0;
    for (unsigned i = 0; i < index->parts; i++)
        hash = (hash ^ class->keys[i]) * 0x9e3779b97f4a7c15u;
    size_t mask = index->bucket_count - 1;
    size_t bucket = (hash >> 20) & mask;
    while (index->buckets[bucket] &&
           !hc_class_equal(&index->partition->rows[index->buckets[bucket] - 1].class, class, index->parts))
        bucket = (bucket + 1) & mask;
    return bucket;
}

// For one row more than there are, at least: a search ends at an empty bucket.
static bool grow_buckets(struct row_index *index)
{
    size_t grown = index->bucket_count ? index->bucket_count * 2 : 1024;
    while (grown <= index->partition->row_count * 2)
        grown *= 2;
    uint32_t *buckets = calloc(grown, sizeof(*buckets));
    if (!buckets)
        return false;
    free(index->buckets);
    index->buckets = buckets;
    index->bucket_count = grown;
    for (size_t i = 0; i < index->partition->row_count; i++)
        buckets[find_bucket(index, &index->partition->rows[i].class)] = (uint32_t)i + 1;
    return true;
}

static struct hc_partition_row *find_row(struct row_index *index, const struct hc_class *class)
{
    struct hc_partition *partition = index->partition;
    if (partition->row_count * 2 >= index->bucket_count && !grow_buckets(index))
        return NULL;
    size_t bucket = find_bucket(index, class);
    if (!index->buckets[bucket]) {
        if (!hc_vector_grow((void **)&partition->rows, &index->row_capacity, partition->row_count + 1,
                            sizeof(*partition->rows)))
            return NULL;
        partition->rows[partition->row_count++] = (struct hc_partition_row){.class = *class};
        index->buckets[bucket] = (uint32_t)partition->row_count;
    }
    return &partition->rows[index->buckets[bucket] - 1];
}

static struct hc_error *divide(const struct hc_set *set, struct hc_classify *classify,
                               struct row_index *index)
{
    const struct hc_graph *graph = set->universe->graph;
    struct hc_class class = {{0}}, last;
    struct hc_partition_row *row = NULL;
    uint32_t steps = 0;
    for (uint32_t object = hc_set_next(set, 0); object < graph->count;
         object = hc_set_next(set, object + 1)) {
        if (++steps % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        HC_TRY(hc_classify_object(classify, object, &class));
        if (!row || !hc_class_equal(&class, &last, index->parts))
            row = find_row(index, &class);
        if (!row)
            return hc_error_out_of_memory();
        last = class;
        row->count++;
        row->size += hc_graph_size(graph, (hc_object_id){object});
    }
    return NULL;
}

struct hc_error *hc_partition_set(const struct hc_set *set, const struct hc_classifier *classifier,
                                  struct hc_partition *ret)
{
    _cleanup_(hc_classify_deinit) struct hc_classify classify = {0};
    HC_TRY(hc_classify_init(&classify, set->universe, classifier, set));
    _cleanup_(hc_partition_deinit) struct hc_partition partition = {0};
    struct row_index index = {.partition = &partition, .parts = classifier->count};
    struct hc_error *error = divide(set, &classify, &index);
    free(index.buckets);
    HC_TRY(error);
    HC_TRY(finish(&partition, set->universe, classifier));
    *ret = partition;
    partition = (struct hc_partition){0};
    return NULL;
}

struct hc_error *hc_partition_rows(struct hc_partition *partition, const struct hc_set *set, size_t first,
                                   size_t end, struct hc_set **ret)
{
    struct hc_partition some = {.rows = partition->rows + first, .row_count = end - first};
    struct row_index index = {.partition = &some, .parts = partition->classifier.count};
    _cleanup_(hc_classify_deinit) struct hc_classify classify = {0};
    _cleanup_(hc_set_releasep) struct hc_set *found = hc_set_create(set->universe);
    if (!found)
        return hc_error_out_of_memory();
    HC_TRY(hc_classify_init(&classify, set->universe, &partition->classifier, set));
    if (!grow_buckets(&index))
        return hc_error_out_of_memory();
    struct hc_error *error = NULL;
    uint32_t count = set->universe->graph->count, steps = 0;
    for (uint32_t object = hc_set_next(set, 0); object < count && !error;
         object = hc_set_next(set, object + 1)) {
        struct hc_class class;
        if (++steps % HC_INTERRUPT_STRIDE == 0)
            error = hc_interrupt_check();
        if (!error)
            error = hc_classify_object(&classify, object, &class);
        if (!error && index.buckets[find_bucket(&index, &class)])
            hc_set_put(found, object);
    }
    free(index.buckets);
    HC_TRY(error);
    hc_set_seal(found);
    *ret = hc_take(found);
    return NULL;
}
