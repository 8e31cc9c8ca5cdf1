#include "report/screen.h"

#include "report/screen_parts.h"
#include "report/wrap.h"

#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum {
    HEIGHT = 50,
    LEAST_WIDTH = 60,
    USUAL_WIDTH = 80,
    MOST_WIDTH = 120,
};

static bool always(const struct hc_screen *screen)
{
    (void)screen;
    return true;
}

static bool has_doubts(const struct hc_screen *screen)
{
    return screen->doubts != NULL;
}

// Where nothing crashed and nothing is suspect, it hangs or idles: then where the threads are is the news. So
// it is where a watchdog sent the signal.
static bool begins_with_others(const struct hc_screen *screen)
{
    const struct hc_process_info *process = hc_image_process(screen->session->image);
    return hc_screen_has_others(screen) && !screen->suspects.count &&
           (!process->signal || hc_process_was_signalled(process));
}

static bool ends_with_others(const struct hc_screen *screen)
{
    return hc_screen_has_others(screen) && !begins_with_others(screen);
}

// In the order of their weight. What one part leaves of its room, later ones may take.
static const struct {
    struct hc_error *(*write)(struct hc_screen *screen);
    size_t least;                                    // lines that are kept for it,
    bool (*has_any)(const struct hc_screen *screen); // if it has something to say
} parts[] = {
    {hc_screen_end, 5, always},
    {hc_screen_crash, 7, always},
    {hc_screen_others, 8, begins_with_others},
    {hc_screen_suspects, 5, always},
    {hc_screen_memory, 7, always},
    {hc_screen_heap, 8, always},
    {hc_screen_retained, 4, always},
    {hc_screen_others, 4, ends_with_others},
    {hc_screen_doubts, 4, has_doubts},
    {hc_screen_next, 2, always},
};

static size_t lines_of(const struct hc_report *report)
{
    size_t lines = 0;
    for (size_t i = 0; i < report->sections.count; i++) {
        const struct hc_section *section = &report->sections.items[i];
        lines += section->facts.count + (section->title != NULL) + (section->title && i);
    }
    return lines;
}

static size_t fitting_width(size_t width)
{
    if (!width)
        return USUAL_WIDTH;
    return width < LEAST_WIDTH ? LEAST_WIDTH : width > MOST_WIDTH ? MOST_WIDTH : width;
}

enum { MARGIN = 2, CONTINUATION = 2 };

// Bytes of the line number `index` of a text that starts at `text`.
static size_t line_bytes(const struct hc_screen *screen, const char *text, size_t index, size_t most)
{
    if (index + 1 >= most)
        return strlen(text); // what is too long is cut
    return hc_wrap_line(text, screen->width - MARGIN - (index ? CONTINUATION : 0));
}

size_t hc_screen_text_lines(const struct hc_screen *screen, const char *text, size_t most)
{
    size_t lines = 0;
    for (; *text && lines < most; lines++) {
        text += line_bytes(screen, text, lines, most);
        text += strspn(text, " ");
    }
    return lines;
}

void hc_screen_text(struct hc_screen *screen, const char *text, size_t most, enum hc_tone tone)
{
    for (size_t i = 0; *text && i < most; i++) {
        size_t bytes = line_bytes(screen, text, i, most);
        hc_report_line(screen->report, NULL, "%*s%.*s", i ? CONTINUATION : 0, "", (int)bytes, text);
        hc_report_tone(screen->report, tone);
        text += bytes;
        text += strspn(text, " ");
    }
}

unsigned hc_screen_percent(uint64_t part, uint64_t whole)
{
    return whole ? (unsigned)(100.0 * (double)part / (double)whole + 0.5) : 0;
}

static void screen_deinit(struct hc_screen *screen)
{
    free(screen->doubts);
    hc_memory_deinit(&screen->memory);
    hc_suspects_deinit(&screen->suspects);
    hc_thread_report_deinit(&screen->threads);
    hc_partition_deinit(&screen->kinds);
    hc_universe_deinit(&screen->universe);
}

static struct hc_error *screen_gather(struct hc_screen *screen)
{
    const struct hc_session *session = screen->session;
    HC_TRY(hc_partition_heap(session->graph, &screen->kinds, &screen->totals));
    HC_TRY(hc_universe_init(&screen->universe, session->graph, 0));
    HC_TRY(hc_thread_report_init(&screen->threads, session, screen->report, false));
    for (size_t i = 0; i < screen->threads.threads.count; i++)
        HC_TRY(hc_thread_report_gather(&screen->threads, i));
    HC_TRY(hc_tasks_find(&screen->threads.tracer, &screen->threads.tasks));
    HC_TRY(hc_memory_account(session, &screen->memory));
    HC_TRY(hc_suspects_find(session, screen->options->baseline, &screen->suspects));
    return hc_screen_find_doubts(screen);
}

struct hc_error *hc_report_screen(const struct hc_session *session, const struct hc_screen_options *options,
                                  struct hc_report *report)
{
    _cleanup_(screen_deinit) struct hc_screen screen = {
        .session = session,
        .options = options,
        .report = report,
        .width = fitting_width(options->width),
    };
    size_t kept = 0;
    report->width = screen.width;
    HC_TRY(screen_gather(&screen));
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        kept += parts[i].has_any(&screen) ? parts[i].least : 0;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (!parts[i].has_any(&screen))
            continue;
        kept -= parts[i].least;
        screen.room = HEIGHT - kept - lines_of(report);
        HC_TRY(parts[i].write(&screen));
    }
    return hc_report_check(report);
}
