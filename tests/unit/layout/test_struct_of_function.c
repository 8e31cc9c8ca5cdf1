// The structs behind functions, of a library that this program has loaded as well: offsetof() tells the
// truth.
#include "support.h"
#include "workers.h"

#include "layout/struct_of_function.h"

#include <dlfcn.h>

#define LOAD_BIAS 0x10000 // as open_module() says

struct loaded {
    void *library;
    struct hc_debug_info *info;
    uint64_t base; // of the loaded library
};

typedef void library_test(const struct loaded *loaded);

static void for_each_library(library_test *test)
{
    for (size_t i = 0; i < SHAPE_LIBRARY_COUNT; i++) {
        struct loaded loaded = {0};
        Dl_info where;
        print_message("           %s\n", strrchr(shape_libraries[i], '/') + 1);
        loaded.library = dlopen(shape_libraries[i], RTLD_NOW | RTLD_LOCAL);
        assert_non_null(loaded.library);
        assert_int_not_equal(dladdr(dlsym(loaded.library, "shapes_use"), &where), 0);
        loaded.base = (uint64_t)(uintptr_t)where.dli_fbase;
        assert_no_error(open_module(shape_libraries[i], NULL, NULL, &loaded.info));
        test(&loaded);
        hc_debug_info_destroy(loaded.info);
        dlclose(loaded.library);
    }
}

// Names divided by blanks; a digit in place of a name is an address where no function begins.
static struct hc_struct find(const struct loaded *loaded, const char *names, struct hc_struct_request request)
{
    uint64_t functions[8];
    char text[128], *rest = NULL;
    snprintf(text, sizeof(text), "%s", names);
    for (char *name = strtok_r(text, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        void *address = *name >= '0' && *name <= '9' ? NULL : dlsym(loaded->library, name);
        functions[request.function_count++] =
            address ? (uint64_t)(uintptr_t)address - loaded->base + LOAD_BIAS : strtoull(name, NULL, 0);
    }
    struct hc_struct structure;
    request.functions = functions;
    request.head = "kind";
    request.word_size = 8;
    assert_no_error(hc_debug_info_find_struct(loaded->info, &request, &structure));
    return structure;
}

static const struct hc_struct_member *member(const struct hc_struct *structure, const char *name)
{
    for (size_t i = 0; i < structure->members.count; i++)
        if (!strcmp(structure->members.items[i].name, name))
            return &structure->members.items[i];
    return NULL;
}

static void assert_member(const struct hc_struct *structure, const char *name, uint64_t block, size_t offset,
                          enum hc_struct_member_kind kind)
{
    const struct hc_struct_member *found = member(structure, name);
    if (!found)
        fail_msg("no member %s", name);
    assert_int_equal(found->offset, offset);
    assert_int_equal(found->block, block);
    assert_int_equal(found->kind, kind);
}

static void assert_derived(struct hc_struct structure)
{
    assert_non_null(structure.name);
    assert_string_equal(structure.name, "derived");
    assert_int_equal(structure.size, sizeof(struct derived));
    const struct hc_struct *it = &structure;
    assert_member(it, "kind", HC_NO_BLOCK, offsetof(Thing, kind), HC_MEMBER_OBJECT);
    assert_member(it, "function", HC_NO_BLOCK, offsetof(Partial, function), HC_MEMBER_OBJECT);
    assert_member(it, "arguments", HC_NO_BLOCK, offsetof(Partial, arguments), HC_MEMBER_OBJECT);
    assert_member(it, "opaque", HC_NO_BLOCK, offsetof(Partial, opaque), HC_MEMBER_UNTYPED);
    assert_member(it, "anything", HC_NO_BLOCK, offsetof(Partial, anything), HC_MEMBER_UNTYPED);
    assert_null(member(it, "text"));
    assert_member(it, "own", HC_NO_BLOCK, offsetof(struct derived, own), HC_MEMBER_OBJECT);
    assert_member(it, "fixed[0]", HC_NO_BLOCK, offsetof(struct derived, fixed[0]), HC_MEMBER_OBJECT);
    assert_member(it, "fixed[2]", HC_NO_BLOCK, offsetof(struct derived, fixed[2]), HC_MEMBER_OBJECT);
    assert_null(member(it, "fixed[3]"));
    assert_member(it, "nested[1].inner", HC_NO_BLOCK, offsetof(struct derived, nested[1].inner),
                  HC_MEMBER_OBJECT);
    assert_member(it, "either.one", HC_NO_BLOCK, offsetof(struct derived, either), HC_MEMBER_UNTYPED);
    assert_member(it, "items", HC_NO_BLOCK, offsetof(struct derived, items), HC_MEMBER_ITEMS);
    assert_member(it, "count", HC_NO_BLOCK, offsetof(struct derived, count), HC_MEMBER_COUNT);
    assert_member(it, "next", HC_NO_BLOCK, offsetof(struct derived, next), HC_MEMBER_OBJECT);
    uint64_t extra = offsetof(struct derived, extra);
    assert_null(member(it, "extra"));
    assert_member(it, "extra->first", extra, offsetof(struct extra, first), HC_MEMBER_OBJECT);
    assert_member(it, "extra->length", extra, offsetof(struct extra, length), HC_MEMBER_COUNT);
    assert_member(it, "extra->children", extra, offsetof(struct extra, children), HC_MEMBER_ITEMS);
    assert_member(it, "extra->few[1]", extra, offsetof(struct extra, few[1]), HC_MEMBER_OBJECT);
    assert_null(member(it, "link.next"));
    hc_struct_deinit(&structure);
}

static const struct hc_struct_request of_derived = {.size = sizeof(struct derived)};

static void parameters(const struct loaded *loaded)
{
    assert_derived(find(loaded, "derived_visit", of_derived));
}

static void test_a_parameter_tells_the_struct_and_it_its_members(void **state)
{
    (void)state;
    for_each_library(parameters);
}

static void variables(const struct loaded *loaded)
{
    assert_derived(find(loaded, "derived_free", of_derived));
}

static void test_a_variable_tells_the_struct(void **state)
{
    (void)state;
    for_each_library(variables);
}

static void inlined(const struct loaded *loaded)
{
    assert_derived(find(loaded, "derived_inlined", of_derived));
}

static void test_what_an_inlined_call_returns_tells_the_struct(void **state)
{
    (void)state;
    for_each_library(inlined);
}

static void strangers(const struct loaded *loaded)
{
    assert_null(find(loaded, "derived_visit", (struct hc_struct_request){.size = 24}).name);
    assert_null(
        find(loaded, "derived_visit", (struct hc_struct_request){.size = sizeof(struct derived) - 8}).name);
    assert_null(find(loaded, "0x10 0 18446744073709551615", of_derived).name);
    assert_null(find(loaded, "", of_derived).name);
    assert_derived(find(loaded, "0 derived_visit 1", of_derived));
}

static void test_other_sizes_and_addresses_of_no_function_tell_nothing(void **state)
{
    (void)state;
    for_each_library(strangers);
}

static void votes(const struct loaded *loaded)
{
    const struct hc_struct_request request = {.size = sizeof(struct left)};
    _Static_assert(sizeof(struct left) == sizeof(struct right), "two of one size");
    assert_null(find(loaded, "left_visit right_visit", request).name);
    assert_null(find(loaded, "left_free", request).name);
    struct hc_struct left = find(loaded, "left_visit left_free", request);
    assert_string_equal(left.name, "left");
    assert_member(&left, "left", HC_NO_BLOCK, offsetof(struct left, left), HC_MEMBER_OBJECT);
    hc_struct_deinit(&left);
    struct hc_struct right = find(loaded, "right_visit left_free", request);
    assert_string_equal(right.name, "right");
    hc_struct_deinit(&right);
}

static void test_of_two_structs_of_a_size_the_one_with_more_votes_is_taken_and_neither_on_a_tie(void **state)
{
    (void)state;
    for_each_library(votes);
}

static void open_ended(const struct loaded *loaded)
{
    struct hc_struct_request request = {.size = sizeof(Tuple), .item_size = sizeof(Thing *)};
    struct hc_struct tuple = find(loaded, "tuple_visit", request);
    assert_string_equal(tuple.name, "Tuple");
    assert_member(&tuple, "items", HC_NO_BLOCK, offsetof(Tuple, items), HC_MEMBER_OBJECT);
    assert_true(member(&tuple, "items")->is_open);
    hc_struct_deinit(&tuple);
    request.size -= sizeof(Thing *); // as if one item belonged to the struct
    tuple = find(loaded, "tuple_visit", request);
    assert_non_null(tuple.name);
    hc_struct_deinit(&tuple);
    request.size -= sizeof(Thing *);
    assert_null(find(loaded, "tuple_visit", request).name);
}

static void test_an_array_without_end_is_told_as_such(void **state)
{
    (void)state;
    for_each_library(open_ended);
}

static void headless(const struct loaded *loaded)
{
    struct hc_struct_request request = {.size = sizeof(struct state)};
    assert_null(find(loaded, "state_visit", request).name);
    request.is_headless = true;
    struct hc_struct structure = find(loaded, "state_visit", request);
    assert_string_equal(structure.name, "state");
    assert_member(&structure, "exception", HC_NO_BLOCK, 0, HC_MEMBER_OBJECT);
    assert_member(&structure, "cache", HC_NO_BLOCK, offsetof(struct state, cache), HC_MEMBER_OBJECT);
    hc_struct_deinit(&structure);
    request.size = sizeof(struct derived);
    assert_null(find(loaded, "derived_visit", request).name);
}

static void test_a_struct_without_the_head_is_found_only_where_one_is_asked_for(void **state)
{
    (void)state;
    for_each_library(headless);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_parameter_tells_the_struct_and_it_its_members),
        cmocka_unit_test(test_a_variable_tells_the_struct),
        cmocka_unit_test(test_what_an_inlined_call_returns_tells_the_struct),
        cmocka_unit_test(test_other_sizes_and_addresses_of_no_function_tell_nothing),
        cmocka_unit_test(test_of_two_structs_of_a_size_the_one_with_more_votes_is_taken_and_neither_on_a_tie),
        cmocka_unit_test(test_an_array_without_end_is_told_as_such),
        cmocka_unit_test(test_a_struct_without_the_head_is_found_only_where_one_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
