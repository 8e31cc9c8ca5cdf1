// Symbols of a library that this program has loaded as well: dlsym() and its functions tell the truth.
#include "support.h"

#include <dlfcn.h>

#define LOAD_BIAS 0x10000 // as open_module() says

struct loaded {
    const char *path;
    void *library;
    struct hc_debug_info *info;
    uint64_t base; // of the loaded library
};

static uint64_t address_of(const struct loaded *loaded, const char *name)
{
    void *address = dlsym(loaded->library, name);
    assert_non_null(address);
    return (uint64_t)(uintptr_t)address - loaded->base + LOAD_BIAS;
}

static uint64_t address_from(const struct loaded *loaded, const char *function)
{
    int *(*call)(void) = (int *(*)(void))dlsym(loaded->library, function);
    assert_non_null(call);
    return (uint64_t)(uintptr_t)call() - loaded->base + LOAD_BIAS;
}

static uint64_t find(const struct loaded *loaded, const char *name, const char *unit)
{
    uint64_t address = 0, size;
    if (!hc_debug_info_find_symbol(loaded->info, name, unit, &address, &size))
        fail_msg("no symbol %s in %s", name, loaded->path);
    assert_int_not_equal(size, 0);
    return address;
}

typedef void library_test(const struct loaded *loaded);

static void for_each_library(library_test *test)
{
    for (size_t i = 0; i < SHAPE_LIBRARY_COUNT; i++) {
        struct loaded loaded = {.path = shape_libraries[i]};
        print_message("           %s\n", strrchr(loaded.path, '/') + 1);
        loaded.library = dlopen(loaded.path, RTLD_NOW | RTLD_LOCAL);
        assert_non_null(loaded.library);
        Dl_info where;
        assert_int_not_equal(dladdr(dlsym(loaded.library, "shapes_use"), &where), 0);
        loaded.base = (uint64_t)(uintptr_t)where.dli_fbase;
        assert_no_error(open_module(loaded.path, NULL, NULL, &loaded.info));
        test(&loaded);
        hc_debug_info_destroy(loaded.info);
        dlclose(loaded.library);
    }
}

static void globals(const struct loaded *loaded)
{
    assert_int_equal(find(loaded, "shapes_use", NULL), address_of(loaded, "shapes_use"));
    assert_int_equal(find(loaded, "shapes_big", NULL), address_of(loaded, "shapes_big"));
    assert_int_equal(find(loaded, "shapes_big", "no/such/file.c"), address_of(loaded, "shapes_big"));
    uint64_t address, size;
    assert_false(hc_debug_info_find_symbol(loaded->info, "shapes_bi", NULL, &address, &size));
    assert_false(hc_debug_info_find_symbol(loaded->info, "shapes_bigg", NULL, &address, &size));
    assert_false(hc_debug_info_find_symbol(loaded->info, "", NULL, &address, &size));
    assert_false(hc_debug_info_find_symbol(loaded->info, "malloc", NULL, &address, &size));
    assert_true(hc_debug_info_find_symbol(loaded->info, "shapes_big", NULL, &address, NULL));
}

static void test_global_symbols_have_their_runtime_address(void **state)
{
    (void)state;
    for_each_library(globals);
}

static void twins(const struct loaded *loaded)
{
    uint64_t shapes = address_from(loaded, "shapes_twin"), twins = address_from(loaded, "twins_twin");
    assert_int_not_equal(shapes, twins);
    assert_int_equal(find(loaded, "twin", "layout/shapes.c"), shapes);
    assert_int_equal(find(loaded, "twin", "layout/twins.c"), twins);
    uint64_t first = find(loaded, "twin", NULL);
    assert_true(first == shapes || first == twins);
    first = find(loaded, "twin", "no/such/file.c");
    assert_true(first == shapes || first == twins);
}

static void test_a_static_variable_of_two_files_is_told_apart_by_unit(void **state)
{
    (void)state;
    for_each_library(twins);
}

static void twin_functions(const struct loaded *loaded)
{
    uint64_t one = find(loaded, "traverse", "layout/shapes.c");
    uint64_t other = find(loaded, "traverse", "layout/twins.c");
    assert_int_not_equal(one, other);
    int (*call)(int) = (int (*)(int))(uintptr_t)(one - LOAD_BIAS + loaded->base);
    int (*other_call)(int) = (int (*)(int))(uintptr_t)(other - LOAD_BIAS + loaded->base);
    assert_int_equal(call(10), 10);      // 10 * twin, which is 1 there
    assert_int_equal(other_call(10), 8); // 10 - twin, which is 2 there
}

static void test_a_static_function_of_two_files_is_told_apart_by_unit(void **state)
{
    (void)state;
    for_each_library(twin_functions);
}

static void renamed(const struct loaded *loaded)
{
    find(loaded, "counted", "layout/twins.c");
    uint64_t address, size;
    assert_false(hc_debug_info_find_symbol(loaded->info, "chilled", NULL, &address, &size));
}

static void test_renamed_symbols_count_but_cold_parts_of_functions_do_not(void **state)
{
    (void)state;
    for_each_library(renamed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_global_symbols_have_their_runtime_address),
        cmocka_unit_test(test_a_static_variable_of_two_files_is_told_apart_by_unit),
        cmocka_unit_test(test_a_static_function_of_two_files_is_told_apart_by_unit),
        cmocka_unit_test(test_renamed_symbols_count_but_cold_parts_of_functions_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
