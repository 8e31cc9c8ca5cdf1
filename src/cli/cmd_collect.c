#include "base/path.h"
#include "cli/collect.h"
#include "cli/command.h"
#include "cli/numbers.h"
#include "cli/own_options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>

enum { DEFAULT_CRASHES = 20, DEFAULT_SECONDS = 600 };
static const uint64_t default_bytes = 20ull << 30;
static const char default_folder[] = "/var/lib/heapcore";

static struct hc_error *take_option(void *argument, int code, const char *value)
{
    struct hc_collect_wishes *wishes = argument;
    long number;
    switch (code) {
    case 't':
        wishes->folder = value;
        return NULL;
    case 'c':
        wishes->keeps_capture = true;
        return NULL;
    case 'C':
        wishes->keeps_core = true;
        return NULL;
    case 'k':
        HC_TRY(hc_parse_number("--keep", value, 1, INT_MAX, &number));
        wishes->most_crashes = (size_t)number;
        return NULL;
    case 's':
        return hc_parse_size("--max-size", value, &wishes->most_bytes);
    case 'T':
        HC_TRY(hc_parse_number("--time-limit", value, 1, 86400, &number));
        wishes->seconds = (unsigned)number;
        return NULL;
    }
    return NULL;
}

// PID [NSPID SIGNAL TIME PROGRAM] [--else COMMAND…]. The program's name is the crashed process's own choice,
// and never taken for an option.
static struct hc_error *parse_crash(int argc, char **argv, struct hc_collect_wishes *wishes)
{
    enum { PROGRAM = 4 };
    long long_pid;
    int count = 0;
    while (count < argc && (count == PROGRAM || strcmp(argv[count], "--else") != 0))
        count++;
    if (count < argc)
        wishes->otherwise = argv + count + 1;
    if (wishes->otherwise && !wishes->otherwise[0])
        return hc_error_create("--else needs a command");
    if (count == 0)
        return hc_error_create("which process? The kernel's pattern has to end in %%P %%p %%s %%t %%e");
    HC_TRY(hc_parse_number("PID", argv[0], 0, INT_MAX, &long_pid));
    wishes->pid = (pid_t)long_pid;
    wishes->inner_pid = count > 1 ? argv[1] : "";
    wishes->signal = count > 2 ? argv[2] : "";
    wishes->when = count > 3 ? (time_t)strtoll(argv[3], NULL, 10) : 0;
    wishes->program = count > PROGRAM ? argv[PROGRAM] : "";
    if (wishes->when <= 0)
        wishes->when = time(NULL);
    return NULL;
}

static struct hc_error *parse(int argc, char **argv, struct hc_collect_wishes *wishes)
{
    static const struct option options[] = {
        {"to", required_argument, NULL, 't'},
        {"capture", no_argument, NULL, 'c'},
        {"core", no_argument, NULL, 'C'},
        {"keep", required_argument, NULL, 'k'},
        {"max-size", required_argument, NULL, 's'},
        {"time-limit", required_argument, NULL, 'T'},
        {NULL, 0, NULL, 0},
    };
    HC_TRY(hc_read_own_options(argc, argv, "+:", options, take_option, wishes));
    return parse_crash(argc - optind, argv + optind, wishes);
}

// The kernel starts its handlers with nothing but a core on their standard input: the next files to be
// opened would become standard output and error.
static void open_standard_files(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

static void log_line(const char *line)
{
    fprintf(stderr, "heapcore collect: %s\n", line);
    openlog("heapcore", LOG_PID, LOG_DAEMON);
    syslog(LOG_NOTICE, "%s", line);
    closelog();
}

// Whether `worker` came to its end in time.
static bool wait_for(pid_t worker, unsigned seconds, int *ret_status)
{
    _cleanup_(hc_closep) int fd = (int)syscall(SYS_pidfd_open, worker, 0);
    struct pollfd end = {.fd = fd, .events = POLLIN};
    bool in_time = fd < 0 || poll(&end, 1, (int)seconds * 1000) != 0;
    if (!in_time)
        kill(worker, SIGKILL);
    while (waitpid(worker, ret_status, 0) < 0 && errno == EINTR)
        ;
    return in_time;
}

static void work(const struct hc_collect_wishes *wishes)
{
    char line[1024];
    bool done = hc_collect(wishes, line, sizeof(line));
    if (line[0])
        log_line(line);
    fflush(NULL);
    _exit(done ? HC_EXIT_DONE : HC_EXIT_FAILED);
}

// The work is done by a child: whatever a damaged core makes of it, and however long it takes, it ends, and
// is told.
static struct hc_error *supervise(const struct hc_collect_wishes *wishes, enum hc_exit_status *ret_status)
{
    char line[256];
    int status = 0;
    pid_t worker = fork();
    if (worker < 0)
        return hc_error_create("cannot start a process: %s", strerror(errno));
    if (worker == 0)
        work(wishes);
    close(STDIN_FILENO); // the crashed process is held for as long as anybody can read its core
    bool in_time = wait_for(worker, wishes->seconds, &status);
    if (in_time && WIFEXITED(status)) {
        *ret_status = (enum hc_exit_status)WEXITSTATUS(status);
        return NULL;
    }
    hc_collect_remove_partial(wishes);
    if (!in_time)
        snprintf(line, sizeof(line), "process %d (%.32s): not collected, it took more than %u s",
                 (int)wishes->pid, wishes->program, wishes->seconds);
    else
        snprintf(line, sizeof(line), "process %d (%.32s): not collected, the analysis died of signal %d",
                 (int)wishes->pid, wishes->program, WTERMSIG(status));
    log_line(line);
    *ret_status = HC_EXIT_FAILED;
    return NULL;
}

static struct hc_error *run(int argc, char **argv, enum hc_exit_status *ret_status)
{
    struct hc_collect_wishes wishes = {
        .folder = default_folder,
        .most_crashes = DEFAULT_CRASHES,
        .most_bytes = default_bytes,
        .seconds = DEFAULT_SECONDS,
    };
    open_standard_files();
    *ret_status = HC_EXIT_USAGE;
    HC_TRY(parse(argc, argv, &wishes));
    *ret_status = HC_EXIT_FAILED;
    wishes.program = hc_kept_make_name(wishes.when, wishes.pid, wishes.program, wishes.name);
    return supervise(&wishes, ret_status);
}

const struct hc_command hc_command_collect = {
    .name = "collect",
    .arguments = "[options] PID [NSPID SIGNAL TIME PROGRAM] [--else COMMAND...] < CORE",
    .summary = "the kernel's handler of crashes: keeps the analysis in place of the core",
    .help =
        "For /proc/sys/kernel/core_pattern:\n\n"
        "    |/usr/bin/heapcore collect --to /var/lib/heapcore %P %p %s %t %e\n\n"
        "It reads the core of a crashed Python process from the kernel, and leaves TIME-PID-PROGRAM.txt, all "
        "of\n"
        "`heapcore analyze --full`, and the same as .json. The core itself goes through a file without its "
        "zeros,\n"
        "which is deleted unless --capture keeps it. Programs that run no Python are left alone, or handed "
        "on "
        "to\n"
        "the COMMAND after --else, with their core on its standard input. docs/oom.md has more.\n",
    .own_options =
        "options:\n"
        "  --to DIR               the folder for it, /var/lib/heapcore if not given\n"
        "  --capture              keep a compact core, too: without zeros, code and shared memory\n"
        "  --core                 keep the core as it came, too, compressed (.core.zst)\n"
        "  --keep N               keep the newest N crashes, 20 if not given\n"
        "  --max-size SIZE        and as many as fit into this, 20G if not given; a longer core is "
        "cut\n"
        "  --time-limit SECONDS   give up after so long, 600 if not given\n"
        "  --else COMMAND...      for programs that run no Python; ends the arguments\n"
        "  -h, --help             print this help\n",
    .run_alone = run,
};
