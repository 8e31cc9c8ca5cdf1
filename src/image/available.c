// How much memory there is for an unpacked core. Knows Linux's /proc/meminfo and version 2 of control groups.
#include "image/unpack.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *open_text(const char *path)
{
    return fopen(path, "re");
}

static uint64_t memory_of_machine(void)
{
    FILE *file = open_text("/proc/meminfo");
    if (!file)
        return UINT64_MAX;
    char line[256];
    uint64_t kilobytes = UINT64_MAX / 1024;
    while (fgets(line, sizeof(line), file) && sscanf(line, "MemAvailable: %" SCNu64, &kilobytes) != 1)
        continue;
    fclose(file);
    return kilobytes * 1024;
}

// False for "max", too: no limit.
static bool read_number(const char *folder, const char *name, uint64_t *ret)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", folder, name) >= (int)sizeof(path))
        return false;
    FILE *file = open_text(path);
    if (!file)
        return false;
    bool found = fscanf(file, "%" SCNu64, ret) == 1;
    fclose(file);
    return found;
}

static bool find_own_group(char *folder, int size)
{
    FILE *file = open_text("/proc/self/cgroup");
    if (!file)
        return false;
    bool found = false;
    while (!found && fgets(folder, size, file))
        found = strncmp(folder, "0::/", 4) == 0;
    fclose(file);
    if (!found)
        return false;
    folder[strcspn(folder, "\n")] = '\0';
    memmove(folder, folder + 3, strlen(folder + 3) + 1);
    return true;
}

// Every group above limits this one, too.
static uint64_t memory_of_groups(void)
{
    uint64_t least = UINT64_MAX;
    char folder[PATH_MAX];
    if (!find_own_group(folder, sizeof(folder)))
        return least;
    for (;;) {
        uint64_t limit, used;
        if (read_number(folder, "memory.max", &limit) && read_number(folder, "memory.current", &used)) {
            uint64_t left = used < limit ? limit - used : 0;
            least = left < least ? left : least;
        }
        char *slash = strrchr(folder, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

uint64_t hc_available_memory(void)
{
    uint64_t machine = memory_of_machine();
    uint64_t groups = memory_of_groups();
    uint64_t available = machine < groups ? machine : groups;
    return available - available / 8;
}
