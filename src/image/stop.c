#include "image/stop.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

enum { PATIENCE_SECONDS = 5, NAPS_BEFORE_A_LOOK = 100 };

// The value of a line "Name: value" of /proc/PID/status, or -1.
static long read_status_number(pid_t pid, const char *name)
{
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    _cleanup_(hc_fclosep) FILE *file = fopen(path, "re");
    size_t length = strlen(name);
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            return strtol(line + length + 1, NULL, 10);
    return -1;
}

// The letter of /proc/PID/status (R, S, D, T, Z …); 'X' if there is no such thread.
static char read_state(pid_t tid)
{
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
    _cleanup_(hc_fclosep) FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, "State:", 6) == 0)
            return line[6 + strspn(line + 6, " \t")];
    return 'X';
}

bool hc_thread_has_ended(pid_t tid)
{
    char state = read_state(tid);
    return state == 'Z' || state == 'X';
}

static bool is_kernel_thread(pid_t pid)
{
    char path[64], target[8];
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    return readlink(path, target, sizeof(target)) < 0 && errno == ENOENT;
}

static int read_ptrace_scope(void)
{
    int scope = 0;
    _cleanup_(hc_fclosep) FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    return file && fscanf(file, "%d", &scope) == 1 ? scope : 0;
}

static struct hc_error *explain_refusal(pid_t pid, pid_t tid, int error)
{
    long tracer = read_status_number(tid, "TracerPid");
    if (tracer > 0)
        return hc_error_create("process %d is already traced by process %ld; end that debugger, or let it "
                               "write a core (gdb: generate-core-file) and open the core",
                               (int)pid, tracer);
    if (error != EPERM)
        return hc_error_create("cannot stop process %d: %s; try as root, or open a core of it", (int)pid,
                               strerror(error));
    if (is_kernel_thread(pid))
        return hc_error_create("process %d is a part of the kernel and runs no program; name another process",
                               (int)pid);
    int scope = read_ptrace_scope();
    if (scope == 3)
        return hc_error_create(
            "this system lets nobody trace process %d (kernel.yama.ptrace_scope is 3); let "
            "it write a core and open that",
            (int)pid);
    if (scope > 0)
        return hc_error_create("no permission to stop process %d; try as root, with CAP_SYS_PTRACE, or with "
                               "kernel.yama.ptrace_scope set to 0 (it is %d)",
                               (int)pid, scope);
    return hc_error_create("no permission to stop process %d; try as its owner, as root, or with "
                           "CAP_SYS_PTRACE (a container needs that added)",
                           (int)pid);
}

static struct hc_error *explain_absence(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    if (access(path, F_OK) != 0)
        return hc_error_create("there is no process %d; see 'ps -e' for those that run", (int)pid);
    return hc_error_create("process %d has ended and only its exit status is left; open the core if it wrote "
                           "one",
                           (int)pid);
}

static bool is_known(const struct hc_stop *stop, pid_t tid)
{
    for (size_t i = 0; i < stop->threads.count; i++)
        if (stop->threads.items[i].tid == tid)
            return true;
    return false;
}

static struct hc_error *seize(struct hc_stop *stop, pid_t tid)
{
    // No memory must be short between taking a thread and noting it.
    if (!hc_stopped_thread_vector_reserve(&stop->threads, stop->threads.count + 1))
        return hc_error_out_of_memory();
    if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
        int error = errno;
        return error == ESRCH || hc_thread_has_ended(tid) ? NULL : explain_refusal(stop->pid, tid, error);
    }
    struct hc_stopped_thread *thread = &stop->threads.items[stop->threads.count++];
    *thread = (struct hc_stopped_thread){.tid = tid};
    if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0)
        thread->gone = true;
    return NULL;
}

static struct hc_error *seize_new_threads(struct hc_stop *stop, size_t *ret_count)
{
    char path[64];
    size_t before = stop->threads.count;
    *ret_count = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)stop->pid);
    DIR *directory = opendir(path);
    if (!directory)
        return explain_absence(stop->pid);
    struct hc_error *error = NULL;
    struct dirent *entry;
    while (!error && (entry = readdir(directory))) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid > 0 && !is_known(stop, tid))
            error = seize(stop, tid);
    }
    closedir(directory);
    *ret_count = stop->threads.count - before;
    return error;
}

static void note_status(struct hc_stopped_thread *thread, int status)
{
    if (!WIFSTOPPED(status)) {
        thread->gone = true;
        return;
    }
    thread->stopped = true;
    if (status >> 16 == 0)
        thread->signal = WSTOPSIG(status);
}

static bool is_past(const struct timespec *deadline)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > deadline->tv_sec ||
           (now.tv_sec == deadline->tv_sec && now.tv_nsec > deadline->tv_nsec);
}

static struct hc_error *wait_for_stop(const struct hc_stop *stop, struct hc_stopped_thread *thread,
                                      const struct timespec *deadline)
{
    struct timespec pause = {.tv_nsec = 20000};
    for (unsigned naps = 0; !thread->stopped && !thread->gone; naps++) {
        int status;
        pid_t result = waitpid(thread->tid, &status, __WALL | WNOHANG);
        if (result == thread->tid) {
            note_status(thread, status);
            continue;
        }
        if (result < 0 && errno != EINTR)
            thread->gone = true;
        // It waits for a disk or a vfork() and would stop before its first step in the program: at most the
        // buffer of a read() changes meanwhile. Only its registers are not to be had.
        if (naps >= NAPS_BEFORE_A_LOOK && read_state(thread->tid) == 'D')
            return NULL;
        if (is_past(deadline))
            return hc_error_create("thread %d of process %d does not stop within %d seconds; try again later",
                                   (int)thread->tid, (int)stop->pid, PATIENCE_SECONDS);
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < 1000000)
            pause.tv_nsec *= 2;
    }
    return NULL;
}

static struct hc_error *stop_all(struct hc_stop *stop)
{
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += PATIENCE_SECONDS;
    // A thread that still runs may start others: look again until there are none.
    for (;;) {
        size_t count;
        HC_TRY(seize_new_threads(stop, &count));
        if (count == 0)
            break;
        size_t first = stop->threads.count - count;
        for (size_t i = first; i < stop->threads.count; i++)
            HC_TRY(wait_for_stop(stop, &stop->threads.items[i], &deadline));
    }
    for (size_t i = 0; i < stop->threads.count; i++)
        if (!stop->threads.items[i].gone)
            return NULL;
    return explain_absence(stop->pid);
}

struct hc_error *hc_stop_init(struct hc_stop *stop, pid_t pid)
{
    *stop = (struct hc_stop){.pid = pid};
    if (pid <= 0)
        return hc_error_create("%d is no process number; see 'ps -e' for those that run", (int)pid);
    // A number of one of its threads names a process too.
    long leader = read_status_number(pid, "Tgid");
    if (leader > 0)
        stop->pid = (pid_t)leader;
    if (leader == getpid())
        return hc_error_create("process %d is the one that runs heapcore; name another, or open a core of it",
                               (int)pid);
    struct hc_error *error = stop_all(stop);
    if (error)
        hc_stop_deinit(stop);
    return error;
}

void hc_stop_deinit(struct hc_stop *stop)
{
    for (size_t i = 0; i < stop->threads.count; i++) {
        const struct hc_stopped_thread *thread = &stop->threads.items[i];
        if (thread->stopped)
            ptrace(PTRACE_DETACH, thread->tid, NULL, (void *)(intptr_t)thread->signal);
    }
    hc_stopped_thread_vector_deinit(&stop->threads);
}
