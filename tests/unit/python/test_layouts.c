// Fields of CPython's structs, from debug information that has only some of them.
#include "support.h"

#include "interpreter.h"

#include <fcntl.h>

// The offsets that `library` gives, and what it is refused for.
static struct hc_offsets resolve(const char *library, char *message, size_t size)
{
    _cleanup_(hc_debug_info_destroyp) struct hc_debug_info *info = NULL;
    _cleanup_(hc_closep) int fd = open(library, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const struct hc_module module = {.path = library, .file = library, .fd = fd};
    expect_success(hc_debug_info_open(&module, NULL, &info));
    struct hc_layouts layouts;
    struct hc_error *error = hc_layouts_init(&layouts, info);
    assert_non_null(error);
    snprintf(message, size, "%s", hc_error_message(error));
    hc_error_destroy(error);
    struct hc_offsets at = layouts.at;
    hc_layouts_deinit(&layouts);
    return at;
}

static void test_the_first_alternative_that_is_there_is_taken(void **state)
{
    (void)state;
    char message[1000];
    struct hc_offsets at = resolve(INTERPRETER_LIBRARY, message, sizeof(message));
    assert_int_equal(at.interpreter_threads, offsetof(struct _is, threads.head));
    assert_int_equal(at.iframe_code, offsetof(_PyInterpreterFrame, f_executable));
    assert_int_equal(at.iframe_function, offsetof(_PyInterpreterFrame, f_funcobj));
    at = resolve(OLD_INTERPRETER_LIBRARY, message, sizeof(message));
    assert_int_equal(at.interpreter_threads, offsetof(struct _is, threads.head)); // where tstate_head stands
}

static void test_fields_after_one_with_alternatives_are_not_mixed_up(void **state)
{
    (void)state;
    char message[1000];
    struct hc_offsets at = resolve(INTERPRETER_LIBRARY, message, sizeof(message));
    assert_int_equal(at.object_type, offsetof(PyObject, ob_type));
    assert_int_equal(at.interpreter_sysdict, offsetof(struct _is, sysdict));
    assert_int_equal(at.iframe_locals, offsetof(_PyInterpreterFrame, f_locals));
    assert_int_equal(at.iframe_previous, offsetof(_PyInterpreterFrame, previous));
    assert_int_equal(at.thread_next, offsetof(struct _ts, next));
    assert_int_equal(at.sizeof_interpreter, sizeof(struct _is));
}

static void test_what_is_not_there_is_absent(void **state)
{
    (void)state;
    char message[1000];
    struct hc_offsets at = resolve(INTERPRETER_LIBRARY, message, sizeof(message));
    assert_false(hc_is_present(at.thread_cframe));
    assert_false(hc_is_present(at.list_items));
    assert_false(hc_is_present(at.sizeof_unicode_entry));
    assert_true(hc_is_present(at.thread_current_frame));
}

static void test_a_needed_field_that_is_missing_is_named(void **state)
{
    (void)state;
    char message[1000];
    resolve(INTERPRETER_LIBRARY, message, sizeof(message));
    assert_non_null(strstr(message, INTERPRETER_LIBRARY));
    assert_non_null(strstr(message, "PyVarObject.ob_size"));
}

// What has no size would be divided by, or stepped by for ever.
static void test_a_struct_of_size_zero_counts_as_missing(void **state)
{
    (void)state;
    char message[1000];
    struct hc_offsets at = resolve(EMPTY_INTERPRETER_LIBRARY, message, sizeof(message));
    assert_false(hc_is_present(at.sizeof_gc_head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_alternative_that_is_there_is_taken),
        cmocka_unit_test(test_fields_after_one_with_alternatives_are_not_mixed_up),
        cmocka_unit_test(test_what_is_not_there_is_absent),
        cmocka_unit_test(test_a_needed_field_that_is_missing_is_named),
        cmocka_unit_test(test_a_struct_of_size_zero_counts_as_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
