// The thread that crashed, or that holds the GIL: what it was about.
#include "report/screen_parts.h"

#include "base/path.h"
#include "report/words.h"
#include "report/wrap.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
    MOST_NATIVE = 16,
    NATIVE_SHOWN = 3,
    FRAMES_SHOWN = 5,
    LABEL = sizeof("  in the extension  ") - 1, // columns
};

struct hc_error *hc_screen_place(struct hc_screen *screen, const struct hc_frame *frame, size_t width,
                                 char **ret)
{
    _cleanup_(hc_code_place_deinit) struct hc_code_place place = {0};
    hc_code_place_find(&screen->threads.frames, frame->code, frame->instruction, &place);
    const char *function = place.qualname ? place.qualname : place.function ? place.function : "?";
    char line[24] = "?", *tail = NULL;
    if (place.has_line)
        snprintf(line, sizeof(line), "%" PRId64, place.line);
    if (asprintf(&tail, ":%s in %s", line, function) < 0)
        return hc_error_out_of_memory();
    size_t used = hc_wrap_length(tail);
    _cleanup_(hc_freep) char *owned = tail;
    _cleanup_(hc_freep) char *path =
        hc_path_shortened(place.file ? place.file : "?", width > used ? width - used : 1);
    if (!path || asprintf(ret, "%s%s", path, tail) < 0)
        return hc_error_out_of_memory();
    return NULL;
}

static const char *library_of(const struct hc_native_frame *frame)
{
    return frame->module ? hc_path_name(frame->module->path) : "no library";
}

static bool is_of_library(const struct hc_native_frame *frame, const char *const *prefixes)
{
    for (; frame->module && *prefixes; prefixes++)
        if (!strncmp(library_of(frame), *prefixes, strlen(*prefixes)))
            return true;
    return false;
}

static bool is_c_library(const struct hc_native_frame *frame)
{
    static const char *const prefixes[] = {"libc.", "libc-", "libpthread", "ld-", "ld64", NULL};
    return is_of_library(frame, prefixes);
}

// Code that neither the interpreter nor the C library has: an extension's, if it is C code of Python's.
static bool is_extension(const struct hc_screen *screen, const struct hc_native_frame *frame)
{
    static const char *const others[] = {"libpython", "libm.", NULL};
    return frame->module && frame->module != screen->session->runtime.module && !frame->module->is_main &&
           !is_c_library(frame) && !is_of_library(frame, others);
}

// An abort's innermost frames are the same always. What the program called is the outermost of the C
// library's: abort(), __assert_fail(), free().
static size_t first_telling(const struct hc_screen *screen, const struct hc_native_frame_vector *frames)
{
    size_t first = 0;
    if (hc_image_process(screen->session->image)->signal == SIGABRT)
        while (first + 1 < frames->count && is_c_library(&frames->items[first + 1]))
            first++;
    return first;
}

static void write_native_frame(struct hc_screen *screen, const struct hc_native_frame *frame)
{
    const char *where = is_extension(screen, frame) ? "in the extension" : "in C";
    if (frame->symbol)
        hc_report_line(screen->report, where, "%s+%" PRIu64 " (%s)", frame->symbol, frame->offset,
                       library_of(frame));
    else
        hc_report_line(screen->report, where, "0x%" PRIx64 " (%s)", frame->address, library_of(frame));
    if (is_extension(screen, frame))
        hc_report_tone(screen->report, HC_TONE_ALARM);
}

// The innermost frames, and the first of an extension: who called abort() says more than abort() does.
static size_t write_native(struct hc_screen *screen, const struct hc_native_frame_vector *frames, size_t most)
{
    size_t shown = 0, extension = 0;
    while (extension < frames->count && !is_extension(screen, &frames->items[extension]))
        extension++;
    for (size_t i = first_telling(screen, frames); i < frames->count && shown < most; i++) {
        bool is_last = shown + 1 == most;
        if (is_last && i < extension && extension < frames->count)
            i = extension;
        write_native_frame(screen, &frames->items[i]);
        shown++;
    }
    return shown;
}

static void write_exception(struct hc_screen *screen, const char *what, const struct hc_exception *exception)
{
    const char *message = exception->message ? exception->message : "";
    hc_report_line(screen->report, what, "%s%s%s", exception->type, *message ? ": " : "", message);
    hc_report_tone(screen->report, HC_TONE_ALARM);
}

static size_t write_exceptions(struct hc_screen *screen, const struct hc_thread_facts *facts, size_t room)
{
    bool is_raised = facts->raised.type != NULL;
    const struct hc_exception *exception = is_raised ? &facts->raised : &facts->handled;
    if (!exception->type)
        return 0;
    write_exception(screen, is_raised ? "raising" : "handling", exception);
    if (!exception->earlier || room <= NATIVE_SHOWN + FRAMES_SHOWN)
        return 1;
    write_exception(screen, exception->is_from_earlier ? "caused by" : "while handling", exception->earlier);
    return 2;
}

// At most two lines.
static size_t write_abort_message(struct hc_screen *screen, const char *message)
{
    if (!message)
        return 0;
    size_t bytes = hc_wrap_line(message, screen->width - LABEL);
    const char *rest = message + bytes + strspn(message + bytes, " ");
    hc_report_line(screen->report, "message", "%.*s", (int)bytes, message);
    hc_report_tone(screen->report, HC_TONE_ALARM);
    if (!*rest)
        return 1;
    hc_report_line(screen->report, "", "%s", rest);
    hc_report_tone(screen->report, HC_TONE_ALARM);
    return 2;
}

static bool is_same_place(const struct hc_frame *left, const struct hc_frame *right)
{
    return left->code == right->code && left->instruction == right->instruction;
}

static struct hc_error *write_source(struct hc_screen *screen, const struct hc_frame *frame, size_t *room)
{
    _cleanup_(hc_code_place_deinit) struct hc_code_place place = {0};
    hc_code_place_find(&screen->threads.frames, frame->code, frame->instruction, &place);
    if (!place.source || *room < 2)
        return NULL;
    hc_report_line(screen->report, "", "  %s", place.source);
    hc_report_tone(screen->report, HC_TONE_QUIET);
    --*room;
    return NULL;
}

// The innermost first. A run of the same place, recursion, is one line.
static struct hc_error *write_frames(struct hc_screen *screen, const struct hc_frame_vector *frames,
                                     size_t room)
{
    size_t shown = 0, same = 1;
    room = room > FRAMES_SHOWN ? FRAMES_SHOWN : room;
    for (size_t i = 0; i < frames->count && room; i += same, shown++) {
        _cleanup_(hc_freep) char *place = NULL;
        char times[48] = "";
        for (same = 1;
             i + same < frames->count && is_same_place(&frames->items[i], &frames->items[i + same]);)
            same++;
        if (same > 1)
            snprintf(times, sizeof(times), ", %zu times", same);
        bool has_rest = i + same < frames->count && room == 1;
        if (has_rest)
            snprintf(times, sizeof(times), "; %zu more frames", frames->count - i - same);
        HC_TRY(hc_screen_place(screen, &frames->items[i], screen->width - strlen(times) - 24, &place));
        hc_report_line(screen->report, i ? "from" : "Python", "%s%s", place, times);
        room--;
        if (!i)
            HC_TRY(write_source(screen, &frames->items[i], &room));
    }
    return NULL;
}

// What the frames end with, where that is no function.
static const char *ending(const struct hc_thread_facts *facts)
{
    static const char *const endings[] = {
        [HC_FRAMES_COMPLETE] = "no Python frame",
        [HC_FRAMES_HOLE] = "the next frame cannot be read: the rest is not known",
        [HC_FRAMES_CYCLE] = "the next frame was there before: the core is damaged",
        [HC_FRAMES_MANY] = "more frames than heapcore looks at",
    };
    return facts->end != HC_FRAMES_COMPLETE || !facts->frames.count ? endings[facts->end] : NULL;
}

static const char *what(const struct hc_screen *screen, bool took_signal)
{
    bool was_signalled = hc_process_was_signalled(hc_image_process(screen->session->image));
    return took_signal && !was_signalled ? "Crash in thread" : "Thread";
}

static void write_title(struct hc_screen *screen, const struct hc_thread *thread)
{
    char number[32];
    if (thread->tid)
        snprintf(number, sizeof(number), "%d", thread->tid);
    else
        snprintf(number, sizeof(number), "0x%" PRIx64, thread->ident);
    hc_report_title(screen->report, "%s %s%s%s%s%s", what(screen, thread->has_crashed), number,
                    thread->name ? " \"" : "", thread->name ? thread->name : "", thread->name ? "\"" : "",
                    thread->holds_gil ? ", which holds the GIL" : "");
}

static struct hc_error *write_thread(struct hc_screen *screen, const struct hc_thread_facts *facts)
{
    const char *end = ending(facts);
    hc_report_section(screen->report, "crash", NULL);
    write_title(screen, facts->thread);
    size_t room = screen->room - 2 - (end != NULL);
    size_t exceptions = write_exceptions(screen, facts, room);
    size_t message = write_abort_message(screen, facts->abort_message);
    size_t native = write_native(screen, &facts->native, room < 7 ? 2 : NATIVE_SHOWN);
    HC_TRY(write_frames(screen, &facts->frames, room - exceptions - message - native));
    if (end)
        hc_report_line(screen->report, "Python", "%s", end);
    return NULL;
}

// A thread that the interpreter does not know took the signal.
static struct hc_error *write_foreign(struct hc_screen *screen, const struct hc_thread_info *thread)
{
    _cleanup_(hc_native_frames_deinit) struct hc_native_frame_vector frames = {0};
    _cleanup_(hc_freep) char *message = NULL;
    HC_TRY(hc_native_stack(screen->session->image, thread, NULL, MOST_NATIVE, &frames));
    HC_TRY(hc_native_abort_message(screen->session->image, &message));
    hc_report_section(screen->report, "crash", NULL);
    hc_report_title(screen->report, "%s %d, which runs no Python", what(screen, true), thread->tid);
    size_t lines = write_abort_message(screen, message);
    write_native(screen, &frames, screen->room - 2 - lines);
    if (!frames.count)
        hc_report_line(screen->report, NULL, "where in C is not known");
    return NULL;
}

struct hc_error *hc_screen_crash(struct hc_screen *screen)
{
    const struct hc_process_info *process = hc_image_process(screen->session->image);
    const struct hc_thread_vector *threads = &screen->threads.threads;
    bool is_known =
        !process->signal || !process->faulting_thread || (threads->count && threads->items[0].has_crashed);
    for (size_t i = 0; !is_known && i < process->thread_count; i++)
        if (process->threads[i].tid == process->faulting_thread)
            return write_foreign(screen, &process->threads[i]);
    return threads->count ? write_thread(screen, &screen->threads.facts[0]) : NULL;
}
