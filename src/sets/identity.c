#include "sets/identity.h"

#include "base/interrupt.h"
#include "sets/brief.h"
#include "sets/classifier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

HC_DEFINE_VECTOR(cluster_vector, struct hc_identity_cluster)

void hc_identity_destroy(struct hc_identity *identity)
{
    if (!identity)
        return;
    free(identity->order);
    free(identity->clusters);
    free(identity->kind_name);
    free(identity->header);
    free(identity);
}

static int larger_first(const void *a, const void *b, void *argument)
{
    const struct hc_graph *graph = argument;
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    uint64_t left_size = hc_graph_size(graph, (hc_object_id){left});
    uint64_t right_size = hc_graph_size(graph, (hc_object_id){right});
    if (left_size != right_size)
        return left_size < right_size ? 1 : -1;
    return (left > right) - (left < right);
}

// Counting sort; sizes that are not in the table of small ones come first, and are compared.
static struct hc_error *sort_by_size(struct hc_identity *identity, const struct hc_set *set)
{
    const struct hc_graph *graph = set->universe->graph;
    _cleanup_(hc_freep) size_t *starts = calloc(HC_LARGE + 2, sizeof(*starts));
    identity->order = malloc((identity->count + 1) * sizeof(*identity->order));
    if (!starts || !identity->order)
        return hc_error_out_of_memory();
    for (uint32_t i = hc_set_next(set, 0); i < graph->count; i = hc_set_next(set, i + 1))
        starts[HC_LARGE - graph->sizes[i] + 1]++;
    size_t large = starts[1];
    for (size_t i = 1; i <= HC_LARGE; i++)
        starts[i] += starts[i - 1];
    for (uint32_t i = hc_set_next(set, 0); i < graph->count; i = hc_set_next(set, i + 1))
        identity->order[starts[HC_LARGE - graph->sizes[i]]++] = i;
    if (large > 1)
        qsort_r(identity->order, large, sizeof(*identity->order), larger_first, (void *)graph);
    return hc_interrupt_check();
}

static struct hc_error *find_clusters(struct hc_identity *identity)
{
    struct cluster_vector clusters = {0};
    for (size_t i = 0; i < identity->count; i++) {
        uint64_t size = hc_graph_size(identity->universe->graph, (hc_object_id){identity->order[i]});
        identity->size += size;
        if (clusters.count && clusters.items[clusters.count - 1].size == size) {
            clusters.items[clusters.count - 1].end = i + 1;
        } else if (!cluster_vector_push(&clusters, (struct hc_identity_cluster){i, i + 1, size, false})) {
            cluster_vector_deinit(&clusters);
            return hc_error_out_of_memory();
        }
    }
    identity->clusters = clusters.items;
    identity->cluster_count = clusters.count;
    return NULL;
}

static struct hc_error *find_kind(struct hc_identity *identity, const struct hc_set *set)
{
    struct hc_universe *universe = set->universe;
    uint32_t first = hc_set_next(set, 0);
    uint32_t kind = identity->count ? hc_universe_kind(universe, first) : 0;
    for (uint32_t i = first; i < universe->graph->count && !identity->is_mixed; i = hc_set_next(set, i + 1))
        identity->is_mixed = hc_universe_kind(universe, i) != kind;
    if (identity->look == HC_IDENTITY_SETS) {
        identity->kind_name = strdup("mixed");
        identity->header = strdup("by identity set");
    } else if (identity->is_mixed || !identity->count) {
        identity->kind_name = strdup("mixed");
        identity->header = strdup("Brief");
    } else {
        identity->kind_name = hc_universe_kind_name(universe, kind);
        HC_TRY(hc_universe_rendering_header(universe, kind, &identity->header));
    }
    return identity->kind_name && identity->header ? NULL : hc_error_out_of_memory();
}

struct hc_error *hc_identity_create(const struct hc_set *set, enum hc_identity_look look,
                                    struct hc_identity **ret)
{
    _cleanup_(hc_identity_destroyp) struct hc_identity *identity = calloc(1, sizeof(*identity));
    if (!identity)
        return hc_error_out_of_memory();
    identity->universe = set->universe;
    identity->look = look;
    identity->count = set->count;
    HC_TRY(sort_by_size(identity, set));
    HC_TRY(find_clusters(identity));
    HC_TRY(find_kind(identity, set));
    *ret = hc_take(identity);
    return NULL;
}

// An object of a cluster, and what it is sorted by: its kind's name where there are several, then a number
// that settles most, then text or value, then the address.
struct entry {
    uint32_t object;
    uint32_t rank;
    uint64_t key;
    uint64_t address;
    char *text;
};

struct sorting {
    struct hc_universe *universe;
    enum hc_identity_look look;
    struct hc_tracer *tracer;
    struct entry *entries;
    size_t count;
};

static int by_entry(const void *a, const void *b, void *argument)
{
    const struct sorting *sorting = argument;
    const struct entry *left = a, *right = b;
    if (left->rank != right->rank)
        return left->rank < right->rank ? -1 : 1;
    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    int order = 0;
    if (left->text && right->text)
        order = strcmp(left->text, right->text);
    else if (!left->text && !right->text)
        order = hc_value_compare(sorting->tracer, left->address, right->address);
    return order ? order : (left->address > right->address) - (left->address < right->address);
}

// The first bytes of a text, which sort as the text does.
static uint64_t prefix_key(const char *text)
{
    uint64_t key = 0;
    for (unsigned i = 0; i < sizeof(key) && text[i]; i++)
        key |= (uint64_t)(uint8_t)text[i] << (8 * (sizeof(key) - 1 - i));
    return key;
}

// `<1 str: 'abc'>`
static struct hc_error *name_set(struct hc_universe *universe, uint32_t object, char **ret)
{
    _cleanup_(hc_freep) char *brief = NULL;
    HC_TRY(hc_universe_brief(universe, object, &brief));
    return asprintf(ret, "<1 %s>", brief) < 0 ? hc_error_out_of_memory() : NULL;
}

static struct hc_error *fill_entry(struct sorting *sorting, struct entry *entry)
{
    struct hc_universe *universe = sorting->universe;
    const struct hc_graph *graph = universe->graph;
    hc_object_id object = {entry->object};
    bool is_owned = hc_universe_kind(universe, entry->object) >= universe->type_count;
    entry->address = hc_graph_address(graph, object);
    if (sorting->look == HC_IDENTITY_SETS) {
        HC_TRY(name_set(universe, entry->object, &entry->text));
        entry->key = prefix_key(entry->text);
        return NULL;
    }
    enum hc_summary_style style = hc_summary_style(sorting->tracer, hc_graph_type(graph, object));
    if (!is_owned && (style == HC_SUMMARY_ADDRESS || style == HC_SUMMARY_ADDRESS_LENGTH)) {
        entry->key = entry->address;
        return NULL;
    }
    if (!is_owned && (style == HC_SUMMARY_VALUE || style == HC_SUMMARY_LIMITED)) {
        entry->key = hc_value_sort_key(sorting->tracer, entry->address);
        return NULL;
    }
    HC_TRY(hc_universe_rendering(universe, entry->object, &entry->text));
    entry->key = prefix_key(entry->text);
    return NULL;
}

struct kind_name {
    uint32_t kind;
    char *name;
};

HC_DEFINE_VECTOR(kind_name_vector, struct kind_name)

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct kind_name *)a)->name, ((const struct kind_name *)b)->name);
}

static struct hc_error *collect_names(struct sorting *sorting, uint32_t *ranks,
                                      struct kind_name_vector *names)
{
    for (size_t i = 0; i < sorting->count; i++) {
        uint32_t kind = hc_universe_kind(sorting->universe, sorting->entries[i].object);
        if (ranks[kind])
            continue;
        ranks[kind] = 1;
        char *name = hc_universe_kind_name(sorting->universe, kind);
        if (!name || !kind_name_vector_push(names, (struct kind_name){kind, name})) {
            free(name);
            return hc_error_out_of_memory();
        }
    }
    return NULL;
}

// Numbers kinds as their names sort; those of one name share a number.
static struct hc_error *rank_kinds(struct sorting *sorting)
{
    _cleanup_(hc_freep) uint32_t *ranks =
        calloc(2 * (size_t)sorting->universe->type_count + 1, sizeof(*ranks));
    struct kind_name_vector names = {0};
    struct hc_error *error = ranks ? collect_names(sorting, ranks, &names) : hc_error_out_of_memory();
    if (!error && names.count) {
        uint32_t rank = 1;
        qsort(names.items, names.count, sizeof(*names.items), by_name);
        for (size_t i = 0; i < names.count; i++) {
            rank += i && strcmp(names.items[i - 1].name, names.items[i].name) != 0;
            ranks[names.items[i].kind] = rank;
        }
        for (size_t i = 0; i < sorting->count; i++)
            sorting->entries[i].rank = ranks[hc_universe_kind(sorting->universe, sorting->entries[i].object)];
    }
    for (size_t i = 0; i < names.count; i++)
        free(names.items[i].name);
    kind_name_vector_deinit(&names);
    return error;
}

static struct hc_error *sort_entries(struct sorting *sorting, bool is_mixed)
{
    if (is_mixed)
        HC_TRY(rank_kinds(sorting));
    for (size_t i = 0; i < sorting->count; i++) {
        if (i % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        HC_TRY(fill_entry(sorting, &sorting->entries[i]));
    }
    qsort_r(sorting->entries, sorting->count, sizeof(*sorting->entries), by_entry, sorting);
    return hc_interrupt_check();
}

static struct hc_error *sort_cluster(struct hc_identity *identity, struct hc_identity_cluster *cluster)
{
    struct sorting sorting = {.universe = identity->universe, .count = cluster->end - cluster->first};
    uint32_t *order = identity->order + cluster->first;
    sorting.look = identity->look;
    HC_TRY(hc_universe_tracer(identity->universe, &sorting.tracer));
    sorting.entries = calloc(sorting.count, sizeof(*sorting.entries));
    if (!sorting.entries)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < sorting.count; i++)
        sorting.entries[i].object = order[i];
    struct hc_error *error =
        sort_entries(&sorting, identity->is_mixed && identity->look == HC_IDENTITY_OBJECTS);
    for (size_t i = 0; i < sorting.count; i++) {
        if (!error)
            order[i] = sorting.entries[i].object;
        free(sorting.entries[i].text);
    }
    free(sorting.entries);
    cluster->is_sorted = !error;
    return error;
}

static struct hc_identity_cluster *cluster_of(const struct hc_identity *identity, size_t row)
{
    size_t low = 0, high = identity->cluster_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (identity->clusters[middle].first <= row)
            low = middle;
        else
            high = middle;
    }
    return &identity->clusters[low];
}

struct hc_error *hc_identity_settle(struct hc_identity *identity, size_t first, size_t end)
{
    for (size_t row = first; row < end && row < identity->count;) {
        struct hc_identity_cluster *cluster = cluster_of(identity, row);
        if (!cluster->is_sorted)
            HC_TRY(sort_cluster(identity, cluster));
        row = cluster->end;
    }
    return NULL;
}

uint32_t hc_identity_object(const struct hc_identity *identity, size_t row)
{
    return identity->order[row];
}

struct hc_error *hc_identity_name(struct hc_identity *identity, size_t row, char **ret)
{
    uint32_t object = identity->order[row];
    if (identity->look == HC_IDENTITY_SETS)
        return name_set(identity->universe, object, ret);
    return identity->is_mixed ? hc_universe_brief(identity->universe, object, ret)
                              : hc_universe_rendering(identity->universe, object, ret);
}

uint64_t hc_identity_size(const struct hc_identity *identity, size_t row)
{
    return hc_graph_size(identity->universe->graph, (hc_object_id){identity->order[row]});
}

struct hc_error *hc_identity_rows(struct hc_identity *identity, size_t first, size_t end, struct hc_set **ret)
{
    HC_TRY(hc_identity_settle(identity, first, end));
    _cleanup_(hc_set_releasep) struct hc_set *found = hc_set_create(identity->universe);
    if (!found)
        return hc_error_out_of_memory();
    for (size_t row = first; row < end; row++)
        hc_set_put(found, identity->order[row]);
    hc_set_seal(found);
    *ret = hc_take(found);
    return NULL;
}
