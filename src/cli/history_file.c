#include "cli/history_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MOST_BYTES = 1 << 20, // of the file; then the older half goes
    MOST_LINE = 4096,     // longer entries are not kept
};

static char *find_path(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *path = NULL;
    int length = -1;
    // The rules of XDG want an absolute path.
    if (state && *state == '/')
        length = asprintf(&path, "%s/heapcore/history", state);
    else if (home && *home == '/')
        length = asprintf(&path, "%s/.local/state/heapcore/history", home);
    return length < 0 ? NULL : path;
}

// Makes the folders above the file.
static bool make_folders(const char *path)
{
    _cleanup_(hc_freep) char *folder = strdup(path);
    for (char *at = folder ? strchr(folder + 1, '/') : NULL; at; at = strchr(at + 1, '/')) {
        *at = '\0';
        if (mkdir(folder, 0700) && errno != EEXIST)
            return false;
        *at = '/';
    }
    return folder != NULL;
}

// The file's last `most` bytes, from the beginning of a line on; NULL if there is nothing to read. Free it.
static char *read_end(const char *path, off_t most, bool *ret_is_cut)
{
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *text = NULL;
    *ret_is_cut = false;
    if (descriptor < 0)
        return NULL;
    if (!fstat(descriptor, &status) && S_ISREG(status.st_mode) && status.st_size > 0) {
        *ret_is_cut = status.st_size > most;
        off_t size = *ret_is_cut ? most : status.st_size;
        text = calloc((size_t)size + 1, 1);
        if (text && pread(descriptor, text, (size_t)size, status.st_size - size) < 0)
            *text = '\0';
    }
    close(descriptor);
    char *line = text && *ret_is_cut ? strchr(text, '\n') : NULL;
    if (line)
        memmove(text, line + 1, strlen(line + 1) + 1);
    return text;
}

// Writes it anew, whole or not at all.
static bool rewrite(const char *path, const char *text)
{
    _cleanup_(hc_freep) char *other = NULL;
    if (asprintf(&other, "%s.new", path) < 0) {
        other = NULL;
        return false;
    }
    int descriptor = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return false;
    bool is_written = write(descriptor, text, strlen(text)) == (ssize_t)strlen(text);
    return !close(descriptor) && is_written && !rename(other, path);
}

static struct hc_error *cannot_keep(const struct hc_history_file *history)
{
    return hc_error_create("the history cannot be kept in %s: %s", history->path, strerror(errno));
}

struct hc_error *hc_history_open(struct hc_history_file *history,
                                 void (*remember)(void *argument, const char *line), void *argument)
{
    bool is_cut;
    history->path = find_path();
    if (!history->path)
        return hc_error_create("the history is not kept: neither XDG_STATE_HOME nor HOME is set");
    _cleanup_(hc_freep) char *text = read_end(history->path, MOST_BYTES, &is_cut);
    if (text && is_cut &&
        !rewrite(history->path, text + strlen(text) / 2 + strcspn(text + strlen(text) / 2, "\n")))
        return cannot_keep(history);
    char *rest = text;
    for (char *line = text ? strsep(&rest, "\n") : NULL; line; line = strsep(&rest, "\n"))
        if (*line)
            remember(argument, line);
    if (!make_folders(history->path))
        return cannot_keep(history);
    // A pipe without a reader would block for ever.
    int descriptor = open(history->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    history->file = descriptor < 0 ? NULL : fdopen(descriptor, "a");
    return history->file ? NULL : cannot_keep(history);
}

void hc_history_close(struct hc_history_file *history)
{
    if (history->file)
        fclose(history->file);
    free(history->path);
    *history = (struct hc_history_file){0};
}

struct hc_error *hc_history_add(struct hc_history_file *history, const char *line)
{
    if (!history->file || strlen(line) > MOST_LINE)
        return NULL;
    for (const char *at = line; *at; at++)
        fputc(*at == '\n' ? ' ' : *at, history->file);
    fputc('\n', history->file);
    if (!fflush(history->file))
        return NULL;
    struct hc_error *error = cannot_keep(history);
    fclose(history->file);
    history->file = NULL;
    return error;
}
