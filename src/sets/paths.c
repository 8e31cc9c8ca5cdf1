// Breadth first, backwards from the targets: seldom is there much behind an object, and often much before it.
#include "sets/paths.h"

#include "base/interrupt.h"

#include <stdlib.h>
#include <string.h>

enum { NO_LENGTH = UINT32_MAX };

struct search {
    const struct hc_path_request *request;
    const struct hc_graph *graph;
    const struct hc_roots *roots; // NULL: from a set
    uint64_t *seen, *marked;      // bitmaps by object number; `marked` is for one column at a time
    struct hc_id_vector order;    // objects by distance from the targets
    struct hc_word_vector levels; // where each distance begins in `order`
    uint64_t length;              // of the shortest paths
    bool is_spare;                // … by roots that heapy has not
    struct hc_paths *paths;
};

static void search_deinit(struct search *search)
{
    free(search->seen);
    free(search->marked);
    hc_id_vector_deinit(&search->order);
    hc_word_vector_deinit(&search->levels);
}

static int compare_edges(const void *a, const void *b)
{
    const struct hc_path_edge *left = a, *right = b;
    if (left->from != right->from)
        return left->from < right->from ? -1 : 1;
    return (left->to > right->to) - (left->to < right->to);
}

void hc_path_edges_seal(struct hc_path_edge_vector *edges)
{
    size_t kept = 0;
    if (edges->count > 1)
        qsort(edges->items, edges->count, sizeof(*edges->items), compare_edges);
    for (size_t i = 0; i < edges->count; i++)
        if (!kept || compare_edges(&edges->items[kept - 1], &edges->items[i]))
            edges->items[kept++] = edges->items[i];
    edges->count = kept;
}

bool hc_path_edges_have(const struct hc_path_edge_vector *edges, uint32_t from, uint32_t to)
{
    const struct hc_path_edge edge = {from, to};
    return edges && edges->count &&
           bsearch(&edge, edges->items, edges->count, sizeof(edge), compare_edges) != NULL;
}

void hc_paths_destroy(struct hc_paths *paths)
{
    if (!paths)
        return;
    free(paths->starts);
    free(paths->counts);
    hc_id_vector_deinit(&paths->objects);
    hc_id_vector_deinit(&paths->edges);
    hc_word_vector_deinit(&paths->column_starts);
    hc_word_vector_deinit(&paths->edge_starts);
    free(paths);
}

static bool test_bit(const uint64_t *bits, uint32_t object)
{
    return bits[object / 64] >> (object % 64) & 1;
}

static void set_bit(uint64_t *bits, uint32_t object)
{
    bits[object / 64] |= 1ull << (object % 64);
}

static void clear_bit(uint64_t *bits, uint32_t object)
{
    bits[object / 64] &= ~(1ull << (object % 64));
}

static bool may_pass(const struct search *search, uint32_t object)
{
    uint8_t state = search->graph->states[object];
    return (search->roots ? state == HC_STATE_REACHABLE : state != HC_STATE_NONE) &&
           !(search->request->avoid_nodes && hc_set_has(search->request->avoid_nodes, object));
}

static struct hc_error *reach(struct search *search, uint32_t object)
{
    set_bit(search->seen, object);
    return hc_id_vector_push(&search->order, object) ? NULL : hc_error_out_of_memory();
}

static struct hc_error *start_at_targets(struct search *search)
{
    const struct hc_set *targets = search->request->targets, *sources = search->request->sources;
    for (uint32_t object = hc_set_next(targets, 0); object < search->graph->count;
         object = hc_set_next(targets, object + 1))
        if (may_pass(search, object) && !(sources && hc_set_has(sources, object)))
            HC_TRY(reach(search, object));
    return NULL;
}

static unsigned root_steps(enum hc_root_rank rank)
{
    return rank == HC_ROOT_FRAME ? 2 : 1;
}

// The length of the shortest path that begins at `object`, `distance` edges from the targets.
static uint64_t length_from(const struct search *search, uint32_t object, uint64_t distance, bool spare)
{
    if (!search->roots)
        return hc_set_has(search->request->sources, object) ? distance : NO_LENGTH;
    size_t count;
    const struct hc_root_link *links = hc_roots_of(search->roots, object, &count);
    if (!count || hc_path_edges_have(search->request->avoid_edges, HC_PATH_ROOT, object))
        return NO_LENGTH;
    uint64_t length = NO_LENGTH;
    for (size_t i = 0; i < count; i++)
        if ((links[i].rank == HC_ROOT_SPARE) == spare && distance + root_steps(links[i].rank) < length)
            length = distance + root_steps(links[i].rank);
    return length;
}

static struct hc_error *reach_referrers(struct search *search, uint32_t object)
{
    const struct hc_graph *graph = search->graph;
    for (uint32_t i = graph->referrer_starts[object]; i < graph->referrer_starts[object + 1]; i++) {
        uint32_t referrer = graph->referrers[i];
        if (!test_bit(search->seen, referrer) && may_pass(search, referrer) &&
            !hc_path_edges_have(search->request->avoid_edges, referrer, object))
            HC_TRY(reach(search, referrer));
    }
    return NULL;
}

// Level by level, until none that follows could begin a path as short as the shortest.
static struct hc_error *search_back(struct search *search)
{
    uint64_t lengths[2] = {NO_LENGTH, NO_LENGTH}; // by heapy's roots, by others
    size_t done = 0, end;
    for (uint64_t distance = 0; done < (end = search->order.count) && lengths[0] > distance; distance++) {
        if (!hc_word_vector_push(&search->levels, done))
            return hc_error_out_of_memory();
        for (size_t i = done; i < end; i++)
            for (unsigned spare = 0; spare < 2; spare++) {
                uint64_t length = length_from(search, search->order.items[i], distance, spare);
                lengths[spare] = length < lengths[spare] ? length : lengths[spare];
            }
        if (lengths[0] <= distance + 1)
            done = end;
        for (; done < end; done++) {
            if (done % HC_INTERRUPT_STRIDE == 0)
                HC_TRY(hc_interrupt_check());
            HC_TRY(reach_referrers(search, search->order.items[done]));
        }
        if (lengths[0] <= distance + 1)
            break;
    }
    search->is_spare = lengths[0] == NO_LENGTH;
    search->length = lengths[search->is_spare];
    return hc_word_vector_push(&search->levels, done) ? NULL : hc_error_out_of_memory();
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void sort_unique(uint32_t *items, size_t *count)
{
    size_t kept = 0;
    if (*count > 1)
        qsort(items, *count, sizeof(*items), compare_numbers);
    for (size_t i = 0; i < *count; i++)
        if (!kept || items[kept - 1] != items[i])
            items[kept++] = items[i];
    *count = kept;
}

// The referents of `object` that are in the marked column, added to `ret` in order, none twice.
static struct hc_error *next_objects(const struct search *search, uint32_t object, struct hc_id_vector *ret)
{
    const struct hc_graph *graph = search->graph;
    size_t first = ret->count;
    for (uint32_t edge = graph->edge_starts[object]; edge < graph->edge_starts[object + 1]; edge++) {
        uint32_t next = graph->edges[edge];
        if (test_bit(search->marked, next) &&
            !hc_path_edges_have(search->request->avoid_edges, object, next) && !hc_id_vector_push(ret, next))
            return hc_error_out_of_memory();
    }
    size_t added = ret->count - first;
    if (added)
        sort_unique(ret->items + first, &added);
    ret->count = first + added;
    return NULL;
}

static uint32_t node_of(const struct hc_paths *paths, size_t column_start, uint32_t object)
{
    const uint32_t *found = bsearch(&object, paths->objects.items + column_start,
                                    paths->objects.count - column_start, sizeof(object), compare_numbers);
    return (uint32_t)(found - paths->objects.items);
}

// Adds the column of what is `distance` from the targets: what the column before leads to, and where paths
// begin.
static struct hc_error *add_column(struct search *search, uint64_t distance, size_t previous)
{
    struct hc_paths *paths = search->paths;
    size_t column_start = paths->objects.count, edge_start = paths->edges.count;
    const uint32_t *level = search->order.items + search->levels.items[distance];
    size_t level_count = search->levels.items[distance + 1] - search->levels.items[distance];
    _cleanup_(hc_id_vector_deinit) struct hc_id_vector column = {0};
    for (size_t i = 0; i < level_count; i++) {
        set_bit(search->marked, level[i]);
        if (length_from(search, level[i], distance, search->is_spare) <= search->length &&
            !hc_id_vector_push(&column, level[i]))
            return hc_error_out_of_memory();
    }
    for (size_t node = previous; node < column_start; node++) {
        HC_TRY(next_objects(search, paths->objects.items[node], &paths->edges));
        if (!hc_word_vector_push(&paths->edge_starts, paths->edges.count))
            return hc_error_out_of_memory();
    }
    for (size_t i = 0; i < level_count; i++)
        clear_bit(search->marked, level[i]);
    for (size_t i = edge_start; i < paths->edges.count; i++)
        if (!hc_id_vector_push(&column, paths->edges.items[i]))
            return hc_error_out_of_memory();
    sort_unique(column.items, &column.count);
    if (!hc_id_vector_reserve(&paths->objects, column_start + column.count) ||
        !hc_word_vector_push(&paths->column_starts, column_start))
        return hc_error_out_of_memory();
    if (column.count)
        memcpy(paths->objects.items + column_start, column.items, column.count * sizeof(*column.items));
    paths->objects.count += column.count;
    for (size_t i = edge_start; i < paths->edges.count; i++)
        paths->edges.items[i] = node_of(paths, column_start, paths->edges.items[i]);
    return NULL;
}

static struct hc_error *add_columns(struct search *search)
{
    struct hc_paths *paths = search->paths;
    uint64_t distance = search->length - (search->roots ? 1 : 0);
    size_t previous = 0;
    if (!hc_word_vector_push(&paths->edge_starts, 0))
        return hc_error_out_of_memory();
    // By frames' variables alone: the first column would be empty.
    if (distance + 1 >= search->levels.count)
        distance = search->levels.count - 2;
    for (uint64_t i = distance + 1; i-- > 0;) {
        size_t column_start = paths->objects.count;
        if (i % 1024 == 0)
            HC_TRY(hc_interrupt_check());
        HC_TRY(add_column(search, i, previous));
        previous = column_start;
    }
    for (size_t node = previous; node < paths->objects.count; node++)
        if (!hc_word_vector_push(&paths->edge_starts, paths->edges.count))
            return hc_error_out_of_memory();
    return hc_word_vector_push(&paths->column_starts, paths->objects.count) ? NULL : hc_error_out_of_memory();
}

static int by_name(const void *a, const void *b)
{
    const struct hc_path_start *left = a, *right = b;
    int order = strcmp(left->link->link.name, right->link->link.name);
    return order ? order : (left->node > right->node) - (left->node < right->node);
}

static int by_size(const void *a, const void *b, void *argument)
{
    const struct hc_paths *paths = argument;
    const struct hc_path_start *left = a, *right = b;
    const struct hc_graph *graph = paths->universe->graph;
    uint64_t left_size = hc_graph_size(graph, (hc_object_id){paths->objects.items[left->node]});
    uint64_t right_size = hc_graph_size(graph, (hc_object_id){paths->objects.items[right->node]});
    if (left_size != right_size)
        return left_size > right_size ? -1 : 1;
    return (left->node > right->node) - (left->node < right->node);
}

HC_DEFINE_VECTOR(start_vector, struct hc_path_start)

static struct hc_error *add_root_starts(const struct search *search, uint32_t node, uint64_t distance,
                                        struct start_vector *ret)
{
    size_t count;
    uint32_t object = search->paths->objects.items[node];
    const struct hc_root_link *links = hc_roots_of(search->roots, object, &count);
    if (hc_path_edges_have(search->request->avoid_edges, HC_PATH_ROOT, object))
        return NULL;
    for (size_t i = 0; i < count; i++)
        if ((links[i].rank == HC_ROOT_SPARE) == search->is_spare &&
            distance + root_steps(links[i].rank) == search->length &&
            !start_vector_push(ret, (struct hc_path_start){node, &links[i]}))
            return hc_error_out_of_memory();
    return NULL;
}

static struct hc_error *add_starts(struct search *search)
{
    struct hc_paths *paths = search->paths;
    _cleanup_(start_vector_deinit) struct start_vector starts = {0};
    size_t columns = paths->column_starts.count - 1;
    for (size_t column = 0; column < columns && column < (search->roots ? 2 : 1); column++)
        for (uint64_t node = paths->column_starts.items[column];
             node < paths->column_starts.items[column + 1]; node++) {
            if (search->roots)
                HC_TRY(add_root_starts(search, (uint32_t)node, columns - 1 - column, &starts));
            else if (!start_vector_push(&starts, (struct hc_path_start){(uint32_t)node, NULL}))
                return hc_error_out_of_memory();
        }
    if (starts.count > 1) {
        if (search->roots)
            qsort(starts.items, starts.count, sizeof(*starts.items), by_name);
        else
            qsort_r(starts.items, starts.count, sizeof(*starts.items), by_size, paths);
    }
    paths->start_count = starts.count;
    paths->starts = hc_take(starts.items);
    return NULL;
}

struct hc_error *hc_paths_find(const struct hc_path_request *request, struct hc_paths **ret)
{
    struct hc_universe *universe = request->universe;
    size_t words = universe->graph->count / 64 + 1;
    _cleanup_(hc_paths_destroyp) struct hc_paths *paths = calloc(1, sizeof(*paths));
    _cleanup_(search_deinit) struct search search = {
        .request = request,
        .graph = universe->graph,
        .seen = calloc(words, sizeof(uint64_t)),
        .marked = calloc(words, sizeof(uint64_t)),
        .paths = paths,
    };
    if (!paths || !search.seen || !search.marked)
        return hc_error_out_of_memory();
    paths->universe = universe;
    paths->from_roots = !request->sources;
    if (paths->from_roots)
        HC_TRY(hc_universe_roots(universe, &search.roots));
    HC_TRY(hc_graph_find_referrers(universe->graph, universe->threads));
    HC_TRY(start_at_targets(&search));
    HC_TRY(search_back(&search));
    if (search.length != NO_LENGTH) {
        paths->length = search.length;
        HC_TRY(add_columns(&search));
        HC_TRY(add_starts(&search));
    }
    *ret = hc_take(paths);
    return NULL;
}

// The nodes `index` edges from the start: from `*ret_first` to before `*ret_end`.
static bool find_column(const struct hc_paths *paths, uint64_t index, size_t *ret_first, size_t *ret_end)
{
    size_t columns = paths->column_starts.count ? paths->column_starts.count - 1 : 0;
    uint64_t distance = paths->length - index; // from the targets
    if (index > paths->length || distance >= columns)
        return false;
    *ret_first = paths->column_starts.items[columns - 1 - distance];
    *ret_end = paths->column_starts.items[columns - distance];
    return true;
}

static struct hc_error *add_root_edges(const struct hc_paths *paths, struct hc_path_edge_vector *edges)
{
    for (size_t i = 0; i < paths->start_count; i++) {
        struct hc_path_edge edge = {HC_PATH_ROOT, paths->objects.items[paths->starts[i].node]};
        if (!hc_path_edge_vector_push(edges, edge))
            return hc_error_out_of_memory();
    }
    return NULL;
}

struct hc_error *hc_paths_edges_at(const struct hc_paths *paths, uint64_t index,
                                   struct hc_path_edge_vector *edges, bool *ret_found)
{
    size_t first, end;
    *ret_found = paths->start_count && index < paths->length;
    if (!*ret_found)
        return NULL;
    if (paths->from_roots && index == 0)
        return add_root_edges(paths, edges);
    for (size_t i = 0; paths->from_roots && index == 1 && i < paths->start_count; i++)
        if (paths->starts[i].link->rank == HC_ROOT_FRAME &&
            !hc_path_edge_vector_push(
                edges, (struct hc_path_edge){HC_PATH_ROOT, paths->objects.items[paths->starts[i].node]}))
            return hc_error_out_of_memory();
    if (!find_column(paths, index, &first, &end))
        return NULL;
    for (size_t node = first; node < end; node++)
        for (uint64_t i = paths->edge_starts.items[node]; i < paths->edge_starts.items[node + 1]; i++) {
            struct hc_path_edge edge = {paths->objects.items[node],
                                        paths->objects.items[paths->edges.items[i]]};
            if (!hc_path_edge_vector_push(edges, edge))
                return hc_error_out_of_memory();
        }
    return NULL;
}

struct hc_error *hc_paths_column(const struct hc_paths *paths, uint64_t index, struct hc_set **ret)
{
    size_t first, end;
    struct hc_set *set = hc_set_create(paths->universe);
    if (!set)
        return hc_error_out_of_memory();
    if (find_column(paths, index, &first, &end))
        for (size_t node = first; node < end; node++)
            hc_set_put(set, paths->objects.items[node]);
    hc_set_seal(set);
    *ret = set;
    return NULL;
}
