// Shortest paths against a plain breadth-first search that follows heapy's algorithm and makes every path.
#include "random_heap.h"

#include "sets/paths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_LINKS = 40, MOST_NODES = MOST_OBJECTS + 1 + MOST_LINKS, MOST_DEPTH = 128, MOST_PATHS = 5000 };

static struct heap heap;

// The plain one: objects, then the root, then a frame for each link of a frame.
static uint32_t successors[MOST_NODES][MOST_EDGES + MOST_LINKS], successor_counts[MOST_NODES];
static unsigned levels[MOST_NODES]; // 0: not reached; sources have 1
static uint32_t found[MOST_PATHS][MOST_DEPTH];
static size_t found_lengths[MOST_PATHS], found_count;
static uint32_t trail[MOST_DEPTH];

static void expect_success(struct hc_error *error)
{
    if (error)
        fail_msg("%s", hc_error_message(error));
}

static uint32_t root_node(void)
{
    return heap.graph.count;
}

static void add_successor(uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < successor_counts[from]; i++)
        if (successors[from][i] == to && from < heap.graph.count)
            return;
    successors[from][successor_counts[from]++] = to;
}

static void lay_out(const struct hc_path_request *request, bool spare)
{
    memset(successor_counts, 0, sizeof(successor_counts));
    for (uint32_t object = 0; object < heap.graph.count; object++)
        for (uint32_t edge = heap.graph.edge_starts[object]; edge < heap.graph.edge_starts[object + 1];
             edge++)
            if (!hc_path_edges_have(request->avoid_edges, object, heap.graph.edges[edge]))
                add_successor(object, heap.graph.edges[edge]);
    for (size_t i = 0; i < heap.universe.roots->count; i++) {
        const struct hc_root_link *link = &heap.universe.roots->links[i];
        uint32_t frame = root_node() + 1 + (uint32_t)i;
        if ((link->rank == HC_ROOT_SPARE) != spare ||
            hc_path_edges_have(request->avoid_edges, HC_PATH_ROOT, link->object))
            continue;
        if (link->rank == HC_ROOT_FRAME) {
            add_successor(root_node(), frame);
            add_successor(frame, link->object);
        } else {
            add_successor(root_node(), link->object);
        }
    }
}

static bool is_forbidden(const struct hc_path_request *request, uint32_t node)
{
    if (node >= heap.graph.count)
        return false;
    uint8_t state = heap.graph.states[node];
    return (request->sources ? state == HC_STATE_NONE : state != HC_STATE_REACHABLE) ||
           (request->avoid_nodes && hc_set_has(request->avoid_nodes, node));
}

static void make_paths(uint32_t node, unsigned depth, unsigned length)
{
    uint32_t objects = 0;
    trail[depth] = node;
    if (depth == length) {
        assert_true(found_count < MOST_PATHS);
        for (unsigned i = 0; i <= depth; i++)
            if (trail[i] < heap.graph.count)
                found[found_count][objects++] = trail[i];
        found_lengths[found_count++] = objects;
        return;
    }
    for (uint32_t i = 0; i < successor_counts[node]; i++)
        if (levels[successors[node][i]] == depth + 2)
            make_paths(successors[node][i], depth + 1, length);
}

// Drops what is no way to a target.
static void prune(const struct hc_path_request *request, unsigned length)
{
    uint32_t count = root_node() + 1 + (uint32_t)heap.universe.roots->count;
    for (unsigned level = length + 1; level > 0; level--)
        for (uint32_t node = 0; node < count; node++) {
            if (levels[node] != level)
                continue;
            bool leads = level == length + 1 && node < heap.graph.count && hc_set_has(request->targets, node);
            for (uint32_t i = 0; i < successor_counts[node] && level <= length; i++)
                leads |= levels[successors[node][i]] == level + 1;
            if (!leads)
                levels[node] = MOST_DEPTH * 2;
        }
}

static void search_plainly(const struct hc_path_request *request, bool spare)
{
    uint32_t count = root_node() + 1 + (uint32_t)heap.universe.roots->count;
    bool hit = false;
    unsigned level = 1;
    found_count = 0;
    lay_out(request, spare);
    memset(levels, 0, sizeof(levels));
    for (uint32_t node = 0; node < count; node++)
        if (request->sources ? node < heap.graph.count && hc_set_has(request->sources, node) &&
                                   !is_forbidden(request, node)
                             : node == root_node())
            levels[node] = 1;
    for (bool grows = true; grows && !hit; level++) {
        grows = false;
        for (uint32_t node = 0; node < count; node++)
            for (uint32_t i = 0; levels[node] == level && i < successor_counts[node]; i++) {
                uint32_t next = successors[node][i];
                if ((levels[next] && levels[next] <= level) || is_forbidden(request, next))
                    continue;
                // A target that is a source is none, even where the source itself is to be avoided.
                levels[next] = level + 1;
                grows = true;
                hit |= next < heap.graph.count && hc_set_has(request->targets, next);
            }
    }
    if (!hit)
        return;
    prune(request, level - 1);
    for (uint32_t node = 0; node < count; node++)
        if (levels[node] == 1)
            make_paths(node, 0, level - 1);
}

static bool take(const struct hc_path_walk *walk, bool *taken)
{
    for (size_t i = 0; i < found_count; i++) {
        bool same = !taken[i] && found_lengths[i] == hc_path_walk_count(walk);
        for (size_t k = 0; k < found_lengths[i] && same; k++)
            same = found[i][k] == hc_path_walk_object(walk, k);
        if (same)
            return taken[i] = true;
    }
    return false;
}

static void expect_same_paths(const struct hc_path_request *request)
{
    _cleanup_(hc_paths_destroyp) struct hc_paths *paths = NULL;
    expect_success(hc_paths_find(request, &paths));
    search_plainly(request, false);
    if (!found_count && !request->sources)
        search_plainly(request, true);
    uint64_t count;
    expect_success(hc_paths_count(paths, &count));
    assert_int_equal(count, found_count);
    bool taken[MOST_PATHS] = {false};
    _cleanup_(hc_path_walk_deinit) struct hc_path_walk walk = {0};
    expect_success(hc_path_walk_init(&walk, paths, 0));
    for (uint64_t i = 0; i < count; i++) {
        assert_false(walk.is_at_end);
        assert_int_equal(walk.index, i);
        assert_true(take(&walk, taken));
        _cleanup_(hc_path_walk_deinit) struct hc_path_walk other = {0};
        expect_success(hc_path_walk_init(&other, paths, i));
        assert_int_equal(hc_path_walk_count(&other), hc_path_walk_count(&walk));
        for (size_t k = 0; k < hc_path_walk_count(&walk); k++)
            assert_int_equal(hc_path_walk_object(&other, k), hc_path_walk_object(&walk, k));
        expect_success(hc_path_walk_next(&walk));
    }
    assert_true(walk.is_at_end);
    _cleanup_(hc_path_walk_deinit) struct hc_path_walk beyond = {0};
    expect_success(hc_path_walk_init(&beyond, paths, count));
    assert_true(beyond.is_at_end);
}

// Links of every rank, in place of what the made-up process would give.
static void make_roots(unsigned count)
{
    struct hc_roots *roots = calloc(1, sizeof(*roots));
    roots->links = calloc(count + 1, sizeof(*roots->links));
    roots->bits = calloc(heap.graph.count / 64 + 1, sizeof(*roots->bits));
    for (uint32_t object = 0; object < heap.graph.count && roots->count < count; object++)
        for (int rank = HC_ROOT_PLAIN; rank <= HC_ROOT_SPARE && roots->count < count; rank++)
            if (below(12) == 0) {
                roots->bits[object / 64] |= 1ull << (object % 64);
                roots->links[roots->count++] = (struct hc_root_link){
                    .object = object, .rank = rank, .link = {.kind = HC_LINK_ROOT, .name = "i0_x"}};
            }
    hc_roots_destroy(heap.universe.roots);
    heap.universe.roots = roots;
}

static struct hc_set *random_set(unsigned one_in)
{
    struct hc_set *set = hc_set_create(&heap.universe);
    assert_non_null(set);
    for (uint32_t object = 0; object < heap.graph.count; object++)
        if (below(one_in) == 0)
            hc_set_put(set, object);
    hc_set_seal(set);
    return set;
}

static void add_random_edges(struct hc_path_edge_vector *edges)
{
    for (unsigned i = below(heap.graph.count); i > 0; i--) {
        uint32_t from = below(heap.graph.count);
        struct hc_path_edge edge = {HC_PATH_ROOT, from};
        uint32_t first = heap.graph.edge_starts[from], end = heap.graph.edge_starts[from + 1];
        if (end > first && below(4))
            edge = (struct hc_path_edge){from, heap.graph.edges[first + below(end - first)]};
        assert_true(hc_path_edge_vector_push(edges, edge));
    }
    hc_path_edges_seal(edges);
}

static void test_paths_in_random_heaps_are_those_of_a_plain_search(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        heap_make_random(&heap);
        make_roots(1 + below(MOST_LINKS - 1));
        _cleanup_(hc_set_releasep) struct hc_set *targets = random_set(1 + below(30));
        _cleanup_(hc_set_releasep) struct hc_set *sources = random_set(1 + below(20));
        _cleanup_(hc_set_releasep) struct hc_set *avoid = random_set(2 + below(20));
        _cleanup_(hc_path_edge_vector_deinit) struct hc_path_edge_vector edges = {0};
        add_random_edges(&edges);
        for (unsigned kind = 0; kind < 8; kind++)
            expect_same_paths(&(struct hc_path_request){.universe = &heap.universe,
                                                        .targets = targets,
                                                        .sources = kind & 1 ? sources : NULL,
                                                        .avoid_nodes = kind & 2 ? avoid : NULL,
                                                        .avoid_edges = kind & 4 ? &edges : NULL});
        heap_deinit(&heap);
    }
}

// Twenty diamonds in a row: 2^20 paths, and 2^100 of a hundred.
static void make_diamonds(unsigned count)
{
    heap_init(&heap);
    uint32_t last = heap_add(&heap, STR, 50, HC_STATE_REACHABLE);
    heap_add_root(&heap, last);
    for (unsigned i = 0; i < count; i++) {
        uint32_t left = heap_add(&heap, STR, 50, HC_STATE_REACHABLE);
        uint32_t right = heap_add(&heap, STR, 50, HC_STATE_REACHABLE);
        uint32_t next = heap_add(&heap, STR, 50, HC_STATE_REACHABLE);
        heap_add_edge(&heap, last, left);
        heap_add_edge(&heap, last, right);
        heap_add_edge(&heap, left, next);
        heap_add_edge(&heap, right, next);
        last = next;
    }
    heap_finish(&heap);
}

static struct hc_paths *paths_to(uint32_t object)
{
    _cleanup_(hc_set_releasep) struct hc_set *targets = hc_set_create(&heap.universe);
    struct hc_paths *paths = NULL;
    hc_set_put(targets, object);
    hc_set_seal(targets);
    expect_success(
        hc_paths_find(&(struct hc_path_request){.universe = &heap.universe, .targets = targets}, &paths));
    return paths;
}

static void test_a_million_paths_are_counted_and_each_can_be_had(void **state)
{
    (void)state;
    make_diamonds(20);
    _cleanup_(hc_paths_destroyp) struct hc_paths *paths = paths_to(60);
    uint64_t count;
    expect_success(hc_paths_count(paths, &count));
    assert_int_equal(count, 1 << 20);
    assert_int_equal(paths->length, 41);
    _cleanup_(hc_path_walk_deinit) struct hc_path_walk walk = {0};
    expect_success(hc_path_walk_init(&walk, paths, 0x5a5a5));
    for (unsigned i = 0; i < 20; i++) // each turn is a bit of the number
        assert_int_equal(hc_path_walk_object(&walk, 2 * i + 1), 3 * i + 1 + (0x5a5a5 >> (19 - i) & 1));
    heap_deinit(&heap);
}

static void test_more_paths_than_can_be_counted_are_told_as_such(void **state)
{
    (void)state;
    make_diamonds(100);
    _cleanup_(hc_paths_destroyp) struct hc_paths *paths = paths_to(300);
    uint64_t count;
    expect_success(hc_paths_count(paths, &count));
    assert_true(count == UINT64_MAX);
    _cleanup_(hc_path_walk_deinit) struct hc_path_walk walk = {0};
    expect_success(hc_path_walk_init(&walk, paths, 1));
    assert_int_equal(hc_path_walk_count(&walk), 201);
    assert_int_equal(hc_path_walk_object(&walk, 199), 299);
    heap_deinit(&heap);
}

static void test_what_no_root_reaches_has_no_path(void **state)
{
    (void)state;
    heap_init(&heap);
    uint32_t holder = heap_add(&heap, STR, 50, HC_STATE_TRACKED);
    uint32_t held = heap_add(&heap, STR, 50, HC_STATE_TRACKED);
    heap_add_edge(&heap, holder, held);
    heap_finish(&heap);
    _cleanup_(hc_paths_destroyp) struct hc_paths *paths = paths_to(held);
    assert_int_equal(paths->start_count, 0);
    heap_deinit(&heap);
}

static void test_the_edges_of_a_place_close_every_path(void **state)
{
    (void)state;
    make_diamonds(3);
    _cleanup_(hc_paths_destroyp) struct hc_paths *paths = paths_to(9);
    for (uint64_t place = 0; place < paths->length; place++) {
        _cleanup_(hc_path_edge_vector_deinit) struct hc_path_edge_vector edges = {0};
        _cleanup_(hc_set_releasep) struct hc_set *targets = NULL;
        _cleanup_(hc_paths_destroyp) struct hc_paths *others = NULL;
        bool is_there;
        expect_success(hc_paths_edges_at(paths, place, &edges, &is_there));
        assert_true(is_there);
        assert_int_equal(edges.count, place == 0 ? 1 : 2);
        hc_path_edges_seal(&edges);
        expect_success(hc_paths_column(paths, paths->length, &targets));
        assert_int_equal(targets->count, 1);
        expect_success(hc_paths_find(
            &(struct hc_path_request){.universe = &heap.universe, .targets = targets, .avoid_edges = &edges},
            &others));
        assert_int_equal(others->start_count, 0);
    }
    heap_deinit(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_in_random_heaps_are_those_of_a_plain_search),
        cmocka_unit_test(test_a_million_paths_are_counted_and_each_can_be_had),
        cmocka_unit_test(test_more_paths_than_can_be_counted_are_told_as_such),
        cmocka_unit_test(test_what_no_root_reaches_has_no_path),
        cmocka_unit_test(test_the_edges_of_a_place_close_every_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
