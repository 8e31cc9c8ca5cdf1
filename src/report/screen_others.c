// The other threads: those that are at the same place are one line.
#include "report/screen_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS_SHOWN = 6, MOST_SCANNED = 64 };

struct group {
    char *place; // owned
    const struct hc_thread *first;
    size_t count, order;
};

struct groups {
    struct group *items;
    size_t count;
};

static void groups_deinit(struct groups *groups)
{
    for (size_t i = 0; i < groups->count; i++)
        free(groups->items[i].place);
    free(groups->items);
}

// Does the file belong to Python itself? Where a thread waits there, its own code says more.
static bool is_library(const char *file)
{
    return !file || *file == '<' ||
           (strstr(file, "/lib/python") && !strstr(file, "-packages/") && strstr(file, ".py"));
}

// The first frame, outwards, in the program's own code; the number of frames if there is none.
static size_t own_frame(struct hc_screen *screen, const struct hc_frame_vector *frames)
{
    for (size_t i = 0; i < frames->count && i < MOST_SCANNED; i++) {
        _cleanup_(hc_freep) char *file = hc_code_file(screen->threads.frames.tracer, frames->items[i].code);
        if (!is_library(file))
            return i;
    }
    return frames->count;
}

// "worker.py:40 in run, at queue.py:171 in get".
static struct hc_error *describe(struct hc_screen *screen, const struct hc_thread_facts *facts, char **ret)
{
    const struct hc_frame_vector *frames = &facts->frames;
    _cleanup_(hc_freep) char *inner = NULL, *own = NULL;
    if (!frames->count) {
        *ret = strdup(facts->end == HC_FRAMES_COMPLETE ? "no Python frame" : "frames that cannot be read");
        return *ret ? NULL : hc_error_out_of_memory();
    }
    size_t index = own_frame(screen, frames);
    HC_TRY(hc_screen_place(screen, &frames->items[0], 34, &inner));
    if (index && index < frames->count)
        HC_TRY(hc_screen_place(screen, &frames->items[index], 34, &own));
    int length = own ? asprintf(ret, "%s, in %s", own, inner) : asprintf(ret, "%s", inner);
    return length < 0 ? hc_error_out_of_memory() : NULL;
}

static int by_place(const void *a, const void *b)
{
    const struct group *left = a, *right = b;
    int order = strcmp(left->place, right->place);
    return order ? order : (left->order > right->order) - (left->order < right->order);
}

static int largest_first(const void *a, const void *b)
{
    const struct group *left = a, *right = b;
    if (left->count != right->count)
        return left->count < right->count ? 1 : -1;
    return (left->order > right->order) - (left->order < right->order);
}

static struct hc_error *find_groups(struct hc_screen *screen, size_t first, struct groups *ret)
{
    size_t threads = screen->threads.threads.count;
    ret->items = calloc(threads + 1, sizeof(*ret->items));
    if (!ret->items)
        return hc_error_out_of_memory();
    for (size_t i = first; i < threads; i++) {
        const struct hc_thread_facts *facts = &screen->threads.facts[i];
        HC_TRY(describe(screen, facts, &ret->items[ret->count].place));
        ret->items[ret->count].first = facts->thread;
        ret->items[ret->count].order = i;
        ret->items[ret->count++].count = 1;
    }
    qsort(ret->items, ret->count, sizeof(*ret->items), by_place);
    size_t kept = 0;
    for (size_t i = 1; i < ret->count; i++) {
        if (!strcmp(ret->items[kept].place, ret->items[i].place)) {
            ret->items[kept].count++;
            free(ret->items[i].place);
        } else {
            ret->items[++kept] = ret->items[i];
        }
    }
    ret->count = ret->count ? kept + 1 : 0;
    qsort(ret->items, ret->count, sizeof(*ret->items), largest_first);
    return NULL;
}

static void write_group(struct hc_screen *screen, const struct group *group)
{
    char who[64];
    if (group->count > 1)
        snprintf(who, sizeof(who), "%zu threads", group->count);
    else if (group->first->name)
        snprintf(who, sizeof(who), "%.20s", group->first->name);
    else
        snprintf(who, sizeof(who), "thread %d", group->first->tid);
    hc_report_line(screen->report, "", "%-12s  %s", who, group->place);
}

static bool has_foreign_crash(const struct hc_screen *screen)
{
    const struct hc_process_info *process = hc_image_process(screen->session->image);
    const struct hc_thread_vector *threads = &screen->threads.threads;
    return process->signal && process->faulting_thread && threads->count && !threads->items[0].has_crashed;
}

static size_t threads_without_python(const struct hc_screen *screen)
{
    const struct hc_process_info *process = hc_image_process(screen->session->image);
    size_t known = 0;
    for (size_t i = 0; i < screen->threads.threads.count; i++)
        known += screen->threads.threads.items[i].tid != 0;
    known += has_foreign_crash(screen);
    return process->thread_count > known ? process->thread_count - known : 0;
}

static size_t waiting_tasks(const struct hc_task_vector *tasks)
{
    size_t waiting = 0;
    for (size_t i = 0; i < tasks->count; i++)
        waiting += tasks->items[i].state == HC_TASK_WAITING;
    return waiting;
}

static void write_title(struct hc_screen *screen, size_t others, size_t hidden, size_t foreign)
{
    const struct hc_task_vector *tasks = &screen->threads.tasks;
    char without[48] = "", waiting[96] = "", not_shown[48] = "";
    if (foreign)
        snprintf(without, sizeof(without), ", %zu without Python", foreign);
    if (tasks->count)
        snprintf(waiting, sizeof(waiting), "; asyncio: %zu tasks, %zu waiting", tasks->count,
                 waiting_tasks(tasks));
    if (hidden)
        snprintf(not_shown, sizeof(not_shown), "; %zu more places", hidden);
    hc_report_title(screen->report, "Other threads: %zu%s%s%s", others, without, not_shown, waiting);
}

// The thread that has a part of its own is the first one, unless a thread without Python took the signal.
static size_t first_other(const struct hc_screen *screen)
{
    return screen->threads.threads.count && !has_foreign_crash(screen) ? 1 : 0;
}

bool hc_screen_has_others(const struct hc_screen *screen)
{
    return screen->threads.threads.count > first_other(screen) || threads_without_python(screen) ||
           screen->threads.tasks.count;
}

struct hc_error *hc_screen_others(struct hc_screen *screen)
{
    _cleanup_(groups_deinit) struct groups groups = {0};
    size_t first = first_other(screen),
           most = screen->room < GROUPS_SHOWN + 2 ? screen->room - 2 : GROUPS_SHOWN;
    HC_TRY(find_groups(screen, first, &groups));
    size_t shown = groups.count < most ? groups.count : most;
    hc_report_section(screen->report, "others", NULL);
    write_title(screen, screen->threads.threads.count - first, groups.count - shown,
                threads_without_python(screen));
    for (size_t i = 0; i < shown; i++)
        write_group(screen, &groups.items[i]);
    return NULL;
}
