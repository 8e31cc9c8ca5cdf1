// One object at a time, over forged counts and at the edges of memory.
#include "support.h"

#include "base/min_max.h"
#include "python/pools.h"
#include "python/trace.h"

#include <stdatomic.h>

enum { OBJECT = MEMORY + 0x1000, LAST_WORD = MEMORY + MEMORY_SIZE - 8 };

struct fixture {
    struct hc_image *image;
    struct hc_runtime runtime;
    struct hc_type_table types;
    struct hc_tracer tracer;
    struct hc_row_layout layout;
    struct hc_type type;
};

static void fixture_deinit(struct fixture *fixture)
{
    hc_tracer_deinit(&fixture->tracer);
    hc_type_table_deinit(&fixture->types);
    hc_image_destroy(fixture->image);
}

static const struct hc_type_row *find_row(const char *name)
{
    for (size_t family = 0; hc_type_families[family]; family++)
        for (const struct hc_type_row *row = hc_type_families[family]; row->names; row++)
            if (!strcmp(row->names, name))
                return row;
    fail_msg("no row %s", name);
    return NULL;
}

// A tracer, and a type with the decoder called `row`.
static void open_fixture(struct fixture *fixture, uint32_t version, const char *row)
{
    *fixture = (struct fixture){.image = open_memory(MEMORY_SIZE)};
    make_runtime(&fixture->runtime, fixture->image, version);
    struct hc_offsets *at = &fixture->runtime.layouts.at;
    at->list_items = 24, at->list_allocated = 32;
    at->set_mask = 24, at->set_table = 32, at->set_smalltable = 40;
    at->set_entry_key = 0, at->set_entry_hash = 8, at->sizeof_set_entry = 16;
    at->keys_refcnt = 0, at->keys_log2_size = 8, at->keys_log2_index_bytes = 9, at->keys_kind = 10;
    at->keys_usable = 16, at->keys_nentries = 24, at->keys_indices = 32, at->sizeof_keys = 32;
    at->entry_key = 8, at->entry_value = 16, at->sizeof_entry = 24;
    at->unicode_entry_key = 0, at->unicode_entry_value = 8, at->sizeof_unicode_entry = 16;
    at->values_items = 0;
    expect_success(hc_type_table_init(&fixture->types, &fixture->runtime));
    expect_success(hc_tracer_init(&fixture->tracer, &fixture->types));
    fixture->layout.row = find_row(row);
    fixture->type = (struct hc_type){
        .basicsize = 40, .itemsize = 8, .layout = &fixture->layout, .size = fixture->layout.row->size};
}

static struct hc_object_view view_of(struct fixture *fixture, uint64_t address)
{
    struct hc_object_view object = {.type = &fixture->type, .address = address};
    object.bytes = hc_reader_span(&fixture->tracer.object_reader, address, &object.available);
    assert_non_null(object.bytes);
    return object;
}

static size_t trace(struct fixture *fixture, uint64_t address)
{
    struct hc_object_view object = view_of(fixture, address);
    hc_tracer_trace(&fixture->tracer, &object);
    assert_false(fixture->tracer.out_of_memory);
    return fixture->tracer.references.visited.count;
}

static void test_an_array_is_visited_up_to_the_end_of_memory_and_not_beyond(void **state)
{
    (void)state;
    _cleanup_(fixture_deinit) struct fixture fixture;
    put_word(LAST_WORD, 0x1234);
    open_fixture(&fixture, 0x030b0000, "list");
    struct hc_tracer *tracer = &fixture.tracer;
    static const uint64_t counts[] = {1, 2, 1ull << 40, 1ull << 61, UINT64_MAX};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        tracer->references.visited.count = 0;
        hc_trace_visit_array(tracer, LAST_WORD, counts[i]);
        assert_int_equal(tracer->references.visited.count, 1);
        assert_int_equal(tracer->references.visited.items[0], 0x1234);
        assert_int_equal(tracer->unreadable, i);
    }
    hc_trace_visit_array(tracer, MEMORY - 8, 5);
    hc_trace_visit_array(tracer, LAST_WORD + 8, 5);
    assert_int_equal(tracer->references.visited.count, 1);
    hc_trace_visit_array(tracer, MEMORY - 8, 0);
    assert_int_equal(tracer->unreadable, 6);
}

static void test_a_list_with_more_items_than_are_allocated_contradicts_itself(void **state)
{
    (void)state;
    static const struct {
        uint64_t items, allocated, visited;
        bool is_contradictory;
    } lists[] = {{3, 3, 3, false},         {3, 8, 3, false},         {9, 4, 4, true},
                 {1ull << 40, 2, 2, true}, {UINT64_MAX, 4, 4, true}, {1ull << 63, 2, 2, true},
                 {0, UINT64_MAX, 0, false}};
    for (uint64_t at = MEMORY; at < MEMORY + MEMORY_SIZE; at += 8)
        put_word(at, 0x1234);
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        put_word(OBJECT + 0x40 * i + 16, lists[i].items);
        put_word(OBJECT + 0x40 * i + 24, MEMORY + 0x2000);
        put_word(OBJECT + 0x40 * i + 32, lists[i].allocated);
    }
    _cleanup_(fixture_deinit) struct fixture fixture;
    open_fixture(&fixture, 0x030b0000, "list");
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        assert_int_equal(trace(&fixture, OBJECT + 0x40 * i), lists[i].visited);
        assert_int_equal(fixture.tracer.is_contradictory, lists[i].is_contradictory);
    }
}

static void test_a_tuple_has_no_more_items_than_its_block_has_room_for(void **state)
{
    (void)state;
    enum { CHUNK = 0x400, ROOM = (CHUNK - 8 - 24) / 8, IN_USE_BEFORE = 1 };
    static const uint64_t counts[] = {ROOM - 1, ROOM, ROOM + 1, 1 << 11, 1ull << 40, 1ull << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        for (uint64_t at = MEMORY; at < MEMORY + MEMORY_SIZE; at += 8)
            put_word(at, 0x1234);
        put_word(OBJECT - 8, CHUNK | IN_USE_BEFORE);
        put_word(OBJECT - 8 + CHUNK, CHUNK | IN_USE_BEFORE);
        put_word(OBJECT + 16, counts[i]);
        _cleanup_(fixture_deinit) struct fixture fixture;
        struct hc_pools none = {0};
        open_fixture(&fixture, 0x030b0000, "tuple");
        fixture.types.pools = &none;
        assert_int_equal(trace(&fixture, OBJECT), hc_min(counts[i], ROOM));
        assert_int_equal(fixture.tracer.is_contradictory, counts[i] > ROOM);
        assert_int_equal(fixture.tracer.unreadable, 0);
    }
}

static void test_a_set_has_no_fewer_slots_the_more_it_claims(void **state)
{
    (void)state;
    enum { TABLE = MEMORY + MEMORY_SIZE - 0x80, SLOTS = 0x80 / 16 };
    static const uint64_t masks[] = {SLOTS, 1ull << 40, 1ull << 60, 1ull << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++) {
        for (uint64_t at = TABLE; at < MEMORY + MEMORY_SIZE; at += 8)
            put_word(at, 0x1234);
        put_word(OBJECT + 24, masks[i]);
        put_word(OBJECT + 32, TABLE);
        _cleanup_(fixture_deinit) struct fixture fixture;
        open_fixture(&fixture, 0x030b0000, "set");
        assert_int_equal(trace(&fixture, OBJECT), SLOTS);
        assert_int_equal(fixture.tracer.unreadable, 1);
        struct hc_object_view object = view_of(&fixture, OBJECT);
        assert_true(fixture.type.size(&fixture.tracer, &object) > 0x80);
    }
}

static void test_lists_that_all_claim_the_same_memory_are_read_a_few_times_only(void **state)
{
    (void)state;
    enum { LISTS = 1000, WORDS = MEMORY_SIZE / 8 };
    for (uint64_t at = MEMORY; at < MEMORY + MEMORY_SIZE; at += 8)
        put_word(at, 0x1234);
    put_word(OBJECT + 16, 1ull << 40);
    put_word(OBJECT + 24, MEMORY);
    put_word(OBJECT + 32, 1ull << 40);
    put_word(OBJECT + 0x100 + 16, 3);
    put_word(OBJECT + 0x100 + 24, MEMORY + 0x2000);
    put_word(OBJECT + 0x100 + 32, 3);
    _cleanup_(fixture_deinit) struct fixture fixture;
    open_fixture(&fixture, 0x030b0000, "list");
    _Atomic uint64_t allowance = hc_tracer_allowance(fixture.image);
    fixture.tracer.allowance = &allowance;
    uint64_t visited = 0;
    for (unsigned i = 0; i < LISTS; i++)
        visited += trace(&fixture, OBJECT);
    assert_true(visited >= 8 * WORDS);
    assert_true(visited <= 8 * WORDS + (2 << 20));
    assert_true(fixture.tracer.unreadable > LISTS);
    // What honest small objects need is granted all the same.
    assert_int_equal(trace(&fixture, OBJECT + 0x100), 3);
}

static void test_a_tracer_without_an_allowance_reads_as_often_as_it_is_asked(void **state)
{
    (void)state;
    memset(memory, 0x11, sizeof(memory));
    _cleanup_(fixture_deinit) struct fixture fixture;
    open_fixture(&fixture, 0x030b0000, "list");
    for (unsigned i = 0; i < 100; i++) {
        fixture.tracer.references.visited.count = 0;
        hc_trace_visit_array(&fixture.tracer, MEMORY, MEMORY_SIZE / 8);
        assert_int_equal(fixture.tracer.references.visited.count, MEMORY_SIZE / 8);
    }
}

static void test_every_decoder_survives_any_one_word_in_every_place(void **state)
{
    (void)state;
    static const char *const rows[] = {"list", "tuple", "dict", "set", "int", "str", "bytearray"};
    static const uint64_t words[] = {0,          1,         UINT64_MAX,    1ull << 31,    1ull << 40,
                                     1ull << 63, MEMORY,    LAST_WORD,     LAST_WORD + 1, LAST_WORD + 8,
                                     MEMORY - 8, INT64_MAX, 0xff28ff28ull, OBJECT};
    for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++)
        for (size_t place = 0; place < 10; place++)
            for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
                memset(memory + (OBJECT - MEMORY), 0, 80);
                put_word(OBJECT + 8 * place, words[i]);
                if (place != 4)
                    put_word(OBJECT + 32, OBJECT);
                _cleanup_(fixture_deinit) struct fixture fixture;
                open_fixture(&fixture, i % 2 ? 0x030b0000 : 0x03080000, rows[row]);
                fixture.runtime.layouts.at.bytearray_alloc = 24;
                fixture.runtime.layouts.at.bytearray_bytes = 32;
                fixture.runtime.layouts.at.compact_utf8 = 48;
                fixture.runtime.layouts.at.compact_utf8_length = 56;
                struct hc_object_view object = view_of(&fixture, OBJECT);
                assert_true(trace(&fixture, OBJECT) <= MEMORY_SIZE / 8);
                hc_tracer_size(&fixture.tracer, &object);
            }
}

static void test_an_int_of_the_most_negative_length_has_a_size(void **state)
{
    (void)state;
    _cleanup_(fixture_deinit) struct fixture fixture;
    put_word(OBJECT + 16, 1ull << 63);
    open_fixture(&fixture, 0x030b0000, "int");
    struct hc_object_view object = view_of(&fixture, OBJECT);
    assert_int_equal(hc_tracer_size(&fixture.tracer, &object), 24); // 2^63 digits of 4 bytes wrap to none
    put_word(OBJECT + 16, (uint64_t)-2);
    _cleanup_(fixture_deinit) struct fixture again;
    open_fixture(&again, 0x030b0000, "int");
    object = view_of(&again, OBJECT);
    assert_int_equal(hc_tracer_size(&again.tracer, &object), 24 + 2 * 4);
}

static void test_a_dict_behind_items_is_found_for_any_length(void **state)
{
    (void)state;
    static const struct {
        int64_t length;
        bool has_dict;
    } cases[] = {{3, true},          {-3, true},         {4, false},
                 {1ll << 40, false}, {INT64_MAX, false}, {INT64_MIN, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        put_word(OBJECT + 16, (uint64_t)cases[i].length);
        put_word(OBJECT + 24 + 3 * 8, 0xd1c7);
        _cleanup_(fixture_deinit) struct fixture fixture;
        open_fixture(&fixture, 0x030b0000, "bytes");
        fixture.type.basicsize = 32;
        fixture.type.dictoffset = -8;
        fixture.type.dict_place = HC_DICT_AT_END;
        trace(&fixture, OBJECT);
        assert_int_equal(fixture.tracer.references.dict == 0xd1c7, cases[i].has_dict);
    }
}

// 3.11: values in a block of their own. `keys` are the class's: entries and room for more.
static uint64_t trace_block(uint64_t values, uint8_t prefix, uint64_t entries, uint64_t usable, size_t *count)
{
    enum { KEYS = MEMORY + 0x3000, PRE_HEADER = 32 };
    put_word(KEYS + 16, usable);
    put_word(KEYS + 24, entries);
    put_word(OBJECT - PRE_HEADER, values);
    if (values > MEMORY && values <= MEMORY + MEMORY_SIZE)
        put(values - 1, prefix, 1);
    _cleanup_(fixture_deinit) struct fixture fixture;
    open_fixture(&fixture, 0x030b0000, "object");
    fixture.type.dict_place = HC_DICT_OR_VALUES;
    fixture.type.cached_keys = KEYS;
    trace(&fixture, OBJECT);
    const struct hc_references *references = &fixture.tracer.references;
    *count = references->values_count;
    return references->values_address ? references->values_size : 0;
}

static void test_inline_values_are_read_with_their_prefix(void **state)
{
    (void)state;
    enum { VALUES = MEMORY + 0x4010 };
    size_t count;
    put_word(VALUES, 0x1000);
    put_word(VALUES + 8, 0x1000);
    assert_int_equal(trace_block(VALUES, 8, 2, 3, &count), 8 + 5 * 8);
    assert_int_equal(count, 2);
    assert_int_equal(trace_block(VALUES, 16, 2, 8, &count), 16 + 10 * 8);
}

static void test_inline_values_with_a_forged_prefix_or_count_are_left_out(void **state)
{
    (void)state;
    enum { VALUES = MEMORY + 0x4010 };
    size_t count;
    for (unsigned prefix = 0; prefix < 8; prefix++)
        assert_int_equal(trace_block(VALUES, (uint8_t)prefix, 0, 0, &count), 0);
    assert_int_equal(trace_block(VALUES, 12, 2, 3, &count), 0);
    assert_int_equal(trace_block(VALUES, 8, 200, 3, &count), 0);
    assert_int_equal(trace_block(VALUES, 8, UINT64_MAX, 3, &count), 0);
    assert_int_equal(trace_block(VALUES, 8, 2, (uint64_t)-4, &count), 0);
    assert_int_equal(trace_block(VALUES, 8, 2, 1ull << 40, &count), 0);
}

static void test_inline_values_at_the_edges_of_memory_are_left_out(void **state)
{
    (void)state;
    size_t count;
    assert_int_equal(trace_block(MEMORY, 8, 2, 3, &count), 0); // their prefix would lie in a hole
    assert_int_equal(trace_block(1, 8, 2, 3, &count), 0);
    assert_int_equal(trace_block(UINT64_MAX, 8, 2, 3, &count), 0);
    trace_block(MEMORY + MEMORY_SIZE, 8, 2, 3, &count); // and here the values
    assert_int_equal(count, 0);
}

#define TEST(function) cmocka_unit_test_setup(function, clear_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_array_is_visited_up_to_the_end_of_memory_and_not_beyond),
        TEST(test_a_list_with_more_items_than_are_allocated_contradicts_itself),
        TEST(test_a_tuple_has_no_more_items_than_its_block_has_room_for),
        TEST(test_a_set_has_no_fewer_slots_the_more_it_claims),
        cmocka_unit_test(test_lists_that_all_claim_the_same_memory_are_read_a_few_times_only),
        TEST(test_a_tracer_without_an_allowance_reads_as_often_as_it_is_asked),
        TEST(test_every_decoder_survives_any_one_word_in_every_place),
        TEST(test_an_int_of_the_most_negative_length_has_a_size),
        TEST(test_a_dict_behind_items_is_found_for_any_length),
        TEST(test_inline_values_are_read_with_their_prefix),
        TEST(test_inline_values_with_a_forged_prefix_or_count_are_left_out),
        TEST(test_inline_values_at_the_edges_of_memory_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
