#include "watch/limits.h"

#include "watch/small_file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_TEXT = 8192 };

// Names of the same things in both versions.
struct names {
    const char *used, *swap_used, *swap_limit;
    const char *limits[2];
    const char *reclaimable[3]; // in memory.stat
    bool swap_counts_memory;    // the swap files count memory and swap together
};

static const struct names version_2 = {
    .used = "memory.current",
    .swap_used = "memory.swap.current",
    .swap_limit = "memory.swap.max",
    .limits = {"memory.max", "memory.high"},
    .reclaimable = {"inactive_file", "active_file", "slab_reclaimable"},
};
static const struct names version_1 = {
    .used = "memory.usage_in_bytes",
    .swap_used = "memory.memsw.usage_in_bytes",
    .swap_limit = "memory.memsw.limit_in_bytes",
    .limits = {"memory.limit_in_bytes"},
    .reclaimable = {"total_inactive_file", "total_active_file"},
    .swap_counts_memory = true,
};

struct machine {
    uint64_t total, available, swap_total, swap_free;
};

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static struct machine read_machine(const char *proc)
{
    char path[PATH_MAX], text[LONGEST_TEXT];
    snprintf(path, sizeof(path), "%s/meminfo", proc);
    if (!hc_small_file_read(AT_FDCWD, path, text, sizeof(text)))
        return (struct machine){0};
    return (struct machine){
        .total = hc_small_text_number(text, "MemTotal") * 1024,
        .available = hc_small_text_number(text, "MemAvailable") * 1024,
        .swap_total = hc_small_text_number(text, "SwapTotal") * 1024,
        .swap_free = hc_small_text_number(text, "SwapFree") * 1024,
    };
}

static uint64_t share(uint64_t limit, unsigned percent)
{
    return limit / 100 * percent + limit % 100 * percent / 100;
}

// Keeps the reading that is nearest to its mark, by the share of the mark that is used.
static void keep_nearest(struct hc_reading *nearest, const struct hc_reading *reading)
{
    double before = nearest->mark ? (double)nearest->used / (double)nearest->mark : -1;
    double now = reading->mark ? (double)reading->used / (double)reading->mark : 0;
    if (now > before)
        *nearest = *reading;
}

static uint64_t count_reclaimable(const struct hc_group_level *level, const struct names *names)
{
    char text[LONGEST_TEXT];
    uint64_t sum = 0;
    if (!hc_small_file_read(level->folder, "memory.stat", text, sizeof(text)))
        return 0;
    for (size_t i = 0; i < sizeof(names->reclaimable) / sizeof(*names->reclaimable); i++)
        if (names->reclaimable[i])
            sum = plus(sum, hc_small_text_number(text, names->reclaimable[i]));
    return sum;
}

// Memory that the level uses for good, and the limit's name where it has one.
struct level_use {
    uint64_t used, swap_used, swap_room, limit;
    const char *limit_name;
};

static bool read_level(const struct hc_group_level *level, const struct machine *machine,
                       struct level_use *ret)
{
    const struct names *names = level->is_old ? &version_1 : &version_2;
    *ret = (struct level_use){.limit = HC_NO_BOUND};
    if (!hc_small_file_number(level->folder, names->used, &ret->used))
        return false;
    for (size_t i = 0; i < sizeof(names->limits) / sizeof(*names->limits); i++) {
        uint64_t limit;
        if (!names->limits[i] || !hc_small_file_number(level->folder, names->limits[i], &limit))
            continue;
        // Version 1 has a huge number where there is no limit.
        if (limit < ret->limit && limit < INT64_MAX / 4096 * 4096) {
            ret->limit = limit;
            ret->limit_name = names->limits[i];
        }
    }
    uint64_t swap_limit = 0;
    bool swaps = hc_small_file_number(level->folder, names->swap_used, &ret->swap_used) &&
                 hc_small_file_number(level->folder, names->swap_limit, &swap_limit);
    if (swaps && names->swap_counts_memory) {
        ret->swap_used = minus(ret->swap_used, ret->used);
        swap_limit = minus(swap_limit, ret->limit);
    }
    ret->swap_room = minus(swap_limit, ret->swap_used);
    if (ret->swap_room > machine->swap_free)
        ret->swap_room = machine->swap_free;
    ret->used = minus(ret->used, count_reclaimable(level, names));
    return true;
}

static bool read_group(const struct hc_limits *limits, const struct machine *machine,
                       struct hc_reading *nearest)
{
    bool found = false;
    for (size_t i = 0; i < limits->group->count; i++) {
        struct level_use use;
        if (!read_level(&limits->group->levels[i], machine, &use))
            continue;
        found = true;
        // Bytes are held against the group itself.
        bool takes_bytes = !limits->mark.percent && !limits->pid && i == 0;
        if (!takes_bytes && (!limits->mark.percent || use.limit == HC_NO_BOUND))
            continue;
        struct hc_reading reading = {
            .path = limits->group->levels[i].path,
            .used = plus(use.used, use.swap_used),
            .limit =
                use.limit == HC_NO_BOUND ? HC_NO_BOUND : plus(use.limit, plus(use.swap_used, use.swap_room)),
        };
        snprintf(reading.what, sizeof(reading.what), "%s", use.limit_name ? use.limit_name : "memory");
        reading.mark = takes_bytes ? limits->mark.bytes : share(reading.limit, limits->mark.percent);
        keep_nearest(nearest, &reading);
    }
    return found;
}

static void read_whole_machine(const struct hc_limits *limits, const struct machine *machine,
                               struct hc_reading *nearest)
{
    struct hc_reading reading = {
        .what = "the machine's memory",
        .used = minus(machine->total, machine->available) + minus(machine->swap_total, machine->swap_free),
        .limit = plus(machine->total, machine->swap_total),
    };
    reading.mark = share(reading.limit, limits->mark.percent);
    if (machine->total && limits->mark.percent)
        keep_nearest(nearest, &reading);
}

static bool read_sizes(const char *proc, pid_t pid, uint64_t *ret_size, uint64_t *ret_resident)
{
    char path[PATH_MAX], text[256];
    uint64_t size, resident, page = (uint64_t)sysconf(_SC_PAGESIZE);
    snprintf(path, sizeof(path), "%s/%d/statm", proc, (int)pid);
    if (!hc_small_file_read(AT_FDCWD, path, text, sizeof(text)) ||
        sscanf(text, "%" SCNu64 " %" SCNu64, &size, &resident) != 2)
        return false;
    *ret_size = size * page;
    *ret_resident = resident * page;
    return true;
}

uint64_t hc_resident_bytes(const char *proc, pid_t pid)
{
    uint64_t size, resident;
    return read_sizes(proc, pid, &size, &resident) ? resident : 0;
}

// RLIMIT_AS: no kill, but a MemoryError.
static uint64_t read_address_space_limit(const char *proc, pid_t pid)
{
    static const char key[] = "Max address space";
    char path[PATH_MAX], text[LONGEST_TEXT];
    uint64_t limit;
    snprintf(path, sizeof(path), "%s/%d/limits", proc, (int)pid);
    const char *line = hc_small_file_read(AT_FDCWD, path, text, sizeof(text)) ? strstr(text, key) : NULL;
    return line && sscanf(line + strlen(key), "%" SCNu64, &limit) == 1 ? limit : HC_NO_BOUND;
}

static bool read_process(const struct hc_limits *limits, struct hc_reading *nearest)
{
    uint64_t size, resident;
    if (!read_sizes(limits->proc, limits->pid, &size, &resident))
        return false;
    struct hc_reading reading = {
        .what = "resident memory", .used = resident, .limit = HC_NO_BOUND, .mark = limits->mark.bytes};
    if (!limits->mark.percent) {
        keep_nearest(nearest, &reading);
        return true;
    }
    uint64_t limit = read_address_space_limit(limits->proc, limits->pid);
    if (limit == HC_NO_BOUND)
        return true;
    reading = (struct hc_reading){.what = "address space (ulimit -v)", .used = size, .limit = limit};
    reading.mark = share(limit, limits->mark.percent);
    keep_nearest(nearest, &reading);
    return true;
}

bool hc_limits_read(const struct hc_limits *limits, struct hc_reading *ret)
{
    struct hc_reading nearest = {.limit = HC_NO_BOUND, .mark = 0};
    struct machine machine = read_machine(limits->proc);
    if (limits->pid && !read_process(limits, &nearest))
        return false;
    if (!read_group(limits, &machine, &nearest) && !limits->pid)
        return false;
    read_whole_machine(limits, &machine, &nearest);
    if (nearest.mark == 0)
        return false;
    *ret = nearest;
    return true;
}

// An event of the group's own tree counts, and one of a limit above it; not one of the groups beside it.
uint64_t hc_limits_count_exhaustions(const struct hc_group *group)
{
    char text[LONGEST_TEXT];
    uint64_t sum = 0;
    for (size_t i = 0; i < group->count; i++) {
        const struct hc_group_level *level = &group->levels[i];
        const char *name = i == 0 ? "memory.events" : "memory.events.local";
        if (level->is_old)
            name = "memory.oom_control"; // is told of the limits above it, too
        if (level->is_old && i > 0)
            break;
        if (hc_small_file_read(level->folder, name, text, sizeof(text)))
            sum = plus(sum, hc_small_text_number(text, level->is_old ? "under_oom" : "oom"));
    }
    return sum;
}
