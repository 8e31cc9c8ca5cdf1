// Reference points against a plain comparison of every object with every other.
#include "random_heap.h"

#include "sets/reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

enum { ROUNDS = 200 };

// A real object has one virtual dict at most.
static void make_honest(struct heap *heap)
{
    bool is_honest;
    do {
        heap_make_random(heap);
        bool has_dict[MOST_OBJECTS] = {false};
        is_honest = true;
        for (uint32_t i = heap->graph.real_count; i < heap->graph.count; i++) {
            uint32_t owner = heap->virtual_owners[i - heap->graph.real_count];
            is_honest &= !has_dict[owner];
            has_dict[owner] = true;
        }
        if (!is_honest)
            heap_deinit(heap);
    } while (!is_honest);
}

static bool is_in_part(const struct heap *heap, uint32_t object, enum hc_reference_part part)
{
    if (part == HC_REFERENCE_REACHED)
        return heap->states[object] == HC_STATE_REACHABLE;
    return heap->states[object] == HC_STATE_TRACKED || heap->states[object] == HC_STATE_STRAY;
}

// Random heaps number their objects by address, and virtual dicts behind them.
static uint32_t owner_of(const struct heap *heap, uint32_t object)
{
    const struct hc_graph *graph = &heap->graph;
    return object < graph->real_count ? object : graph->virtual_owners[object - graph->real_count];
}

static bool has_twin(const struct heap *now, uint32_t object, const struct heap *then,
                     enum hc_reference_part part)
{
    bool is_virtual = object >= now->graph.real_count;
    for (uint32_t i = 0; i < then->graph.count; i++) {
        uint32_t left = owner_of(now, object), right = owner_of(then, i);
        if ((i >= then->graph.real_count) == is_virtual && now->others[left] == then->others[right] &&
            now->type_indexes[left] == then->type_indexes[right] && is_in_part(then, i, part))
            return true;
    }
    return false;
}

static void test_members_are_those_with_the_same_address_and_type(void **state)
{
    (void)state;
    uint64_t hits = 0;
    for (int round = 0; round < ROUNDS; round++) {
        static struct heap then, now;
        _cleanup_(hc_reference_releasep) struct hc_reference *reference = NULL;
        make_honest(&then);
        make_honest(&now);
        assert_null(hc_reference_of_graph(&then.graph, &reference));
        for (int part = 0; part < HC_REFERENCE_PART_COUNT; part++) {
            _cleanup_(hc_set_releasep) struct hc_set *members = NULL;
            uint64_t count = 0;
            assert_null(
                hc_reference_members(reference, (enum hc_reference_part)part, &now.universe, &members));
            for (uint32_t i = 0; i < now.graph.count; i++)
                assert_int_equal(hc_set_has(members, i),
                                 has_twin(&now, i, &then, (enum hc_reference_part)part));
            for (uint32_t i = 0; i < then.graph.count; i++)
                count += is_in_part(&then, i, (enum hc_reference_part)part);
            assert_int_equal(hc_reference_count(reference, (enum hc_reference_part)part), count);
            hits += members->count;
        }
        heap_deinit(&then);
        heap_deinit(&now);
    }
    assert_true(hits > ROUNDS);
}

static void test_a_reference_of_a_set_has_its_members_in_every_part(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        static struct heap heap;
        make_honest(&heap);
        _cleanup_(hc_set_releasep) struct hc_set *set = hc_set_create(&heap.universe);
        for (uint32_t i = 0; i < heap.graph.count; i++)
            if (below(2))
                hc_set_put(set, i);
        _cleanup_(hc_reference_releasep) struct hc_reference *reference = NULL;
        assert_null(hc_reference_of_set(set, &reference));
        for (int part = 0; part < HC_REFERENCE_PART_COUNT; part++) {
            _cleanup_(hc_set_releasep) struct hc_set *members = NULL;
            assert_null(
                hc_reference_members(reference, (enum hc_reference_part)part, &heap.universe, &members));
            for (uint32_t i = 0; i < heap.graph.count; i++)
                assert_int_equal(hc_set_has(members, i), hc_set_has(set, i));
        }
        heap_deinit(&heap);
    }
}

static void test_a_type_that_lies_elsewhere_or_has_another_name_is_another(void **state)
{
    (void)state;
    static struct heap then, now;
    _cleanup_(hc_reference_releasep) struct hc_reference *reference = NULL;
    _cleanup_(hc_set_releasep) struct hc_set *members = NULL;
    struct heap *const heaps[] = {&then, &now};
    for (size_t i = 0; i < 2; i++) {
        heap_init(heaps[i]);
        heap_add(heaps[i], STR, 50, HC_STATE_REACHABLE);
        heap_add(heaps[i], BASE, 50, HC_STATE_REACHABLE);
        heap_add(heaps[i], SUB, 50, HC_STATE_REACHABLE);
        heap_finish(heaps[i]);
    }
    now.types[BASE].name = (char *)"Renamed";
    now.types[SUB].address += 8;
    assert_null(hc_reference_of_graph(&then.graph, &reference));
    assert_null(hc_reference_members(reference, HC_REFERENCE_REACHED, &now.universe, &members));
    assert_int_equal(members->count, 1);
    assert_true(hc_set_has(members, 0));
    heap_deinit(&then);
    heap_deinit(&now);
}

int main(void)
{
    srand(30);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_are_those_with_the_same_address_and_type),
        cmocka_unit_test(test_a_reference_of_a_set_has_its_members_in_every_part),
        cmocka_unit_test(test_a_type_that_lies_elsewhere_or_has_another_name_is_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
