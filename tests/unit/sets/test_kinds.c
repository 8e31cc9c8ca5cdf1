// Classifiers, symbolic sets and partitions, against plain conditions, on random graphs.
#include "random_heap.h"
#include "sets/kind.h"
#include "sets/links.h"
#include "sets/partition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { GRAPHS = 150, VIA_UNKNOWN = 0, VIA_DICT = 1 };

static uint64_t size_of(const struct heap *heap, uint32_t object)
{
    return heap->sizes[object] == HC_LARGE ? heap->large.size : heap->sizes[object];
}

static uint32_t plain_kind(const struct heap *heap, uint32_t object)
{
    if (heap->type_indexes[object] == DICT && heap->owners[object])
        return TYPE_COUNT + heap->type_indexes[heap->owners[object] - 1];
    return heap->type_indexes[object];
}

// The kinds of an object's referrers, a bit each.
static uint32_t plain_referrers(const struct heap *heap, uint32_t object)
{
    uint32_t kinds = 0;
    for (uint32_t i = 0; i < heap->graph.count; i++)
        for (uint32_t e = 0; e < heap->out_counts[i]; e++) {
            bool counts = heap->states[i] == HC_STATE_REACHABLE ||
                          (heap->states[object] != HC_STATE_REACHABLE && heap->states[i] != HC_STATE_NONE);
            if (heap->out[i][e] == object && counts)
                kinds |= 1u << plain_kind(heap, i);
        }
    return kinds;
}

// Of made-up objects nothing can be read: they refer in an unknown way, or to their virtual dict.
static uint64_t plain_vias(const struct heap *heap, uint32_t object)
{
    if (!plain_referrers(heap, object))
        return 0;
    return object >= heap->graph.real_count ? 1 << VIA_DICT : 1 << VIA_UNKNOWN;
}

static uint64_t plain_key(const struct heap *heap, enum hc_relation relation, uint32_t object)
{
    switch (relation) {
    case HC_BY_TYPE:
        return heap->type_indexes[object];
    case HC_BY_CLODO:
        return plain_kind(heap, object);
    case HC_BY_SIZE:
        return size_of(heap, object);
    case HC_BY_RCS:
        return plain_referrers(heap, object);
    case HC_BY_VIA:
        return plain_vias(heap, object);
    case HC_BY_MODULE:
        return heap->type_indexes[object] == MODULE ? object + 1 : 0;
    case HC_BY_ID:
    case HC_BY_IDSET:
        return object;
    default:
        return 0;
    }
}

static struct hc_set *random_set(struct heap *heap)
{
    struct hc_set *set = hc_set_create(&heap->universe);
    assert_non_null(set);
    uint32_t rarity = below(4);
    for (uint32_t i = 0; i < heap->graph.count; i++)
        if (heap->states[i] != HC_STATE_NONE && rarity && !below(rarity))
            hc_set_put(set, i);
    hc_set_seal(set);
    return set;
}

static bool is_one_class(const struct heap *heap, const struct hc_classifier *classifier, uint32_t left,
                         uint32_t right)
{
    for (unsigned i = 0; i < classifier->count; i++) {
        enum hc_relation relation = (enum hc_relation)classifier->parts[i];
        if (plain_key(heap, relation, left) != plain_key(heap, relation, right))
            return false;
    }
    return true;
}

static void check_row(struct heap *heap, struct hc_partition *partition, const struct hc_set *set, size_t row)
{
    _cleanup_(hc_set_releasep) struct hc_set *members = NULL;
    assert_null(hc_partition_rows(partition, set, row, row + 1, &members));
    assert_int_equal(members->count, partition->rows[row].count);
    assert_int_equal(members->size, partition->rows[row].size);
    uint32_t first = hc_set_next(members, 0);
    assert_true(first < heap->graph.count);
    for (uint32_t i = 0; i < heap->graph.count; i++)
        assert_int_equal(hc_set_has(members, i),
                         hc_set_has(set, i) && is_one_class(heap, &partition->classifier, first, i));
    if (!row)
        return;
    const struct hc_partition_row *above = &partition->rows[row - 1];
    assert_true(above->size >= partition->rows[row].size);
    if (above->size == partition->rows[row].size)
        assert_true(strcmp(hc_partition_name(partition, row - 1), hc_partition_name(partition, row)) <= 0);
}

static void check_some_rows(struct hc_partition *partition, const struct hc_set *set)
{
    size_t first = below((uint32_t)partition->row_count + 1);
    size_t end = first + below((uint32_t)(partition->row_count - first) + 1);
    _cleanup_(hc_set_releasep) struct hc_set *some = NULL;
    assert_null(hc_partition_rows(partition, set, first, end, &some));
    uint64_t count = 0;
    for (size_t row = first; row < end; row++) {
        _cleanup_(hc_set_releasep) struct hc_set *members = NULL;
        assert_null(hc_partition_rows(partition, set, row, row + 1, &members));
        assert_true(hc_set_is_within(members, some));
        count += members->count;
    }
    assert_int_equal(some->count, count);
}

static void check_partition(const char *by)
{
    struct hc_classifier classifier;
    assert_true(hc_classifier_parse(by, &classifier));
    for (int round = 0; round < GRAPHS; round++) {
        struct heap heap;
        heap_make_random(&heap);
        _cleanup_(hc_set_releasep) struct hc_set *set = random_set(&heap);
        _cleanup_(hc_partition_deinit) struct hc_partition partition = {0};
        assert_null(hc_partition_set(set, &classifier, &partition));
        uint64_t count = 0;
        for (size_t row = 0; row < partition.row_count; row++) {
            check_row(&heap, &partition, set, row);
            count += partition.rows[row].count;
        }
        assert_int_equal(count, set->count);
        assert_int_equal(partition.count, set->count);
        assert_int_equal(partition.size, set->size);
        check_some_rows(&partition, set);
        heap_deinit(&heap);
    }
}

static void test_each_relation_divides_a_set_as_its_definition_does(void **state)
{
    (void)state;
    for (unsigned relation = 0; relation < HC_RELATION_COUNT; relation++)
        check_partition(hc_relation_name((enum hc_relation)relation));
}

static void test_relations_divide_together(void **state)
{
    (void)state;
    check_partition("Type&Size");
    check_partition("Clodo&Rcs&Size");
    check_partition("Module&Unity&Type&Rcs");
}

static void test_thousands_of_rows_are_taken_at_once(void **state)
{
    (void)state;
    struct heap heap;
    heap_init(&heap);
    while (heap.graph.count < MOST_OBJECTS)
        heap_add(&heap, STR, 48, HC_STATE_REACHABLE);
    heap_finish(&heap);
    const struct hc_classifier by_id = hc_classifier_of(HC_BY_ID);
    _cleanup_(hc_set_releasep) struct hc_set *set = NULL;
    assert_null(hc_set_of_states(&heap.universe, 1u << HC_STATE_REACHABLE, &set));
    _cleanup_(hc_partition_deinit) struct hc_partition partition = {0};
    assert_null(hc_partition_set(set, &by_id, &partition));
    assert_int_equal(partition.row_count, MOST_OBJECTS);
    for (size_t rows = 1; rows <= MOST_OBJECTS; rows += rows % 512 ? 511 : 1) {
        _cleanup_(hc_set_releasep) struct hc_set *some = NULL;
        assert_null(hc_partition_rows(&partition, set, MOST_OBJECTS - rows, MOST_OBJECTS, &some));
        assert_int_equal(some->count, rows);
        assert_int_equal(some->size, 48 * rows);
    }
    heap_deinit(&heap);
}

static void test_only_known_relations_and_few_of_them_make_a_classifier(void **state)
{
    (void)state;
    struct hc_classifier classifier;
    static const char *const wrong[] = {"",      "type",        "Types",      "Type&",
                                        "&Type", "Type & Size", "Type&&Size", "Type&Size&Rcs&Id&Unity"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_false(hc_classifier_parse(wrong[i], &classifier));
    assert_true(hc_classifier_parse("Type&Size&Rcs&Id", &classifier));
    assert_int_equal(classifier.count, 4);
}

static void assert_name(const struct heap *heap, const char *by, uint32_t object, const char *expected)
{
    struct hc_classifier classifier;
    struct hc_class class;
    _cleanup_(hc_classify_deinit) struct hc_classify classify = {0};
    assert_true(hc_classifier_parse(by, &classifier));
    _cleanup_(hc_set_releasep) struct hc_set *set = hc_set_create((struct hc_universe *)&heap->universe);
    assert_non_null(set);
    hc_set_put(set, object);
    hc_set_seal(set);
    assert_null(hc_classify_init(&classify, set->universe, &classifier, set));
    assert_null(hc_classify_object(&classify, object, &class));
    _cleanup_(hc_freep) char *name = hc_class_name(&heap->universe, &classifier, &class);
    assert_string_equal(name, expected);
}

static void test_classes_have_heapys_names(void **state)
{
    (void)state;
    struct heap heap;
    heap_init(&heap);
    uint32_t base = heap_add(&heap, BASE, 48, HC_STATE_REACHABLE);
    uint32_t dict = heap_add(&heap, DICT, 64, HC_STATE_REACHABLE);
    uint32_t free_dict = heap_add(&heap, DICT, 64, HC_STATE_REACHABLE);
    uint32_t text = heap_add(&heap, STR, 50, HC_STATE_REACHABLE);
    uint32_t module = heap_add(&heap, MODULE, 72, HC_STATE_REACHABLE);
    heap_add_root(&heap, base);
    heap_own(&heap, base, dict);
    heap_add_edge(&heap, dict, text);
    heap_add_edge(&heap, free_dict, text);
    heap_finish(&heap);
    assert_name(&heap, "Clodo", dict, "dict of m.Base");
    assert_name(&heap, "Clodo", free_dict, "dict (no owner)");
    assert_name(&heap, "Type", dict, "dict");
    assert_name(&heap, "Rcs", text, "dict (no owner), dict of m.Base");
    assert_name(&heap, "Rcs", base, "<Nothing>");
    assert_name(&heap, "Type&Rcs", text, "str & {dict (no owner), dict of m.Base}");
    assert_name(&heap, "Size", text, "       50");
    assert_name(&heap, "Module", text, "~module");
    assert_name(&heap, "Module", module, "0x400040");
    assert_name(&heap, "Id", dict, "0x400010");
    assert_name(&heap, "Unity", dict, "<Anything>");
    heap_deinit(&heap);
}

static bool holds(bool less_equal, bool greater_equal, enum hc_comparison comparison)
{
    const bool table[] = {
        [HC_EQUAL] = less_equal && greater_equal,    [HC_NOT_EQUAL] = !less_equal || !greater_equal,
        [HC_LESS] = less_equal && !greater_equal,    [HC_LESS_EQUAL] = less_equal,
        [HC_GREATER] = greater_equal && !less_equal, [HC_GREATER_EQUAL] = greater_equal,
    };
    return table[comparison];
}

// A kind with what it means.
struct condition {
    struct hc_kind *kind;
    bool has[MOST_OBJECTS];
};

static uint64_t number_of_kinds(struct heap *heap, uint32_t mask)
{
    uint32_t kinds[32], count = 0, number;
    for (uint32_t i = 0; i < 2 * TYPE_COUNT; i++)
        if (mask >> i & 1)
            kinds[count++] = i;
    assert_null(hc_universe_intern_list(&heap->universe, kinds, count, &number));
    return number;
}

static uint64_t number_of_vias(struct heap *heap, uint64_t mask)
{
    static const char *const texts[] = {[VIA_UNKNOWN] = ".??", [VIA_DICT] = ".__dict__"};
    uint32_t links[2], count = 0, number;
    bool is_link;
    for (uint32_t i = 0; i < 2; i++)
        if (mask >> i & 1) {
            assert_null(hc_universe_intern_link_text(&heap->universe, texts[i], &links[count++], &is_link));
            assert_true(is_link);
        }
    assert_null(hc_universe_intern_list(&heap->universe, links, count, &number));
    return number;
}

static bool plainly(enum hc_relation relation, uint64_t key, uint64_t wanted, enum hc_comparison comparison)
{
    if (relation == HC_BY_TYPE)
        return holds(is_subclass((uint32_t)key, (uint32_t)wanted),
                     is_subclass((uint32_t)wanted, (uint32_t)key), comparison);
    if (relation == HC_BY_RCS || relation == HC_BY_VIA)
        return holds(!(key & ~wanted), !(wanted & ~key), comparison);
    return holds(key <= wanted, key >= wanted, comparison);
}

static struct condition class_condition(struct heap *heap, enum hc_relation relation, uint64_t wanted,
                                        enum hc_comparison comparison)
{
    struct condition condition = {0};
    uint64_t key = relation == HC_BY_RCS   ? number_of_kinds(heap, (uint32_t)wanted)
                   : relation == HC_BY_VIA ? number_of_vias(heap, wanted)
                                           : wanted;
    _cleanup_(hc_kind_releasep) struct hc_kind *equal = hc_kind_of_class(relation, key);
    assert_non_null(equal);
    if (comparison == HC_EQUAL)
        condition.kind = hc_kind_keep(equal);
    else
        assert_null(hc_kind_alternative(equal, comparison, &condition.kind));
    assert_non_null(condition.kind);
    for (uint32_t i = 0; i < heap->graph.count; i++)
        condition.has[i] = plainly(relation, plain_key(heap, relation, i), wanted, comparison);
    return condition;
}

static void assert_selected(struct heap *heap, const struct condition *condition, const struct hc_set *set)
{
    _cleanup_(hc_set_releasep) struct hc_set *found = NULL;
    assert_null(hc_kind_select(condition->kind, set, &found));
    for (uint32_t i = 0; i < heap->graph.count; i++)
        assert_int_equal(hc_set_has(found, i), hc_set_has(set, i) && condition->has[i]);
}

static uint64_t random_wanted(struct heap *heap, enum hc_relation relation)
{
    static const uint64_t sizes[] = {0, 16, 48, 50, 64, 70000, 80000};
    switch (relation) {
    case HC_BY_TYPE:
        return below(TYPE_COUNT);
    case HC_BY_SIZE:
        return sizes[below(7)];
    case HC_BY_VIA:
        return below(4);
    case HC_BY_RCS:
        return below(3) ? plain_referrers(heap, below(heap->graph.count)) : 0;
    default:
        return plain_key(heap, relation, below(heap->graph.count));
    }
}

static void check_alternatives(enum hc_relation relation)
{
    for (int round = 0; round < GRAPHS; round++) {
        struct heap heap;
        heap_make_random(&heap);
        _cleanup_(hc_set_releasep) struct hc_set *set = random_set(&heap);
        uint64_t wanted = random_wanted(&heap, relation);
        for (unsigned comparison = HC_EQUAL; comparison <= HC_GREATER_EQUAL; comparison++) {
            struct condition condition =
                class_condition(&heap, relation, wanted, (enum hc_comparison)comparison);
            assert_selected(&heap, &condition, set);
            hc_kind_release(condition.kind);
        }
        heap_deinit(&heap);
    }
}

static void test_alternatives_of_a_size_compare_numbers(void **state)
{
    (void)state;
    check_alternatives(HC_BY_SIZE);
}

static void test_alternatives_of_referrers_compare_sets_the_empty_one_too(void **state)
{
    (void)state;
    check_alternatives(HC_BY_RCS);
}

static void test_alternatives_of_the_ways_to_refer_compare_sets(void **state)
{
    (void)state;
    check_alternatives(HC_BY_VIA);
}

static void test_alternatives_of_a_type_compare_by_inheritance_the_second_base_too(void **state)
{
    (void)state;
    check_alternatives(HC_BY_TYPE);
}

static void test_other_relations_have_no_alternatives(void **state)
{
    (void)state;
    static const enum hc_relation relations[] = {HC_BY_UNITY, HC_BY_CLODO, HC_BY_MODULE, HC_BY_ID};
    for (size_t i = 0; i < sizeof(relations) / sizeof(*relations); i++) {
        _cleanup_(hc_kind_releasep) struct hc_kind *kind = hc_kind_of_class(relations[i], 0);
        struct hc_kind *alternative = kind;
        assert_null(hc_kind_alternative(kind, HC_LESS, &alternative));
        assert_null(alternative);
    }
}

static uint32_t link_number(struct heap *heap, enum hc_link_kind kind, uint64_t number, const char *name)
{
    const struct hc_link link = {.kind = (uint8_t)kind, .number = number, .name = name};
    struct hc_tracer *tracer;
    uint32_t found;
    assert_null(hc_universe_tracer(&heap->universe, &tracer));
    assert_null(hc_universe_intern_link(&heap->universe, tracer, &link, &found));
    return found;
}

static void test_links_read_as_heapy_writes_them_and_are_one_where_they_read_alike(void **state)
{
    (void)state;
    static const struct {
        enum hc_link_kind kind;
        uint64_t number;
        const char *name, *text, *repr;
    } links[] = {
        {HC_LINK_UNKNOWN, 0, NULL, ".??", "'.\?\?'"},
        {HC_LINK_ATTRIBUTE, 0, "x", ".x", "'.x'"},
        {HC_LINK_ITEM, 3, NULL, "[3]", "'[3]'"},
        {HC_LINK_KEY, 3, NULL, ".keys()[3]", "'.keys()[3]'"},
        {HC_LINK_INTERNAL, 0, "ob_type", "->ob_type", "'->ob_type'"},
        {HC_LINK_HASATTR, 3, NULL, ".__dict__.keys()[3]", "'.__dict__.keys()[3]'"},
        {HC_LINK_LOCAL, 0, "x", ".f_locals['x']", "\".f_locals['x']\""},
        {HC_LINK_CELL, 0, "x", ".f_locals ['x']", "\".f_locals ['x']\""},
        {HC_LINK_STACK, 0, NULL, "->f_valuestack[0]", "'->f_valuestack[0]'"},
        {HC_LINK_MEMBER, 625000, NULL, "list(_)[625000]", "'list(_)[625000]'"},
        {HC_LINK_ROOT, 0, "i0_modules", ".i0_modules", "'.i0_modules'"},
        {HC_LINK_ATTRIBUTE, 0, "a\\\n\"'", ".a\\\n\"'", "'.a\\\\\\n\"\\''"},
    };
    struct heap heap;
    heap_init(&heap);
    heap_finish(&heap);
    for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
        uint32_t number = link_number(&heap, links[i].kind, links[i].number, links[i].name), again;
        _cleanup_(hc_freep) char *text = hc_universe_link_text(&heap.universe, number);
        _cleanup_(hc_freep) char *repr = hc_universe_link_repr(&heap.universe, number);
        bool is_link;
        assert_string_equal(text, links[i].text);
        assert_string_equal(repr, links[i].repr);
        assert_null(hc_universe_intern_link_text(&heap.universe, text, &again, &is_link));
        assert_true(is_link);
        assert_int_equal(number, again);
        assert_int_equal(number, i);
    }
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(link_number(&heap, HC_LINK_ITEM, i, NULL) == 2, i == 3);
    assert_int_equal(link_number(&heap, HC_LINK_ITEM, 3, NULL), 2);
    static const char *const wrong[] = {"", "x", ".", "->", "[", "[]", "[3", "list(_)", "list(_)[x]"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        bool is_link = true;
        uint32_t number;
        assert_null(hc_universe_intern_link_text(&heap.universe, wrong[i], &number, &is_link));
        assert_false(is_link);
    }
    heap_deinit(&heap);
}

static struct condition random_condition(struct heap *heap, unsigned depth);

static struct condition random_leaf(struct heap *heap)
{
    struct condition condition = {0};
    if (below(4) == 0) {
        condition.kind = hc_kind_of_all();
        memset(condition.has, true, sizeof(condition.has));
    } else if (below(2)) {
        _cleanup_(hc_set_releasep) struct hc_set *set = random_set(heap);
        condition.kind = hc_kind_of_set(set);
        for (uint32_t i = 0; i < heap->graph.count; i++)
            condition.has[i] = hc_set_has(set, i);
    } else {
        enum hc_relation relation = (enum hc_relation)below(HC_RELATION_COUNT);
        return class_condition(heap, relation, random_wanted(heap, relation), HC_EQUAL);
    }
    assert_non_null(condition.kind);
    return condition;
}

static struct condition random_pair(struct heap *heap, unsigned depth, bool is_and)
{
    struct condition left = random_condition(heap, depth - 1), right = random_condition(heap, depth - 1);
    struct condition condition = {.kind =
                                      hc_kind_both(is_and ? HC_KIND_AND : HC_KIND_OR, left.kind, right.kind)};
    assert_non_null(condition.kind);
    for (uint32_t i = 0; i < heap->graph.count; i++)
        condition.has[i] = is_and ? left.has[i] && right.has[i] : left.has[i] || right.has[i];
    hc_kind_release(left.kind);
    hc_kind_release(right.kind);
    return condition;
}

static struct condition random_condition(struct heap *heap, unsigned depth)
{
    uint32_t choice = below(4);
    if (!depth || !choice)
        return random_leaf(heap);
    if (choice < 3)
        return random_pair(heap, depth, choice == 1);
    struct condition inner = random_condition(heap, depth - 1), condition = {.kind = hc_kind_not(inner.kind)};
    assert_non_null(condition.kind);
    for (uint32_t i = 0; i < heap->graph.count; i++)
        condition.has[i] = !inner.has[i];
    hc_kind_release(inner.kind);
    return condition;
}

static void test_conditions_joined_by_and_or_not_select_what_they_say(void **state)
{
    (void)state;
    for (int round = 0; round < 4 * GRAPHS; round++) {
        struct heap heap;
        heap_make_random(&heap);
        _cleanup_(hc_set_releasep) struct hc_set *set = random_set(&heap);
        struct condition condition = random_condition(&heap, 5);
        assert_selected(&heap, &condition, set);
        hc_kind_release(condition.kind);
        heap_deinit(&heap);
    }
}

static void test_a_kind_denied_twice_is_itself_and_none_is_too_deep(void **state)
{
    (void)state;
    struct hc_kind *kind = hc_kind_of_class(HC_BY_SIZE, 48);
    _cleanup_(hc_kind_releasep) struct hc_kind *no = hc_kind_not(kind);
    _cleanup_(hc_kind_releasep) struct hc_kind *yes = hc_kind_not(no);
    assert_ptr_equal(yes, kind);
    unsigned depth = 0;
    while (true) {
        struct hc_kind *deeper = hc_kind_both(HC_KIND_OR, yes, kind);
        if (!deeper)
            break;
        hc_kind_release(kind);
        kind = deeper;
        depth++;
    }
    assert_int_equal(depth, HC_KIND_MAX_DEPTH);
    struct heap heap;
    heap_make_random(&heap);
    _cleanup_(hc_set_releasep) struct hc_set *set = random_set(&heap);
    _cleanup_(hc_set_releasep) struct hc_set *found = NULL;
    assert_null(hc_kind_select(kind, set, &found));
    for (uint32_t i = 0; i < heap.graph.count; i++)
        assert_int_equal(hc_set_has(found, i), hc_set_has(set, i) && size_of(&heap, i) == 48);
    hc_kind_release(kind);
    heap_deinit(&heap);
}

int main(void)
{
    srand(21);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_relation_divides_a_set_as_its_definition_does),
        cmocka_unit_test(test_relations_divide_together),
        cmocka_unit_test(test_thousands_of_rows_are_taken_at_once),
        cmocka_unit_test(test_only_known_relations_and_few_of_them_make_a_classifier),
        cmocka_unit_test(test_classes_have_heapys_names),
        cmocka_unit_test(test_alternatives_of_a_size_compare_numbers),
        cmocka_unit_test(test_alternatives_of_referrers_compare_sets_the_empty_one_too),
        cmocka_unit_test(test_alternatives_of_the_ways_to_refer_compare_sets),
        cmocka_unit_test(test_links_read_as_heapy_writes_them_and_are_one_where_they_read_alike),
        cmocka_unit_test(test_alternatives_of_a_type_compare_by_inheritance_the_second_base_too),
        cmocka_unit_test(test_other_relations_have_no_alternatives),
        cmocka_unit_test(test_conditions_joined_by_and_or_not_select_what_they_say),
        cmocka_unit_test(test_a_kind_denied_twice_is_itself_and_none_is_too_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
