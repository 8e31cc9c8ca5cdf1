// The type table over forged and honest type objects.
#include "support.h"

#include "python/types.h"

enum { SUBTYPE_TRAVERSE = 0x5000, MOST_HEIGHT = 256 };

struct table {
    struct hc_image *image;
    struct hc_runtime runtime;
    struct hc_type_table types;
    struct hc_reader reader;
};

static int prepare(void **state)
{
    clear_memory(state);
    put_type_and_object();
    return 0;
}

static void table_deinit(struct table *table)
{
    hc_type_table_deinit(&table->types);
    hc_image_destroy(table->image);
}

static void open_table(struct table *table)
{
    *table = (struct table){.image = open_memory(MEMORY_SIZE)};
    make_runtime(&table->runtime, table->image, 0x030b0000);
    table->runtime.subtype_traverse = SUBTYPE_TRAVERSE;
    expect_success(hc_type_table_init(&table->types, &table->runtime));
    hc_reader_init(&table->reader, table->image);
}

static const struct hc_type *find(struct table *table, uint64_t address)
{
    return hc_type_table_find(&table->types, &table->reader, address, 0);
}

static uint64_t type_at(unsigned index)
{
    return FIRST_TYPE + index * TYPE_ROOM;
}

static bool is_known(uint64_t address)
{
    _cleanup_(table_deinit) struct table table;
    open_table(&table);
    return find(&table, address) != NULL;
}

static struct type_fields plain(void)
{
    return (struct type_fields){.metatype = TYPE_TYPE, .base = OBJECT_TYPE, .basicsize = 32};
}

static void test_a_type_is_found_with_its_name_base_and_metatype(void **state)
{
    (void)state;
    struct type_fields fields = plain();
    put_type(type_at(0), "collections.deque", &fields);
    _cleanup_(table_deinit) struct table table;
    open_table(&table);
    const struct hc_type *type = find(&table, type_at(0));
    assert_non_null(type);
    assert_string_equal(type->name, "deque");
    assert_string_equal(type->module, "collections");
    assert_int_equal(type->basicsize, 32);
    assert_ptr_equal(type->base, find(&table, OBJECT_TYPE));
    assert_ptr_equal(type->metatype, find(&table, TYPE_TYPE));
    assert_ptr_equal(type, find(&table, type_at(0)));
    assert_ptr_equal(type, table.types.types.items[type->index]);
}

static void test_a_type_that_is_its_own_metatype_is_none_unless_it_is_type(void **state)
{
    (void)state;
    struct type_fields fields = plain();
    fields.metatype = type_at(0);
    fields.flags = HC_TYPE_TYPE_SUBCLASS;
    put_type(type_at(0), "forged", &fields);
    assert_false(is_known(type_at(0)));
    assert_true(is_known(TYPE_TYPE));
}

static void test_metatypes_in_a_ring_are_no_types(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct type_fields fields = plain();
        fields.metatype = type_at((i + 1) % 3);
        fields.flags = HC_TYPE_TYPE_SUBCLASS;
        put_type(type_at(i), "ring", &fields);
    }
    assert_false(is_known(type_at(0)));
    assert_false(is_known(type_at(1)));
}

static void test_a_metatype_must_derive_from_type(void **state)
{
    (void)state;
    struct type_fields fields = plain();
    put_type(type_at(0), "no_metatype", &fields);
    fields.metatype = type_at(0);
    put_type(type_at(1), "instance", &fields);
    assert_true(is_known(type_at(0)));
    assert_false(is_known(type_at(1)));
}

static void test_bases_in_a_ring_are_no_types(void **state)
{
    (void)state;
    struct type_fields fields = plain();
    fields.base = type_at(0);
    put_type(type_at(0), "own_base", &fields);
    fields.base = type_at(2);
    put_type(type_at(1), "one", &fields);
    fields.base = type_at(1);
    put_type(type_at(2), "other", &fields);
    for (unsigned i = 0; i < 3; i++)
        assert_false(is_known(type_at(i)));
}

static void test_a_base_that_is_no_type_makes_the_type_none(void **state)
{
    (void)state;
    struct type_fields fields = plain();
    fields.base = MEMORY + 0x80000;
    put_type(type_at(0), "orphan", &fields);
    assert_false(is_known(type_at(0)));
}

static void expect_sizes_refused(int64_t basicsize, int64_t itemsize)
{
    struct type_fields fields = plain();
    fields.basicsize = (uint64_t)basicsize;
    fields.itemsize = (uint64_t)itemsize;
    put_type(type_at(0), "forged", &fields);
    assert_false(is_known(type_at(0)));
}

static void test_forged_sizes_are_refused(void **state)
{
    (void)state;
    expect_sizes_refused(0, 0);
    expect_sizes_refused(15, 0);
    expect_sizes_refused(-32, 0);
    expect_sizes_refused(INT64_MIN, 0);
    expect_sizes_refused(1ll << 40, 0);
    expect_sizes_refused(32, -1);
    expect_sizes_refused(32, 1ll << 40);
    expect_sizes_refused(32, INT64_MIN);
}

static void test_a_name_that_is_empty_endless_or_in_a_hole_is_refused(void **state)
{
    (void)state;
    struct type_fields fields = plain();
    put_type(type_at(0), "", &fields);
    assert_false(is_known(type_at(0)));
    put_type(type_at(0), "x", &fields);
    put_word(type_at(0) + 24, 8);
    assert_false(is_known(type_at(0)));
    memset(memory + 0x90000, 'x', 1000);
    put_word(type_at(0) + 24, MEMORY + 0x90000);
    assert_false(is_known(type_at(0)));
}

static void test_addresses_that_are_crooked_or_in_holes_are_no_types(void **state)
{
    (void)state;
    assert_false(is_known(0));
    assert_false(is_known(TYPE_TYPE + 4));
    assert_false(is_known(MEMORY + MEMORY_SIZE - 8));
    assert_false(is_known(UINT64_MAX - 7));
}

// A chain of bases: type 0 stands on object, each other on the one before it.
static void put_chain(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct type_fields fields = plain();
        fields.base = i ? type_at(i - 1) : OBJECT_TYPE;
        put_type(type_at(i), "link", &fields);
    }
}

static void test_how_deep_a_chain_of_bases_may_be_does_not_depend_on_where_the_search_begins(void **state)
{
    (void)state;
    put_chain(2 * MOST_HEIGHT);
    _cleanup_(table_deinit) struct table from_top, from_bottom;
    open_table(&from_top);
    open_table(&from_bottom);
    unsigned known = 0;
    for (unsigned i = 0; i < 2 * MOST_HEIGHT; i++)
        known += find(&from_bottom, type_at(i)) != NULL;
    for (unsigned i = 2 * MOST_HEIGHT; i-- > 0;)
        assert_int_equal(find(&from_top, type_at(i)) != NULL, find(&from_bottom, type_at(i)) != NULL);
    assert_in_range(known, MOST_HEIGHT - 2, MOST_HEIGHT + 1);
}

// Class `index` with `count` slots, all at `offset`.
static void put_class_with_slots(unsigned index, uint64_t base, uint64_t count, uint64_t offset)
{
    struct type_fields fields = {.metatype = TYPE_TYPE,
                                 .base = base,
                                 .basicsize = 48,
                                 .flags = HC_TYPE_HEAPTYPE,
                                 .traverse = SUBTYPE_TRAVERSE};
    put_type(type_at(index), "C", &fields);
    put_word(type_at(index) + 16, count);
    for (uint64_t i = 0; i < count && i < 4; i++) {
        uint64_t member = type_at(index) + 104 + i * 24;
        put(member + 8, 16, 4);
        put_word(member + 16, offset);
    }
}

static void test_slots_of_a_class_and_its_bases_are_found(void **state)
{
    (void)state;
    put_class_with_slots(0, OBJECT_TYPE, 1, 16);
    put_class_with_slots(1, type_at(0), 2, 24);
    _cleanup_(table_deinit) struct table table;
    open_table(&table);
    const struct hc_type *type = find(&table, type_at(1));
    assert_non_null(type);
    assert_int_equal(type->slot_count, 3);
    assert_int_equal(type->slots[0], 24);
    assert_int_equal(type->slots[2], 16);
}

static void test_slots_outside_of_the_instance_are_left_out(void **state)
{
    (void)state;
    static const uint64_t offsets[] = {48, 1 << 20, 1ull << 40, UINT64_MAX};
    for (size_t i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
        put_class_with_slots(0, OBJECT_TYPE, 2, offsets[i]);
        _cleanup_(table_deinit) struct table table;
        open_table(&table);
        assert_int_equal(find(&table, type_at(0))->slot_count, 0);
    }
}

static void test_forged_slot_counts_are_left_out(void **state)
{
    (void)state;
    static const uint64_t counts[] = {65537, 1ull << 40, 1ull << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        put_class_with_slots(0, OBJECT_TYPE, counts[i], 16);
        _cleanup_(table_deinit) struct table table;
        open_table(&table);
        assert_int_equal(find(&table, type_at(0))->slot_count, 0);
    }
}

// Sixty classes, each on the one before, each with all of the memory behind it as slots.
static void test_slots_of_all_types_together_are_bounded_by_the_image(void **state)
{
    (void)state;
    enum { COUNT = 60, EACH = 30000 };
    for (unsigned i = 0; i < COUNT; i++)
        put_class_with_slots(i, i ? type_at(i - 1) : OBJECT_TYPE, EACH, 16);
    for (uint64_t member = FIRST_TYPE + COUNT * TYPE_ROOM; member < MEMORY + MEMORY_SIZE - 24; member += 8)
        put(member, 16, 4); // type and offset, whatever the stride
    _cleanup_(table_deinit) struct table table;
    open_table(&table);
    uint64_t slots = 0;
    for (unsigned i = 0; i < COUNT; i++)
        slots += find(&table, type_at(i))->slot_count;
    assert_true(slots > EACH);
    assert_true(slots <= 65536 + hc_image_size(table.image) / 8);
}

// Where every word is the address of a type, every word is a type: there are more than could stand side by
// side.
static void test_types_that_overlap_are_bounded_by_the_image(void **state)
{
    (void)state;
    enum { LOW = 0x100000 }; // small enough for a basicsize
    struct type_fields fields = {
        .metatype = TYPE_TYPE, .basicsize = 104, .flags = HC_TYPE_TYPE_SUBCLASS, .base = TYPE_TYPE};
    put_type(MEMORY + 0x1000, "meta", &fields);
    put_word(MEMORY + 0x1000 + 24, LOW + TYPE_NAME);
    for (uint64_t at = MEMORY + 0x2000; at < MEMORY + MEMORY_SIZE; at += 8)
        put_word(at, LOW);
    twin_address = LOW;
    twin_offset = 0x1000;
    _cleanup_(table_deinit) struct table table;
    open_table(&table);
    uint64_t looked_at = 0;
    for (uint64_t at = MEMORY + 0x2000; at < MEMORY + MEMORY_SIZE - 88; at += 8, looked_at++)
        find(&table, at);
    assert_true(table.types.types.count > 1000);
    assert_true(table.types.types.count < looked_at / 4);
}

#define TEST(function) cmocka_unit_test_setup(function, prepare)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_type_is_found_with_its_name_base_and_metatype),
        TEST(test_a_type_that_is_its_own_metatype_is_none_unless_it_is_type),
        TEST(test_metatypes_in_a_ring_are_no_types),
        TEST(test_a_metatype_must_derive_from_type),
        TEST(test_bases_in_a_ring_are_no_types),
        TEST(test_a_base_that_is_no_type_makes_the_type_none),
        TEST(test_forged_sizes_are_refused),
        TEST(test_a_name_that_is_empty_endless_or_in_a_hole_is_refused),
        TEST(test_addresses_that_are_crooked_or_in_holes_are_no_types),
        TEST(test_how_deep_a_chain_of_bases_may_be_does_not_depend_on_where_the_search_begins),
        TEST(test_slots_of_a_class_and_its_bases_are_found),
        TEST(test_slots_outside_of_the_instance_are_left_out),
        TEST(test_forged_slot_counts_are_left_out),
        TEST(test_slots_of_all_types_together_are_bounded_by_the_image),
        TEST(test_types_that_overlap_are_bounded_by_the_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
