#include "watch/group.h"

#include "watch/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

// Where groups that count memory are mounted.
struct mounted {
    char point[PATH_MAX];
    char root[PATH_MAX]; // the group that is mounted there, "/" mostly
    bool is_old;
};

static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *found = list; (found = strstr(found, word)); found += length)
        if ((found == list || found[-1] == ',') && strchr(",\n: ", found[length]))
            return true;
    return false;
}

// A line of mountinfo: ID PARENT DEVICE ROOT POINT OPTIONS … - TYPE SOURCE OPTIONS
static bool read_mount(const char *line, struct mounted *ret)
{
    char type[32], options[512];
    const char *rest = strstr(line, " - ");
    _Static_assert(PATH_MAX == 4096, "the widths below");
    if (!rest || sscanf(line, "%*s %*s %*s %4095s %4095s", ret->root, ret->point) != 2 ||
        sscanf(rest, " - %31s %*s %511s", type, options) != 2)
        return false;
    ret->is_old = strcmp(type, "cgroup") == 0;
    return strcmp(type, "cgroup2") == 0 || (ret->is_old && has_word(options, "memory"));
}

// Version 1 where it counts memory: version 2 then does not.
static bool find_mount(const char *proc, struct mounted *ret)
{
    char path[PATH_MAX];
    bool found = false;
    _cleanup_(hc_freep) struct mounted *mount = malloc(sizeof(*mount));
    _cleanup_(hc_freep) char *line = NULL;
    size_t size = 0;
    snprintf(path, sizeof(path), "%s/self/mountinfo", proc);
    _cleanup_(hc_fclosep) FILE *file = fopen(path, "re");
    while (file && mount && !(found && ret->is_old) && getline(&line, &size, file) > 0)
        if (read_mount(line, mount)) {
            *ret = *mount;
            found = true;
        }
    return found;
}

// The process's group as its kernel names it: "0::/a/b", or "4:memory:/a/b".
static bool read_group_name(const char *proc, pid_t pid, bool is_old, char *name, size_t size)
{
    char path[PATH_MAX];
    _cleanup_(hc_freep) char *line = NULL;
    size_t capacity = 0;
    snprintf(path, sizeof(path), "%s/%d/cgroup", proc, (int)pid);
    _cleanup_(hc_fclosep) FILE *file = fopen(path, "re");
    while (file && getline(&line, &capacity, file) > 0) {
        const char *controllers = strchr(line, ':');
        const char *folder = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!folder || has_word(controllers + 1, "memory") != is_old)
            continue;
        if (!is_old && folder != controllers + 1)
            continue;
        int length = snprintf(name, size, "%.*s", (int)strcspn(folder + 1, "\n"), folder + 1);
        return length > 0 && (size_t)length < size;
    }
    return false;
}

static bool is_group(int folder)
{
    return faccessat(folder, "cgroup.procs", F_OK, 0) == 0;
}

static struct hc_error *push_level(struct hc_group *group, int *folder, const char *path)
{
    struct hc_group_level level = {.path = strdup(path), .folder = *folder};
    if (!level.path)
        return hc_error_out_of_memory();
    level.is_old = faccessat(*folder, "memory.usage_in_bytes", F_OK, 0) == 0;
    group->levels[group->count++] = level;
    *folder = -1;
    return NULL;
}

// Without links, where that is the same folder from here: what stands behind /proc/PID/root may be another.
static void write_name(int folder, const char *path, char name[PATH_MAX])
{
    struct stat meant, named;
    bool is_same = realpath(path, name) && fstat(folder, &meant) == 0 && stat(name, &named) == 0 &&
                   meant.st_dev == named.st_dev && meant.st_ino == named.st_ino;
    if (!is_same)
        snprintf(name, PATH_MAX, "%s", path);
}

// The group at `path` and those around it. None if it is no group.
static struct hc_error *open_levels(const char *path, struct hc_group *group)
{
    enum { FLAGS = O_PATH | O_DIRECTORY | O_CLOEXEC };
    char name[PATH_MAX];
    _cleanup_(hc_closep) int folder = open(path, FLAGS);
    if (folder >= 0)
        write_name(folder, path, name);
    while (folder >= 0 && group->count < HC_GROUP_LEVELS && is_group(folder)) {
        _cleanup_(hc_closep) int around = openat(folder, "..", FLAGS);
        HC_TRY(push_level(group, &folder, name));
        char *slash = strrchr(name, '/');
        if (!slash || slash == name)
            return NULL;
        *slash = '\0';
        folder = around;
        around = -1;
    }
    return NULL;
}

static struct hc_error *open_below(const char *point, const char *name, struct hc_group *ret)
{
    char path[2 * PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", point, name);
    return open_levels(path, ret);
}

struct hc_error *hc_group_open(const char *proc, const char *path, struct hc_group *ret)
{
    *ret = (struct hc_group){0};
    _cleanup_(hc_freep) struct mounted *mount = calloc(1, sizeof(*mount));
    if (!mount)
        return hc_error_out_of_memory();
    struct hc_error *error = open_levels(path, ret);
    if (!error && ret->count == 0 && find_mount(proc, mount))
        error = open_below(mount->point, path, ret);
    if (!error && ret->count == 0)
        error = hc_error_create("%s is no control group: %s; name its folder, for example "
                                "/sys/fs/cgroup/system.slice/web.service",
                                path, access(path, F_OK) == 0 ? "it has no cgroup.procs" : strerror(errno));
    if (error)
        hc_group_deinit(ret);
    return error;
}

// What a container's process sees as its own group: the one around it may not be visible from here.
static struct hc_error *open_as_seen_inside(const char *proc, pid_t pid, struct hc_group *ret)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%d/root/sys/fs/cgroup/memory", proc, (int)pid);
    HC_TRY(open_levels(path, ret));
    if (ret->count)
        return NULL;
    snprintf(path, sizeof(path), "%s/%d/root/sys/fs/cgroup", proc, (int)pid);
    return open_levels(path, ret);
}

struct hc_error *hc_group_of_process(const char *proc, pid_t pid, struct hc_group *ret)
{
    char name[PATH_MAX];
    *ret = (struct hc_group){0};
    _cleanup_(hc_freep) struct mounted *mount = calloc(1, sizeof(*mount));
    if (!mount)
        return hc_error_out_of_memory();
    struct hc_error *error = NULL;
    if (find_mount(proc, mount) && read_group_name(proc, pid, mount->is_old, name, sizeof(name)) &&
        !strstr(name, "/..")) {
        size_t root = strlen(mount->root);
        bool below = root > 1 && strncmp(name, mount->root, root) == 0 && strchr("/", name[root]);
        error = open_below(mount->point, below ? name + root : name, ret);
    }
    if (!error && ret->count == 0)
        error = open_as_seen_inside(proc, pid, ret);
    if (error)
        hc_group_deinit(ret);
    return error;
}

void hc_group_deinit(struct hc_group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        free(group->levels[i].path);
        close(group->levels[i].folder);
    }
    group->count = 0;
}

bool hc_group_is_gone(const struct hc_group *group)
{
    return group->count > 0 && !is_group(group->levels[0].folder);
}

bool hc_group_contains(const struct hc_group_level *outer, const struct hc_group *inner)
{
    struct stat a, b;
    for (size_t i = 0; i < inner->count; i++)
        if (fstat(outer->folder, &a) == 0 && fstat(inner->levels[i].folder, &b) == 0 &&
            a.st_dev == b.st_dev && a.st_ino == b.st_ino)
            return true;
    return false;
}
