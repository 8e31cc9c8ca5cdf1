// What deserves a look, the largest first: what it is, who holds it, and the query that shows it.
#include "report/screen_parts.h"

#include "report/words.h"
#include "report/wrap.h"

#include <stdio.h>
#include <string.h>

enum {
    MOST_SHOWN = 4,
    MOST_LINES = 2,  // of a sentence
    LEAST_PATH = 10, // characters: a shorter piece of it says nothing
};

static struct hc_error *show_evidence(const struct hc_screen *screen, const struct hc_suspect *suspect,
                                      char **ret)
{
    const char *shown = suspect->query ? suspect->query : suspect->elsewhere ? suspect->elsewhere : "";
    _cleanup_(hc_freep) char *whole = suspect->path ? hc_screen_path(screen, suspect->path) : NULL;
    _cleanup_(hc_freep) char *path = NULL;
    size_t used = strlen("    held by ; ") + hc_wrap_length(shown);
    bool has_room = suspect->path && screen->width > used + LEAST_PATH;
    if (has_room && whole)
        path = hc_text_shortened(whole, screen->width - used);
    if (has_room && !path)
        return hc_error_out_of_memory();
    int length = asprintf(ret, "%s%s%s%s", path ? "held by " : "", path ? path : "",
                          path && *shown ? "; " : "", shown);
    return length < 0 ? hc_error_out_of_memory() : NULL;
}

static size_t lines_of(const struct hc_screen *screen, const struct hc_suspect *suspect)
{
    return hc_screen_text_lines(screen, suspect->sentence, MOST_LINES) + 1;
}

// How many fit, at least the first.
static size_t count_shown(const struct hc_screen *screen)
{
    size_t shown = 0, lines = 2;
    while (shown < screen->suspects.count && shown < MOST_SHOWN) {
        lines += lines_of(screen, &screen->suspects.items[shown]);
        if (lines > screen->room && shown)
            return shown;
        shown++;
    }
    return shown;
}

struct hc_error *hc_screen_suspects(struct hc_screen *screen)
{
    const struct hc_suspect_vector *suspects = &screen->suspects;
    size_t shown = count_shown(screen);
    hc_report_section(screen->report, "suspects", NULL);
    if (!suspects->count) {
        hc_report_title(screen->report, "Suspects: none");
        return NULL;
    }
    if (shown < suspects->count)
        hc_report_title(screen->report, "Suspects: %zu, the largest %zu of them", suspects->count, shown);
    else
        hc_report_title(screen->report, "Suspects: %zu", suspects->count);
    for (size_t i = 0; i < shown; i++) {
        _cleanup_(hc_freep) char *evidence = NULL;
        HC_TRY(show_evidence(screen, &suspects->items[i], &evidence));
        hc_screen_text(screen, suspects->items[i].sentence, MOST_LINES, HC_TONE_WARNING);
        hc_report_line(screen->report, NULL, "  %s", evidence);
        hc_report_tone(screen->report, HC_TONE_QUIET);
    }
    return NULL;
}
