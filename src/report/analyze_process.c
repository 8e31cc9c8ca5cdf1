// What the process was, and how it ended.
#include "report/analyze_parts.h"
#include "report/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add_hexadecimal(struct hc_report *report, const char *key, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "0x%" PRIx64, number);
    hc_report_text(report, key, text);
}

static void report_signal(struct hc_report *report, const struct hc_image *image)
{
    const struct hc_process_info *process = hc_image_process(image);
    const char *abbreviation = sigabbrev_np(process->signal);
    const char *meaning = sigdescr_np(process->signal);
    char name[32], address[48] = "", thread[48] = "", sender[48] = "";
    uint64_t stack;
    bool is_overflow = hc_image_stack_overflowed(image, &stack);
    if (abbreviation)
        snprintf(name, sizeof(name), "SIG%s", abbreviation);
    else
        snprintf(name, sizeof(name), "signal %d", process->signal);
    hc_report_number(report, "signal.number", (uint64_t)process->signal);
    hc_report_text(report, "signal.name", name);
    hc_report_text(report, "signal.meaning", meaning);
    if (process->has_fault_address) {
        add_hexadecimal(report, "signal.fault_address", process->fault_address);
        snprintf(address, sizeof(address), " at address 0x%" PRIx64, process->fault_address);
    }
    if (process->faulting_thread) {
        hc_report_number(report, "signal.thread", (uint64_t)process->faulting_thread);
        snprintf(thread, sizeof(thread), " in thread %d", process->faulting_thread);
    }
    if (hc_process_was_signalled(process)) {
        hc_report_number(report, "signal.sender", (uint64_t)process->sender);
        snprintf(sender, sizeof(sender), ", sent by process %d", process->sender);
    }
    hc_report_truth(report, "signal.stack_overflow", is_overflow);
    hc_report_line(report, "ended by", "%s%s%s%s%s%s%s%s", name, meaning ? " (" : "", meaning ? meaning : "",
                   meaning ? ")" : "", address, thread, sender, is_overflow ? ", whose stack is full" : "");
}

void hc_report_process(struct hc_report *report, const struct hc_image *image)
{
    const struct hc_process_info *process = hc_image_process(image);
    hc_report_section(report, "process", "Process");
    hc_report_text(report, "command", process->command);
    hc_report_text(report, "program", process->program);
    hc_report_number(report, "pid", (uint64_t)process->pid);
    hc_report_truth(report, "live", process->live);
    hc_report_number(report, "threads", process->thread_count);
    if (process->command)
        hc_report_line(report, "command", "%s", process->command);
    hc_report_line(report, "process", "%d, %zu thread%s%s", process->pid, process->thread_count,
                   process->thread_count == 1 ? "" : "s", process->live ? ", live" : "");
    if (process->signal)
        report_signal(report, image);
}

static void report_choice(struct hc_report *report, const struct hc_runtime *runtime)
{
    const char *name = hc_debug_info_file(runtime->debug_info);
    if (!runtime->choice.table) {
        hc_report_line(report, "layouts", "DWARF of %s", name);
        return;
    }
    hc_report_line(report, "layouts", "no debug information; table %s%s", name,
                   runtime->choice.told_count ? ", and what the process itself tells" : "");
    if (runtime->choice.is_guess)
        hc_report_line(report, "",
                       "a guess: that table is of other versions, though it passed all checks; "
                       "`heapcore help layouts` says how to make the right one");
}

void hc_report_python(struct hc_report *report, const struct hc_runtime *runtime)
{
    hc_build_id_buffer buffer;
    const char *build_id = hc_build_id(runtime->module, buffer);
    const char *debug_file = hc_debug_info_file(runtime->debug_info);
    hc_report_section(report, "python", NULL);
    hc_report_text(report, "version", runtime->version_text);
    hc_report_number(report, "interpreters", runtime->interpreters.count);
    hc_report_text(report, "binary", runtime->module->path);
    hc_report_text(report, "build_id", build_id);
    hc_report_text(report, "layouts.source", hc_layout_source_name(runtime->choice.source));
    hc_report_text(report, "layouts.file", debug_file);
    hc_report_truth(report, "layouts.guess", runtime->choice.is_guess);
    hc_report_line(report, "Python", "%s, %s%s%s", runtime->version_text, runtime->module->path,
                   build_id ? ", build-id " : "", build_id ? build_id : "");
    if (runtime->interpreters.count > 1)
        hc_report_line(report, "", "%zu interpreters", runtime->interpreters.count);
    report_choice(report, runtime);
}

// What a capture left out, by its own note.
static void report_omissions(struct hc_report *report, const struct hc_image *image)
{
    static const struct {
        const char *key, *what;
    } reasons[HC_OMISSION_REASONS] = {
        [HC_OMISSION_SHARED] = {"left_out_shared", "shared with other processes"},
        [HC_OMISSION_DATA] = {"left_out_data", "data without pointers, inside of large blocks of malloc"},
        [HC_OMISSION_UNTOUCHED] = {"left_out_untouched", "shared memory that the process never touched"},
    };
    const struct hc_image_losses *losses = hc_image_losses(image);
    hc_bytes_buffer size;
    hc_report_text(report, "writer", hc_image_writer(image));
    if (!hc_image_writer(image))
        return;
    hc_report_line(report, "", "written by %s", hc_image_writer(image));
    for (size_t i = 0; i < HC_OMISSION_REASONS; i++) {
        if (!reasons[i].key)
            continue;
        hc_report_number(report, reasons[i].key, losses->left_out_bytes[i]);
        if (losses->left_out_bytes[i])
            hc_report_line(report, "", "which left out %s: %s",
                           hc_bytes_exact(losses->left_out_bytes[i], size), reasons[i].what);
    }
}

void hc_report_image(struct hc_report *report, const struct hc_image *image)
{
    const struct hc_image_losses *losses = hc_image_losses(image);
    hc_bytes_buffer size, lost;
    hc_bytes_exact(hc_image_size(image), size);
    hc_report_section(report, "image", NULL);
    hc_report_text(report, "path", hc_image_path(image));
    hc_report_number(report, "size", hc_image_size(image));
    hc_report_truth(report, "truncated", losses->truncated);
    if (losses->truncated) {
        hc_report_number(report, "expected_size", losses->expected_size);
        hc_report_line(report, "core", "%s, %s: cut short, %s of memory are lost", hc_image_path(image), size,
                       hc_bytes_exact(losses->truncated_bytes, lost));
    } else if (hc_image_process(image)->live) {
        hc_report_line(report, "memory", "%s copied", size);
    } else {
        hc_report_line(report, "core", "%s, %s", hc_image_path(image), size);
    }
    uint64_t compressed_size;
    const char *compression = hc_image_compression(image, &compressed_size);
    hc_report_text(report, "compression", compression);
    if (compression) {
        hc_report_number(report, "compressed_size", compressed_size);
        hc_report_line(report, "", "unpacked in memory from %s, %s", compression,
                       hc_bytes_exact(compressed_size, size));
    }
    report_omissions(report, image);
}
