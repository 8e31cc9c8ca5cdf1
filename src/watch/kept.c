#include "watch/kept.h"

#include "base/vector.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct kept {
    char *file;
    size_t stem; // length of what the files of one crash share
    uint64_t bytes;
    time_t changed;
};

HC_DEFINE_VECTOR(kept_vector, struct kept)

static void kept_deinit(struct kept_vector *kept)
{
    for (size_t i = 0; i < kept->count; i++)
        free(kept->items[i].file);
    kept_vector_deinit(kept);
}

const char *hc_kept_make_name(time_t when, long pid, const char *program, hc_kept_name ret)
{
    enum { LONGEST_PROGRAM = 32 };
    struct tm time;
    char stamp[32];
    if (!gmtime_r(&when, &time) || strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &time) == 0)
        snprintf(stamp, sizeof(stamp), "00000000T000000Z");
    int length = snprintf(ret, sizeof(hc_kept_name), "%s-%ld-", stamp, pid);
    char *own_name = ret + length;
    for (size_t i = 0; i < LONGEST_PROGRAM && program[i]; i++)
        ret[length++] = isalnum((unsigned char)program[i]) || strchr("._+-", program[i]) ? program[i] : '_';
    ret[length] = '\0';
    return own_name;
}

// 0: a file of somebody else.
static size_t measure_stem(const char *file)
{
    static const char *const endings[] = {".partial", ".txt", ".json", ".core.zst", ".core"};
    size_t length = strlen(file), before = length;
    if (strspn(file, "0123456789") != 8 || file[8] != 'T' || strspn(file + 9, "0123456789") != 6 ||
        strncmp(file + 15, "Z-", 2) != 0)
        return 0;
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
        size_t ending = strlen(endings[i]);
        if (length > ending && strncmp(file + length - ending, endings[i], ending) == 0)
            length -= ending;
    }
    return length < before ? length : 0;
}

static int compare(const void *left, const void *right)
{
    return strcmp(((const struct kept *)right)->file, ((const struct kept *)left)->file);
}

static void list(DIR *directory, struct kept_vector *ret)
{
    struct stat status;
    for (struct dirent *entry; (entry = readdir(directory));) {
        struct kept kept = {.stem = measure_stem(entry->d_name)};
        if (!kept.stem || fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(status.st_mode))
            continue;
        kept.bytes = (uint64_t)status.st_blocks * 512;
        kept.changed = status.st_mtime;
        kept.file = strdup(entry->d_name);
        if (!kept.file || !kept_vector_push(ret, kept)) {
            free(kept.file);
            return;
        }
    }
    if (ret->count)
        qsort(ret->items, ret->count, sizeof(*ret->items), compare);
}

// A crash that another handler still receives, or whose turn to be analysed has not come: it has no report
// yet. What has none an hour later never gets one.
static bool is_in_work(const struct kept *first, const struct kept *end)
{
    enum { LONGEST = 3600 };
    time_t newest = 0;
    for (const struct kept *file = first; file < end; file++) {
        if (strcmp(file->file + file->stem, ".txt") == 0)
            return false;
        newest = file->changed > newest ? file->changed : newest;
    }
    return time(NULL) - newest < LONGEST;
}

void hc_kept_prune(const char *folder, size_t crashes, uint64_t bytes)
{
    _cleanup_(kept_deinit) struct kept_vector kept = {0};
    DIR *directory = opendir(folder);
    if (!directory)
        return;
    list(directory, &kept);
    uint64_t total = 0;
    size_t seen = 0;
    bool is_over = false;
    for (size_t i = 0, j; i < kept.count; i = j) {
        const struct kept *first = &kept.items[i];
        uint64_t of_crash = 0;
        for (j = i; j < kept.count && kept.items[j].stem == first->stem &&
                    strncmp(kept.items[j].file, first->file, first->stem) == 0;
             j++)
            of_crash += kept.items[j].bytes;
        total += of_crash;
        is_over |= seen++ > 0 && (seen > crashes || total > bytes);
        bool goes = is_over && !is_in_work(first, &kept.items[j]);
        for (size_t k = i; goes && k < j; k++)
            unlinkat(dirfd(directory), kept.items[k].file, 0);
    }
    closedir(directory);
}
