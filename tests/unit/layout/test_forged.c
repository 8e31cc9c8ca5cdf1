// Debug information that dwz makes, and such as nobody makes but an attacker.
#include "support.h"
#include "dwarf_builder.h"
#include "layout/lookup.h"
#include "layout/types.h"

#include <dwarf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

struct scene {
    char directory[64];
    char file[128];
    struct dwarf_builder builder;
    struct hc_debug_info *info;
    size_t word; // a base type of 8 bytes
};

static int set_up(void **state)
{
    static struct scene scene;
    scene = (struct scene){.directory = "/tmp/layout-forged-XXXXXX"};
    assert_non_null(mkdtemp(scene.directory));
    snprintf(scene.file, sizeof(scene.file), "%s/forged.so", scene.directory);
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    char command[128];
    hc_debug_info_destroy(scene->info);
    free(scene->builder.info.items);
    free(scene->builder.abbrev.items);
    snprintf(command, sizeof(command), "rm -rf '%s'", scene->directory);
    return system(command);
}

static void begin(struct scene *scene)
{
    dwarf_begin_unit(&scene->builder, DW_TAG_compile_unit, "forged.c");
    scene->word = dwarf_entry(&scene->builder, DW_TAG_base_type, "word");
    dwarf_unsigned(&scene->builder, DW_AT_byte_size, 8);
}

static size_t begin_struct(struct scene *scene, const char *name, uint64_t size)
{
    size_t entry = dwarf_begin_children(&scene->builder, DW_TAG_structure_type, name);
    dwarf_unsigned(&scene->builder, DW_AT_byte_size, size);
    return entry;
}

// Attributes that place the member can follow.
static size_t member(struct scene *scene, const char *name, size_t type)
{
    dwarf_entry(&scene->builder, DW_TAG_member, name);
    return dwarf_reference(&scene->builder, DW_AT_type, type);
}

static void add_unit_with_struct(struct scene *scene, const char *unit, uint64_t size)
{
    dwarf_begin_unit(&scene->builder, DW_TAG_compile_unit, unit);
    begin_struct(scene, "same", size);
    dwarf_end_children(&scene->builder);
    dwarf_end_unit(&scene->builder);
}

static void finish(struct scene *scene)
{
    dwarf_end_unit(&scene->builder);
    dwarf_write(&scene->builder, scene->file, 0xaa, NULL, 0);
    assert_no_error(open_module(scene->file, NULL, NULL, &scene->info));
}

static struct hc_field find(struct scene *scene, const char *structure, const char *path)
{
    return find_field(scene->info, structure, path, "forged.c");
}

static void ignore(void *argument, const char *path, uint64_t offset, uint64_t count)
{
    (void)path, (void)offset, (void)count;
    ++*(size_t *)argument;
}

static size_t count_pointers(struct scene *scene, const char *structure)
{
    size_t count = 0;
    assert_no_error(hc_debug_info_each_pointer(scene->info, structure, "forged.c", "target", ignore, &count));
    return count;
}

static void test_types_of_imported_units_belong_to_the_unit(void **state)
{
    struct scene *scene = *state;
    struct dwarf_builder *builder = &scene->builder;
    size_t first = dwarf_begin_unit(builder, DW_TAG_partial_unit, NULL);
    scene->word = dwarf_entry(builder, DW_TAG_base_type, "word");
    dwarf_unsigned(builder, DW_AT_byte_size, 8);
    dwarf_end_unit(builder);
    size_t second = dwarf_begin_unit(builder, DW_TAG_partial_unit, NULL);
    dwarf_entry(builder, DW_TAG_imported_unit, NULL);
    dwarf_reference(builder, DW_AT_import, first);
    begin_struct(scene, "shared", 16);
    member(scene, "one", scene->word);
    member(scene, "two", scene->word);
    dwarf_unsigned(builder, DW_AT_data_member_location, 8);
    dwarf_end_children(builder);
    dwarf_end_unit(builder);
    dwarf_begin_unit(builder, DW_TAG_compile_unit, "stranger.c");
    dwarf_end_unit(builder);
    dwarf_begin_unit(builder, DW_TAG_compile_unit, "forged.c");
    dwarf_entry(builder, DW_TAG_imported_unit, NULL);
    dwarf_reference(builder, DW_AT_import, second);
    finish(scene);
    assert_int_equal(find(scene, "shared", "two").offset, 8);
    assert_true(find(scene, "word", NULL).present);
    assert_false(find_field(scene->info, "shared", "two", "stranger.c").present);
}

static void test_a_ring_of_imports_ends(void **state)
{
    struct scene *scene = *state;
    struct dwarf_builder *builder = &scene->builder;
    size_t units[3], places[3];
    for (int i = 0; i < 3; i++) {
        units[i] =
            dwarf_begin_unit(builder, i ? DW_TAG_partial_unit : DW_TAG_compile_unit, i ? NULL : "ring.c");
        dwarf_entry(builder, DW_TAG_imported_unit, NULL);
        places[i] = dwarf_reference(builder, DW_AT_import, 0);
        dwarf_end_unit(builder);
    }
    for (int i = 0; i < 3; i++)
        dwarf_patch(builder, places[i], units[(i + 1) % 3]);
    begin(scene);
    dwarf_entry(builder, DW_TAG_imported_unit, NULL);
    dwarf_reference(builder, DW_AT_import, 0xffffff);
    finish(scene);
    assert_false(find_field(scene->info, "nothing", NULL, "ring.c").present);
    assert_true(find(scene, "word", NULL).present);
}

// A module whose one struct is in a dwz file, which is not written yet. Returns the builder for that one.
static struct dwarf_builder write_dwz_user(struct scene *scene, const char *name)
{
    struct dwarf_builder alternate = {0};
    size_t partial = dwarf_begin_unit(&alternate, DW_TAG_partial_unit, NULL);
    dwarf_begin_children(&alternate, DW_TAG_structure_type, "moved");
    dwarf_unsigned(&alternate, DW_AT_byte_size, 24);
    dwarf_end_children(&alternate);
    dwarf_end_unit(&alternate);
    dwarf_begin_unit(&scene->builder, DW_TAG_compile_unit, "forged.c");
    dwarf_entry(&scene->builder, DW_TAG_imported_unit, NULL);
    dwarf_alternate_reference(&scene->builder, DW_AT_import, partial);
    dwarf_end_unit(&scene->builder);
    dwarf_write(&scene->builder, scene->file, 0xaa, name, 0xbb);
    return alternate;
}

static void expect_moved(struct scene *scene, const struct hc_debug_options *options)
{
    assert_no_error(open_module(scene->file, NULL, options, &scene->info));
    assert_int_equal(find(scene, "moved", NULL).size, 24);
    assert_int_equal(find_field(scene->info, "moved", NULL, NULL).size, 24);
}

static void test_a_dwz_file_is_found_by_its_name_relative_to_the_debug_file(void **state)
{
    struct scene *scene = *state;
    char path[128];
    struct dwarf_builder alternate = write_dwz_user(scene, "common.dwz");
    snprintf(path, sizeof(path), "%s/common.dwz", scene->directory);
    dwarf_write(&alternate, path, 0xbb, NULL, 0);
    expect_moved(scene, NULL);
}

static void test_a_dwz_file_is_found_below_the_debug_dir_by_name(void **state)
{
    struct scene *scene = *state;
    char path[128];
    struct dwarf_builder alternate = write_dwz_user(scene, "/usr/lib/debug/common.dwz");
    snprintf(path, sizeof(path), "%s/common.dwz", scene->directory);
    dwarf_write(&alternate, path, 0xbb, NULL, 0);
    expect_moved(scene, &(struct hc_debug_options){.debug_dir = scene->directory});
}

static void test_a_dwz_file_is_found_below_the_debug_dir_by_build_id(void **state)
{
    struct scene *scene = *state;
    char path[256], command[512];
    struct dwarf_builder alternate = write_dwz_user(scene, "/no/such/file");
    snprintf(path, sizeof(path), "%s/.build-id/bb", scene->directory);
    snprintf(command, sizeof(command), "mkdir -p '%s'", path);
    assert_int_equal(system(command), 0);
    size_t length = strlen(path);
    snprintf(path + length, sizeof(path) - length, "/%s.debug", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    dwarf_write(&alternate, path, 0xbb, NULL, 0);
    expect_moved(scene, &(struct hc_debug_options){.debug_dir = scene->directory});
}

static void test_a_dwz_file_that_is_missing_or_of_another_build_is_an_error(void **state)
{
    struct scene *scene = *state;
    char path[128];
    struct dwarf_builder alternate = write_dwz_user(scene, "common.dwz");
    for (int round = 0; round < 2; round++) {
        _cleanup_(hc_error_destroyp) struct hc_error *error =
            open_module(scene->file, NULL, NULL, &scene->info);
        assert_non_null(error);
        assert_non_null(
            strstr(hc_error_message(error), "incomplete without the dwz file common.dwz (build-id bb"));
        snprintf(path, sizeof(path), "%s/common.dwz", scene->directory);
        if (round == 0)
            dwarf_write(&alternate, path, 0xcc, NULL, 0);
    }
}

static void test_members_outside_their_struct_are_rejected(void **state)
{
    struct scene *scene = *state;
    struct dwarf_builder *builder = &scene->builder;
    begin(scene);
    begin_struct(scene, "forged", 16);
    member(scene, "good", scene->word);
    dwarf_unsigned(builder, DW_AT_data_member_location, 8);
    member(scene, "negative", scene->word);
    dwarf_signed(builder, DW_AT_data_member_location, -8);
    member(scene, "beyond", scene->word);
    dwarf_unsigned(builder, DW_AT_data_member_location, 9);
    member(scene, "far", scene->word);
    dwarf_unsigned(builder, DW_AT_data_member_location, UINT64_MAX - 7);
    member(scene, "untyped", 0);
    dwarf_entry(builder, DW_TAG_member, "typeless");
    dwarf_end_children(builder);
    begin_struct(scene, "huge", UINT64_MAX);
    member(scene, "good", scene->word);
    dwarf_end_children(builder);
    finish(scene);
    assert_int_equal(find(scene, "forged", "good").offset, 8);
    assert_false(find(scene, "forged", "negative").present);
    assert_false(find(scene, "forged", "beyond").present);
    assert_false(find(scene, "forged", "far").present);
    assert_false(find(scene, "forged", "untyped").present);
    assert_false(find(scene, "forged", "typeless").present);
    assert_false(find(scene, "huge", "good").present);
    assert_false(find(scene, "huge", NULL).present);
}

static void test_forged_bit_fields_are_rejected(void **state)
{
    struct scene *scene = *state;
    struct dwarf_builder *builder = &scene->builder;
    static const struct {
        const char *name;
        uint64_t bits, first;
    } fields[] = {{"none", 0, 0},          {"many", 65, 0},        {"all", UINT64_MAX, 0},
                  {"beyond", 8, 121},      {"far", 3, UINT64_MAX}, {"wraps", 3, UINT64_MAX - 2},
                  {"shift", 3, 1ull << 61}};
    begin(scene);
    begin_struct(scene, "forged", 16);
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        member(scene, fields[i].name, scene->word);
        dwarf_unsigned(builder, DW_AT_bit_size, fields[i].bits);
        dwarf_unsigned(builder, DW_AT_data_bit_offset, fields[i].first);
    }
    member(scene, "old", scene->word);
    dwarf_unsigned(builder, DW_AT_bit_size, 3);
    dwarf_signed(builder, DW_AT_bit_offset, INT64_MIN);
    member(scene, "good", scene->word);
    dwarf_unsigned(builder, DW_AT_bit_size, 8);
    dwarf_unsigned(builder, DW_AT_data_bit_offset, 120);
    dwarf_end_children(builder);
    finish(scene);
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        assert_false(find(scene, "forged", fields[i].name).present);
    assert_false(find(scene, "forged", "old").present);
    assert_int_equal(find(scene, "forged", "good").bit_offset, 56);
}

static void test_a_definition_after_a_declaration_is_found(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    dwarf_entry(&scene->builder, DW_TAG_structure_type, "late");
    dwarf_flag(&scene->builder, DW_AT_declaration);
    begin_struct(scene, "late", 48);
    dwarf_end_children(&scene->builder);
    finish(scene);
    assert_int_equal(find(scene, "late", NULL).size, 48);
}

static void test_a_struct_beats_a_scalar_of_the_same_name(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    dwarf_entry(&scene->builder, DW_TAG_typedef, "block");
    dwarf_reference(&scene->builder, DW_AT_type, scene->word);
    begin_struct(scene, "block", 48);
    dwarf_end_children(&scene->builder);
    dwarf_entry(&scene->builder, DW_TAG_typedef, "block");
    dwarf_reference(&scene->builder, DW_AT_type, scene->word);
    finish(scene);
    assert_int_equal(find(scene, "block", NULL).size, 48);
}

static void test_a_unit_is_told_by_whole_parts_of_its_path(void **state)
{
    struct scene *scene = *state;
    add_unit_with_struct(scene, "src/deforged.c", 8);
    add_unit_with_struct(scene, "src/forged.c", 16);
    add_unit_with_struct(scene, "forged.c.in", 24);
    dwarf_begin_unit(&scene->builder, DW_TAG_compile_unit, "last.c");
    finish(scene);
    assert_int_equal(find(scene, "same", NULL).size, 16);
    assert_int_equal(find_field(scene->info, "same", NULL, "src/forged.c").size, 16);
    assert_int_equal(find_field(scene->info, "same", NULL, "deforged.c").size, 8);
}

static void test_bit_fields_of_big_endian_targets_count_from_the_other_end(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    begin_struct(scene, "forged", 16);
    member(scene, "old", scene->word);
    dwarf_unsigned(&scene->builder, DW_AT_data_member_location, 8);
    dwarf_unsigned(&scene->builder, DW_AT_bit_size, 5);
    dwarf_unsigned(&scene->builder, DW_AT_bit_offset, 3);
    member(scene, "new", scene->word);
    dwarf_unsigned(&scene->builder, DW_AT_bit_size, 5);
    dwarf_unsigned(&scene->builder, DW_AT_data_bit_offset, 64 + 3);
    dwarf_end_children(&scene->builder);
    finish(scene);
    struct hc_wanted wanted = {.structure = "forged"};
    assert_no_error(hc_lookup(scene->info, &wanted, 1));
    for (int big_endian = 0; big_endian < 2; big_endian++) {
        struct hc_type_walk walk = {.steps = HC_TYPE_STEPS, .big_endian = big_endian};
        struct hc_type_place whole, old, new;
        assert_true(hc_type_place(&walk, &wanted.type, &whole));
        assert_true(hc_type_find(&walk, &whole, "old", &old) && hc_type_find(&walk, &whole, "new", &new));
        assert_int_equal(old.offset, 8);
        assert_int_equal(new.offset, 8);
        assert_int_equal(old.bit_offset, 64 - 3 - 5); // DWARF 4 counts from the top, whatever the target
        assert_int_equal(new.bit_offset, big_endian ? 64 - 3 - 5 : 3);
    }
}

static size_t array(struct scene *scene, size_t type, uint64_t count)
{
    size_t entry = dwarf_begin_children(&scene->builder, DW_TAG_array_type, NULL);
    dwarf_reference(&scene->builder, DW_AT_type, type);
    dwarf_entry(&scene->builder, DW_TAG_subrange_type, NULL);
    dwarf_unsigned(&scene->builder, DW_AT_count, count);
    dwarf_end_children(&scene->builder);
    return entry;
}

static void test_arrays_whose_size_overflows_are_rejected(void **state)
{
    struct scene *scene = *state;
    begin(scene);
    size_t huge = array(scene, scene->word, UINT64_MAX / 8 + 2);
    size_t nested = array(scene, array(scene, scene->word, 1u << 31), 1u << 31);
    size_t itself = scene->builder.info.count;
    array(scene, itself, 2);
    begin_struct(scene, "forged", 16);
    member(scene, "huge", huge);
    member(scene, "nested", nested);
    member(scene, "itself", itself);
    dwarf_end_children(&scene->builder);
    finish(scene);
    static const char *const paths[] = {"huge",   "huge[1]",     "huge[2305843009213693952]",
                                        "nested", "nested[0]",   "nested[0][0]",
                                        "itself", "itself[0][0]"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
        assert_false(find(scene, "forged", paths[i]).present);
}

static void test_a_ring_of_typedefs_ends(void **state)
{
    struct scene *scene = *state;
    struct dwarf_builder *builder = &scene->builder;
    begin(scene);
    size_t one = dwarf_entry(builder, DW_TAG_typedef, "one");
    size_t place = dwarf_reference(builder, DW_AT_type, 0);
    size_t other = dwarf_entry(builder, DW_TAG_typedef, "other");
    dwarf_reference(builder, DW_AT_type, one);
    dwarf_patch(builder, place, other);
    size_t pointer = dwarf_entry(builder, DW_TAG_pointer_type, NULL);
    dwarf_reference(builder, DW_AT_type, one);
    begin_struct(scene, "forged", 16);
    member(scene, "ring", one);
    member(scene, "pointer", pointer);
    dwarf_end_children(builder);
    finish(scene);
    assert_false(find(scene, "one", NULL).present);
    assert_false(find(scene, "forged", "ring").present);
    assert_int_equal(count_pointers(scene, "forged"), 0);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void test_a_struct_that_contains_itself_many_times_costs_bounded_time(void **state)
{
    struct scene *scene = *state;
    struct dwarf_builder *builder = &scene->builder;
    begin(scene);
    size_t forged = begin_struct(scene, "forged", 8);
    for (int i = 0; i < 40; i++)
        member(scene, i % 2 ? NULL : "inner", forged);
    dwarf_end_children(builder);
    dwarf_begin_children(builder, DW_TAG_structure_type, "target");
    dwarf_unsigned(builder, DW_AT_byte_size, 8);
    dwarf_end_children(builder);
    finish(scene);
    double start = now();
    assert_false(find(scene, "forged", "nothing").present);
    assert_true(find(scene, "forged", "inner.inner.inner").present);
    assert_int_equal(count_pointers(scene, "forged"), 0);
    assert_true(now() - start < 5);
}

static void test_the_number_of_elements_looked_into_is_bounded(void **state)
{
    struct scene *scene = *state;
    struct dwarf_builder *builder = &scene->builder;
    begin(scene);
    size_t target = begin_struct(scene, "target", 8);
    dwarf_end_children(builder);
    size_t pointer = dwarf_entry(builder, DW_TAG_pointer_type, NULL);
    dwarf_reference(builder, DW_AT_type, target);
    size_t element = begin_struct(scene, "element", 8);
    member(scene, "pointer", pointer);
    dwarf_end_children(builder);
    size_t barren = begin_struct(scene, "barren", 8);
    member(scene, "word", scene->word);
    dwarf_end_children(builder);
    size_t many = array(scene, barren, 500), some = array(scene, element, 300),
           rest = array(scene, element, 212);
    begin_struct(scene, "forged", 16000);
    member(scene, "many", many);
    member(scene, "some", some);
    member(scene, "too_many", some);
    member(scene, "rest", rest);
    dwarf_end_children(builder);
    finish(scene);
    assert_int_equal(count_pointers(scene, "forged"), 512);
}

static void query_everything(const char *path)
{
    _cleanup_(hc_debug_info_destroyp) struct hc_debug_info *info = NULL;
    _cleanup_(hc_error_destroyp) struct hc_error *error = open_module(path, NULL, NULL, &info);
    if (error)
        return;
    static const struct hc_field_request requests[] = {{"big", "nested.bits.kind", "shapes.c"},
                                                       {"big", "matrix[1][2][3]", "shapes.c"},
                                                       {"big", "number", NULL},
                                                       {"Tuple", "items[7]", "twins.c"},
                                                       {"packed_bits", "far", "shapes.c"},
                                                       {"nothing", "at.all", NULL}};
    struct hc_field fields[sizeof(requests) / sizeof(*requests)];
    hc_error_destroy(hc_debug_info_find_fields(info, requests, sizeof(requests) / sizeof(*requests), fields));
    size_t count = 0;
    hc_error_destroy(hc_debug_info_each_pointer(info, "big", "shapes.c", "Thing", ignore, &count));
    uint64_t address, size;
    hc_debug_info_find_symbol(info, "twin", "layout/twins.c", &address, &size);
}

static void test_damaged_files_never_crash_or_hang(void **state)
{
    (void)state;
    char path[64];
    _cleanup_(hc_closep) int memory = memfd_create("damaged", MFD_CLOEXEC);
    assert_true(memory >= 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
    srand(1);
    for (size_t i = 0; i < SHAPE_LIBRARY_COUNT; i++) {
        static uint8_t original[1 << 20], damaged[1 << 20];
        FILE *file = fopen(shape_libraries[i], "r");
        assert_non_null(file);
        size_t size = fread(original, 1, sizeof(original), file);
        fclose(file);
        assert_true(size > 0 && size < sizeof(original));
        for (int round = 0; round < 300; round++) {
            memcpy(damaged, original, size);
            // The last two thirds hold the debug information and the section headers.
            for (int changes = rand() % 8 + 1; changes > 0; changes--)
                damaged[size / 3 + (size_t)rand() % (size - size / 3)] = (uint8_t)rand();
            size_t kept = round % 10 ? size : (size_t)rand() % size;
            assert_int_equal(ftruncate(memory, (off_t)kept), 0);
            assert_int_equal(pwrite(memory, damaged, kept, 0), kept);
            query_everything(path);
        }
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_types_of_imported_units_belong_to_the_unit),
        TEST(test_a_ring_of_imports_ends),
        TEST(test_a_dwz_file_is_found_by_its_name_relative_to_the_debug_file),
        TEST(test_a_dwz_file_is_found_below_the_debug_dir_by_name),
        TEST(test_a_dwz_file_is_found_below_the_debug_dir_by_build_id),
        TEST(test_a_dwz_file_that_is_missing_or_of_another_build_is_an_error),
        TEST(test_members_outside_their_struct_are_rejected),
        TEST(test_forged_bit_fields_are_rejected),
        TEST(test_a_definition_after_a_declaration_is_found),
        TEST(test_a_struct_beats_a_scalar_of_the_same_name),
        TEST(test_a_unit_is_told_by_whole_parts_of_its_path),
        TEST(test_bit_fields_of_big_endian_targets_count_from_the_other_end),
        TEST(test_arrays_whose_size_overflows_are_rejected),
        TEST(test_a_ring_of_typedefs_ends),
        TEST(test_a_struct_that_contains_itself_many_times_costs_bounded_time),
        TEST(test_the_number_of_elements_looked_into_is_bounded),
        TEST(test_damaged_files_never_crash_or_hang),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
