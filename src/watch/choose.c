#include "watch/choose.h"

#include "base/path.h"
#include "watch/limits.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

// Time is short: of a group with more processes only some are looked at.
enum { MOST_PROCESSES = 1024, MOST_FOLDERS = 256, MOST_LOOKS = 64, DEEPEST = 16 };

struct member {
    pid_t pid;
    uint64_t resident;
};

struct members {
    struct member items[MOST_PROCESSES];
    size_t count;
    size_t folders;
};

bool hc_path_shows_python(const char *path)
{
    const char *name = hc_path_name(path);
    return strncmp(name, "python", 6) == 0 || strncmp(name, "libpython", 9) == 0 ||
           strstr(name, ".cpython-") || strstr(path, "/lib-dynload/");
}

static bool program_shows_python(const char *proc, pid_t pid)
{
    char link[PATH_MAX], target[PATH_MAX];
    snprintf(link, sizeof(link), "%s/%d/exe", proc, (int)pid);
    ssize_t length = readlink(link, target, sizeof(target) - 1);
    if (length < 0)
        return false;
    target[length] = '\0';
    return hc_path_shows_python(target);
}

bool hc_process_is_python(const char *proc, pid_t pid)
{
    char path[PATH_MAX], line[PATH_MAX + 128];
    if (program_shows_python(proc, pid))
        return true;
    snprintf(path, sizeof(path), "%s/%d/maps", proc, (int)pid);
    _cleanup_(hc_fclosep) FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        const char *name = strchr(line, '/');
        if (name && hc_path_shows_python(name))
            return true;
    }
    return false;
}

static void add_members_of(const char *proc, int folder, struct members *members)
{
    long pid;
    int fd = openat(folder, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    _cleanup_(hc_fclosep) FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (!file && fd >= 0)
        close(fd);
    // 0 stands for a process of another pid namespace.
    while (file && members->count < MOST_PROCESSES && fscanf(file, "%ld", &pid) == 1)
        if (pid > 0)
            members->items[members->count++] =
                (struct member){.pid = (pid_t)pid, .resident = hc_resident_bytes(proc, (pid_t)pid)};
}

static void add_members_below(const char *proc, int folder, unsigned depth, struct members *members)
{
    add_members_of(proc, folder, members);
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (!directory) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *entry; depth < DEEPEST && (entry = readdir(directory));) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.' || members->folders++ >= MOST_FOLDERS)
            continue;
        _cleanup_(hc_closep) int inner = openat(folder, entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (inner >= 0)
            add_members_below(proc, inner, depth + 1, members);
    }
    closedir(directory);
}

static int compare_members(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    return (a->resident < b->resident) - (a->resident > b->resident);
}

struct hc_choice hc_choose_process(const char *proc, const struct hc_group_level *level)
{
    static struct members members; // kept out of the heap: it is needed when memory is short
    members.count = members.folders = 0;
    add_members_below(proc, level->folder, 0, &members);
    if (members.count == 0)
        return (struct hc_choice){0};
    qsort(members.items, members.count, sizeof(*members.items), compare_members);
    size_t chosen = 0;
    bool is_python = false;
    for (size_t i = 0; !is_python && i < members.count && i < MOST_LOOKS; i++) {
        is_python = hc_process_is_python(proc, members.items[i].pid);
        chosen = is_python ? i : 0;
    }
    return (struct hc_choice){
        .pid = members.items[chosen].pid,
        .resident = members.items[chosen].resident,
        .is_python = is_python,
        .processes = members.count,
    };
}
