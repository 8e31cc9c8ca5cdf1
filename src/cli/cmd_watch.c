#include "base/size_text.h"
#include "capture/capture.h"
#include "capture/output.h"
#include "cli/command.h"
#include "cli/numbers.h"
#include "cli/own_options.h"
#include "watch/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

struct wishes {
    struct hc_watch_options watch;
    struct hc_capture_options capture;
    bool quiet;
};

static void tell(void *argument, const char *line)
{
    const struct wishes *wishes = argument;
    if (!wishes->quiet)
        fprintf(stderr, "heapcore watch: %s\n", line);
}

static struct hc_error *capture(void *argument, pid_t pid)
{
    struct wishes *wishes = argument;
    struct hc_capture_result result;
    hc_size_buffer size;
    wishes->capture.pid = pid;
    HC_TRY(hc_capture_process(&wishes->capture, &result));
    printf("captured process %d: %s, %s on disk; it stood still for %.3f s\n", (int)pid, wishes->capture.path,
           hc_size_text(result.disk_bytes, size), (double)result.pause / 1e9);
    fflush(stdout);
    return NULL;
}

static struct hc_error *parse_mark(const char *text, struct hc_mark *ret)
{
    char number[8];
    size_t length = strlen(text);
    long percent;
    *ret = (struct hc_mark){0};
    if (length == 0 || text[length - 1] != '%')
        return hc_parse_size("--at", text, &ret->bytes);
    snprintf(number, sizeof(number), "%.*s", (int)(length - 1), text);
    HC_TRY(hc_parse_number("--at", number, 1, 100, &percent));
    ret->percent = (unsigned)percent;
    return NULL;
}

static struct hc_error *take_option(void *argument, int code, const char *value)
{
    struct wishes *wishes = argument;
    long number;
    switch (code) {
    case 'p':
        HC_TRY(hc_parse_number("-p", value, 1, INT_MAX, &number));
        wishes->watch.pid = (pid_t)number;
        return NULL;
    case 'g':
        wishes->watch.group = value;
        return NULL;
    case 'a':
        return parse_mark(value, &wishes->watch.mark);
    case 'o':
        wishes->capture.path = value;
        return NULL;
    case 'H':
        wishes->capture.heap_only = true;
        return NULL;
    case 'q':
        wishes->quiet = true;
        return NULL;
    }
    return NULL;
}

static struct hc_error *parse(int argc, char **argv, struct wishes *wishes)
{
    static const struct option options[] = {
        {"pid", required_argument, NULL, 'p'},
        {"cgroup", required_argument, NULL, 'g'},
        {"at", required_argument, NULL, 'a'},
        {"output", required_argument, NULL, 'o'},
        {"heap-only", no_argument, NULL, 'H'},
        {"quiet", no_argument, NULL, 'q'},
        {NULL, 0, NULL, 0},
    };
    HC_TRY(hc_read_own_options(argc, argv, ":p:o:", options, take_option, wishes));
    if (optind < argc)
        return hc_error_create("'%s' is one too many", argv[optind]);
    if (!wishes->watch.pid == !wishes->watch.group)
        return hc_error_create("what is to be watched? Name a process with -p PID or a group with --cgroup "
                               "PATH");
    if (!wishes->capture.path)
        return hc_error_create("where to? Name the file to write with -o FILE");
    return NULL;
}

// What would fail after days of waiting had better fail now.
static struct hc_error *check_permission(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    _cleanup_(hc_closep) int fd = pid ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (!pid || fd >= 0 || (errno != EACCES && errno != EPERM))
        return NULL;
    return hc_error_create("no permission to read the memory of process %d; try as its owner, as root, or "
                           "with CAP_SYS_PTRACE (a container needs that added)",
                           (int)pid);
}

static struct hc_error *run(int argc, char **argv, enum hc_exit_status *ret_status)
{
    enum hc_watch_end end;
    struct wishes wishes = {
        .watch = {.mark = {.percent = 90}, .capture = capture, .tell = tell},
        .capture = {.at_once = true},
    };
    wishes.watch.argument = &wishes;
    *ret_status = HC_EXIT_USAGE;
    HC_TRY(parse(argc, argv, &wishes));
    *ret_status = HC_EXIT_FAILED;
    HC_TRY(hc_output_check(wishes.capture.path));
    HC_TRY(check_permission(wishes.watch.pid));
    HC_TRY(hc_watch(&wishes.watch, &end));
    *ret_status = end == HC_WATCH_CAPTURED ? HC_EXIT_DONE : HC_EXIT_NOTHING;
    return NULL;
}

const struct hc_command hc_command_watch = {
    .name = "watch",
    .arguments = "-p PID | --cgroup PATH [--at 90%|BYTES] -o FILE [--heap-only]",
    .summary = "capture a process just before the kernel would kill it for its memory",
    .help =
        "Waits until the process, or the control group, has used 90 percent of what it may have, writes "
        "the\n"
        "process's memory to FILE, once, and ends. The process is stopped for that, and then runs on. What "
        "it may\n"
        "have is the smallest of the limits of its control group and of those around it, of ulimit -v, and "
        "of the\n"
        "machine. Of a group, the Python process with the most resident memory is captured. docs/oom.md "
        "tells how\n"
        "to set it up. Exit status: 0 captured; 1 it could not be done; 2 wrong usage; 3 the process ended "
        "first,\n"
        "or a signal (SIGTERM, SIGINT) ended the waiting.\n",
    .own_options =
        "options:\n"
        "  -p, --pid PID          watch this process, and the control groups that it is in\n"
        "  --cgroup PATH          watch this control group: its folder, or its name below /sys/fs/cgroup\n"
        "  --at 90%               capture at this share of the nearest limit; a number of bytes (512M, 4G) "
        "counts\n"
        "                         the process's resident memory, or the group's memory, whatever the limits\n"
        "  -o, --output FILE      the core to write; .zst at its end compresses it\n"
        "  --heap-only            leave out what no analysis reads\n"
        "  --quiet                nothing on stderr but errors\n"
        "  -h, --help             print this help\n",
    .run_alone = run,
};
