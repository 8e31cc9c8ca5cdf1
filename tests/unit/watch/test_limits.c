// Limits of made-up control groups and processes: files in a folder of the test's own.
#include "base/cleanup.h"
#include "watch/choose.h"
#include "watch/limits.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB (1 << 20)

static char root[64]; // of the running test

static void in_root(char path[256], const char *name)
{
    assert_true(snprintf(path, 256, "%s/%s", root, name) < 256);
}

// Writes a file, and makes the folders above it.
static void put(const char *name, const char *text)
{
    char path[256];
    in_root(path, name);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void put_number(const char *name, unsigned long long number)
{
    char text[32];
    snprintf(text, sizeof(text), "%llu\n", number);
    put(name, text);
}

static void put_mount(const char *type, const char *point, const char *options)
{
    char text[512];
    snprintf(text, sizeof(text),
             "20 1 0:1 / /proc rw - proc proc rw\n"
             "31 23 0:28 / %s/%s rw,relatime shared:9 - %s cgroup rw%s\n",
             root, point, type, options);
    put("proc/self/mountinfo", text);
}

static int begin(void **state)
{
    (void)state;
    snprintf(root, sizeof(root), "/tmp/heapcore-limits-XXXXXX");
    assert_non_null(mkdtemp(root));
    put("proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 8388608 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n");
    put("proc/7/statm", "5000 1000 1 1 0 1 0\n");
    return 0;
}

static int end(void **state)
{
    char command[96];
    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", root);
    return system(command);
}

// Version 2, process 7 in /service/worker: the limits are 1 GiB on the service, none on the worker.
static void put_nested_groups(void)
{
    put_mount("cgroup2", "sys", "");
    put("proc/7/cgroup", "0::/service/worker\n");
    put("sys/cgroup.procs", "");
    put("sys/service/cgroup.procs", "");
    put_number("sys/service/memory.max", 1024 * MIB);
    put("sys/service/memory.high", "max\n");
    put_number("sys/service/memory.current", 500 * MIB);
    put("sys/service/memory.stat", "anon 1\n");
    put("sys/service/worker/cgroup.procs", "7\n");
    put("sys/service/worker/memory.max", "max\n");
    put("sys/service/worker/memory.high", "max\n");
    put_number("sys/service/worker/memory.current", 400 * MIB);
    put("sys/service/worker/memory.stat", "anon 1\n");
}

static struct hc_reading read_at(struct hc_mark mark, struct hc_group *group)
{
    char proc[256];
    struct hc_reading reading;
    in_root(proc, "proc");
    assert_null(hc_group_of_process(proc, 7, group));
    const struct hc_limits limits = {.proc = proc, .pid = 7, .group = group, .mark = mark};
    assert_true(hc_limits_read(&limits, &reading));
    return reading;
}

static void test_the_limit_of_a_group_above_counts(void **state)
{
    (void)state;
    _cleanup_(hc_group_deinit) struct hc_group group;
    put_nested_groups();
    struct hc_reading reading = read_at((struct hc_mark){.percent = 90}, &group);
    assert_int_equal(group.count, 3);
    assert_string_equal(reading.what, "memory.max");
    assert_non_null(strstr(reading.path, "/sys/service"));
    assert_int_equal(reading.used, 500 * MIB);
    assert_int_equal(reading.limit, 1024 * MIB);
    assert_false(hc_reading_is_reached(&reading));
    put_number("sys/service/memory.current", 922 * MIB);
    const struct hc_limits limits = {.proc = "/nowhere", .group = &group, .mark = {.percent = 90}};
    assert_true(hc_limits_read(&limits, &reading));
    assert_true(hc_reading_is_reached(&reading));
}

static void test_the_smaller_of_two_limits_counts_and_a_changed_limit_at_once(void **state)
{
    (void)state;
    _cleanup_(hc_group_deinit) struct hc_group group;
    put_nested_groups();
    put_number("sys/service/worker/memory.high", 420 * MIB);
    struct hc_reading reading = read_at((struct hc_mark){.percent = 90}, &group);
    assert_string_equal(reading.what, "memory.high");
    assert_int_equal(reading.limit, 420 * MIB);
    assert_true(hc_reading_is_reached(&reading));
    put("sys/service/worker/memory.high", "max\n");
    const struct hc_limits limits = {.proc = "/nowhere", .group = &group, .mark = {.percent = 90}};
    assert_true(hc_limits_read(&limits, &reading));
    assert_false(hc_reading_is_reached(&reading));
}

static void test_pages_of_files_are_not_in_use(void **state)
{
    (void)state;
    _cleanup_(hc_group_deinit) struct hc_group group;
    put_nested_groups();
    put_number("sys/service/memory.current", 1020 * MIB);
    put("sys/service/memory.stat",
        "anon 104857600\ninactive_file 629145600\nactive_file 209715200\nslab_reclaimable 1048576\n");
    struct hc_reading reading = read_at((struct hc_mark){.percent = 90}, &group);
    assert_int_equal(reading.used, (1020 - 600 - 200 - 1) * MIB);
    assert_false(hc_reading_is_reached(&reading));
}

static void test_swap_is_room_as_far_as_there_is_any(void **state)
{
    (void)state;
    _cleanup_(hc_group_deinit) struct hc_group group;
    put_nested_groups();
    put("proc/meminfo",
        "MemTotal: 8388608 kB\nMemAvailable: 8388608 kB\nSwapTotal: 307200 kB\nSwapFree: 204800 kB\n");
    put_number("sys/service/memory.current", 1000 * MIB);
    put_number("sys/service/memory.swap.current", 100 * MIB);
    put("sys/service/memory.swap.max", "max\n");
    struct hc_reading reading = read_at((struct hc_mark){.percent = 99}, &group);
    assert_int_equal(reading.used, 1100 * MIB);
    assert_int_equal(reading.limit, (1024 + 100 + 200) * MIB);
}

// As the first version has it: one hierarchy for memory, and a huge number for no limit.
static void put_old_groups(void)
{
    put_mount("cgroup", "sys/memory", ",memory");
    put("proc/7/cgroup", "9:name=systemd:/other\n4:memory:/docker/abc\n0::/\n");
    put("sys/memory/cgroup.procs", "");
    put("sys/memory/memory.usage_in_bytes", "4000000000\n");
    put("sys/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("sys/memory/docker/cgroup.procs", "");
    put("sys/memory/docker/memory.usage_in_bytes", "1000000000\n");
    put("sys/memory/docker/memory.limit_in_bytes", "9223372036854771712\n");
    put("sys/memory/docker/abc/cgroup.procs", "7\n");
    put_number("sys/memory/docker/abc/memory.usage_in_bytes", 480 * MIB);
    put_number("sys/memory/docker/abc/memory.limit_in_bytes", 512 * MIB);
    put("sys/memory/docker/abc/memory.stat", "cache 1\ntotal_inactive_file 10485760\ntotal_active_file 0\n");
    put("sys/memory/docker/abc/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
}

static void test_groups_of_version_1_are_read(void **state)
{
    (void)state;
    _cleanup_(hc_group_deinit) struct hc_group group;
    put_old_groups();
    struct hc_reading reading = read_at((struct hc_mark){.percent = 90}, &group);
    assert_int_equal(group.count, 3);
    assert_string_equal(reading.what, "memory.limit_in_bytes");
    assert_int_equal(reading.used, 470 * MIB);
    assert_int_equal(reading.limit, 512 * MIB);
    assert_true(hc_reading_is_reached(&reading));
}

static void test_exhaustion_is_counted_in_the_group_and_of_limits_above_it(void **state)
{
    (void)state;
    _cleanup_(hc_group_deinit) struct hc_group group;
    put_nested_groups();
    put("sys/service/worker/memory.events", "low 0\nhigh 3\nmax 9\noom 2\noom_kill 1\n");
    put("sys/service/memory.events", "low 0\nhigh 0\nmax 0\noom 50\noom_kill 50\n");
    put("sys/service/memory.events.local", "low 0\nhigh 0\nmax 0\noom 1\noom_kill 0\n");
    read_at((struct hc_mark){.percent = 90}, &group);
    assert_int_equal(hc_limits_count_exhaustions(&group), 3);
}

static void test_without_limits_the_machine_is_the_limit(void **state)
{
    (void)state;
    _cleanup_(hc_group_deinit) struct hc_group group;
    put_nested_groups();
    put("sys/service/memory.max", "max\n");
    put("proc/meminfo", "MemTotal: 8388608 kB\nMemAvailable: 419430 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n");
    struct hc_reading reading = read_at((struct hc_mark){.percent = 90}, &group);
    assert_string_equal(reading.what, "the machine's memory");
    assert_true(hc_reading_is_reached(&reading));
}

static void test_bytes_count_the_resident_pages_of_a_process(void **state)
{
    (void)state;
    _cleanup_(hc_group_deinit) struct hc_group group;
    uint64_t resident = 1000 * (uint64_t)sysconf(_SC_PAGESIZE);
    struct hc_reading reading = read_at((struct hc_mark){.bytes = resident}, &group);
    assert_int_equal(group.count, 0);
    assert_int_equal(reading.used, resident);
    assert_true(hc_reading_is_reached(&reading));
    reading = read_at((struct hc_mark){.bytes = resident + 1}, &group);
    assert_false(hc_reading_is_reached(&reading));
}

static void test_bytes_count_the_memory_of_a_group(void **state)
{
    (void)state;
    char proc[256];
    _cleanup_(hc_group_deinit) struct hc_group group;
    struct hc_reading reading;
    put_nested_groups();
    in_root(proc, "proc");
    assert_null(hc_group_open(proc, "service/worker", &group));
    const struct hc_limits limits = {.proc = proc, .group = &group, .mark = {.bytes = 400 * MIB}};
    assert_true(hc_limits_read(&limits, &reading));
    assert_int_equal(reading.used, 400 * MIB);
    assert_true(hc_reading_is_reached(&reading));
    put_number("sys/service/worker/memory.current", 399 * MIB);
    assert_true(hc_limits_read(&limits, &reading));
    assert_false(hc_reading_is_reached(&reading));
}

static void test_a_limit_of_the_address_space_counts(void **state)
{
    (void)state;
    _cleanup_(hc_group_deinit) struct hc_group group;
    char text[256];
    snprintf(text, sizeof(text),
             "Max stack size   8388608 unlimited bytes\nMax address space    %llu %llu bytes\n",
             5100ull * (unsigned long long)sysconf(_SC_PAGESIZE), 1ull << 40);
    put("proc/7/limits", text);
    struct hc_reading reading = read_at((struct hc_mark){.percent = 90}, &group);
    assert_string_equal(reading.what, "address space (ulimit -v)");
    assert_true(hc_reading_is_reached(&reading));
}

static void test_the_group_that_a_container_sees_is_used_where_no_other_can_be_seen(void **state)
{
    (void)state;
    _cleanup_(hc_group_deinit) struct hc_group group;
    put_mount("cgroup2", "sys", "");
    put("sys/cgroup.procs", "");
    put("proc/7/cgroup", "0::/../kubepods/pod1/abc\n");
    put("proc/7/root/sys/fs/cgroup/cgroup.procs", "7\n");
    put_number("proc/7/root/sys/fs/cgroup/memory.max", 100 * MIB);
    put_number("proc/7/root/sys/fs/cgroup/memory.current", 95 * MIB);
    struct hc_reading reading = read_at((struct hc_mark){.percent = 90}, &group);
    assert_int_equal(reading.limit, 100 * MIB);
    assert_true(hc_reading_is_reached(&reading));
}

// In a mount namespace of its own, with a limit that is not ours. It lives until `*ret_end` is closed; 0:
// that is not allowed here.
static pid_t start_container(int *ret_end)
{
    static const char script[] =
        "mount --make-rprivate / && mount -t tmpfs none /sys/fs/cgroup && cd /sys/fs/cgroup && "
        "echo 7 >cgroup.procs && echo 104857600 >memory.max && echo 99614720 >memory.current";
    int ready[2], end[2];
    char byte;
    assert_int_equal(pipe(ready) | pipe(end), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(end[1]);
        bool is_made = unshare(CLONE_NEWNS) == 0 && system(script) == 0;
        if (is_made && write(ready[1], "", 1) == 1) {
            close(ready[1]);
            is_made = read(end[0], &byte, 1) == 0;
        }
        _exit(!is_made);
    }
    close(ready[1]);
    close(end[0]);
    *ret_end = end[1];
    bool is_there = read(ready[0], &byte, 1) == 1;
    close(ready[0]);
    return is_there ? pid : 0;
}

static void test_a_container_s_group_is_not_the_one_of_that_name_here(void **state)
{
    (void)state;
    _cleanup_(hc_group_deinit) struct hc_group group = {0};
    char target[64], link[256];
    int end;
    pid_t pid = start_container(&end);
    if (pid) {
        put_mount("cgroup2", "sys", "");
        put("sys/cgroup.procs", "");
        put("proc/7/cgroup", "0::/../kubepods/pod1/abc\n");
        snprintf(target, sizeof(target), "/proc/%d/root", (int)pid);
        in_root(link, "proc/7/root");
        assert_int_equal(symlink(target, link), 0);
        struct hc_reading reading = read_at((struct hc_mark){.percent = 90}, &group);
        assert_int_equal(reading.limit, 100 * MIB);
        assert_int_equal(group.count, 1);
    }
    close(end);
    assert_true(waitpid(-1, NULL, 0) > 0);
    if (!pid)
        skip();
}

static void test_a_group_that_vanishes_is_noticed(void **state)
{
    (void)state;
    char proc[256], command[256];
    _cleanup_(hc_group_deinit) struct hc_group group;
    struct hc_reading reading;
    put_nested_groups();
    in_root(proc, "proc");
    assert_null(hc_group_open(proc, "service/worker", &group));
    assert_false(hc_group_is_gone(&group));
    snprintf(command, sizeof(command), "rm -r %s/sys", root);
    assert_int_equal(system(command), 0);
    assert_true(hc_group_is_gone(&group));
    const struct hc_limits limits = {.proc = proc, .group = &group, .mark = {.percent = 90}};
    assert_false(hc_limits_read(&limits, &reading));
}

static void test_a_folder_that_is_no_group_is_refused(void **state)
{
    (void)state;
    char proc[256];
    struct hc_group group;
    in_root(proc, "proc");
    struct hc_error *error = hc_group_open(proc, proc, &group);
    assert_non_null(error);
    assert_non_null(strstr(hc_error_message(error), "is no control group"));
    hc_error_destroy(error);
}

static void put_process(int pid, const char *program, unsigned pages)
{
    char name[64], path[256], text[64];
    snprintf(name, sizeof(name), "proc/%d/statm", pid);
    snprintf(text, sizeof(text), "%u %u 0 0 0 0 0\n", pages * 2, pages);
    put(name, text);
    snprintf(name, sizeof(name), "proc/%d/exe", pid);
    in_root(path, name);
    assert_int_equal(symlink(program, path), 0);
}

static void test_of_a_group_the_largest_python_process_is_chosen(void **state)
{
    (void)state;
    char proc[256];
    _cleanup_(hc_group_deinit) struct hc_group group;
    put_nested_groups();
    in_root(proc, "proc");
    put("sys/service/cgroup.procs", "11\n12\n");
    put("sys/service/worker/cgroup.procs", "13\n14\n0\n");
    put_process(11, "/usr/sbin/database", 9000);
    put_process(12, "/usr/bin/python3.11", 300);
    put_process(13, "/usr/bin/uwsgi", 700);
    put("proc/13/maps", "7f00-7f01 r-xp 0 00:00 1   /usr/lib/libpython3.11.so.1.0\n");
    put_process(14, "/usr/bin/python3.11", 500);
    assert_null(hc_group_open(proc, "service", &group));
    struct hc_choice choice = hc_choose_process(proc, &group.levels[0]);
    assert_int_equal(choice.pid, 13);
    assert_true(choice.is_python);
    assert_int_equal(choice.processes, 4);
}

static void test_without_python_the_largest_process_is_chosen(void **state)
{
    (void)state;
    char proc[256];
    _cleanup_(hc_group_deinit) struct hc_group group;
    put_nested_groups();
    in_root(proc, "proc");
    put("sys/service/worker/cgroup.procs", "11\n12\n");
    put_process(11, "/usr/bin/small", 10);
    put_process(12, "/usr/bin/large", 20);
    assert_null(hc_group_open(proc, "service/worker", &group));
    struct hc_choice choice = hc_choose_process(proc, &group.levels[0]);
    assert_int_equal(choice.pid, 12);
    assert_false(choice.is_python);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_limit_of_a_group_above_counts),
        TEST(test_the_smaller_of_two_limits_counts_and_a_changed_limit_at_once),
        TEST(test_pages_of_files_are_not_in_use),
        TEST(test_swap_is_room_as_far_as_there_is_any),
        TEST(test_groups_of_version_1_are_read),
        TEST(test_exhaustion_is_counted_in_the_group_and_of_limits_above_it),
        TEST(test_without_limits_the_machine_is_the_limit),
        TEST(test_bytes_count_the_resident_pages_of_a_process),
        TEST(test_bytes_count_the_memory_of_a_group),
        TEST(test_a_limit_of_the_address_space_counts),
        TEST(test_the_group_that_a_container_sees_is_used_where_no_other_can_be_seen),
        TEST(test_a_container_s_group_is_not_the_one_of_that_name_here),
        TEST(test_a_group_that_vanishes_is_noticed),
        TEST(test_a_folder_that_is_no_group_is_refused),
        TEST(test_of_a_group_the_largest_python_process_is_chosen),
        TEST(test_without_python_the_largest_process_is_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
