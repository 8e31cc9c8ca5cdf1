#include "cli/collect.h"

#include "base/size_text.h"
#include "graph/session.h"
#include "report/session_reports.h"
#include "watch/choose.h"
#include "watch/core_stream.h"
#include "watch/small_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char partial[] = ".partial", of_capture[] = ".core", of_core[] = ".core.zst", of_text[] = ".txt",
                  of_json[] = ".json";

struct collection {
    const struct hc_collect_wishes *wishes;
    struct hc_core_stream stream;
    struct hc_core_copy_result copied;
    int files;     // the root folder as the process saw it, -1: as we see it, or gone
    char *command; // of the process, its arguments joined by blanks; NULL: not known
};

static void collection_deinit(struct collection *collection)
{
    hc_core_stream_deinit(&collection->stream);
    hc_closep(&collection->files);
    free(collection->command);
}

static const char *name_file(const struct hc_collect_wishes *wishes, const char *ending, const char *more,
                             char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/%s%s%s", wishes->folder, wishes->name, ending, more);
    return path;
}

static void remove_file(const struct hc_collect_wishes *wishes, const char *ending, const char *more)
{
    char path[PATH_MAX];
    unlink(name_file(wishes, ending, more, path));
}

void hc_collect_remove_partial(const struct hc_collect_wishes *wishes)
{
    static const char *const endings[] = {of_capture, of_core, of_text, of_json};
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
        remove_file(wishes, endings[i], partial);
}

static struct hc_error *open_partial(const struct hc_collect_wishes *wishes, const char *ending, int *ret)
{
    char path[PATH_MAX];
    name_file(wishes, ending, partial, path);
    *ret = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *ret >= 0 ? NULL : hc_error_create("cannot write %s: %s", path, strerror(errno));
}

static void finish_file(const struct hc_collect_wishes *wishes, const char *ending)
{
    char from[PATH_MAX], to[PATH_MAX];
    rename(name_file(wishes, ending, partial, from), name_file(wishes, ending, "", to));
}

static bool is_other_file(const char *left, const char *right)
{
    struct stat a, b;
    return stat(left, &a) == 0 && stat(right, &b) == 0 && (a.st_dev != b.st_dev || a.st_ino != b.st_ino);
}

// What only a process that still exists can tell, and the kernel keeps it for as long as its core is read.
static void look_at_process(struct collection *collection)
{
    enum { LONGEST = 4096 };
    char path[64];
    pid_t pid = collection->wishes->pid;
    snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
    // A process in a container has its files where it sees them.
    if (is_other_file(path, "/"))
        collection->files = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    collection->command = calloc(1, LONGEST);
    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    _cleanup_(hc_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = collection->command ? read(fd, collection->command, LONGEST - 1) : 0;
    for (ssize_t i = 0; i + 1 < length; i++)
        if (iscntrl((unsigned char)collection->command[i]))
            collection->command[i] = ' ';
}

// A program that has Python in itself, under another name, says so in its messages.
static bool program_contains_python(pid_t pid)
{
    static const char trace[] = "PyEval_";
    char path[64];
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    _cleanup_(hc_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0 || status.st_size <= 0)
        return false;
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return false;
    bool found = memmem(bytes, (size_t)status.st_size, trace, strlen(trace)) != NULL;
    munmap(bytes, (size_t)status.st_size);
    return found;
}

static bool ran_python(const struct collection *collection)
{
    pid_t pid = collection->wishes->pid;
    return hc_core_stream_shows_python(&collection->stream) ||
           (pid > 0 && (hc_process_is_python("/proc", pid) || program_contains_python(pid)));
}

// Hands the core on to another handler, and waits for it.
static struct hc_error *hand_on(const struct collection *collection)
{
    int ends[2];
    char **command = collection->wishes->otherwise;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return hc_error_create("cannot hand the core on: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[0], STDIN_FILENO);
        signal(SIGPIPE, SIG_DFL);
        execvp(command[0], command);
        _exit(127);
    }
    close(ends[0]);
    if (child > 0)
        hc_core_stream_forward(&collection->stream, ends[1]);
    close(ends[1]);
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return NULL;
    return hc_error_create("%s could not be run, or did not do it (status %d)", command[0],
                           child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static struct hc_error *receive(struct collection *collection)
{
    const struct hc_collect_wishes *wishes = collection->wishes;
    _cleanup_(hc_closep) int compact = -1, compressed = -1;
    mkdir(wishes->folder, 0700); // the next line tells if there is none
    HC_TRY(open_partial(wishes, of_capture, &compact));
    if (wishes->keeps_core)
        HC_TRY(open_partial(wishes, of_core, &compressed));
    const struct hc_core_copy copy = {
        .compact = compact, .compressed = compressed, .most_bytes = wishes->most_bytes};
    HC_TRY(hc_core_stream_copy(&collection->stream, &copy, &collection->copied));
    close(STDIN_FILENO); // from here on the kernel may clear the process away
    open("/dev/null", O_RDONLY);
    if (collection->copied.lost_compressed)
        remove_file(wishes, of_core, partial);
    else if (wishes->keeps_core)
        finish_file(wishes, of_core);
    if (wishes->keeps_capture)
        finish_file(wishes, of_capture);
    return NULL;
}

static struct hc_error *open_session(const struct collection *collection, struct hc_session **ret)
{
    char path[PATH_MAX], files[64];
    struct hc_session_options options = {.core = name_file(collection->wishes, of_capture,
                                                           collection->wishes->keeps_capture ? "" : partial,
                                                           path)};
    snprintf(files, sizeof(files), "/proc/self/fd/%d", collection->files);
    if (collection->files >= 0)
        options.image.sysroot = options.debug.sysroot = files;
    return hc_session_open(&options, ret);
}

// What the report cannot know from the core.
static void write_circumstances(const struct collection *collection, FILE *file)
{
    const struct hc_collect_wishes *wishes = collection->wishes;
    const struct hc_core_copy_result *copied = &collection->copied;
    hc_size_buffer received, written;
    fprintf(file, "Crash of process %d (in its container %s), signal %s, program %s\n", (int)wishes->pid,
            wishes->inner_pid[0] ? wishes->inner_pid : "?", wishes->signal[0] ? wishes->signal : "?",
            wishes->program[0] ? wishes->program : "?");
    if (collection->command && collection->command[0])
        fprintf(file, "Command: %s\n", collection->command);
    fprintf(file, "Core: %s, %s of it read for this\n", hc_size_text(copied->received, received),
            hc_size_text(copied->written, written));
    if (copied->is_cut)
        fprintf(file, "The core was cut short: the disk is full, or --max-size is reached.\n");
    fputc('\n', file);
}

static struct hc_error *write_reports(const struct collection *collection, FILE *text, FILE *json)
{
    _cleanup_(hc_session_closep) struct hc_session *session = NULL;
    const struct hc_session_report *report = hc_session_report_find("analyze");
    HC_TRY(open_session(collection, &session));
    struct hc_report_options options = {.render = {.limit = HC_NO_LIMIT}, .full = true};
    HC_TRY(hc_session_report_write(report, session, &options, text));
    options.json = true;
    return hc_session_report_write(report, session, &options, json);
}

static struct hc_error *save(const struct hc_collect_wishes *wishes, const char *ending, const char *bytes,
                             size_t size)
{
    _cleanup_(hc_closep) int fd = -1;
    HC_TRY(open_partial(wishes, ending, &fd));
    while (size > 0) {
        ssize_t count = write(fd, bytes, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return hc_error_create("cannot write to %s: %s", wishes->folder, strerror(errno));
        bytes += count;
        size -= (size_t)count;
    }
    finish_file(wishes, ending);
    return NULL;
}

// Into memory first: on a full disk the core's copy has to go before there is room for the reports.
static struct hc_error *analyze(const struct collection *collection)
{
    const struct hc_collect_wishes *wishes = collection->wishes;
    _cleanup_(hc_freep) char *text = NULL, *json = NULL;
    size_t text_size = 0, json_size = 0;
    FILE *text_file = open_memstream(&text, &text_size), *json_file = open_memstream(&json, &json_size);
    struct hc_error *error = text_file && json_file ? NULL : hc_error_out_of_memory();
    if (!error) {
        write_circumstances(collection, text_file);
        error = write_reports(collection, text_file, json_file);
        if (error)
            fprintf(text_file, "No analysis: %s\n", hc_error_message(error));
    }
    bool is_whole = (!text_file || fclose(text_file) == 0) & (!json_file || fclose(json_file) == 0);
    if (!wishes->keeps_capture)
        remove_file(wishes, of_capture, partial);
    if (!error && !is_whole)
        return hc_error_out_of_memory();
    _cleanup_(hc_error_destroyp) struct hc_error *of_saving = save(wishes, of_text, text, text_size);
    if (!error && !of_saving)
        return save(wishes, of_json, json, json_size);
    return error ? error : hc_take(of_saving);
}

// One analysis at a time, and services before it: when many processes crash, there is little memory left.
static void stand_back(const struct hc_collect_wishes *wishes)
{
    setpriority(PRIO_PROCESS, 0, 10);
    hc_small_file_write(AT_FDCWD, "/proc/self/oom_score_adj", "500");
    int folder = open(wishes->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0)
        flock(folder, LOCK_EX); // until the process ends
}

static struct hc_error *collect(struct collection *collection)
{
    const struct hc_collect_wishes *wishes = collection->wishes;
    HC_TRY(receive(collection));
    stand_back(wishes);
    struct hc_error *error = analyze(collection);
    hc_kept_prune(wishes->folder, wishes->most_crashes, wishes->most_bytes);
    return error;
}

static struct hc_error *handle(struct collection *collection, bool *ret_is_ours)
{
    *ret_is_ours = true;
    HC_TRY(hc_core_stream_init(STDIN_FILENO, &collection->stream));
    if (collection->stream.head_size == 0)
        return hc_error_create("no core came on standard input");
    *ret_is_ours = ran_python(collection);
    if (!*ret_is_ours)
        return collection->wishes->otherwise ? hand_on(collection) : NULL;
    look_at_process(collection);
    return collect(collection);
}

bool hc_collect(const struct hc_collect_wishes *wishes, char *line, size_t size)
{
    bool is_ours;
    _cleanup_(collection_deinit) struct collection collection = {.wishes = wishes, .files = -1};
    _cleanup_(hc_error_destroyp) struct hc_error *error = handle(&collection, &is_ours);
    line[0] = '\0';
    if (error)
        snprintf(line, size, "process %d (%.32s), signal %.8s: %s", (int)wishes->pid, wishes->program,
                 wishes->signal, hc_error_message(error));
    else if (is_ours)
        snprintf(line, size, "process %d (%.32s), signal %.8s: %s/%s%s%s", (int)wishes->pid, wishes->program,
                 wishes->signal, wishes->folder, wishes->name, of_text,
                 collection.copied.is_cut ? "; the core was cut short" : "");
    if (error)
        hc_collect_remove_partial(wishes);
    return !error;
}
