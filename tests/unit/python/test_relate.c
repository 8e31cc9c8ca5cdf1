// How one object refers to others, where tables of members and counts are forged. Names as CPython's own
// processes have them: tests/query/links_test.py.
#include "support.h"

#include "python/relate.h"

enum {
    OBJECT = MEMORY + 0x1000,
    CLASS = MEMORY + 0x2000,
    MEMBERS = MEMORY + 0x3000,
    NAMES = MEMORY + 0x2800,
    ITEMS = MEMORY + 0x8000,
    OTHERS = MEMORY + 0xa000,
    MEMBER_SIZE = 24,
    T_OBJECT = 6,
    T_INT = 1,
};

struct fixture {
    struct hc_image *image;
    struct hc_runtime runtime;
    struct hc_type_table types;
    struct hc_tracer tracer;
    struct hc_relater relater;
    struct hc_row_layout layout;
    struct hc_type type;
};

static void fixture_deinit(struct fixture *fixture)
{
    hc_relater_deinit(&fixture->relater);
    hc_tracer_deinit(&fixture->tracer);
    hc_type_table_deinit(&fixture->types);
    hc_image_destroy(fixture->image);
}

static uint64_t other(unsigned index)
{
    return OTHERS + 0x20 * index;
}

static int prepare(void **state)
{
    clear_memory(state);
    put_type_and_object();
    for (unsigned i = 0; i < 8; i++) {
        put_word(other(i), 1);
        put_word(other(i) + 8, OBJECT_TYPE);
    }
    put_word(OBJECT, 1);
    put_word(OBJECT + 8, CLASS);
    return 0;
}

static void put_member(unsigned index, const char *name, uint32_t kind, uint64_t offset)
{
    uint64_t text = NAMES + 0x20 * index;
    put_bytes(text, name, strlen(name) + 1);
    put_word(MEMBERS + MEMBER_SIZE * index, text);
    put(MEMBERS + MEMBER_SIZE * index + 8, kind, 4);
    put_word(MEMBERS + MEMBER_SIZE * index + 16, offset);
}

// A relater, and a type with the row called `row`, or one that is known by words.
static void open_fixture(struct fixture *fixture, const char *row)
{
    *fixture = (struct fixture){.image = open_memory(MEMORY_SIZE)};
    make_runtime(&fixture->runtime, fixture->image, 0x030b0000);
    struct hc_offsets *at = &fixture->runtime.layouts.at;
    at->list_items = 24, at->list_allocated = 32;
    at->type_members = 0x90, at->member_name = 0;
    expect_success(hc_type_table_init(&fixture->types, &fixture->runtime));
    expect_success(hc_tracer_init(&fixture->tracer, &fixture->types));
    fixture->relater.tracer = &fixture->tracer;
    fixture->type = (struct hc_type){.address = CLASS, .basicsize = 64};
    for (size_t family = 0; hc_type_families[family] && row; family++)
        for (const struct hc_type_row *each = hc_type_families[family]; each->names; each++)
            if (!strcmp(each->names, row))
                fixture->layout.row = each;
    if (row)
        fixture->type.layout = &fixture->layout;
    else
        fixture->type.words_from = 16, fixture->type.words_to = 64, fixture->type.words_visited = true;
}

static const struct hc_link_vector *relate(struct fixture *fixture)
{
    struct hc_object_view object = {.type = &fixture->type, .address = OBJECT};
    object.bytes = hc_reader_span(&fixture->tracer.object_reader, OBJECT, &object.available);
    assert_non_null(object.bytes);
    hc_relate(&fixture->relater, &object);
    assert_false(fixture->relater.out_of_memory);
    return &fixture->relater.links;
}

static size_t count(const struct hc_link_vector *links, enum hc_link_kind kind, uint64_t target,
                    const char *name)
{
    size_t found = 0;
    for (size_t i = 0; i < links->count; i++)
        found += links->items[i].kind == kind && links->items[i].target == target &&
                 (!name || !strcmp(links->items[i].name, name));
    return found;
}

static void test_items_keep_their_numbers_beside_those_that_are_null(void **state)
{
    (void)state;
    put_word(OBJECT + 16, 4);
    put_word(OBJECT + 24, ITEMS);
    put_word(OBJECT + 32, 4);
    put_word(ITEMS, other(0));
    put_word(ITEMS + 16, other(1));
    put_word(ITEMS + 24, other(0));
    _cleanup_(fixture_deinit) struct fixture fixture;
    open_fixture(&fixture, "list");
    const struct hc_link_vector *links = relate(&fixture);
    assert_int_equal(links->count, 3);
    static const uint64_t numbers[] = {0, 2, 3};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(links->items[i].kind, HC_LINK_ITEM);
        assert_int_equal(links->items[i].number, numbers[i]);
        assert_int_equal(links->items[i].target, other(i == 1));
    }
}

static void test_items_end_with_memory(void **state)
{
    (void)state;
    static const uint64_t counts[] = {3, 1ull << 40, 1ull << 61, INT64_MAX};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        put_word(OBJECT + 16, counts[i]);
        put_word(OBJECT + 24, MEMORY + MEMORY_SIZE - 16);
        put_word(OBJECT + 32, counts[i]);
        put_word(MEMORY + MEMORY_SIZE - 8, other(2));
        _cleanup_(fixture_deinit) struct fixture fixture;
        open_fixture(&fixture, "list");
        const struct hc_link_vector *links = relate(&fixture);
        assert_int_equal(links->count, 1);
        assert_int_equal(links->items[0].number, 1);
    }
}

static void test_members_name_referents_and_nothing_else(void **state)
{
    (void)state;
    put_word(CLASS + 0x90, MEMBERS);
    put_member(0, "first", T_OBJECT, 16);
    put_member(1, "again", T_OBJECT, 16);
    put_member(2, "number", T_INT, 24);
    put_member(3, "empty", T_OBJECT, 32);
    put_member(4, "no_object", T_OBJECT, 40);
    put_member(5, "far", T_OBJECT, 1 << 30);
    put_member(6, "negative", T_OBJECT, UINT64_MAX);
    put_word(OBJECT + 16, other(0));
    put_word(OBJECT + 24, other(1));
    put_word(OBJECT + 40, NAMES);
    put_word(OBJECT + 48, other(2));
    put_word(OBJECT + 56, other(2));
    _cleanup_(fixture_deinit) struct fixture fixture;
    open_fixture(&fixture, NULL);
    const struct hc_link_vector *links = relate(&fixture);
    assert_int_equal(links->count, 4);
    assert_int_equal(count(links, HC_LINK_ATTRIBUTE, other(0), "first"), 1);
    assert_int_equal(count(links, HC_LINK_ATTRIBUTE, other(0), "again"), 1);
    assert_int_equal(count(links, HC_LINK_UNKNOWN, other(1), NULL), 1);
    assert_int_equal(count(links, HC_LINK_UNKNOWN, other(2), NULL), 1);
}

static void test_members_without_an_end_are_read_to_the_end_of_memory(void **state)
{
    (void)state;
    unsigned room = (MEMORY + MEMORY_SIZE - OTHERS - 0x1000) / MEMBER_SIZE;
    put_bytes(NAMES, "x", 2);
    put_word(CLASS + 0x90, OTHERS + 0x1000);
    for (unsigned i = 0; i < room; i++) {
        put_word(OTHERS + 0x1000 + MEMBER_SIZE * i, NAMES);
        put_word(OTHERS + 0x1000 + MEMBER_SIZE * i + 8, T_OBJECT);
        put_word(OTHERS + 0x1000 + MEMBER_SIZE * i + 16, 16);
    }
    put_word(OBJECT + 16, other(0));
    _cleanup_(fixture_deinit) struct fixture fixture;
    open_fixture(&fixture, NULL);
    const struct hc_link_vector *links = relate(&fixture);
    assert_int_equal(links->count, count(links, HC_LINK_ATTRIBUTE, other(0), "x"));
    assert_in_range(links->count, 1, room);
}

static void test_many_referents_are_each_named_once(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    put_word(OBJECT + 16, COUNT);
    put_word(OBJECT + 24, ITEMS + 0x8000);
    put_word(OBJECT + 32, COUNT);
    for (unsigned i = 0; i < COUNT; i++)
        put_word(ITEMS + 0x8000 + 8 * i, MEMORY + 8 * (i % 1000 + 1));
    _cleanup_(fixture_deinit) struct fixture fixture;
    open_fixture(&fixture, "list");
    fixture.type.visits_type = true; // so that the links are held against the referents
    const struct hc_link_vector *links = relate(&fixture);
    assert_int_equal(links->count, COUNT + 1);
    assert_int_equal(count(links, HC_LINK_INTERNAL, CLASS, "ob_type"), 1);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(count(links, HC_LINK_ITEM, MEMORY + 8 * (i + 1), NULL), 3);
}

#define TEST(function) cmocka_unit_test_setup(function, prepare)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_items_keep_their_numbers_beside_those_that_are_null),
        TEST(test_items_end_with_memory),
        TEST(test_members_name_referents_and_nothing_else),
        TEST(test_members_without_an_end_are_read_to_the_end_of_memory),
        TEST(test_many_referents_are_each_named_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
