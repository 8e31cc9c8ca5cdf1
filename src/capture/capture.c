#include "capture/capture.h"

#include "base/parallel.h"
#include "capture/choose.h"
#include "capture/headers.h"
#include "capture/output.h"
#include "image/process.h"

#include <elf.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#ifdef __aarch64__
#define OWN_MACHINE EM_AARCH64
#else
#define OWN_MACHINE EM_X86_64
#endif

// More bytes than that written by the first pass took so long that a second one is worth it before the stop.
#define WORTH_A_SECOND_PASS (UINT64_C(64) << 20)

// A process as it is at one moment.
struct snapshot {
    struct hc_image *image;
    struct hc_copier copier;
    struct hc_span_vector spans;
};

struct capture {
    const struct hc_capture_options *options;
    struct hc_capture_result *result;
    struct hc_output output;
    struct hc_copy copy;
    struct hc_omission_vector omissions;
    struct hc_stop stop;
    bool is_stopped;
    pid_t speaker; // answers for the process in /proc
    uint64_t stopped_at;
    int policy; // of this thread, before it hurried
    struct sched_param priority;
};

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void snapshot_deinit(struct snapshot *snapshot)
{
    hc_copier_deinit(&snapshot->copier);
    hc_span_vector_deinit(&snapshot->spans);
    hc_image_destroy(snapshot->image);
}

static bool is_same_file(const struct hc_map *left, const struct hc_map *right)
{
    return left->has_file && right->has_file && strcmp(left->path, right->path) == 0;
}

// Of a file that is executable somewhere. The mappings of one file stand side by side.
static bool is_of_binary(const struct hc_map_vector *maps, size_t index)
{
    size_t first = index, last = index;
    while (first > 0 && is_same_file(&maps->items[first - 1], &maps->items[index]))
        first--;
    while (last + 1 < maps->count && is_same_file(&maps->items[last + 1], &maps->items[index]))
        last++;
    for (size_t i = first; i <= last; i++)
        if (maps->items[i].executable)
            return true;
    return false;
}

// The binaries of a container go with it, and those that were deleted are gone: the core takes them along.
static void include_binaries(struct hc_copier *copier)
{
    char root[64];
    hc_process_find_root(copier->pid, root, sizeof(root));
    for (size_t i = 0; i < copier->maps.count; i++) {
        struct hc_map *map = &copier->maps.items[i];
        size_t length = strlen(map->path);
        bool is_gone = *root || (length > 10 && strcmp(map->path + length - 10, " (deleted)") == 0);
        if (map->plan == HC_MAP_FILE && is_gone && is_of_binary(&copier->maps, i))
            map->plan = HC_MAP_WHOLE;
    }
}

static struct hc_error *snapshot_take(struct snapshot *snapshot, pid_t pid)
{
    char name[32];
    snprintf(name, sizeof(name), "process %d", (int)pid);
    snapshot->copier.memory = snapshot->copier.pagemap = -1;
    HC_TRY(hc_image_create(name, &snapshot->image));
    snapshot->image->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    hc_copier_init(&snapshot->copier, snapshot->image, pid);
    HC_TRY(hc_process_read_target(snapshot->image, pid));
    HC_TRY(hc_copier_read_maps(&snapshot->copier));
    hc_copier_plan(&snapshot->copier);
    include_binaries(&snapshot->copier);
    return NULL;
}

static int compare_omissions(const void *left, const void *right)
{
    const struct hc_omission *a = left, *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

static void sort_omissions(struct hc_omission_vector *omissions)
{
    if (omissions->count)
        qsort(omissions->items, omissions->count, sizeof(*omissions->items), compare_omissions);
}

// Mappings that are shared with other processes are seen anew at each stage.
static struct hc_error *omit_shared(struct hc_omission_vector *omissions, const struct hc_map_vector *maps)
{
    size_t kept = 0;
    for (size_t i = 0; i < omissions->count; i++)
        if (omissions->items[i].reason != HC_OMISSION_SHARED)
            omissions->items[kept++] = omissions->items[i];
    omissions->count = kept;
    for (size_t i = 0; i < maps->count; i++) {
        const struct hc_map *map = &maps->items[i];
        struct hc_omission omission = {map->start, map->end, HC_OMISSION_SHARED};
        if (map->plan == HC_MAP_SHARED && !hc_omission_vector_push(omissions, omission))
            return hc_error_out_of_memory();
    }
    sort_omissions(omissions);
    return NULL;
}

// What the core is to hold of it; `was_seen`: there was an earlier snapshot.
static struct hc_error *choose(struct capture *capture, struct snapshot *snapshot, bool was_seen)
{
    struct hc_omission_vector *omissions = &capture->omissions;
    if (capture->options->heap_only) {
        HC_TRY(was_seen ? hc_choose_again(&snapshot->copier, capture->copy.threads, omissions)
                        : hc_choose_data(&snapshot->copier, omissions));
        HC_TRY(omit_shared(omissions, &snapshot->copier.maps));
    }
    return hc_spans_find(&snapshot->copier.maps, snapshot->image->page_size, omissions, &snapshot->spans);
}

// On a busy machine the most of a pause would be waiting for a processor: this thread and those that it
// starts go first, on half of the processors. Who is not allowed to do that waits.
static void hurry(struct capture *capture)
{
    const struct sched_param first = {.sched_priority = 1};
    capture->policy = sched_getscheduler(0);
    if (capture->policy < 0 || sched_getparam(0, &capture->priority) ||
        sched_setscheduler(0, SCHED_RR, &first))
        capture->policy = -1;
    else
        capture->copy.threads = (hc_parallel_threads(0) + 1) / 2;
}

static void slow_down(struct capture *capture)
{
    if (capture->policy >= 0)
        sched_setscheduler(0, capture->policy, &capture->priority);
    capture->copy.threads = 0;
}

static struct hc_error *stop(struct capture *capture)
{
    capture->stopped_at = now();
    HC_TRY(hc_stop_init(&capture->stop, capture->options->pid));
    capture->is_stopped = true;
    capture->speaker = hc_process_find_speaker(&capture->stop);
    hurry(capture);
    return NULL;
}

static void resume(struct capture *capture)
{
    if (!capture->is_stopped)
        return;
    hc_stop_deinit(&capture->stop);
    capture->is_stopped = false;
    capture->result->pause += now() - capture->stopped_at;
    slow_down(capture);
}

static struct hc_error *check_machine(const struct hc_image *image)
{
    if (image->target.word_size == sizeof(void *) && image->target.machine == OWN_MACHINE)
        return NULL;
    return hc_error_create("%s is a program of another machine (%u bits); let gdb write a core of it: gcore",
                           image->path, image->target.word_size * 8u);
}

// The most of the memory, while the process runs.
static struct hc_error *copy_ahead(struct capture *capture)
{
    _cleanup_(snapshot_deinit) struct snapshot snapshot = {0};
    uint64_t written;
    HC_TRY(snapshot_take(&snapshot, capture->speaker));
    HC_TRY(choose(capture, &snapshot, false));
    HC_TRY(hc_copy_pass(&capture->copy, &snapshot.copier, &snapshot.spans, &written));
    if (written < WORTH_A_SECOND_PASS)
        return NULL;
    // A full write-back queue would slow down the writes of the last pass.
    fdatasync(capture->copy.fd);
    return hc_copy_pass(&capture->copy, &snapshot.copier, &snapshot.spans, &written);
}

static struct hc_error *add_holes(struct capture *capture)
{
    const struct hc_omission_vector *holes = &capture->copy.holes;
    for (size_t i = 0; i < holes->count; i++)
        if (!hc_omission_vector_push(&capture->omissions, holes->items[i]))
            return hc_error_out_of_memory();
    sort_omissions(&capture->omissions);
    return NULL;
}

static struct hc_error *write_headers(struct capture *capture, struct snapshot *snapshot,
                                      struct hc_byte_vector *notes, uint64_t *ret_size)
{
    const struct hc_omission_vector *omissions = &capture->omissions;
    struct hc_capture_result *result = capture->result;
    const char *writer = capture->options->heap_only ? "heapcore " HC_VERSION " capture --heap-only"
                                                     : "heapcore " HC_VERSION " capture";
    HC_TRY(add_holes(capture));
    HC_TRY(hc_notes_of_capture(omissions, writer, notes));
    HC_TRY(hc_spans_find(&snapshot->copier.maps, snapshot->image->page_size, omissions, &snapshot->spans));
    for (size_t i = 0; i < snapshot->spans.count; i++)
        result->memory_bytes += snapshot->spans.items[i].end - snapshot->spans.items[i].start;
    for (size_t i = 0; i < omissions->count; i++)
        if (omissions->items[i].reason == HC_OMISSION_DATA ||
            omissions->items[i].reason == HC_OMISSION_SHARED)
            result->left_out_bytes += omissions->items[i].end - omissions->items[i].start;
    return hc_headers_write(&capture->copy, &snapshot->copier.maps, &snapshot->spans, snapshot->image, notes,
                            ret_size);
}

// The process stands still from here until everything is copied.
static struct hc_error *copy_stopped(struct capture *capture, uint64_t *ret_size)
{
    _cleanup_(snapshot_deinit) struct snapshot snapshot = {0};
    _cleanup_(hc_byte_vector_deinit) struct hc_byte_vector notes = {0};
    uint64_t written;
    for (size_t i = 0; i < capture->stop.threads.count; i++)
        capture->result->threads += !capture->stop.threads.items[i].gone;
    struct hc_error *error = snapshot_take(&snapshot, capture->speaker);
    if (error && hc_thread_has_ended(capture->speaker)) {
        hc_error_destroy(error);
        return hc_process_is_gone(capture->options->pid);
    }
    HC_TRY(error);
    HC_TRY(hc_notes_of_process(&capture->stop, capture->speaker, snapshot.image, &notes));
    HC_TRY(choose(capture, &snapshot, !capture->options->at_once));
    HC_TRY(hc_copy_pass(&capture->copy, &snapshot.copier, &snapshot.spans, &written));
    resume(capture);
    return write_headers(capture, &snapshot, &notes, ret_size);
}

static struct hc_error *stop_checked(struct capture *capture)
{
    _cleanup_(hc_image_destroyp) struct hc_image *image = NULL;
    HC_TRY(stop(capture));
    char name[32];
    snprintf(name, sizeof(name), "process %d", (int)capture->stop.pid);
    HC_TRY(hc_image_create(name, &image));
    HC_TRY(hc_process_read_target(image, capture->speaker));
    return check_machine(image);
}

static struct hc_error *open_output(struct capture *capture)
{
    HC_TRY(hc_output_open(&capture->output, capture->options->path));
    capture->copy.fd = capture->output.fd;
    return NULL;
}

// Stopping it first, for a moment, tells whether all the rest is allowed, and if not, why. What did not stop
// is let go when this tracer ends.
static struct hc_error *check(void *argument)
{
    struct capture *capture = argument;
    struct hc_error *error = stop_checked(capture);
    resume(capture);
    return error;
}

static struct hc_error *copy_process(struct capture *capture, uint64_t *ret_size)
{
    if (capture->options->at_once) { // before anything that a busy disk makes slow
        HC_TRY(stop_checked(capture));
        HC_TRY(open_output(capture));
    } else {
        HC_TRY(open_output(capture));
        HC_TRY(hc_process_run_tracer(check, capture));
        HC_TRY(copy_ahead(capture));
        struct hc_error *error = stop(capture);
        if (error)
            return hc_error_wrap(error, "while process %d was captured", (int)capture->options->pid);
    }
    return copy_stopped(capture, ret_size);
}

static struct hc_error *trace(void *argument)
{
    struct capture *capture = argument;
    uint64_t size;
    struct hc_error *error = copy_process(capture, &size);
    resume(capture);
    HC_TRY(error);
    if (ftruncate(capture->output.fd, (off_t)size) != 0) // its last page may be a hole
        return hc_error_create("cannot finish %s: its file system allows no holes", capture->output.path);
    capture->result->file_size = size;
    return NULL;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static struct hc_error *finish(struct capture *capture)
{
    struct stat status;
    if (ends_with(capture->options->path, ".zst"))
        HC_TRY(hc_output_compress(&capture->output, capture->result->file_size, capture->copy.threads));
    HC_TRY(hc_output_finish(&capture->output));
    if (fstat(capture->output.fd, &status) == 0) {
        capture->result->file_size = (uint64_t)status.st_size;
        capture->result->disk_bytes = (uint64_t)status.st_blocks * 512;
    }
    return NULL;
}

static void capture_deinit(struct capture *capture)
{
    hc_copy_deinit(&capture->copy);
    hc_omission_vector_deinit(&capture->omissions);
    hc_output_deinit(&capture->output);
}

struct hc_error *hc_capture_process(const struct hc_capture_options *options, struct hc_capture_result *ret)
{
    struct hc_capture_result result = {0};
    _cleanup_(capture_deinit) struct capture capture = {
        .options = options, .result = &result, .output = {.fd = -1}};
    uint64_t started = now();
    capture.copy = (struct hc_copy){
        .fd = -1,
        .path = options->path,
        .has_one_pass = options->at_once,
        .next_offset = HC_ROOM_FOR_HEADERS,
    };
    HC_TRY(hc_process_run_tracer(trace, &capture));
    HC_TRY(finish(&capture));
    result.total = now() - started;
    *ret = result;
    return NULL;
}
