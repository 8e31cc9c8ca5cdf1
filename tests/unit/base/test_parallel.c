#include "base/interrupt.h"
#include "base/parallel.h"
#include "support.h"

#include <stdatomic.h>
#include <string.h>

enum { TASKS = 1000, MAX_WORKERS = 64 };

struct record {
    unsigned threads;
    atomic_uint runs[TASKS];
    atomic_uint total;
    atomic_uint bad_workers;
    size_t failing; // task from which on each fails
};

static struct hc_error *note_run(void *argument, unsigned worker, size_t task)
{
    struct record *record = argument;
    atomic_fetch_add(&record->runs[task], 1);
    atomic_fetch_add(&record->total, 1);
    if (worker >= record->threads)
        atomic_fetch_add(&record->bad_workers, 1);
    return task >= record->failing ? hc_error_create("task failed") : NULL;
}

static void test_each_task_runs_once_whatever_the_number_of_threads(void **state)
{
    (void)state;
    static const unsigned thread_counts[] = {0, 1, 2, 3, MAX_WORKERS, 1000};
    for (size_t i = 0; i < sizeof(thread_counts) / sizeof(*thread_counts); i++) {
        unsigned threads = thread_counts[i];
        struct record record = {.threads = threads ? threads : 1, .failing = SIZE_MAX};
        assert_null(hc_parallel_run(threads, TASKS, note_run, &record));
        for (size_t task = 0; task < TASKS; task++)
            assert_int_equal(record.runs[task], 1);
        assert_int_equal(record.bad_workers, 0);
    }
}

static void test_no_task_is_no_work(void **state)
{
    (void)state;
    struct record record = {.threads = 2, .failing = SIZE_MAX};
    assert_null(hc_parallel_run(2, 0, note_run, &record));
    assert_int_equal(record.total, 0);
}

static void test_an_error_stops_the_rest_and_is_returned_once(void **state)
{
    (void)state;
    struct record record = {.threads = 2, .failing = 10};
    _cleanup_(hc_error_destroyp) struct hc_error *error = hc_parallel_run(2, TASKS, note_run, &record);
    assert_non_null(error);
    assert_string_equal(hc_error_message(error), "task failed");
    assert_true(record.total < TASKS);
}

static struct hc_error *ask_to_stop(void *argument, unsigned worker, size_t task)
{
    struct record *record = argument;
    if (task == record->failing)
        hc_interrupt_request();
    record->failing = SIZE_MAX;
    atomic_fetch_add(&record->total, 1);
    (void)worker;
    return NULL;
}

static void test_a_wish_to_stop_ends_the_work_between_tasks(void **state)
{
    (void)state;
    struct record record = {.threads = 1, .failing = 0};
    _cleanup_(hc_error_destroyp) struct hc_error *error = hc_parallel_run(1, TASKS, ask_to_stop, &record);
    hc_interrupt_clear();
    assert_non_null(error);
    assert_string_equal(hc_error_message(error), "interrupted");
    assert_int_equal(record.total, 1);
    assert_null(hc_parallel_run(1, TASKS, ask_to_stop, &record));
    assert_int_equal(record.total, 1 + TASKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_task_runs_once_whatever_the_number_of_threads),
        cmocka_unit_test(test_no_task_is_no_work),
        cmocka_unit_test(test_an_error_stops_the_rest_and_is_returned_once),
        cmocka_unit_test(test_a_wish_to_stop_ends_the_work_between_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
