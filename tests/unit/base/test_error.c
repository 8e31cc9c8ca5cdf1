#include "base/error.h"
#include "support.h"

#include <fcntl.h>
#include <string.h>

static void test_message_is_formatted(void **state)
{
    (void)state;
    _cleanup_(hc_error_destroyp) struct hc_error *error = hc_error_create("%s: %d holes", "core", 3);
    assert_string_equal(hc_error_message(error), "core: 3 holes");
}

static void test_message_may_be_long(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    _cleanup_(hc_error_destroyp) struct hc_error *error = hc_error_create("%s", text);
    assert_string_equal(hc_error_message(error), text);
}

static void test_context_is_put_before_the_message(void **state)
{
    (void)state;
    struct hc_error *inner = hc_error_create("no such file");
    _cleanup_(hc_error_destroyp) struct hc_error *error = hc_error_wrap(inner, "opening %s", "core.7");
    assert_string_equal(hc_error_message(error), "opening core.7: no such file");
}

static void test_out_of_memory_can_be_wrapped_and_destroyed_any_number_of_times(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct hc_error *error = hc_error_out_of_memory();
        assert_string_equal(hc_error_message(error), "out of memory");
        hc_error_destroy(hc_error_wrap(error, "reading notes"));
        hc_error_destroy(error);
    }
}

static void test_destroying_no_error_is_allowed(void **state)
{
    (void)state;
    hc_error_destroy(NULL);
}

static struct hc_error *count_twice(int *count, struct hc_error *first)
{
    ++*count;
    HC_TRY(first);
    ++*count;
    return NULL;
}

static void test_try_returns_the_error_at_once(void **state)
{
    (void)state;
    int count = 0;
    struct hc_error *thrown = hc_error_create("broken");
    _cleanup_(hc_error_destroyp) struct hc_error *error = count_twice(&count, thrown);
    assert_ptr_equal(error, thrown);
    assert_int_equal(count, 1);
}

static void test_try_goes_on_after_success(void **state)
{
    (void)state;
    int count = 0;
    assert_null(count_twice(&count, NULL));
    assert_int_equal(count, 2);
}

static void test_taken_pointer_is_not_freed_by_the_scope(void **state)
{
    (void)state;
    char *kept;
    {
        _cleanup_(hc_freep) char *text = strdup("kept");
        kept = hc_take(text);
        assert_null(text);
    }
    assert_string_equal(kept, "kept");
    free(kept);
}

static void test_scope_closes_its_descriptor(void **state)
{
    (void)state;
    int number;
    {
        _cleanup_(hc_closep) int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        number = fd;
    }
    assert_int_equal(fcntl(number, F_GETFD), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_is_formatted),
        cmocka_unit_test(test_message_may_be_long),
        cmocka_unit_test(test_context_is_put_before_the_message),
        cmocka_unit_test(test_out_of_memory_can_be_wrapped_and_destroyed_any_number_of_times),
        cmocka_unit_test(test_destroying_no_error_is_allowed),
        cmocka_unit_test(test_try_returns_the_error_at_once),
        cmocka_unit_test(test_try_goes_on_after_success),
        cmocka_unit_test(test_taken_pointer_is_not_freed_by_the_scope),
        cmocka_unit_test(test_scope_closes_its_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
