// Fields and pointers of a known library; the compiler's own offsetof() is the truth.
#include "support.h"
#include "shapes.h"

#define UNIT "layout/shapes.c"

typedef void library_test(struct hc_debug_info *info);

// Runs a test with every kind of debug information.
static void for_each_library(library_test *test)
{
    for (size_t i = 0; i < SHAPE_LIBRARY_COUNT; i++) {
        print_message("           %s\n", strrchr(shape_libraries[i], '/') + 1);
        _cleanup_(hc_debug_info_destroyp) struct hc_debug_info *info = NULL;
        assert_no_error(open_module(shape_libraries[i], NULL, NULL, &info));
        test(info);
    }
}

struct expectation {
    const char *structure, *member;
    uint64_t offset, size;
    enum hc_field_kind kind;
};

#define MEMBER(type, name, member, kind)                                                                     \
    {                                                                                                        \
        name, #member, offsetof(type, member), sizeof(((type *)0)->member), kind                             \
    }

static const struct expectation expectations[] = {
    MEMBER(Thing, "Thing", references, HC_FIELD_SCALAR),
    MEMBER(Thing, "thing", kind, HC_FIELD_POINTER),
    MEMBER(Tuple, "Tuple", base.kind, HC_FIELD_POINTER),
    MEMBER(Tuple, "Tuple", count, HC_FIELD_SCALAR),
    MEMBER(Tuple, "Tuple", base, HC_FIELD_STRUCT),
    {"Tuple", "items", offsetof(Tuple, items), 0, HC_FIELD_ARRAY},
    {"Tuple", "items[7]", offsetof(Tuple, items) + 7 * sizeof(Thing *), sizeof(Thing *), HC_FIELD_POINTER},
    MEMBER(Link, "Link", previous, HC_FIELD_POINTER),
    MEMBER(struct big, "big", tag, HC_FIELD_SCALAR),
    MEMBER(struct big, "big", hash, HC_FIELD_SCALAR),
    MEMBER(struct big, "big", number, HC_FIELD_SCALAR),
    MEMBER(struct big, "big", whole, HC_FIELD_POINTER),
    MEMBER(struct big, "big", generations, HC_FIELD_ARRAY),
    MEMBER(struct big, "big", generations[2], HC_FIELD_STRUCT),
    MEMBER(struct big, "big", generations[2].previous, HC_FIELD_POINTER),
    MEMBER(struct big, "big", matrix, HC_FIELD_ARRAY),
    MEMBER(struct big, "big", matrix[1], HC_FIELD_ARRAY),
    MEMBER(struct big, "big", matrix[1][2][3], HC_FIELD_SCALAR),
    MEMBER(struct big, "big", nested.heads[1].next, HC_FIELD_POINTER),
    MEMBER(struct big, "big", nested.color, HC_FIELD_SCALAR),
    MEMBER(struct big, "big", nested.bits, HC_FIELD_STRUCT),
    MEMBER(struct big, "big", nested.bits.first, HC_FIELD_SCALAR),
    MEMBER(struct big, "big", call, HC_FIELD_POINTER),
    MEMBER(struct big, "big", opaque, HC_FIELD_POINTER),
    MEMBER(struct big, "big", either, HC_FIELD_STRUCT),
    MEMBER(struct big, "big", either.overlaid, HC_FIELD_POINTER),
    MEMBER(struct big, "big", seen_through, HC_FIELD_POINTER),
    {"big", "empty", offsetof(struct big, empty), 0, HC_FIELD_ARRAY},
    MEMBER(struct big, "big", last, HC_FIELD_SCALAR),
    MEMBER(struct packed_bits, "packed_bits", first, HC_FIELD_SCALAR),
    {"big", NULL, 0, sizeof(struct big), HC_FIELD_STRUCT},
    {"Tuple", NULL, 0, sizeof(Tuple), HC_FIELD_STRUCT},
    {"Digit", NULL, 0, sizeof(Digit), HC_FIELD_SCALAR},
    {"nothing|Thing", "kind", offsetof(Thing, kind), sizeof(Thing *), HC_FIELD_POINTER},
    {"big|nothing", NULL, 0, sizeof(struct big), HC_FIELD_STRUCT},
};

#define EXPECTATION_COUNT (sizeof(expectations) / sizeof(*expectations))

static void check_offsets(struct hc_debug_info *info, const char *unit)
{
    struct hc_field_request requests[EXPECTATION_COUNT];
    struct hc_field fields[EXPECTATION_COUNT];
    for (size_t i = 0; i < EXPECTATION_COUNT; i++)
        requests[i] = (struct hc_field_request){expectations[i].structure, expectations[i].member, unit};
    assert_no_error(hc_debug_info_find_fields(info, requests, EXPECTATION_COUNT, fields));
    for (size_t i = 0; i < EXPECTATION_COUNT; i++) {
        const struct expectation *expected = &expectations[i];
        if (!fields[i].present || fields[i].offset != expected->offset || fields[i].size != expected->size ||
            fields[i].kind != expected->kind || fields[i].source != HC_LAYOUT_DWARF || fields[i].bit_size)
            fail_msg("%s.%s: present %d, offset %lu (not %lu), size %lu (not %lu), kind %d (not %d)",
                     expected->structure, expected->member ? expected->member : "", fields[i].present,
                     fields[i].offset, expected->offset, fields[i].size, expected->size, fields[i].kind,
                     expected->kind);
    }
}

static void offsets_in_unit(struct hc_debug_info *info)
{
    check_offsets(info, UNIT);
    check_offsets(info, "shapes.c");
}

static void test_offsets_are_those_of_the_compiler(void **state)
{
    (void)state;
    for_each_library(offsets_in_unit);
}

static void offsets_by_scan(struct hc_debug_info *info)
{
    check_offsets(info, NULL);
    check_offsets(info, "no/such/file.c");
    check_offsets(info, "hapes.c");
}

static void test_without_a_unit_all_units_are_searched(void **state)
{
    (void)state;
    for_each_library(offsets_by_scan);
}

static void expect_absent(struct hc_debug_info *info, const char *structure, const char *member,
                          const char *unit)
{
    struct hc_field field = find_field(info, structure, member, unit);
    if (field.present || field.source != HC_LAYOUT_NONE)
        fail_msg("%s.%s in %s is not absent", structure, member ? member : "", unit ? unit : "any unit");
}

static void absences(struct hc_debug_info *info)
{
    static const char *const members[] = {"nothing",
                                          "generations[3]",
                                          "generations[-1]",
                                          "generations[]",
                                          "generations[1",
                                          "generations[1]x",
                                          "matrix[0][3]",
                                          "tag[0]",
                                          "tag.first",
                                          "call.first",
                                          "single.kind",
                                          "nested.nothing",
                                          "nested.",
                                          ".tag",
                                          "[0]",
                                          "matrix[0].first",
                                          "hash.key",
                                          "nested..color",
                                          "empty[0]",
                                          "big",
                                          "tag ",
                                          "generations.next",
                                          "nested.bits.kind.x",
                                          ""};
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
        expect_absent(info, "big", members[i], UNIT);
    expect_absent(info, "nothing", NULL, UNIT);
    expect_absent(info, "nothing", NULL, NULL);
    expect_absent(info, "", NULL, NULL);
    expect_absent(info, "|", NULL, NULL);
    expect_absent(info, "hidden", NULL, NULL);
    expect_absent(info, "bi", NULL, UNIT);
    expect_absent(info, "bigg", NULL, UNIT);
}

static void test_what_does_not_exist_is_absent_without_an_error(void **state)
{
    (void)state;
    for_each_library(absences);
}

static void only_there(struct hc_debug_info *info)
{
    assert_true(find_field(info, "only_in_twins", "second", "twins.c").present);
    assert_true(find_field(info, "only_in_twins", "second", NULL).present);
    assert_true(find_field(info, "only_in_twins", "second", "wins.c").present);
    // A compiler that puts types into units of their own does not say which units have them.
    if (!strstr(hc_debug_info_file(info), "-types"))
        expect_absent(info, "only_in_twins", "second", UNIT);
}

static void test_a_struct_missing_in_the_unit_that_should_have_it_is_absent(void **state)
{
    (void)state;
    for_each_library(only_there);
}

// The bits of a field as hc_field says, from the memory of a struct.
static uint64_t read_bits(const void *memory, const struct hc_field *field)
{
    uint64_t unit = 0;
    memcpy(&unit, (const char *)memory + field->offset, field->size);
    return unit >> field->bit_offset & (~UINT64_C(0) >> (64 - field->bit_size));
}

// Sets one bit-field to a pattern in a struct of zeros, and in one of ones, and reads it back.
#define CHECK_BITS(info, type, name, member, bits, pattern)                                                  \
    do {                                                                                                     \
        struct hc_field field = find_field(info, name, #member, UNIT);                                       \
        assert_true(field.present);                                                                          \
        assert_int_equal(field.kind, HC_FIELD_BITS);                                                         \
        assert_int_equal(field.bit_size, bits);                                                              \
        assert_true(field.offset + field.size <= sizeof(type));                                              \
        type value;                                                                                          \
        memset(&value, 0, sizeof(value));                                                                    \
        value.member = pattern;                                                                              \
        assert_int_equal(read_bits(&value, &field), (pattern) & (~UINT64_C(0) >> (64 - bits)));              \
        memset(&value, 0xff, sizeof(value));                                                                 \
        value.member = pattern;                                                                              \
        assert_int_equal(read_bits(&value, &field), (pattern) & (~UINT64_C(0) >> (64 - bits)));              \
    } while (0)

static void bit_fields(struct hc_debug_info *info)
{
    CHECK_BITS(info, struct bits, "bits", interned, 2, 2);
    CHECK_BITS(info, struct bits, "bits", kind, 3, 5);
    CHECK_BITS(info, struct bits, "bits", compact, 1, 1);
    CHECK_BITS(info, struct bits, "bits", wide, 40, 0xa123456789);
    CHECK_BITS(info, struct bits, "bits", rest, 24, 0xabcdef);
    CHECK_BITS(info, struct bits, "bits", flag, 1, 1);
    CHECK_BITS(info, struct bits, "bits", more, 7, 0x5a);
    CHECK_BITS(info, struct bits, "bits", negative, 5, -11);
    CHECK_BITS(info, struct big, "big", nested.bits.kind, 3, 5);
    CHECK_BITS(info, struct packed_bits, "packed_bits", low, 7, 0x55);
    CHECK_BITS(info, struct packed_bits, "packed_bits", across, 11, 0x5a5);
    CHECK_BITS(info, struct packed_bits, "packed_bits", far, 33, 0x1deadbeef);
    CHECK_BITS(info, struct packed_bits, "packed_bits", last, 5, 0x15);
}

static void test_bit_fields_read_back_what_the_compiler_stored(void **state)
{
    (void)state;
    for_each_library(bit_fields);
}

static void storage_units(struct hc_debug_info *info)
{
    struct hc_field kind = find_field(info, "bits", "kind", UNIT);
    assert_int_equal(kind.offset, 0);
    assert_int_equal(kind.size, sizeof(unsigned int));
    assert_int_equal(kind.bit_offset, 10);
}

static void test_bit_fields_have_the_storage_unit_of_their_type(void **state)
{
    (void)state;
    for_each_library(storage_units);
}

struct collected {
    char text[8192];
    size_t count;
};

static void collect(void *argument, const char *path, uint64_t offset, uint64_t count)
{
    struct collected *collected = argument;
    size_t length = strlen(collected->text);
    snprintf(collected->text + length, sizeof(collected->text) - length, "%s %lu %lu\n", path, offset, count);
    collected->count++;
}

#define POINTER(member) #member, offsetof(struct big, member)

static void pointers(struct hc_debug_info *info)
{
    char expected[2048];
    snprintf(expected, sizeof(expected),
             "%s %lu 1\n%s %lu 1\n%s %lu 1\n%s %lu 4\n%s %lu 10\n%s %lu 1\n%s %lu 1\n%s %lu 1\n%s %lu 1\n",
             POINTER(single), POINTER(by_tag), POINTER(constant), POINTER(row), POINTER(grid),
             POINTER(table[0].inside), POINTER(table[1].inside), POINTER(table[2].inside),
             POINTER(seen_through));
    struct collected collected = {0};
    assert_no_error(hc_debug_info_each_pointer(info, "big", UNIT, "Thing", collect, &collected));
    assert_string_equal(collected.text, expected);
    collected = (struct collected){0};
    assert_no_error(hc_debug_info_each_pointer(info, "big", NULL, "thing", collect, &collected));
    assert_string_equal(collected.text, expected);
    collected = (struct collected){0};
    assert_no_error(hc_debug_info_each_pointer(info, "nothing", UNIT, "Thing", collect, &collected));
    assert_no_error(hc_debug_info_each_pointer(info, "big", UNIT, "nothing", collect, &collected));
    assert_int_equal(collected.count, 0);
}

static void test_pointers_are_found_in_nested_structs_and_arrays_but_not_in_unions(void **state)
{
    (void)state;
    for_each_library(pointers);
}

static void pointers_to_declared(struct hc_debug_info *info)
{
    struct collected collected = {0};
    assert_no_error(hc_debug_info_each_pointer(info, "big", UNIT, "hidden", collect, &collected));
    assert_int_equal(collected.count, 1);
}

static void test_pointers_to_a_struct_that_is_only_declared_are_found(void **state)
{
    (void)state;
    for_each_library(pointers_to_declared);
}

static void test_sources_have_names(void **state)
{
    (void)state;
    assert_string_equal(hc_layout_source_name(HC_LAYOUT_DWARF), "dwarf");
    assert_string_equal(hc_layout_source_name(HC_LAYOUT_NONE), "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_are_those_of_the_compiler),
        cmocka_unit_test(test_without_a_unit_all_units_are_searched),
        cmocka_unit_test(test_what_does_not_exist_is_absent_without_an_error),
        cmocka_unit_test(test_a_struct_missing_in_the_unit_that_should_have_it_is_absent),
        cmocka_unit_test(test_bit_fields_read_back_what_the_compiler_stored),
        cmocka_unit_test(test_bit_fields_have_the_storage_unit_of_their_type),
        cmocka_unit_test(test_pointers_are_found_in_nested_structs_and_arrays_but_not_in_unions),
        cmocka_unit_test(test_pointers_to_a_struct_that_is_only_declared_are_found),
        cmocka_unit_test(test_sources_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
