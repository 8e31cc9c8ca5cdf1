// Sets and what is around them, against plain searches, on random graphs.
#include "base/interrupt.h"
#include "random_heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { GRAPHS = 300 };

struct plain {
    bool has[MOST_OBJECTS];
};

static struct hc_set *make_set(struct heap *heap, const struct plain *plain)
{
    struct hc_set *set = hc_set_create(&heap->universe);
    assert_non_null(set);
    for (uint32_t i = 0; i < heap->graph.count; i++)
        if (plain->has[i])
            hc_set_put(set, i);
    hc_set_seal(set);
    return set;
}

static struct plain random_plain(const struct heap *heap)
{
    struct plain plain = {{0}};
    uint32_t rarity = 1 + below(12);
    for (uint32_t i = 0; i < heap->graph.count; i++)
        plain.has[i] = heap->states[i] != HC_STATE_NONE && below(rarity) == 0;
    return plain;
}

static uint64_t size_of(const struct heap *heap, uint32_t object)
{
    return heap->sizes[object] == HC_LARGE ? heap->large.size : heap->sizes[object];
}

static void assert_set(const struct heap *heap, const struct hc_set *set, const struct plain *expected)
{
    uint64_t count = 0, size = 0;
    for (uint32_t i = 0; i < heap->graph.count; i++) {
        assert_int_equal(hc_set_has(set, i), expected->has[i]);
        count += expected->has[i];
        size += expected->has[i] ? size_of(heap, i) : 0;
    }
    assert_int_equal(set->count, count);
    assert_int_equal(set->size, size);
}

typedef struct hc_error *walk_fn(const struct hc_set *set, struct hc_set **ret);
typedef struct plain plain_fn(const struct heap *heap, const struct plain *set);

static void compare_walk(walk_fn *walk, plain_fn *model)
{
    for (int round = 0; round < GRAPHS; round++) {
        struct heap heap;
        heap_make_random(&heap);
        struct plain plain = random_plain(&heap), expected = model(&heap, &plain);
        _cleanup_(hc_set_releasep) struct hc_set *set = make_set(&heap, &plain);
        _cleanup_(hc_set_releasep) struct hc_set *found = NULL;
        assert_null(walk(set, &found));
        assert_set(&heap, found, &expected);
        assert_set(&heap, set, &plain);
        heap_deinit(&heap);
    }
}

static void test_members_are_enumerated_in_order_and_counted(void **state)
{
    (void)state;
    for (int round = 0; round < GRAPHS; round++) {
        struct heap heap;
        heap_make_random(&heap);
        struct plain plain = random_plain(&heap);
        _cleanup_(hc_set_releasep) struct hc_set *set = make_set(&heap, &plain);
        assert_set(&heap, set, &plain);
        for (uint32_t from = 0; from < heap.graph.count + 2; from++) {
            uint32_t expected = from < heap.graph.count ? from : heap.graph.count;
            while (expected < heap.graph.count && !plain.has[expected])
                expected++;
            assert_int_equal(hc_set_next(set, from), expected);
        }
        heap_deinit(&heap);
    }
}

static void test_two_sets_are_combined_member_by_member(void **state)
{
    (void)state;
    for (int round = 0; round < GRAPHS; round++) {
        struct heap heap;
        heap_make_random(&heap);
        struct plain a = random_plain(&heap), b = random_plain(&heap), expected[4] = {{{0}}};
        _cleanup_(hc_set_releasep) struct hc_set *left = make_set(&heap, &a);
        _cleanup_(hc_set_releasep) struct hc_set *right = make_set(&heap, &b);
        bool within = true;
        for (uint32_t i = 0; i < heap.graph.count; i++) {
            expected[HC_SET_AND].has[i] = a.has[i] && b.has[i];
            expected[HC_SET_OR].has[i] = a.has[i] || b.has[i];
            expected[HC_SET_MINUS].has[i] = a.has[i] && !b.has[i];
            expected[HC_SET_XOR].has[i] = a.has[i] != b.has[i];
            within = within && (!a.has[i] || b.has[i]);
        }
        assert_int_equal(hc_set_is_within(left, right), within);
        for (unsigned operation = HC_SET_AND; operation <= HC_SET_XOR; operation++) {
            _cleanup_(hc_set_releasep) struct hc_set *result = NULL;
            assert_null(hc_set_combine(left, right, (enum hc_set_operation)operation, &result));
            assert_set(&heap, result, &expected[operation]);
        }
        _cleanup_(hc_set_releasep) struct hc_set *common = NULL;
        assert_null(hc_set_combine(left, right, HC_SET_AND, &common));
        assert_true(hc_set_is_within(common, left) && hc_set_is_within(common, right));
        heap_deinit(&heap);
    }
}

static void test_states_divide_all_objects(void **state)
{
    (void)state;
    for (int round = 0; round < GRAPHS; round++) {
        struct heap heap;
        heap_make_random(&heap);
        for (unsigned states = 0; states < 1u << HC_STATE_COUNT; states++) {
            struct plain expected = {{0}};
            for (uint32_t i = 0; i < heap.graph.count; i++)
                expected.has[i] = states & 1u << heap.states[i];
            _cleanup_(hc_set_releasep) struct hc_set *set = NULL;
            assert_null(hc_set_of_states(&heap.universe, states, &set));
            assert_set(&heap, set, &expected);
        }
        heap_deinit(&heap);
    }
}

static struct plain plain_referents(const struct heap *heap, const struct plain *set)
{
    struct plain found = {{0}};
    for (uint32_t i = 0; i < heap->graph.count; i++)
        for (uint32_t e = 0; set->has[i] && e < heap->out_counts[i]; e++)
            found.has[heap->out[i][e]] = heap->states[heap->out[i][e]] != HC_STATE_NONE;
    return found;
}

static bool is_plain_referrer(const struct heap *heap, uint32_t referrer, uint32_t object)
{
    switch (heap->states[referrer]) {
    case HC_STATE_REACHABLE:
        return true;
    case HC_STATE_NONE:
        return false;
    default:
        return heap->states[object] != HC_STATE_REACHABLE;
    }
}

static struct plain plain_referrers(const struct heap *heap, const struct plain *set)
{
    struct plain found = {{0}};
    for (uint32_t i = 0; i < heap->graph.count; i++)
        for (uint32_t e = 0; e < heap->out_counts[i]; e++)
            if (set->has[heap->out[i][e]] && is_plain_referrer(heap, i, heap->out[i][e]))
                found.has[i] = true;
    return found;
}

static void reach(const struct heap *heap, uint32_t object, const struct plain *avoid, struct plain *seen)
{
    if (seen->has[object] || avoid->has[object] || heap->states[object] == HC_STATE_NONE)
        return;
    seen->has[object] = true;
    for (uint32_t e = 0; e < heap->out_counts[object]; e++)
        reach(heap, heap->out[object][e], avoid, seen);
}

static struct plain reach_from_roots(const struct heap *heap, const struct plain *avoid)
{
    struct plain seen = {{0}};
    for (size_t i = 0; i < heap->graph.roots.count; i++)
        reach(heap, heap->roots[i], avoid, &seen);
    return seen;
}

// Takes the set away, and looks at what the roots lost.
static struct plain plain_dominos(const struct heap *heap, const struct plain *set)
{
    const struct plain nothing = {{0}};
    struct plain left = reach_from_roots(heap, set), found = {{0}};
    for (uint32_t i = 0; i < heap->graph.count; i++)
        if (set->has[i])
            reach(heap, i, &nothing, &found);
    for (uint32_t i = 0; i < heap->graph.count; i++)
        found.has[i] = set->has[i] || (found.has[i] && !left.has[i]);
    return found;
}

// Each referrer by itself: do the roots reach it with all the others taken away?
static struct plain plain_imdom(const struct heap *heap, const struct plain *set)
{
    struct plain referrers = plain_referrers(heap, set), found = {{0}};
    for (uint32_t i = 0; i < heap->graph.count; i++) {
        if (!referrers.has[i])
            continue;
        struct plain others = referrers;
        others.has[i] = false;
        found.has[i] = reach_from_roots(heap, &others).has[i];
    }
    return found;
}

static struct plain plain_owners(const struct heap *heap, const struct plain *set)
{
    struct plain found = {{0}};
    for (uint32_t i = 0; i < heap->graph.count; i++)
        if (set->has[i] && heap->owners[i])
            found.has[heap->owners[i] - 1] = true;
    return found;
}

static struct plain plain_dicts(const struct heap *heap, const struct plain *set)
{
    struct plain found = {{0}};
    for (uint32_t i = 0; i < heap->graph.count; i++)
        found.has[i] = heap->owners[i] && set->has[heap->owners[i] - 1];
    return found;
}

static void test_referents_are_what_the_members_refer_to(void **state)
{
    (void)state;
    compare_walk(hc_set_referents, plain_referents);
}

static void test_referrers_are_what_refers_to_the_members(void **state)
{
    (void)state;
    compare_walk(hc_set_referrers, plain_referrers);
}

static void test_dominos_are_what_the_roots_lose_with_the_set(void **state)
{
    (void)state;
    compare_walk(hc_set_dominos, plain_dominos);
}

static void test_immediate_dominators_are_reached_past_no_other_referrer(void **state)
{
    (void)state;
    compare_walk(hc_set_immediate_dominators, plain_imdom);
}

static void test_owners_and_dicts_lead_to_each_other(void **state)
{
    (void)state;
    compare_walk(hc_set_owners, plain_owners);
    compare_walk(hc_set_dicts, plain_dicts);
}

static void test_garbage_that_refers_to_a_living_object_is_no_referrer_of_it(void **state)
{
    (void)state;
    struct heap heap;
    heap_init(&heap);
    uint32_t root = heap_add(&heap, BASE, 48, HC_STATE_REACHABLE);
    uint32_t garbage = heap_add(&heap, SUB, 48, HC_STATE_TRACKED);
    uint32_t buffer = heap_add(&heap, OTHER, 48, HC_STATE_NONE);
    uint32_t text = heap_add(&heap, STR, 48, HC_STATE_REACHABLE);
    uint32_t lost = heap_add(&heap, STR, 48, HC_STATE_TRACKED);
    heap_add_root(&heap, root);
    heap_add_edge(&heap, root, text);
    heap_add_edge(&heap, root, text);
    heap_add_edge(&heap, garbage, text);
    heap_add_edge(&heap, garbage, lost);
    heap_add_edge(&heap, buffer, lost);
    heap_finish(&heap);
    struct plain texts = {{[3] = true}}, losts = {{[4] = true}}, by_root = {{[0] = true}},
                 by_garbage = {{[1] = true}};
    assert_true(text == 3 && lost == 4);
    _cleanup_(hc_set_releasep) struct hc_set *living = make_set(&heap, &texts);
    _cleanup_(hc_set_releasep) struct hc_set *dead = make_set(&heap, &losts);
    _cleanup_(hc_set_releasep) struct hc_set *of_living = NULL;
    _cleanup_(hc_set_releasep) struct hc_set *of_dead = NULL;
    assert_null(hc_set_referrers(living, &of_living));
    assert_null(hc_set_referrers(dead, &of_dead));
    assert_set(&heap, of_living, &by_root);
    assert_set(&heap, of_dead, &by_garbage);
    heap_deinit(&heap);
}

static void test_a_list_of_kinds_has_one_number_in_any_order(void **state)
{
    (void)state;
    struct heap heap;
    heap_make_random(&heap);
    uint32_t numbers[1 << 9];
    for (unsigned turn = 0; turn < 2; turn++)
        for (uint32_t mask = 0; mask < 1u << 9; mask++) {
            uint32_t kinds[18], count = 0, number;
            for (uint32_t i = 0; i < 9; i++) {
                uint32_t kind = turn ? 8 - i : i;
                if (mask >> kind & 1)
                    kinds[count++] = kind;
            }
            for (uint32_t i = 0, once = count; turn && i < once; i++)
                kinds[count++] = kinds[i];
            assert_null(hc_universe_intern_list(&heap.universe, kinds, count, &number));
            if (turn)
                assert_int_equal(number, numbers[mask]);
            else
                numbers[mask] = number;
            for (uint32_t other = 0; !turn && other < mask; other++)
                assert_int_not_equal(numbers[other], number);
        }
    heap_deinit(&heap);
}

static void test_an_interrupted_walk_does_not_spoil_the_next(void **state)
{
    (void)state;
    static struct heap heap;
    struct hc_set *all = NULL, *referrers = NULL;
    uint32_t holders = 0;
    heap_make_random(&heap);
    for (uint32_t i = 0; i < heap.graph.count; i++)
        holders += heap.graph.states[i] == HC_STATE_REACHABLE && heap.out_counts[i];
    assert_null(hc_set_of_states(&heap.universe, 1u << HC_STATE_REACHABLE, &all));
    hc_interrupt_request();
    struct hc_error *error = hc_set_referrers(all, &referrers);
    hc_interrupt_clear();
    assert_non_null(error);
    assert_string_equal(hc_error_message(error), "interrupted");
    assert_null(referrers);
    assert_null(heap.graph.referrers);
    assert_null(heap.graph.referrer_starts);
    assert_null(hc_set_referrers(all, &referrers));
    assert_int_equal(referrers->count, holders);
    hc_error_destroy(error);
    hc_set_release(referrers);
    hc_set_release(all);
    heap_deinit(&heap);
}

int main(void)
{
    srand(20);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_are_enumerated_in_order_and_counted),
        cmocka_unit_test(test_two_sets_are_combined_member_by_member),
        cmocka_unit_test(test_states_divide_all_objects),
        cmocka_unit_test(test_referents_are_what_the_members_refer_to),
        cmocka_unit_test(test_referrers_are_what_refers_to_the_members),
        cmocka_unit_test(test_dominos_are_what_the_roots_lose_with_the_set),
        cmocka_unit_test(test_immediate_dominators_are_reached_past_no_other_referrer),
        cmocka_unit_test(test_owners_and_dicts_lead_to_each_other),
        cmocka_unit_test(test_garbage_that_refers_to_a_living_object_is_no_referrer_of_it),
        cmocka_unit_test(test_a_list_of_kinds_has_one_number_in_any_order),
        cmocka_unit_test(test_an_interrupted_walk_does_not_spoil_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
