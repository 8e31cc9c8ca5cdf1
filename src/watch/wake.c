#include "watch/wake.h"

#include "watch/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

static void add(struct hc_wake *wake, int fd, short events, bool is_counter)
{
    if (wake->count == HC_WAKE_SOURCES) {
        close(fd);
        return;
    }
    wake->is_counter[wake->count] = is_counter;
    wake->sources[wake->count++] = (struct pollfd){.fd = fd, .events = events};
}

// Pressure stall information: a stall of a twentieth of a second in two seconds. Shorter windows are for
// those with CAP_SYS_RESOURCE only.
static void add_pressure(struct hc_wake *wake, const struct hc_group_level *level)
{
    static const char *const triggers[] = {"some 10000 500000", "some 50000 2000000"};
    _cleanup_(hc_closep) int fd = openat(level->folder, "memory.pressure", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    for (size_t i = 0; fd >= 0 && i < sizeof(triggers) / sizeof(*triggers); i++)
        if (write(fd, triggers[i], strlen(triggers[i]) + 1) > 0) {
            add(wake, fd, POLLPRI, false);
            fd = -1;
        }
}

static void add_events(struct hc_wake *wake, const struct hc_group_level *level)
{
    int fd = openat(level->folder, "memory.events", O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        add(wake, fd, POLLPRI, false);
}

// Version 1: tells an eventfd when use crosses `mark`, or when memory is exhausted.
static void add_counter(struct hc_wake *wake, const struct hc_group_level *level, const char *file,
                        uint64_t mark)
{
    char text[96];
    _cleanup_(hc_closep) int counter = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    _cleanup_(hc_closep) int fd = openat(level->folder, file, O_RDONLY | O_CLOEXEC);
    if (counter < 0 || fd < 0)
        return;
    if (mark)
        snprintf(text, sizeof(text), "%d %d %" PRIu64, counter, fd, mark);
    else
        snprintf(text, sizeof(text), "%d %d", counter, fd);
    if (!hc_small_file_write(level->folder, "cgroup.event_control", text))
        return;
    add(wake, counter, POLLIN, true);
    counter = -1;
}

static void add_level(struct hc_wake *wake, const struct hc_group_level *level, const struct hc_mark *mark)
{
    uint64_t limit;
    if (!level->is_old) {
        add_events(wake, level);
        add_pressure(wake, level);
        return;
    }
    add_counter(wake, level, "memory.oom_control", 0);
    if (hc_small_file_number(level->folder, "memory.limit_in_bytes", &limit) && mark->percent)
        add_counter(wake, level, "memory.usage_in_bytes", limit / 100 * mark->percent);
}

void hc_wake_init(struct hc_wake *wake, int stop, const struct hc_limits *limits)
{
    *wake = (struct hc_wake){.process = -1};
    add(wake, stop, POLLIN, false);
    int process = limits->pid ? (int)syscall(SYS_pidfd_open, limits->pid, 0) : -1;
    if (process >= 0) {
        wake->process = (int)wake->count;
        add(wake, process, POLLIN, false);
    }
    wake->first_of_group = wake->count;
    for (size_t i = 0; i < limits->group->count; i++)
        add_level(wake, &limits->group->levels[i], &limits->mark);
}

void hc_wake_deinit(struct hc_wake *wake)
{
    for (size_t i = 0; i < wake->count; i++)
        if (wake->sources[i].fd >= 0)
            close(wake->sources[i].fd);
    wake->count = 0;
}

size_t hc_wake_count_of_group(const struct hc_wake *wake)
{
    return wake->count - wake->first_of_group;
}

// Makes a source that has told its news quiet again. One whose group is gone would wake us for ever.
static void quiet(struct hc_wake *wake, size_t index)
{
    char text[1024];
    struct pollfd *source = &wake->sources[index];
    bool is_gone =
        source->revents & (POLLNVAL | POLLHUP) || (source->revents & POLLERR && !(source->revents & POLLPRI));
    if (wake->is_counter[index])
        is_gone |= read(source->fd, text, sizeof(uint64_t)) < 0 && errno != EAGAIN;
    else
        is_gone |= pread(source->fd, text, sizeof(text), 0) < 0;
    if (!is_gone)
        return;
    close(source->fd);
    source->fd = -1; // poll() passes it over
}

enum hc_wake_reason hc_wake_wait(struct hc_wake *wake, unsigned milliseconds)
{
    int ready = poll(wake->sources, wake->count, (int)milliseconds);
    if (ready <= 0)
        return HC_WAKE_TIME;
    if (wake->sources[0].revents)
        return HC_WAKE_STOP;
    if (wake->process >= 0 && wake->sources[wake->process].revents)
        return HC_WAKE_ENDED;
    for (size_t i = wake->first_of_group; i < wake->count; i++)
        if (wake->sources[i].fd >= 0 && wake->sources[i].revents)
            quiet(wake, i);
    return HC_WAKE_GROUP;
}
