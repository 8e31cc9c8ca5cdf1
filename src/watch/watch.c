#include "watch/watch.h"

#include "base/size_text.h"
#include "watch/small_file.h"
#include "watch/wake.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

static const char proc[] = "/proc";

struct watch {
    const struct hc_watch_options *options;
    struct hc_group group;
    struct hc_limits limits;
    struct hc_wake wake;
    uint64_t exhaustions;
    struct hc_reading reading; // the last one
};

static void watch_deinit(struct watch *watch)
{
    hc_wake_deinit(&watch->wake);
    hc_group_deinit(&watch->group);
}

__attribute__((format(printf, 2, 3))) static void tell(const struct watch *watch, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    watch->options->tell(watch->options->argument, line);
}

// None of this is necessary, and some of it is for root only.
static void prepare_for_short_memory(void)
{
    mlockall(MCL_CURRENT | MCL_ONFAULT);
    hc_small_file_write(AT_FDCWD, "/proc/self/oom_score_adj", "-1000");
    setpriority(PRIO_PROCESS, 0, -20);
}

static struct hc_error *open_stop(int *ret)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    *ret = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return *ret >= 0 ? NULL : hc_error_create("cannot wait for signals: %s", strerror(errno));
}

static struct hc_error *explain_nothing_to_read(const struct watch *watch)
{
    if (watch->options->pid)
        return hc_error_create("there is no process %d; see 'ps -e' for those that run",
                               (int)watch->options->pid);
    return hc_error_create("%s does not count memory; name a group of the memory controller below the root",
                           watch->options->group);
}

static void tell_of_shared_group(const struct watch *watch)
{
    struct hc_group own;
    _cleanup_(hc_error_destroyp) struct hc_error *error = hc_group_of_process(proc, getpid(), &own);
    if (error)
        return;
    if (watch->reading.path)
        for (size_t i = 0; i < watch->group.count; i++)
            if (watch->group.levels[i].path == watch->reading.path &&
                hc_group_contains(&watch->group.levels[i], &own))
                tell(watch,
                     "this program runs in %s, too: what it takes and the pages of the file that it "
                     "writes count there; run it in another group",
                     watch->reading.path);
    hc_group_deinit(&own);
}

static void describe(const struct hc_reading *reading, char *buffer, size_t size)
{
    hc_size_buffer used, limit;
    const char *of = reading->limit == HC_NO_BOUND ? "" : " of ";
    snprintf(buffer, size, "%s%s%s%s%s", hc_size_text(reading->used, used), of,
             *of ? hc_size_text(reading->limit, limit) : "", reading->path ? " in " : "",
             reading->path ? reading->path : "");
}

static void tell_begin(const struct watch *watch)
{
    char use[512];
    hc_size_buffer mark;
    size_t means = hc_wake_count_of_group(&watch->wake);
    describe(&watch->reading, use, sizeof(use));
    tell(watch, "the nearest limit is %s: %s; captures at %s; %s", watch->reading.what, use,
         hc_size_text(watch->reading.mark, mark),
         means ? "woken by the kernel's events, and looking by itself" : "looking by itself");
    if (watch->limits.mark.percent && !watch->group.count)
        tell(watch, "no control group of process %d can be seen from here: its limits are not known",
             (int)watch->options->pid);
}

static struct hc_error *begin(struct watch *watch, const struct hc_watch_options *options)
{
    int stop;
    *watch = (struct watch){.options = options};
    if (options->pid)
        HC_TRY(hc_group_of_process(proc, options->pid, &watch->group));
    else
        HC_TRY(hc_group_open(proc, options->group, &watch->group));
    watch->limits =
        (struct hc_limits){.proc = proc, .pid = options->pid, .group = &watch->group, .mark = options->mark};
    if (!hc_limits_read(&watch->limits, &watch->reading))
        return explain_nothing_to_read(watch);
    HC_TRY(open_stop(&stop));
    watch->exhaustions = hc_limits_count_exhaustions(&watch->group);
    hc_wake_init(&watch->wake, stop, &watch->limits);
    prepare_for_short_memory();
    tell_begin(watch);
    tell_of_shared_group(watch);
    return NULL;
}

// So long that even a process that takes 4 GiB a second does not get to the mark.
static unsigned nap(const struct hc_reading *reading)
{
    enum { LONGEST = 200, SHORTEST = 2, BYTES_A_MILLISECOND = 4 << 20 };
    uint64_t left = reading->mark > reading->used ? reading->mark - reading->used : 0;
    uint64_t milliseconds = left / BYTES_A_MILLISECOND;
    return milliseconds > LONGEST ? LONGEST : milliseconds < SHORTEST ? SHORTEST : (unsigned)milliseconds;
}

static bool target_is_gone(const struct watch *watch)
{
    return watch->options->pid ? hc_resident_bytes(proc, watch->options->pid) == 0
                               : hc_group_is_gone(&watch->group);
}

// Until it is time to capture: true; or not any more.
static bool wait_for_mark(struct watch *watch, enum hc_watch_end *ret)
{
    for (;;) {
        *ret = HC_WATCH_ENDED;
        if (target_is_gone(watch) || !hc_limits_read(&watch->limits, &watch->reading))
            return false;
        uint64_t exhaustions = hc_limits_count_exhaustions(&watch->group);
        if (hc_reading_is_reached(&watch->reading) || exhaustions > watch->exhaustions)
            return true;
        watch->exhaustions = exhaustions;
        enum hc_wake_reason reason = hc_wake_wait(&watch->wake, nap(&watch->reading));
        if (reason == HC_WAKE_STOP)
            *ret = HC_WATCH_STOPPED;
        if (reason == HC_WAKE_STOP || reason == HC_WAKE_ENDED)
            return false;
    }
}

static struct hc_choice choose(const struct watch *watch)
{
    if (watch->options->pid)
        return (struct hc_choice){.pid = watch->options->pid, .is_python = true};
    return hc_choose_process(proc, &watch->group.levels[0]);
}

// A group may have lost its process at the last moment; a process may have been in the way of being stopped.
static struct hc_error *capture(struct watch *watch)
{
    struct hc_error *error = NULL;
    for (int attempt = 0; attempt < 2; attempt++) {
        struct hc_choice choice = choose(watch);
        if (choice.pid == 0)
            return error ? error : hc_error_create("no process is left in %s", watch->options->group);
        hc_error_destroy(error);
        error = watch->options->capture(watch->options->argument, choice.pid);
        if (!choice.is_python)
            tell(watch, "none of the %zu processes in %s runs Python: process %d uses most", choice.processes,
                 watch->options->group, (int)choice.pid);
        if (!error)
            return NULL;
        if (hc_resident_bytes(proc, choice.pid) == 0 && watch->options->pid)
            return error;
    }
    return error;
}

static void tell_end(const struct watch *watch, enum hc_watch_end end)
{
    if (end == HC_WATCH_STOPPED)
        tell(watch, "asked to stop; nothing was captured");
    else if (watch->options->pid)
        tell(watch, "process %d ended before it came to the mark; nothing was captured",
             (int)watch->options->pid);
    else
        tell(watch, "%s is gone, and never came to the mark; nothing was captured", watch->options->group);
}

struct hc_error *hc_watch(const struct hc_watch_options *options, enum hc_watch_end *ret)
{
    char use[512];
    _cleanup_(watch_deinit) struct watch watch = {0};
    HC_TRY(begin(&watch, options));
    if (!wait_for_mark(&watch, ret)) {
        tell_end(&watch, *ret);
        return NULL;
    }
    struct hc_error *error = capture(&watch);
    describe(&watch.reading, use, sizeof(use));
    if (error)
        return hc_error_wrap(error, "%s came to %s, but it was not captured", watch.reading.what, use);
    tell(&watch, "%s came to %s", watch.reading.what, use);
    *ret = HC_WATCH_CAPTURED;
    return NULL;
}
