// Waking by the kernel, in a control group of version 2 made for the test where that can be done.
#include "watch/wake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <cmocka.h>

static const struct hc_group no_group;

static void test_a_nap_ends_by_itself(void **state)
{
    (void)state;
    struct hc_wake wake;
    const struct hc_limits limits = {.proc = "/proc", .group = &no_group};
    hc_wake_init(&wake, eventfd(0, 0), &limits);
    assert_int_equal(hc_wake_wait(&wake, 1), HC_WAKE_TIME);
    hc_wake_deinit(&wake);
}

static void test_a_wish_to_stop_ends_a_nap(void **state)
{
    (void)state;
    struct hc_wake wake;
    const struct hc_limits limits = {.proc = "/proc", .group = &no_group};
    hc_wake_init(&wake, eventfd(1, 0), &limits);
    assert_int_equal(hc_wake_wait(&wake, 60000), HC_WAKE_STOP);
    hc_wake_deinit(&wake);
}

static bool make_group(char path[128])
{
    static const char *const roots[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
    for (size_t i = 0; i < sizeof(roots) / sizeof(*roots); i++) {
        char pressure[160];
        snprintf(path, 128, "%s/heapcore-wake-%d", roots[i], (int)getpid());
        snprintf(pressure, sizeof(pressure), "%s/memory.pressure", path);
        if (mkdir(path, 0700) == 0 && access(pressure, W_OK) == 0)
            return true;
        rmdir(path);
    }
    return false;
}

// A source whose group has gone tells so once: it must not wake the watcher again and again.
static void test_a_group_that_goes_wakes_once(void **state)
{
    (void)state;
    char path[128];
    struct hc_wake wake;
    struct hc_group group;
    if (!make_group(path))
        skip();
    assert_null(hc_group_open("/proc", path, &group));
    const struct hc_limits limits = {.proc = "/proc", .group = &group};
    hc_wake_init(&wake, eventfd(0, 0), &limits);
    assert_true(hc_wake_count_of_group(&wake) > 0);
    assert_int_equal(rmdir(path), 0);
    size_t woken = 0;
    while (hc_wake_wait(&wake, 20) == HC_WAKE_GROUP && woken < 100)
        woken++;
    assert_in_range(woken, 1, 99);
    hc_wake_deinit(&wake);
    hc_group_deinit(&group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_nap_ends_by_itself),
        cmocka_unit_test(test_a_wish_to_stop_ends_a_nap),
        cmocka_unit_test(test_a_group_that_goes_wakes_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
