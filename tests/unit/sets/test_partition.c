// heap() over graphs made by hand.
#include "sets/partition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct hc_type make_type(const char *module, const char *name, uint32_t flags)
{
    return (struct hc_type){.module = (char *)module,
                            .name = (char *)name,
                            .qualname = (char *)name,
                            .flags = flags,
                            .is_dict = !strcmp(module, "builtins") && !strcmp(name, "dict")};
}

static void assert_class_name(const char *module, const char *name, uint32_t flags, const char *expected)
{
    struct hc_type type = make_type(module, name, flags);
    _cleanup_(hc_freep) char *shown = hc_kind_class_name(&type);
    assert_string_equal(shown, expected);
}

static void test_builtin_classes_are_named_bare(void **state)
{
    (void)state;
    assert_class_name("builtins", "str", 0, "str");
    assert_class_name("builtins", "KeyError", HC_TYPE_BASE_EXC_SUBCLASS, "KeyError");
    assert_class_name("builtins", "ExceptionGroup", HC_TYPE_BASE_EXC_SUBCLASS | HC_TYPE_HEAPTYPE,
                      "ExceptionGroup");
    assert_class_name("builtins", "module", 0, "module");
    assert_class_name("builtins", "function", 0, "function");
}

static void test_types_that_builtins_does_not_offer_are_named_with_it(void **state)
{
    (void)state;
    assert_class_name("builtins", "list_iterator", 0, "builtins.list_iterator");
    assert_class_name("builtins", "PyCapsule", 0, "builtins.PyCapsule");
    assert_class_name("builtins", "lis", 0, "builtins.lis");
}

static void test_interpreter_types_have_their_name_in_types(void **state)
{
    (void)state;
    assert_class_name("builtins", "code", 0, "types.CodeType");
    assert_class_name("builtins", "builtin_function_or_method", 0, "types.BuiltinMethodType");
    assert_class_name("builtins", "method-wrapper", 0, "types.MethodWrapperType");
    assert_class_name("builtins", "NoneType", 0, "types.NoneType");
    assert_class_name("builtins", "async_generator", 0, "types.AsyncGeneratorType");
    assert_class_name("builtins", "mappingproxy", 0, "types.MappingProxyType");
    assert_class_name("types", "SimpleNamespace", 0, "types.SimpleNamespace");
    assert_class_name("types", "UnionType", 0, "types.UnionType");
}

static void test_a_users_class_that_calls_itself_builtin_is_no_interpreter_type(void **state)
{
    (void)state;
    assert_class_name("builtins", "code", HC_TYPE_HEAPTYPE, "builtins.code");
    assert_class_name("builtins", "str", HC_TYPE_HEAPTYPE, "builtins.str");
}

static void test_other_classes_are_named_with_their_module(void **state)
{
    (void)state;
    assert_class_name("abc", "ABCMeta", HC_TYPE_HEAPTYPE, "abc.ABCMeta");
    assert_class_name("collections", "OrderedDict", 0, "collections.OrderedDict");
    assert_class_name("__main__", "Foo", HC_TYPE_HEAPTYPE, "__main__.Foo");
}

static void test_nested_classes_are_named_by_name_and_not_by_qualified_name(void **state)
{
    (void)state;
    struct hc_type type = make_type("m", "Inner", HC_TYPE_HEAPTYPE);
    type.qualname = (char *)"Outer.Inner";
    _cleanup_(hc_freep) char *shown = hc_kind_class_name(&type);
    assert_string_equal(shown, "m.Inner");
}

enum { STR, DICT, MODULE, TYPE, FOO, OTHER_FOO, TYPE_COUNT };

enum { MOST_OBJECTS = 16 };

// A graph whose objects are all real ones, but for the last `virtual_count`.
struct heap {
    struct hc_graph graph;
    struct hc_type types[TYPE_COUNT];
    struct hc_type *type_pointers[TYPE_COUNT];
    uint32_t type_indexes[MOST_OBJECTS];
    uint16_t sizes[MOST_OBJECTS];
    uint8_t states[MOST_OBJECTS];
    uint64_t owned_dicts[1];
    uint32_t owned_ranks[2], dict_owners[MOST_OBJECTS], virtual_owners[MOST_OBJECTS];
};

static void heap_init(struct heap *heap)
{
    *heap = (struct heap){.types = {
                              [STR] = make_type("builtins", "str", 0),
                              [DICT] = make_type("builtins", "dict", 0),
                              [MODULE] = make_type("builtins", "module", 0),
                              [TYPE] = make_type("builtins", "type", 0),
                              [FOO] = make_type("m", "Foo", HC_TYPE_HEAPTYPE),
                              [OTHER_FOO] = make_type("m", "Foo", HC_TYPE_HEAPTYPE),
                          }};
    for (uint32_t i = 0; i < TYPE_COUNT; i++) {
        heap->types[i].index = i;
        heap->type_pointers[i] = &heap->types[i];
    }
    heap->graph = (struct hc_graph){
        .types.types = {heap->type_pointers, TYPE_COUNT, TYPE_COUNT},
        .type_indexes = heap->type_indexes,
        .sizes = heap->sizes,
        .states = heap->states,
        .owned_dicts = heap->owned_dicts,
        .owned_ranks = heap->owned_ranks,
        .dict_owners = heap->dict_owners,
        .virtual_owners = heap->virtual_owners,
    };
}

static uint32_t add_object(struct heap *heap, uint32_t type, uint32_t size, enum hc_state state)
{
    uint32_t object = heap->graph.count++;
    heap->graph.real_count++;
    heap->type_indexes[object] = type;
    heap->sizes[object] = (uint16_t)size;
    heap->states[object] = state;
    return object;
}

static void add_owned_dict(struct heap *heap, uint32_t owner, uint32_t size)
{
    uint32_t dict = add_object(heap, DICT, size, HC_STATE_REACHABLE);
    heap->owned_dicts[0] |= 1ull << dict;
    heap->dict_owners[heap->owned_ranks[1]++] = owner;
}

static void add_virtual_dict(struct heap *heap, uint32_t owner, uint32_t size)
{
    uint32_t dict = add_object(heap, DICT, size, HC_STATE_REACHABLE);
    heap->graph.real_count--;
    heap->virtual_owners[dict - heap->graph.real_count] = owner;
}

static void assert_row(const struct hc_partition *partition, size_t row, const char *name, uint64_t count,
                       uint64_t size)
{
    assert_true(row < partition->row_count);
    assert_string_equal(partition->rows[row].name, name);
    assert_int_equal(partition->rows[row].count, count);
    assert_int_equal(partition->rows[row].size, size);
}

static void test_dicts_are_divided_by_the_class_of_their_owner(void **state)
{
    (void)state;
    struct heap heap;
    heap_init(&heap);
    uint32_t module = add_object(&heap, MODULE, 72, HC_STATE_REACHABLE);
    uint32_t type = add_object(&heap, TYPE, 1064, HC_STATE_REACHABLE);
    uint32_t foo = add_object(&heap, FOO, 48, HC_STATE_REACHABLE);
    add_object(&heap, DICT, 64, HC_STATE_REACHABLE);
    add_owned_dict(&heap, module, 5000);
    add_owned_dict(&heap, type, 272);
    add_virtual_dict(&heap, foo, 56);

    _cleanup_(hc_partition_deinit) struct hc_partition partition = {0};
    assert_null(hc_partition_heap(&heap.graph, &partition, NULL));
    assert_int_equal(partition.row_count, 7);
    assert_row(&partition, 0, "dict of module", 1, 5000);
    assert_row(&partition, 1, "type", 1, 1064);
    assert_row(&partition, 2, "dict of type", 1, 272);
    assert_row(&partition, 3, "module", 1, 72);
    assert_row(&partition, 4, "dict (no owner)", 1, 64);
    assert_row(&partition, 5, "dict of m.Foo", 1, 56);
    assert_row(&partition, 6, "m.Foo", 1, 48);
    assert_int_equal(partition.count, 7);
    assert_int_equal(partition.size, 5000 + 1064 + 272 + 72 + 64 + 56 + 48);
}

static void test_only_reachable_objects_make_rows(void **state)
{
    (void)state;
    struct heap heap;
    heap_init(&heap);
    add_object(&heap, STR, 50, HC_STATE_REACHABLE);
    add_object(&heap, STR, 60, HC_STATE_TRACKED);
    add_object(&heap, STR, 70, HC_STATE_STRAY);
    add_object(&heap, STR, 80, HC_STATE_NONE);

    struct hc_state_totals totals;
    _cleanup_(hc_partition_deinit) struct hc_partition partition = {0};
    assert_null(hc_partition_heap(&heap.graph, &partition, &totals));
    assert_int_equal(partition.row_count, 1);
    assert_row(&partition, 0, "str", 1, 50);
    assert_int_equal(totals.count[HC_STATE_REACHABLE], 1);
    assert_int_equal(totals.size[HC_STATE_REACHABLE], 50);
    assert_int_equal(totals.count[HC_STATE_TRACKED], 1);
    assert_int_equal(totals.size[HC_STATE_TRACKED], 60);
    assert_int_equal(totals.size[HC_STATE_STRAY], 70);
}

static void test_two_classes_of_one_name_are_two_kinds(void **state)
{
    (void)state;
    struct heap heap;
    heap_init(&heap);
    add_object(&heap, FOO, 48, HC_STATE_REACHABLE);
    add_object(&heap, STR, 90, HC_STATE_REACHABLE);
    add_object(&heap, OTHER_FOO, 56, HC_STATE_REACHABLE);

    _cleanup_(hc_partition_deinit) struct hc_partition partition = {0};
    assert_null(hc_partition_heap(&heap.graph, &partition, NULL));
    assert_int_equal(partition.row_count, 3);
    assert_row(&partition, 0, "str", 1, 90);
    assert_row(&partition, 1, "m.Foo", 1, 56);
    assert_row(&partition, 2, "m.Foo", 1, 48);
}

static void test_rows_of_one_size_are_ordered_by_name(void **state)
{
    (void)state;
    struct heap heap;
    heap_init(&heap);
    add_object(&heap, TYPE, 48, HC_STATE_REACHABLE);
    add_object(&heap, FOO, 48, HC_STATE_REACHABLE);
    add_object(&heap, STR, 48, HC_STATE_REACHABLE);

    _cleanup_(hc_partition_deinit) struct hc_partition partition = {0};
    assert_null(hc_partition_heap(&heap.graph, &partition, NULL));
    assert_row(&partition, 0, "m.Foo", 1, 48);
    assert_row(&partition, 1, "str", 1, 48);
    assert_row(&partition, 2, "type", 1, 48);
}

static void test_sizes_beyond_16_bits_are_looked_up(void **state)
{
    (void)state;
    struct heap heap;
    heap_init(&heap);
    add_object(&heap, STR, 50, HC_STATE_REACHABLE);
    uint32_t large = add_object(&heap, STR, HC_LARGE, HC_STATE_REACHABLE);
    struct hc_large_size sizes[] = {{.object = large, .size = 5000000000}};
    heap.graph.large_sizes = sizes;
    heap.graph.large_count = 1;

    _cleanup_(hc_partition_deinit) struct hc_partition partition = {0};
    assert_null(hc_partition_heap(&heap.graph, &partition, NULL));
    assert_row(&partition, 0, "str", 2, 5000000050);
}

static void test_a_graph_without_objects_makes_no_rows(void **state)
{
    (void)state;
    struct hc_graph graph = {0};
    _cleanup_(hc_partition_deinit) struct hc_partition partition = {0};
    assert_null(hc_partition_heap(&graph, &partition, NULL));
    assert_int_equal(partition.row_count, 0);
    assert_int_equal(partition.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builtin_classes_are_named_bare),
        cmocka_unit_test(test_types_that_builtins_does_not_offer_are_named_with_it),
        cmocka_unit_test(test_interpreter_types_have_their_name_in_types),
        cmocka_unit_test(test_a_users_class_that_calls_itself_builtin_is_no_interpreter_type),
        cmocka_unit_test(test_other_classes_are_named_with_their_module),
        cmocka_unit_test(test_nested_classes_are_named_by_name_and_not_by_qualified_name),
        cmocka_unit_test(test_dicts_are_divided_by_the_class_of_their_owner),
        cmocka_unit_test(test_only_reachable_objects_make_rows),
        cmocka_unit_test(test_two_classes_of_one_name_are_two_kinds),
        cmocka_unit_test(test_rows_of_one_size_are_ordered_by_name),
        cmocka_unit_test(test_sizes_beyond_16_bits_are_looked_up),
        cmocka_unit_test(test_a_graph_without_objects_makes_no_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
