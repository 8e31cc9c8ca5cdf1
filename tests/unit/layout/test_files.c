// Where debug information is found, and what is said when it is not.
#include "support.h"

#include <dlfcn.h>

struct scene {
    char directory[64];
    char stripped[128]; // the library without debug information
    char debug[128];    // that information, under no name that anything would look for
    char build_id[129];
};

__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...)
{
    char command[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

static void read_build_id(const char *path, char *text, size_t size)
{
    char command[512];
    snprintf(command, sizeof(command), "readelf -n '%s' | sed -n 's/.*Build ID: //p'", path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(text, (int)size, pipe));
    text[strcspn(text, "\n")] = 0;
    pclose(pipe);
}

static int set_up(void **state)
{
    static struct scene scene;
    unsetenv("DEBUGINFOD_URLS");
    scene = (struct scene){.directory = "/tmp/layout-files-XXXXXX"};
    assert_non_null(mkdtemp(scene.directory));
    snprintf(scene.stripped, sizeof(scene.stripped), "%s/libpython3.77.so.1.0", scene.directory);
    snprintf(scene.debug, sizeof(scene.debug), "%s/elsewhere", scene.directory);
    shell("objcopy --only-keep-debug '%s' '%s'", shape_libraries[0], scene.debug);
    shell("strip -o '%s' '%s'", scene.stripped, shape_libraries[0]);
    read_build_id(scene.stripped, scene.build_id, sizeof(scene.build_id));
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    shell("rm -rf '%s'", scene->directory);
    return 0;
}

// Copies the debug information into the build-id tree below a directory, and returns its path there.
static const char *store_by_build_id(const struct scene *scene, const char *root, const char *debug)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/.build-id/%.2s/%s.debug", root, scene->build_id, scene->build_id + 2);
    shell("mkdir -p '%s/.build-id/%.2s' && cp '%s' '%s'", root, scene->build_id, debug, path);
    return path;
}

static void expect_found(const struct scene *scene, const struct hc_debug_options *options, const char *file)
{
    _cleanup_(hc_debug_info_destroyp) struct hc_debug_info *info = NULL;
    assert_no_error(open_module(scene->stripped, scene->build_id, options, &info));
    assert_string_equal(hc_debug_info_file(info), file);
    assert_true(find_field(info, "big", "nested.bits.kind", "shapes.c").present);
    uint64_t address, size;
    assert_true(hc_debug_info_find_symbol(info, "twin", "shapes.c", &address, &size));
    assert_true(hc_debug_info_find_symbol(info, "shapes_use", NULL, &address, &size));
}

static void expect_missing(const char *file, const char *build_id, const struct hc_debug_options *options,
                           const char *sentence)
{
    _cleanup_(hc_debug_info_destroyp) struct hc_debug_info *info = NULL;
    _cleanup_(hc_error_destroyp) struct hc_error *error = open_module(file, build_id, options, &info);
    assert_null(info);
    assert_non_null(error);
    if (!strstr(hc_error_message(error), sentence))
        fail_msg("\"%s\" is not in \"%s\"", sentence, hc_error_message(error));
}

static void test_the_modules_own_debug_info_is_used(void **state)
{
    (void)state;
    _cleanup_(hc_debug_info_destroyp) struct hc_debug_info *info = NULL;
    assert_no_error(open_module(shape_libraries[0], NULL, NULL, &info));
    assert_string_equal(hc_debug_info_file(info), shape_libraries[0]);
}

static void test_a_debug_file_is_found_by_build_id_below_the_debug_dir(void **state)
{
    struct scene *scene = *state;
    char directory[128];
    snprintf(directory, sizeof(directory), "%s/given", scene->directory);
    const char *path = store_by_build_id(scene, directory, scene->debug);
    expect_found(scene, &(struct hc_debug_options){.debug_dir = directory}, path);
}

static void test_a_debug_file_is_found_by_build_id_below_the_sysroot(void **state)
{
    struct scene *scene = *state;
    char directory[128];
    snprintf(directory, sizeof(directory), "%s/usr/lib/debug", scene->directory);
    const char *path = store_by_build_id(scene, directory, scene->debug);
    expect_found(scene, &(struct hc_debug_options){.sysroot = scene->directory}, path);
}

static void test_a_debug_file_is_found_by_name_below_the_debug_dir(void **state)
{
    struct scene *scene = *state;
    char directory[128], path[256];
    snprintf(directory, sizeof(directory), "%s/given", scene->directory);
    snprintf(path, sizeof(path), "%s/libpython3.77.so.1.0", directory);
    shell("mkdir '%s' && cp '%s' '%s'", directory, scene->debug, path);
    expect_found(scene, &(struct hc_debug_options){.debug_dir = directory}, path);
}

static void test_a_debug_link_is_followed_beside_the_file_and_in_its_debug_directory(void **state)
{
    struct scene *scene = *state;
    char path[256];
    snprintf(path, sizeof(path), "%s/.debug/linked.debug", scene->directory);
    shell("cd '%s' && mkdir .debug && cp elsewhere .debug/linked.debug && "
          "objcopy --add-gnu-debuglink=.debug/linked.debug libpython3.77.so.1.0",
          scene->directory);
    expect_found(scene, NULL, path);
    shell("cd '%s' && mv .debug/linked.debug .", scene->directory);
    snprintf(path, sizeof(path), "%s/linked.debug", scene->directory);
    expect_found(scene, NULL, path);
}

static void test_without_build_ids_the_checksum_of_the_debug_link_decides(void **state)
{
    struct scene *scene = *state;
    shell("cd '%s' && for f in elsewhere libpython3.77.so.1.0; do "
          "objcopy --remove-section=.note.gnu.build-id $f || exit 1; done; cp elsewhere linked.debug && "
          "objcopy --add-gnu-debuglink=linked.debug libpython3.77.so.1.0",
          scene->directory);
    {
        _cleanup_(hc_debug_info_destroyp) struct hc_debug_info *info = NULL;
        assert_no_error(open_module(scene->stripped, NULL, NULL, &info));
        assert_true(find_field(info, "big", "last", "shapes.c").present);
    }
    shell("printf x >> '%s/linked.debug'", scene->directory);
    expect_missing(scene->stripped, NULL, NULL, "(without build-id)");
    expect_missing(scene->stripped, NULL, NULL, "linked.debug is of another build");
}

static void test_a_debug_file_of_another_build_is_rejected_and_named(void **state)
{
    struct scene *scene = *state;
    char directory[128], sentence[640];
    snprintf(directory, sizeof(directory), "%s/given", scene->directory);
    const char *path = store_by_build_id(scene, directory, shape_libraries[1]);
    snprintf(sentence, sizeof(sentence), "%s is of another build", path);
    expect_missing(scene->stripped, scene->build_id, &(struct hc_debug_options){.debug_dir = directory},
                   sentence);
}

static void test_files_that_are_no_debug_files_are_passed_over(void **state)
{
    struct scene *scene = *state;
    char directory[128];
    snprintf(directory, sizeof(directory), "%s/given", scene->directory);
    const struct hc_debug_options options = {.debug_dir = directory, .sysroot = scene->directory};
    const char *path = store_by_build_id(scene, directory, scene->stripped);
    static const char *const replacements[] = {": > '%s'", "echo nonsense > '%s'", "mkdir '%s'",
                                               "mkfifo '%s'"};
    for (size_t i = 0; i < sizeof(replacements) / sizeof(*replacements); i++) {
        expect_missing(scene->stripped, scene->build_id, &options, "no debug info for libpython3.77.so.1.0");
        shell("rm -rf '%s'", path);
        char command[1024];
        snprintf(command, sizeof(command), replacements[i], path);
        shell("%s", command);
    }
    expect_missing(scene->stripped, scene->build_id, &options, "no debug info for libpython3.77.so.1.0");
}

static void test_missing_debug_info_is_one_sentence_that_says_what_to_install_or_pass(void **state)
{
    struct scene *scene = *state;
    char sentence[512];
    snprintf(sentence, sizeof(sentence),
             "no debug info for libpython3.77.so.1.0 (build-id %s); install python3.77-dbg (Debian) or pass "
             "--debug-dir DIR",
             scene->build_id);
    expect_missing(scene->stripped, scene->build_id, NULL, sentence);
    expect_missing(scene->stripped, NULL, NULL, sentence);
    static const char *const names[][2] = {{"python3.77", "install python3.77-dbg (Debian) or"},
                                           {"python3", "install python3-dbg (Debian) or"},
                                           {"python3.77t", "install python3.77-dbg (Debian) or"},
                                           {"_json.so", "install its debug package or"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s/%s", scene->directory, names[i][0]);
        shell("cp '%s' '%s'", scene->stripped, path);
        expect_missing(path, NULL, NULL, names[i][1]);
    }
}

static void test_a_missing_module_still_has_the_debug_file_of_its_build_id(void **state)
{
    struct scene *scene = *state;
    char directory[128];
    snprintf(directory, sizeof(directory), "%s/given", scene->directory);
    const char *path = store_by_build_id(scene, directory, scene->debug);
    shell("rm '%s'", scene->stripped);
    expect_found(scene, &(struct hc_debug_options){.debug_dir = directory}, path);
    expect_missing(scene->stripped, scene->build_id, NULL, "no debug info for libpython3.77.so.1.0");
    expect_missing(scene->stripped, NULL, NULL, "(without build-id)");
}

static void test_debuginfod_is_asked_only_if_its_variable_is_set(void **state)
{
    struct scene *scene = *state;
    void *library = dlopen("libdebuginfod.so.1", RTLD_LAZY);
    if (!library) {
        print_message("           not tested: libdebuginfod is not installed\n");
        skip();
    }
    char urls[256], cache[256], config[512];
    snprintf(urls, sizeof(urls), "file://%s/server", scene->directory);
    snprintf(cache, sizeof(cache), "%s/cache", scene->directory);
    snprintf(config, sizeof(config), "%s/server/buildid/%s", scene->directory, scene->build_id);
    shell("mkdir -p '%s' && cp '%s' '%s/debuginfo'", config, scene->debug, config);
    setenv("DEBUGINFOD_CACHE_PATH", cache, 1);
    expect_missing(scene->stripped, scene->build_id, NULL, "no debug info");
    setenv("DEBUGINFOD_URLS", urls, 1);
    snprintf(config, sizeof(config), "%s/%s/debuginfo", cache, scene->build_id);
    expect_found(scene, NULL, config);
    unsetenv("DEBUGINFOD_URLS");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_modules_own_debug_info_is_used),
        TEST(test_a_debug_file_is_found_by_build_id_below_the_debug_dir),
        TEST(test_a_debug_file_is_found_by_build_id_below_the_sysroot),
        TEST(test_a_debug_file_is_found_by_name_below_the_debug_dir),
        TEST(test_a_debug_link_is_followed_beside_the_file_and_in_its_debug_directory),
        TEST(test_without_build_ids_the_checksum_of_the_debug_link_decides),
        TEST(test_a_debug_file_of_another_build_is_rejected_and_named),
        TEST(test_files_that_are_no_debug_files_are_passed_over),
        TEST(test_missing_debug_info_is_one_sentence_that_says_what_to_install_or_pass),
        TEST(test_a_missing_module_still_has_the_debug_file_of_its_build_id),
        TEST(test_debuginfod_is_asked_only_if_its_variable_is_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
