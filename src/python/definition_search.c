#include "python/definition_search.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_FILES = 1000 };

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), own = strlen(ending);
    return length > own && !strcmp(text + length - own, ending);
}

static struct hc_error *read_file(const char *path, struct hc_definition_files *files)
{
    struct hc_definition_file *file = NULL;
    if (files->count >= MOST_FILES)
        return hc_error_create("%s: more than %d files with definitions", path, MOST_FILES);
    HC_TRY(ends_with(path, ".so") ? hc_definition_plugin_open(path, &file)
                                  : hc_definition_file_read(path, &file));
    if (!hc_definition_files_push(files, file)) {
        hc_definition_file_destroy(file);
        return hc_error_out_of_memory();
    }
    return NULL;
}

static int is_definition(const struct dirent *entry)
{
    return entry->d_name[0] != '.' &&
           (ends_with(entry->d_name, ".heapdef") || ends_with(entry->d_name, ".so"));
}

// In the order of their names.
static struct hc_error *read_directory(const char *path, struct hc_definition_files *files)
{
    struct dirent **entries = NULL;
    struct hc_error *error = NULL;
    int count = scandir(path, &entries, is_definition, alphasort);
    if (count < 0)
        return hc_error_create("the directory of definitions %s cannot be read: %s", path, strerror(errno));
    for (int i = 0; i < count; i++) {
        char *file = NULL;
        if (!error && asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0) {
            file = NULL;
            error = hc_error_out_of_memory();
        }
        if (!error)
            error = read_file(file, files);
        free(file);
        free(entries[i]);
    }
    free(entries);
    return error;
}

static bool is_directory(const char *path)
{
    struct stat status;
    return !stat(path, &status) && S_ISDIR(status.st_mode);
}

// A directory that need not be there.
static struct hc_error *search_directory(const char *parent, const char *name,
                                         struct hc_definition_files *files)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof(path), "%s%s", parent, name);
    if (length < 0 || (size_t)length >= sizeof(path) || !is_directory(path))
        return NULL;
    return read_directory(path, files);
}

static struct hc_error *read_path(const char *path, struct hc_definition_files *files)
{
    return is_directory(path) ? read_directory(path, files) : read_file(path, files);
}

static struct hc_error *read_list(const char *list, struct hc_definition_files *files)
{
    _cleanup_(hc_freep) char *paths = strdup(list ? list : "");
    char *state = NULL;
    if (!paths)
        return hc_error_out_of_memory();
    for (char *path = strtok_r(paths, ":", &state); path; path = strtok_r(NULL, ":", &state))
        HC_TRY(read_path(path, files));
    return NULL;
}

static struct hc_error *search_configuration(struct hc_definition_files *files)
{
    const char *own = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (own && *own == '/')
        return search_directory(own, "/heapcore/definitions", files);
    return home && *home ? search_directory(home, "/.config/heapcore/definitions", files) : NULL;
}

// The directory of the program or library that has this code.
static bool own_directory(char path[PATH_MAX])
{
    Dl_info info;
    bool found = dladdr((void *)(uintptr_t)own_directory, &info) && info.dli_fname &&
                 strstr(info.dli_fname, ".so") && realpath(info.dli_fname, path);
    if (!found && !realpath("/proc/self/exe", path))
        return false;
    *strrchr(path, '/') = '\0';
    return true;
}

// bin/ and share/ stand side by side, lib/ may have a folder for the machine; in a build tree the definitions
// stand beside the program.
static struct hc_error *search_shipped(struct hc_definition_files *files)
{
    static const char *const places[] = {"/definitions", "/../share/heapcore/definitions",
                                         "/../../share/heapcore/definitions"};
    char directory[PATH_MAX];
    if (!own_directory(directory))
        return NULL;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        size_t before = files->count;
        HC_TRY(search_directory(directory, places[i], files));
        if (files->count > before)
            return NULL;
    }
    return NULL;
}

struct hc_error *hc_definition_files_find(const struct hc_definition_options *options,
                                          struct hc_definition_files *ret)
{
    for (size_t i = 0; i < options->count; i++)
        HC_TRY(read_path(options->paths[i], ret));
    HC_TRY(read_list(options->list, ret));
    HC_TRY(read_list(getenv("HEAPCORE_DEFINITIONS"), ret));
    HC_TRY(search_configuration(ret));
    return search_shipped(ret);
}
