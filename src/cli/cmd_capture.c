#include "capture/capture.h"

#include "base/interrupt.h"
#include "base/size_text.h"
#include "cli/command.h"
#include "cli/numbers.h"
#include "cli/own_options.h"
#include "report/json.h"

#include <json.h>
#include <limits.h>
#include <signal.h>

struct wishes {
    struct hc_capture_options capture;
    bool json;
    bool quiet;
};

static const char own_options[] =
    "options:\n"
    "  -p, --pid PID          the process: it is not written to, and goes on afterwards\n"
    "  -o, --output FILE      the core to write; FILE.zst is compressed\n"
    "  --heap-only            leave out what no analysis reads: shared memory, and the data inside of large "
    "arrays\n"
    "  --at-once              stop the process before the first byte is copied: it cannot grow meanwhile\n"
    "  --json                 print what was done as JSON\n"
    "  --quiet                nothing on stderr but errors\n"
    "  -h, --help             print this help\n";

static struct hc_error *take_option(void *argument, int code, const char *value)
{
    struct wishes *wishes = argument;
    long number;
    switch (code) {
    case 'p':
        HC_TRY(hc_parse_number("-p", value, 1, INT_MAX, &number));
        wishes->capture.pid = (pid_t)number;
        return NULL;
    case 'o':
        wishes->capture.path = value;
        return NULL;
    case 'H':
        wishes->capture.heap_only = true;
        return NULL;
    case 'a':
        wishes->capture.at_once = true;
        return NULL;
    case 'j':
        wishes->json = true;
        return NULL;
    case 'q':
        wishes->quiet = true;
        return NULL;
    }
    return NULL;
}

static struct hc_error *parse(int argc, char **argv, struct wishes *wishes)
{
    static const struct option options[] = {
        {"pid", required_argument, NULL, 'p'},
        {"output", required_argument, NULL, 'o'},
        {"heap-only", no_argument, NULL, 'H'},
        {"at-once", no_argument, NULL, 'a'},
        {"json", no_argument, NULL, 'j'},
        {"quiet", no_argument, NULL, 'q'},
        {NULL, 0, NULL, 0},
    };
    HC_TRY(hc_read_own_options(argc, argv, ":p:o:", options, take_option, wishes));
    if (optind < argc)
        return hc_error_create("'%s' is one too many", argv[optind]);
    if (!wishes->capture.pid)
        return hc_error_create("which process? Name one with -p PID");
    if (!wishes->capture.path || !*wishes->capture.path)
        return hc_error_create("where to? Name the file to write with -o FILE");
    return NULL;
}

static void on_signal(int number)
{
    (void)number;
    hc_interrupt_request();
}

// A capture that is ended lets the process go and removes its file.
static void catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction before;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        if (!sigaction(signals[i], NULL, &before) && before.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
}

static struct hc_error *print_json(const struct wishes *wishes, const struct hc_capture_result *result)
{
    const struct {
        const char *key;
        uint64_t number;
    } numbers[] = {
        {"pid", (uint64_t)wishes->capture.pid}, {"threads", result->threads},
        {"pause_nanoseconds", result->pause},   {"total_nanoseconds", result->total},
        {"memory_bytes", result->memory_bytes}, {"left_out_bytes", result->left_out_bytes},
        {"file_bytes", result->file_size},      {"disk_bytes", result->disk_bytes},
    };
    json_object *object = json_object_new_object();
    struct hc_error *error = object ? hc_json_add_header(object, "capture") : hc_error_out_of_memory();
    bool failed =
        error || json_object_object_add(object, "file", json_object_new_string(wishes->capture.path));
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers) && !failed; i++)
        failed = json_object_object_add(object, numbers[i].key, json_object_new_uint64(numbers[i].number));
    if (!failed)
        printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(object);
    return failed && !error ? hc_error_out_of_memory() : error;
}

static void tell(const struct wishes *wishes, const struct hc_capture_result *result)
{
    hc_size_buffer memory, left_out, disk;
    fprintf(stderr, "captured process %d (%lu threads): %s of memory, %s on disk", (int)wishes->capture.pid,
            (unsigned long)result->threads, hc_size_text(result->memory_bytes, memory),
            hc_size_text(result->disk_bytes, disk));
    if (result->left_out_bytes)
        fprintf(stderr, ", %s left out", hc_size_text(result->left_out_bytes, left_out));
    fprintf(stderr, "; it stood still for %.3f s of %.3f s\n", (double)result->pause / 1e9,
            (double)result->total / 1e9);
}

static struct hc_error *run(int argc, char **argv, enum hc_exit_status *ret_status)
{
    struct wishes wishes = {0};
    struct hc_capture_result result;
    *ret_status = HC_EXIT_USAGE;
    HC_TRY(parse(argc, argv, &wishes));
    *ret_status = HC_EXIT_FAILED;
    catch_signals();
    struct hc_error *error = hc_capture_process(&wishes.capture, &result);
    if (error && hc_interrupt_is_requested())
        return hc_error_wrap(error, "process %d runs on, no file was written", (int)wishes.capture.pid);
    HC_TRY(error);
    if (!wishes.quiet)
        tell(&wishes, &result);
    if (wishes.json)
        HC_TRY(print_json(&wishes, &result));
    *ret_status = HC_EXIT_DONE;
    return NULL;
}

const struct hc_command hc_command_capture = {
    .name = "capture",
    .arguments = "-p PID -o FILE [--heap-only]",
    .summary = "write a live process as a core, with a pause as short as can be",
    .help =
        "Writes process PID as an ELF core, which heapcore, gdb and others read: threads, registers, files, "
        "and\n"
        "the memory that a core by the kernel would hold. Most of it is copied while the process runs; then "
        "the\n"
        "process is stopped, what has changed is copied again, and it goes on. How long it stood still is "
        "told.\n"
        "FILE is there only when it is whole. docs/capture.md tells what --heap-only leaves out.\n",
    .own_options = own_options,
    .run_alone = run,
};
