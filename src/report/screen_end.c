// What died, how and when.
#include "report/screen_parts.h"

#include "base/path.h"
#include "base/size_text.h"
#include "report/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TIME_SIZE = sizeof("2026-12-31 23:59:59 +0000") };

static void write_headline(struct hc_screen *screen, const char *name)
{
    const struct hc_process_info *process = hc_image_process(screen->session->image);
    hc_report_section(screen->report, "end", NULL);
    if (process->live) {
        hc_report_title(screen->report, "%s is alive: process %d", name, process->pid);
        return;
    }
    if (!process->signal) {
        hc_report_title(screen->report, "%s did not end by a signal: it was dumped while it ran", name);
        return;
    }
    const char *abbreviation = sigabbrev_np(process->signal), *meaning = sigdescr_np(process->signal);
    char number[16], reason[48] = "";
    uint64_t start;
    snprintf(number, sizeof(number), "%d", process->signal);
    if (hc_image_stack_overflowed(screen->session->image, &start))
        snprintf(reason, sizeof(reason), ": its stack is full");
    else if (process->has_fault_address)
        snprintf(reason, sizeof(reason), " at address 0x%" PRIx64, process->fault_address);
    if (hc_process_was_signalled(process))
        snprintf(reason, sizeof(reason), ", sent by process %d", process->sender);
    hc_report_title(screen->report, "%s died of %s%s%s%s%s%s", name, abbreviation ? "SIG" : "signal ",
                    abbreviation ? abbreviation : number, meaning ? " (" : "", meaning ? meaning : "",
                    meaning ? ")" : "", reason);
    hc_report_tone(screen->report, HC_TONE_ALARM);
}

static const char *show_time(const struct hc_sources *sources, char buffer[TIME_SIZE])
{
    struct tm parts;
    if (!sources->is_dated || !localtime_r(&sources->date.tv_sec, &parts) ||
        !strftime(buffer, TIME_SIZE, "%Y-%m-%d %H:%M:%S %z", &parts))
        return NULL;
    return buffer;
}

static void write_process(struct hc_screen *screen)
{
    const struct hc_process_info *process = hc_image_process(screen->session->image);
    const struct hc_runtime *runtime = &screen->session->runtime;
    char when[TIME_SIZE], interpreters[48] = "";
    const char *date = show_time(&screen->threads.sources, when);
    if (runtime->interpreters.count > 1)
        snprintf(interpreters, sizeof(interpreters), " with %zu interpreters", runtime->interpreters.count);
    hc_report_line(screen->report, "process", "%d, %zu thread%s, Python %s%s%s%s", process->pid,
                   process->thread_count, process->thread_count == 1 ? "" : "s", runtime->version_text,
                   interpreters, date ? "; dumped " : "", date ? date : "");
}

static struct hc_error *write_command(struct hc_screen *screen)
{
    const struct hc_process_info *process = hc_image_process(screen->session->image);
    if (!process->command)
        return NULL;
    _cleanup_(hc_freep) char *text = hc_command_shortened(process->command);
    if (!text)
        return hc_error_out_of_memory();
    hc_report_line(screen->report, "command", "%s", text);
    return NULL;
}

static struct hc_error *write_memory(struct hc_screen *screen)
{
    const struct hc_image *image = screen->session->image;
    hc_size_buffer memory, objects, file;
    uint64_t size;
    const char *compression = hc_image_compression(image, &size);
    hc_report_line(screen->report, "memory", "%s, %s of it in %" PRIu64 " Python objects",
                   hc_size_text(screen->memory.total - hc_screen_zero_bytes(&screen->memory), memory),
                   hc_size_text(screen->kinds.size, objects), screen->kinds.count);
    if (hc_image_process(image)->live)
        return NULL;
    _cleanup_(hc_freep) char *path =
        hc_path_shortened(hc_image_path(image), screen->width - strlen("  process  , 1023.9 MiB as zstd"));
    if (!path)
        return hc_error_out_of_memory();
    hc_report_line(screen->report, "core", "%s, %s%s%s", path,
                   hc_size_text(compression ? size : hc_image_size(image), file), compression ? " as " : "",
                   compression ? compression : "");
    if (hc_image_left_out(image))
        hc_report_line(screen->report, "", "%s left out by %s",
                       hc_size_text(hc_image_left_out(image), memory), hc_image_writer(image));
    return NULL;
}

struct hc_error *hc_screen_end(struct hc_screen *screen)
{
    const struct hc_process_info *process = hc_image_process(screen->session->image);
    _cleanup_(hc_freep) char *name = hc_command_name(process->command, process->program);
    if (!name)
        return hc_error_out_of_memory();
    write_headline(screen, name);
    write_process(screen);
    HC_TRY(write_command(screen));
    return write_memory(screen);
}
