// The dominator tree against its plain definition: take an object away, and see what the roots reach no more.
#include "random_heap.h"

#include "graph/dominators.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 400 };

static struct heap heap;
static bool reached[MOST_RANDOM_OBJECTS + 1][MOST_OBJECTS]; // without an object; the last: without none

static void expect_success(struct hc_error *error)
{
    if (error)
        fail_msg("%s", hc_error_message(error));
}

static void flood(uint32_t object, uint32_t without, bool *seen)
{
    if (object == without || seen[object] || heap.graph.states[object] == HC_STATE_NONE)
        return;
    seen[object] = true;
    for (uint32_t edge = heap.graph.edge_starts[object]; edge < heap.graph.edge_starts[object + 1]; edge++)
        flood(heap.graph.edges[edge], without, seen);
}

static void flood_without(uint32_t without, bool *seen)
{
    memset(seen, 0, heap.graph.count * sizeof(*seen));
    for (size_t i = 0; i < heap.graph.roots.count; i++)
        flood(heap.graph.roots.items[i], without, seen);
}

static bool dominates(uint32_t dominator, uint32_t object)
{
    return !reached[dominator][object];
}

// The dominator that all other dominators dominate.
static uint32_t plain_parent(uint32_t object)
{
    uint32_t count = heap.graph.count;
    if (!reached[MOST_RANDOM_OBJECTS][object])
        return HC_DOMINATOR_NONE;
    uint32_t nearest = HC_DOMINATOR_ROOTS;
    for (uint32_t i = 0; i < count; i++)
        if (i != object && reached[MOST_RANDOM_OBJECTS][i] && dominates(i, object) &&
            (nearest == HC_DOMINATOR_ROOTS || dominates(nearest, i)))
            nearest = i;
    return nearest;
}

static uint64_t plain_retained(uint32_t object)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < heap.graph.count; i++)
        if (reached[MOST_RANDOM_OBJECTS][i] && dominates(object, i))
            bytes += hc_graph_size(&heap.graph, (hc_object_id){i});
    return reached[MOST_RANDOM_OBJECTS][object] ? bytes : 0;
}

// References from what is still reached when the object is not.
static unsigned plain_holders(uint32_t object)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < heap.graph.count; i++)
        for (uint32_t edge = heap.graph.edge_starts[i]; edge < heap.graph.edge_starts[i + 1]; edge++)
            count += heap.graph.edges[edge] == object && reached[object][i];
    return count < 2 ? count : 2;
}

static void check_children(uint32_t parent)
{
    uint32_t count, expected = 0;
    const uint32_t *children = hc_dominators_children(heap.graph.dominators, parent, &count);
    for (uint32_t i = 0; i < heap.graph.count; i++)
        if (heap.graph.dominators->parents[i] == parent) {
            assert_true(expected < count);
            assert_int_equal(children[expected++], i);
        }
    assert_int_equal(count, expected);
}

static void check_tree(void)
{
    const struct hc_dominators *dominators;
    expect_success(hc_graph_find_dominated(&heap.graph));
    dominators = heap.graph.dominators;
    for (uint32_t i = 0; i < heap.graph.count; i++)
        flood_without(i, reached[i]);
    flood_without(UINT32_MAX, reached[MOST_RANDOM_OBJECTS]);
    for (uint32_t i = 0; i < heap.graph.count; i++) {
        assert_int_equal(dominators->parents[i], plain_parent(i));
        assert_int_equal(hc_graph_retained(&heap.graph, (hc_object_id){i}), plain_retained(i));
        if (reached[MOST_RANDOM_OBJECTS][i])
            assert_int_equal(hc_dominators_holders(dominators, i), plain_holders(i));
        check_children(i);
    }
    check_children(HC_DOMINATOR_ROOTS);
}

static void test_the_tree_is_what_taking_objects_away_shows(void **state)
{
    (void)state;
    srand(6);
    for (int round = 0; round < ROUNDS; round++) {
        heap_make_random(&heap);
        check_tree();
        heap_deinit(&heap);
    }
}

// Most objects have one referrer, as in real heaps: a tree, some of whose objects refer across and back.
static void test_the_tree_is_right_where_few_objects_are_referred_to_twice(void **state)
{
    (void)state;
    srand(8);
    for (int round = 0; round < ROUNDS; round++) {
        heap_init(&heap);
        uint32_t count = 2 + below(70), roots = 1 + below(3), across = below(12), near = 1 + below(8);
        for (uint32_t i = 0; i < count; i++)
            heap_add(&heap, BASE, 16, HC_STATE_REACHABLE);
        for (uint32_t i = 0; i < roots; i++)
            heap_add_root(&heap, i ? below(count) : 0);
        for (uint32_t i = 1; i < count; i++) {
            uint32_t parent = i - 1 - below(i < near ? i : near);
            // Nobody has come after the one before.
            heap_add_edge(&heap, heap.out_counts[parent] < MOST_EDGES - 2 ? parent : i - 1, i);
        }
        for (; across; across--) {
            uint32_t from = below(count);
            if (heap.out_counts[from] < MOST_EDGES)
                heap_add_edge(&heap, from, below(count));
        }
        heap_finish(&heap);
        check_tree();
        heap_deinit(&heap);
    }
}

static void test_retained_of_one_is_the_size_of_its_dominos(void **state)
{
    (void)state;
    srand(7);
    for (int round = 0; round < ROUNDS; round++) {
        heap_make_random(&heap);
        expect_success(hc_graph_find_dominators(&heap.graph));
        for (uint32_t i = 0; i < heap.graph.count; i++) {
            _cleanup_(hc_set_releasep) struct hc_set *set = hc_set_create(&heap.universe), *dominos = NULL;
            if (heap.graph.states[i] != HC_STATE_REACHABLE)
                continue;
            hc_set_put(set, i);
            hc_set_seal(set);
            expect_success(hc_set_dominos(set, &dominos));
            assert_int_equal(hc_graph_retained(&heap.graph, (hc_object_id){i}), dominos->size);
        }
        heap_deinit(&heap);
    }
}

static uint32_t add(void)
{
    return heap_add(&heap, BASE, 16, HC_STATE_REACHABLE);
}

static void test_payloads_of_a_long_list_that_stand_in_an_index_too_belong_to_neither(void **state)
{
    (void)state;
    enum { LENGTH = 900 };
    heap_init(&heap);
    uint32_t top = add(), first = add();
    heap_add_root(&heap, top);
    heap_add_edge(&heap, top, first);
    uint32_t node = first, index = add();
    heap_add_edge(&heap, top, index);
    for (int i = 0; i < LENGTH; i++) { // both lists are linked
        uint32_t next = add(), entry = add(), payload = add();
        heap_add_edge(&heap, node, next);
        heap_add_edge(&heap, node, payload);
        heap_add_edge(&heap, index, entry);
        heap_add_edge(&heap, index, payload);
        heap_add_edge(&heap, payload, top);
        node = next;
        index = entry;
    }
    heap_finish(&heap);
    expect_success(hc_graph_find_dominators(&heap.graph));
    assert_int_equal(hc_graph_retained(&heap.graph, (hc_object_id){top}), 16 * heap.graph.count);
    assert_int_equal(hc_graph_retained(&heap.graph, (hc_object_id){first}), 16 * (LENGTH + 1));
    heap_deinit(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_tree_is_what_taking_objects_away_shows),
        cmocka_unit_test(test_the_tree_is_right_where_few_objects_are_referred_to_twice),
        cmocka_unit_test(test_retained_of_one_is_the_size_of_its_dominos),
        cmocka_unit_test(test_payloads_of_a_long_list_that_stand_in_an_index_too_belong_to_neither),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
