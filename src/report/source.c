#include "report/source.h"

#include "base/vector.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MOST_FILES = 256,
    MOST_BYTES = 8 << 20, // of a file
    MOST_LINE = 200,
};

struct hc_source_file {
    char *path;
    char *text; // NULL: not readable, or too young
    size_t size;
    struct hc_word_vector lines; // where each one begins
};

void hc_sources_init(struct hc_sources *sources, const struct hc_image *image)
{
    struct stat status;
    *sources = (struct hc_sources){.is_dated = !hc_image_process(image)->live};
    // A core whose date is not known is older than every file.
    if (sources->is_dated && !stat(hc_image_path(image), &status))
        sources->date = status.st_mtim;
}

void hc_sources_deinit(struct hc_sources *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        free(sources->files[i].path);
        free(sources->files[i].text);
        hc_word_vector_deinit(&sources->files[i].lines);
    }
    free(sources->files);
    *sources = (struct hc_sources){0};
}

static bool is_younger(const struct hc_sources *sources, const struct stat *status)
{
    if (!sources->is_dated)
        return false;
    return status->st_mtim.tv_sec != sources->date.tv_sec ? status->st_mtim.tv_sec > sources->date.tv_sec
                                                          : status->st_mtim.tv_nsec > sources->date.tv_nsec;
}

static char *read_bytes(int descriptor, size_t size)
{
    char *text = malloc(size + 1);
    size_t used = 0;
    for (ssize_t got = 1; text && got > 0 && used<size; used += got> 0 ? (size_t)got : 0)
        got = read(descriptor, text + used, size - used);
    if (text)
        memset(text + used, 0, size + 1 - used);
    return text;
}

// The path is the core's word: it may lead to a pipe or a device.
static void read_file(struct hc_sources *sources, struct hc_source_file *file)
{
    struct stat status;
    if (*file->path != '/')
        return;
    _cleanup_(hc_closep) int descriptor = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0 || fstat(descriptor, &status) || !S_ISREG(status.st_mode) ||
        status.st_size > MOST_BYTES)
        return;
    if (is_younger(sources, &status)) {
        sources->younger++;
        return;
    }
    file->size = (size_t)status.st_size;
    file->text = read_bytes(descriptor, file->size);
    bool complete = file->text && hc_word_vector_push(&file->lines, 0);
    for (size_t i = 0; complete && i < file->size; i++)
        if (file->text[i] == '\n')
            complete = hc_word_vector_push(&file->lines, i + 1);
}

static struct hc_source_file *find_file(struct hc_sources *sources, const char *path)
{
    for (size_t i = sources->count; i-- > 0;)
        if (!strcmp(sources->files[i].path, path))
            return &sources->files[i];
    if (!sources->files)
        sources->files = calloc(MOST_FILES, sizeof(*sources->files));
    if (!sources->files || sources->count == MOST_FILES)
        return NULL;
    struct hc_source_file *file = &sources->files[sources->count];
    file->path = strdup(path);
    if (!file->path)
        return NULL;
    sources->count++;
    read_file(sources, file);
    return file;
}

char *hc_sources_line(struct hc_sources *sources, const char *path, int64_t line)
{
    const struct hc_source_file *file = find_file(sources, path);
    if (!file || !file->text || line < 1 || (uint64_t)line > file->lines.count)
        return NULL;
    const char *start = file->text + file->lines.items[line - 1];
    start += strspn(start, " \t\f");
    size_t length = strcspn(start, "\r\n");
    while (length && (start[length - 1] == ' ' || start[length - 1] == '\t'))
        length--;
    bool is_cut = length > MOST_LINE;
    for (length = is_cut ? MOST_LINE : length; is_cut && length && (start[length] & 0xc0) == 0x80;)
        length--;
    char *text = NULL;
    if (!length || asprintf(&text, "%.*s%s", (int)length, start, is_cut ? "…" : "") < 0)
        return NULL;
    return text;
}
