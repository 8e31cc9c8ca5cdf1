// A core of a child of this very program, written by the kernel that runs the test.
#include "support.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const char constant_text[] = "constant, in a page that a core leaves out";
static char data_text[32] = "in the data segment";
static char *heap_mark; // lives on, so that its address stays good

// Dumps in the test's directory. Returns the child's pid.
static pid_t crash_a_child(void (*crash)(void))
{
    if (!heap_mark)
        heap_mark = malloc(64);
    assert_non_null(heap_mark);
    strcpy(heap_mark, "in the heap");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit limit = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
        // Only root may raise the hard limit; without it there may be no core, and the test is skipped.
        if (setrlimit(RLIMIT_CORE, &limit) != 0 && getrlimit(RLIMIT_CORE, &limit) == 0) {
            limit.rlim_cur = limit.rlim_max;
            setrlimit(RLIMIT_CORE, &limit);
        }
        strcpy(data_text, "changed by the child");
        if (chdir(test_directory) != 0)
            _exit(3);
        // Sanitizers forbid dumps and handle signals; they leave their shadow memory out of dumps.
        prctl(PR_SET_DUMPABLE, 1);
        signal(SIGABRT, SIG_DFL);
        signal(SIGSEGV, SIG_DFL);
        crash();
        _exit(4);
    }
    return child;
}

static bool find_core(char *path, size_t size, pid_t child)
{
    const char *names[] = {"core", "core.%d"};
    for (size_t i = 0; i < 2; i++) {
        char name[32];
        snprintf(name, sizeof(name), names[i], (int)child);
        snprintf(path, size, "%s/%s", test_directory, name);
        if (access(path, F_OK) == 0)
            return true;
    }
    return false;
}

// The core's path, or skips the test where the system takes cores elsewhere.
static void take_core(void (*crash)(void), char *path, size_t size, pid_t *ret_child)
{
    int status;
    pid_t child = crash_a_child(crash);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    if (!find_core(path, size, child)) {
        print_message("no core was written here: see /proc/sys/kernel/core_pattern and ulimit -Hc\n");
        skip();
    }
    *ret_child = child;
}

static void crash_by_abort(void)
{
    abort();
}

static void crash_by_null(void)
{
    volatile uintptr_t nowhere = 16;
    *(volatile int *)nowhere = 1;
}

static const char *text_at(const struct hc_image *image, const void *address)
{
    static char buffer[64];
    struct hc_reader reader;
    hc_reader_init(&reader, image);
    assert_true(hc_reader_string(&reader, (uintptr_t)address, buffer, sizeof(buffer)));
    return buffer;
}

static void test_a_child_that_aborts_is_read_from_its_core(void **state)
{
    (void)state;
    char path[PATH_MAX];
    pid_t child;
    take_core(crash_by_abort, path, sizeof(path), &child);
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_with(path, NULL);
    const struct hc_process_info *process = hc_image_process(image);
    assert_int_equal(process->pid, child);
    assert_int_equal(process->signal, SIGABRT);
    assert_int_equal(process->faulting_thread, child);
    assert_int_equal(process->thread_count, 1);
    assert_true(process->threads[0].registers_size > 0);
    assert_non_null(strstr(process->command, "real_core"));
    check_segments(image);

    // Its addresses are ours: it is a fork.
    assert_string_equal(text_at(image, heap_mark), "in the heap");
    assert_string_equal(text_at(image, data_text), "changed by the child");
    assert_string_equal(text_at(image, constant_text), constant_text);
    const struct hc_module *module = hc_image_find_module(image, (uintptr_t)crash_by_null);
    assert_non_null(module);
    assert_true(module->is_main);
    assert_string_equal(module->path, process->program);
    assert_true(module->state == HC_MODULE_FOUND || module->state == HC_MODULE_UNVERIFIED);
    struct hc_reader reader;
    hc_reader_init(&reader, image);
    const void *code = hc_reader_view(&reader, (uintptr_t)crash_by_null, 8);
    assert_non_null(code);
    assert_memory_equal(code, (const void *)(uintptr_t)crash_by_null, 8);
    assert_false(hc_image_losses(image)->truncated);
    assert_int_equal(hc_image_losses(image)->missing_modules, 0);
    unlink(path);
}

static void test_a_child_that_writes_to_nowhere_has_a_fault_address(void **state)
{
    (void)state;
    char path[PATH_MAX];
    pid_t child;
    take_core(crash_by_null, path, sizeof(path), &child);
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_with(path, NULL);
    const struct hc_process_info *process = hc_image_process(image);
    assert_int_equal(process->signal, SIGSEGV);
    assert_int_equal(process->signal_code, SEGV_MAPERR);
    assert_true(process->has_fault_address);
    assert_int_equal(process->fault_address, 16);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_child_that_aborts_is_read_from_its_core),
        cmocka_unit_test(test_a_child_that_writes_to_nowhere_has_a_fault_address),
    };
    return cmocka_run_group_tests_name("image.real_core", tests, create_test_directory,
                                       remove_test_directory);
}
