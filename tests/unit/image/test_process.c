// Live children of this very program: read, and unharmed by it.
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

static const char wait_for_end[] = "--wait-for-the-end-of-input";
static const char constant_text[] = "constant, in a page of the file";
static char data_text[32] = "data";

// What parent and child see of each other.
struct shared {
    atomic_ulong count;
    atomic_int ready;
    atomic_int stop;
    atomic_int interrupted;
};

struct child {
    pid_t pid;
    struct shared *shared;
    int pipe; // the child's end of its life: closing it ends a child that blocks
};

static void nap(void)
{
    struct timespec pause = {.tv_nsec = 1000000};
    nanosleep(&pause, NULL);
}

static void start_child(struct child *child, void (*run)(struct shared *shared, int pipe))
{
    int ends[2];
    child->shared = mmap(NULL, CORE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(child->shared, MAP_FAILED);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    child->pid = fork();
    assert_true(child->pid >= 0);
    if (child->pid == 0) {
        close(ends[1]);
        alarm(60);
        run(child->shared, ends[0]);
        _exit(0);
    }
    close(ends[0]);
    child->pipe = ends[1];
    while (!atomic_load(&child->shared->ready))
        nap();
}

// The child must end by itself, well.
static void finish_child(struct child *child)
{
    int status;
    atomic_store(&child->shared->stop, 1);
    close(child->pipe);
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(atomic_load(&child->shared->interrupted), 0);
    munmap(child->shared, CORE_PAGE);
}

static struct hc_image *open_process(pid_t pid)
{
    struct hc_image *image = NULL;
    struct hc_error *error = hc_image_open_process(pid, NULL, &image);
    if (error && strstr(hc_error_message(error), "no permission")) {
        print_message("%s\n", hc_error_message(error));
        skip();
    }
    if (error)
        fail_msg("%s", hc_error_message(error));
    return image;
}

static void expect_process_failure(pid_t pid, const char *phrase)
{
    struct hc_image *image = NULL;
    struct hc_error *error = hc_image_open_process(pid, NULL, &image);
    expect_failure(error, image, phrase);
}

static void count_on(struct shared *shared, int pipe)
{
    (void)pipe;
    strcpy(data_text, "changed by the child");
    atomic_store(&shared->ready, 1);
    while (!atomic_load(&shared->stop))
        atomic_fetch_add(&shared->count, 1);
}

static bool goes_on(const struct child *child)
{
    unsigned long before = atomic_load(&child->shared->count);
    for (unsigned i = 0; i < 5000; i++) {
        if (atomic_load(&child->shared->count) != before)
            return true;
        nap();
    }
    return false;
}

static void test_a_process_that_counts_is_read_and_goes_on_counting(void **state)
{
    (void)state;
    struct child child;
    start_child(&child, count_on);
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_process(child.pid);
    assert_true(goes_on(&child));
    finish_child(&child);

    const struct hc_process_info *process = hc_image_process(image);
    struct hc_reader reader;
    char text[64];
    assert_true(process->live);
    assert_int_equal(process->pid, child.pid);
    assert_int_equal(process->thread_count, 1);
    assert_int_equal(process->threads[0].tid, child.pid);
    assert_true(process->threads[0].registers_size > 0);
    // A fork leaves the thread pointer as it was.
    assert_true(process->threads[0].has_tls_base);
    assert_int_equal(process->threads[0].tls_base, (uintptr_t)__builtin_thread_pointer());
    assert_int_not_equal(hc_thread_program_counter(hc_image_target(image), &process->threads[0]), 0);
    assert_non_null(strstr(process->command, "process"));
    assert_true(hc_image_size(image) > 0);
    check_segments(image);
    // The process has ended by now: what is read is a copy.
    hc_reader_init(&reader, image);
    assert_true(hc_reader_string(&reader, (uintptr_t)data_text, text, sizeof(text)));
    assert_string_equal(text, "changed by the child");
    assert_true(hc_reader_string(&reader, (uintptr_t)constant_text, text, sizeof(text)));
    assert_string_equal(text, constant_text);
    const struct hc_module *module = hc_image_find_module(image, (uintptr_t)count_on);
    assert_non_null(module);
    assert_true(module->is_main);
    assert_string_equal(module->path, process->program);
    const void *code = hc_reader_view(&reader, (uintptr_t)count_on, 8);
    assert_non_null(code);
    assert_memory_equal(code, (const void *)(uintptr_t)count_on, 8);
}

static void block_in_read(struct shared *shared, int pipe)
{
    char byte;
    atomic_store(&shared->ready, 1);
    // read() starts again after the stop without the program's knowing.
    if (read(pipe, &byte, 1) != 0)
        atomic_store(&shared->interrupted, 1);
}

static void test_a_process_that_blocks_in_a_system_call_stays_in_it(void **state)
{
    (void)state;
    struct child child;
    start_child(&child, block_in_read);
    for (unsigned i = 0; i < 3; i++) {
        _cleanup_(hc_image_destroyp) struct hc_image *image = open_process(child.pid);
        assert_int_equal(hc_image_process(image)->thread_count, 1);
    }
    finish_child(&child);
}

static void *come_and_go(void *argument)
{
    (void)argument;
    nap();
    return NULL;
}

static void *count_in_thread(void *argument)
{
    struct shared *shared = argument;
    while (!atomic_load(&shared->stop))
        atomic_fetch_add(&shared->count, 1);
    return NULL;
}

static pid_t find_other_thread(pid_t pid)
{
    char path[64];
    pid_t found = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        if (atoi(entry->d_name) > 0 && atoi(entry->d_name) != pid)
            found = atoi(entry->d_name);
    closedir(directory);
    return found;
}

static void start_one_thread(struct shared *shared, int pipe)
{
    pthread_t counter;
    (void)pipe;
    if (pthread_create(&counter, NULL, count_in_thread, shared) != 0)
        _exit(5);
    atomic_store(&shared->ready, 1);
    pthread_join(counter, NULL);
}

static void test_the_number_of_a_thread_names_its_process(void **state)
{
    (void)state;
    struct child child;
    start_child(&child, start_one_thread);
    pid_t thread = find_other_thread(child.pid);
    assert_true(thread > 0);
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_process(thread);
    assert_int_equal(hc_image_process(image)->pid, child.pid);
    assert_int_equal(hc_image_process(image)->thread_count, 2);
    assert_true(goes_on(&child));
    finish_child(&child);
}

static void start_threads_all_the_time(struct shared *shared, int pipe)
{
    pthread_t counter;
    (void)pipe;
    if (pthread_create(&counter, NULL, count_in_thread, shared) != 0)
        _exit(5);
    atomic_store(&shared->ready, 1);
    while (!atomic_load(&shared->stop)) {
        pthread_t threads[4];
        for (size_t i = 0; i < 4; i++)
            if (pthread_create(&threads[i], NULL, come_and_go, NULL) != 0)
                _exit(6);
        for (size_t i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
    }
    pthread_join(counter, NULL);
}

static void test_threads_that_come_and_go_are_all_stopped_and_let_go(void **state)
{
    (void)state;
    struct child child;
    start_child(&child, start_threads_all_the_time);
    for (unsigned i = 0; i < 8; i++) {
        _cleanup_(hc_image_destroyp) struct hc_image *image = open_process(child.pid);
        assert_true(hc_image_process(image)->thread_count >= 2);
        assert_true(goes_on(&child));
    }
    finish_child(&child);
}

static struct {
    uint8_t *sparse;
    uint64_t length;
    uint8_t *guarded;
} places;

static void touch_little_of_much(struct shared *shared, int pipe)
{
    places.sparse[12345 * CORE_PAGE] = 0x5a;
    count_on(shared, pipe);
}

static void test_untouched_pages_read_as_zero_and_cost_nothing(void **state)
{
    (void)state;
    struct child child;
    places.length = UINT64_C(4) << 30;
    places.sparse =
        mmap(NULL, places.length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(places.sparse, MAP_FAILED);
    start_child(&child, touch_little_of_much);
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_process(child.pid);
    finish_child(&child);
    uint64_t start = (uintptr_t)places.sparse;
    assert_true(hc_image_size(image) < places.length / 8);
    assert_int_equal(byte_at(image, start + 12345 * CORE_PAGE), 0x5a);
    assert_int_equal(byte_at(image, start + 12345 * CORE_PAGE + 1), 0);
    assert_int_equal(byte_at(image, start + places.length - 1), 0);
    munmap(places.sparse, places.length);
}

static void protect_the_middle(struct shared *shared, int pipe)
{
    memset(places.guarded, 0x11, 3 * CORE_PAGE);
    if (mprotect(places.guarded + CORE_PAGE, CORE_PAGE, PROT_NONE) != 0)
        _exit(7);
    count_on(shared, pipe);
}

static void test_pages_that_the_process_cannot_read_are_holes(void **state)
{
    (void)state;
    struct child child;
    places.guarded = mmap(NULL, 3 * CORE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(places.guarded, MAP_FAILED);
    start_child(&child, protect_the_middle);
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_process(child.pid);
    finish_child(&child);
    uint64_t start = (uintptr_t)places.guarded;
    assert_int_equal(byte_at(image, start), 0x11);
    assert_true(is_hole(image, start + CORE_PAGE));
    assert_int_equal(byte_at(image, start + 2 * CORE_PAGE), 0x11);
    munmap(places.guarded, 3 * CORE_PAGE);
}

static char read_state(pid_t pid)
{
    char path[64], state = '?';
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    _cleanup_(hc_fclosep) FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
    return state;
}

static bool comes_to_state(pid_t pid, char state)
{
    for (unsigned i = 0; i < 5000; i++) {
        if (read_state(pid) == state)
            return true;
        nap();
    }
    return false;
}

static void test_a_process_that_was_stopped_stays_stopped(void **state)
{
    (void)state;
    struct child child;
    start_child(&child, count_on);
    assert_int_equal(kill(child.pid, SIGSTOP), 0);
    assert_true(comes_to_state(child.pid, 'T'));
    {
        _cleanup_(hc_image_destroyp) struct hc_image *image = open_process(child.pid);
    }
    assert_true(comes_to_state(child.pid, 'T'));
    assert_int_equal(kill(child.pid, SIGCONT), 0);
    assert_true(goes_on(&child));
    finish_child(&child);
}

static void wait_for_a_vfork(struct shared *shared, int pipe)
{
    char byte;
    atomic_store(&shared->ready, 1);
    pid_t grandchild = vfork();
    if (grandchild == 0)
        _exit(read(pipe, &byte, 1) == 0 ? 0 : 8);
    int status;
    if (waitpid(grandchild, &status, 0) != grandchild || status != 0)
        _exit(9);
}

static void test_a_thread_that_cannot_be_interrupted_is_read_without_registers(void **state)
{
    (void)state;
    struct child child;
    start_child(&child, wait_for_a_vfork);
    if (!comes_to_state(child.pid, 'D')) {
        print_message("this system shows no waiting vfork()\n");
        finish_child(&child);
        skip();
    }
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_process(child.pid);
    assert_int_equal(hc_image_process(image)->thread_count, 1);
    assert_null(hc_image_process(image)->threads[0].registers);
    check_segments(image);
    finish_child(&child);
}

static void copy_file(const char *from, const char *to)
{
    char bytes[4096];
    size_t count;
    _cleanup_(hc_fclosep) FILE *in = fopen(from, "re");
    _cleanup_(hc_fclosep) FILE *out = fopen(to, "we");
    assert_non_null(in);
    assert_non_null(out);
    while ((count = fread(bytes, 1, sizeof(bytes), in)) > 0)
        assert_int_equal(fwrite(bytes, 1, count, out), count);
    assert_int_equal(fchmod(fileno(out), 0700), 0);
}

static void become_a_copy(struct shared *shared, int pipe)
{
    // The pipe becomes the input of the program, whose main() waits for its end.
    if (dup2(pipe, 0) != 0)
        _exit(10);
    atomic_store(&shared->ready, 1);
    execl(in_test_directory("program"), "a copy", wait_for_end, NULL);
    _exit(11);
}

static bool runs_the_copy(pid_t pid)
{
    char link[64], target[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
    for (unsigned i = 0; i < 5000; i++) {
        ssize_t length = readlink(link, target, sizeof(target));
        const char *path = in_test_directory("program");
        if (length == (ssize_t)strlen(path) && memcmp(target, path, length) == 0 && read_state(pid) == 'S')
            return true;
        nap();
    }
    return false;
}

static void test_the_code_of_a_program_whose_file_was_deleted_is_there(void **state)
{
    (void)state;
    struct child child;
    copy_file("/proc/self/exe", in_test_directory("program"));
    start_child(&child, become_a_copy);
    assert_true(runs_the_copy(child.pid));
    unlink(in_test_directory("program"));
    // Another build in its place must not be taken for it.
    copy_file("/bin/sh", in_test_directory("program"));
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_process(child.pid);
    finish_child(&child);

    size_t count;
    const struct hc_module *modules = hc_image_modules(image, &count);
    const struct hc_module *program = NULL;
    for (size_t i = 0; i < count; i++)
        if (modules[i].is_main)
            program = &modules[i];
    assert_non_null(program);
    assert_non_null(strstr(program->path, "/program (deleted)"));
    // Its file is found where /proc lets us have it, else its code was copied.
    assert_true(program->state == HC_MODULE_FOUND || program->state == HC_MODULE_UNVERIFIED ||
                program->state == HC_MODULE_MISSING);
    struct hc_reader reader;
    hc_reader_init(&reader, image);
    uint64_t own_start = getauxval(AT_PHDR) & ~(uint64_t)(CORE_PAGE - 1);
    uint64_t offset = (uintptr_t)become_a_copy - own_start;
    const void *code = hc_reader_view(&reader, program->start + offset, 64);
    assert_non_null(code);
    assert_memory_equal(code, (const void *)(uintptr_t)become_a_copy, 64);
}

static atomic_int *signals_seen;

static void count_signal(int signal)
{
    (void)signal;
    atomic_fetch_add(signals_seen, 1);
}

static void take_signals(struct shared *shared, int pipe)
{
    signals_seen = &shared->interrupted;
    signal(SIGRTMIN, count_signal);
    count_on(shared, pipe);
}

static void test_signals_on_their_way_arrive(void **state)
{
    (void)state;
    enum { ROUNDS = 20 };
    struct child child;
    start_child(&child, take_signals);
    for (unsigned i = 0; i < ROUNDS; i++) {
        // Queued, so that each counts.
        assert_int_equal(sigqueue(child.pid, SIGRTMIN, (union sigval){0}), 0);
        _cleanup_(hc_image_destroyp) struct hc_image *image = open_process(child.pid);
    }
    assert_true(goes_on(&child));
    for (unsigned i = 0; i < 1000 && atomic_load(&child.shared->interrupted) < ROUNDS; i++)
        nap();
    assert_int_equal(atomic_exchange(&child.shared->interrupted, 0), ROUNDS);
    finish_child(&child);
}

static void test_a_process_that_does_not_exist_is_told(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    expect_process_failure(child, "there is no process");
    expect_process_failure(0, "is no process number");
    expect_process_failure(-5, "is no process number");
}

static void test_a_process_that_has_ended_is_told(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, child, &info, WEXITED | WNOWAIT), 0);
    expect_process_failure(child, "has ended");
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_the_own_process_is_told(void **state)
{
    (void)state;
    expect_process_failure(getpid(), "is the one that runs heapcore");
}

static void test_a_process_that_is_traced_already_is_told_with_its_tracer(void **state)
{
    (void)state;
    struct child child;
    char phrase[64];
    start_child(&child, count_on);
    if (ptrace(PTRACE_SEIZE, child.pid, NULL, NULL) != 0) {
        print_message("ptrace is not allowed here: %s\n", strerror(errno));
        finish_child(&child);
        skip();
    }
    snprintf(phrase, sizeof(phrase), "is already traced by process %d", (int)getpid());
    expect_process_failure(child.pid, phrase);
    assert_int_equal(ptrace(PTRACE_INTERRUPT, child.pid, NULL, NULL), 0);
    assert_int_equal(waitpid(child.pid, NULL, __WALL), child.pid);
    assert_int_equal(ptrace(PTRACE_DETACH, child.pid, NULL, NULL), 0);
    finish_child(&child);
}

static void test_a_process_of_another_user_is_told_as_not_permitted(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("needs root, to become another user\n");
        skip();
    }
    struct child child;
    start_child(&child, count_on);
    pid_t reader = fork();
    assert_true(reader >= 0);
    if (reader == 0) {
        struct hc_image *image = NULL;
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(3);
        struct hc_error *error = hc_image_open_process(child.pid, NULL, &image);
        bool good = error && strstr(hc_error_message(error), "no permission to stop process") &&
                    strstr(hc_error_message(error), "CAP_SYS_PTRACE");
        hc_error_destroy(error);
        _exit(good ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
    assert_true(goes_on(&child));
    finish_child(&child);
}

int main(int count, char **arguments)
{
    char byte;
    if (count == 2 && strcmp(arguments[1], wait_for_end) == 0)
        return read(0, &byte, 1) == 0 ? 0 : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_process_that_counts_is_read_and_goes_on_counting),
        cmocka_unit_test(test_a_process_that_blocks_in_a_system_call_stays_in_it),
        cmocka_unit_test(test_threads_that_come_and_go_are_all_stopped_and_let_go),
        cmocka_unit_test(test_the_number_of_a_thread_names_its_process),
        cmocka_unit_test(test_untouched_pages_read_as_zero_and_cost_nothing),
        cmocka_unit_test(test_pages_that_the_process_cannot_read_are_holes),
        cmocka_unit_test(test_a_process_that_was_stopped_stays_stopped),
        cmocka_unit_test(test_a_thread_that_cannot_be_interrupted_is_read_without_registers),
        cmocka_unit_test(test_the_code_of_a_program_whose_file_was_deleted_is_there),
        cmocka_unit_test(test_signals_on_their_way_arrive),
        cmocka_unit_test(test_a_process_that_does_not_exist_is_told),
        cmocka_unit_test(test_a_process_that_has_ended_is_told),
        cmocka_unit_test(test_the_own_process_is_told),
        cmocka_unit_test(test_a_process_that_is_traced_already_is_told_with_its_tracer),
        cmocka_unit_test(test_a_process_of_another_user_is_told_as_not_permitted),
    };
    return cmocka_run_group_tests_name("image.process", tests, create_test_directory, remove_test_directory);
}
