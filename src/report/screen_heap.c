// What the heap is made of, and what would go if it went.
#include "report/screen_parts.h"

#include "base/size_text.h"
#include "graph/dominators.h"
#include "report/words.h"
#include "report/wrap.h"
#include "sets/brief.h"
#include "sets/kind_text.h"
#include "sets/paths.h"
#include "sets/retained.h"
#include "sets/roots.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KINDS_SHOWN = 8,
    RETAINED_SHOWN = 5,
    RETAINED_LOOKED_AT = 40,
    WORTH_TELLING = 100, // one part in so many of the heap
    PASSED_ON = 90, // per cent of what an object retains that one below it does: that one is shown instead
};

static size_t rows_that_fit(const struct hc_screen *screen, size_t rows, size_t kept, size_t most)
{
    size_t room = screen->room > kept ? screen->room - kept : 1;
    most = room < most ? room : most;
    return rows < most ? rows : most;
}

// With the end of a core go the roots and much of what holds the rest: then all objects are shown.
static bool shows_all(const struct hc_screen *screen)
{
    const struct hc_state_totals *totals = &screen->totals;
    return hc_image_losses(screen->session->image)->truncated &&
           totals->size[HC_STATE_TRACKED] + totals->size[HC_STATE_STRAY] > totals->size[HC_STATE_REACHABLE];
}

static void write_kinds(struct hc_screen *screen, struct hc_partition *partition, size_t shown)
{
    for (size_t i = 0; i < shown; i++) {
        const struct hc_partition_row *row = &partition->rows[i];
        hc_size_buffer size;
        hc_report_line(screen->report, NULL, "%10s %3u %% %9" PRIu64 "  %s", hc_size_text(row->size, size),
                       hc_screen_percent(row->size, partition->size), row->count,
                       hc_partition_name(partition, i));
    }
}

// Garbage that waits, and what nothing known refers to.
static void write_rest(struct hc_screen *screen)
{
    const struct hc_state_totals *totals = &screen->totals;
    hc_size_buffer tracked, stray;
    hc_report_line(screen->report, NULL,
                   "not reached: %s tracked only (%" PRIu64 " objects), %s stray (%" PRIu64 ")",
                   hc_size_text(totals->size[HC_STATE_TRACKED], tracked), totals->count[HC_STATE_TRACKED],
                   hc_size_text(totals->size[HC_STATE_STRAY], stray), totals->count[HC_STATE_STRAY]);
    hc_report_tone(screen->report, HC_TONE_QUIET);
}

static struct hc_error *divide_all(struct hc_screen *screen, struct hc_partition *ret)
{
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    _cleanup_(hc_set_releasep) struct hc_set *all = NULL;
    HC_TRY(hc_set_of_states(&screen->universe,
                            1u << HC_STATE_REACHABLE | 1u << HC_STATE_TRACKED | 1u << HC_STATE_STRAY, &all));
    return hc_partition_set(all, &clodo, ret);
}

struct hc_error *hc_screen_heap(struct hc_screen *screen)
{
    _cleanup_(hc_partition_deinit) struct hc_partition every = {0};
    struct hc_partition *kinds = &screen->kinds;
    long limit = screen->options->limit;
    hc_size_buffer size;
    bool all = shows_all(screen);
    if (all) {
        HC_TRY(divide_all(screen, &every));
        kinds = &every;
    }
    size_t most = limit == HC_NO_LIMIT ? KINDS_SHOWN : (size_t)limit;
    hc_report_section(screen->report, "heap", NULL);
    hc_report_title(screen->report, "Heap by kind: %s in %" PRIu64 " objects%s",
                    hc_size_text(kinds->size, size), kinds->count,
                    all ? ", reached or not: the core is cut short" : "");
    write_kinds(screen, kinds, rows_that_fit(screen, kinds->row_count, 3, most));
    if (!all)
        write_rest(screen);
    return NULL;
}

// Modules and their dicts, and what the interpreter itself has: that these hold much is no news.
static struct hc_error *is_structure(struct hc_screen *screen, uint32_t object, bool *ret)
{
    _cleanup_(hc_freep) char *kind =
        hc_universe_kind_name(&screen->universe, hc_universe_kind(&screen->universe, object));
    const struct hc_roots *roots;
    size_t count;
    if (!kind)
        return hc_error_out_of_memory();
    HC_TRY(hc_universe_roots(&screen->universe, &roots));
    const struct hc_root_link *links = hc_roots_of(roots, object, &count);
    *ret = !strcmp(kind, "module") || !strcmp(kind, "dict of module");
    for (size_t i = 0; i < count; i++)
        *ret |= !hc_root_link_is_frames(&links[i]);
    return NULL;
}

// A module's dict retains what its largest variable does: only where it piles up is worth a line.
static bool is_passed_on(const struct hc_dominators *dominators,
                         const struct hc_retained_object_vector *objects, size_t index)
{
    const struct hc_retained_object *object = &objects->items[index];
    for (size_t i = index + 1; i < objects->count; i++)
        if (dominators->parents[objects->items[i].object] == object->object &&
            objects->items[i].retained >= object->retained / 100 * PASSED_ON)
            return true;
    return false;
}

struct shown_object {
    const struct hc_retained_object *object;
    char *path, *brief; // owned
};

static void shown_objects_deinit(struct shown_object (*shown)[RETAINED_SHOWN])
{
    for (size_t i = 0; i < RETAINED_SHOWN; i++) {
        free((*shown)[i].path);
        free((*shown)[i].brief);
    }
}

static struct hc_error *show_object(struct hc_screen *screen, const struct hc_retained_object *object,
                                    struct shown_object *ret)
{
    _cleanup_(hc_freep) char *path = NULL, *said = NULL;
    size_t room = screen->width - strlen("  123.4 MiB 100 %    ");
    ret->object = object;
    HC_TRY(hc_universe_brief(&screen->universe, object->object, &ret->brief));
    HC_TRY(hc_path_to(&screen->universe, object->object, &path));
    said = hc_screen_path(screen, path ? path : "?");
    ret->path = said ? hc_text_shortened(said, room / 5 * 3) : NULL;
    return ret->path ? NULL : hc_error_out_of_memory();
}

static void write_shown(struct hc_screen *screen, const struct shown_object *shown, size_t count)
{
    size_t widest = 0;
    for (size_t i = 0; i < count; i++) {
        size_t length = hc_wrap_length(shown[i].path);
        widest = length > widest ? length : widest;
    }
    for (size_t i = 0; i < count; i++) {
        hc_size_buffer size;
        int padding = (int)(widest - hc_wrap_length(shown[i].path));
        hc_report_line(screen->report, NULL, "%10s %3u %%  %s%*s  %s",
                       hc_size_text(shown[i].object->retained, size),
                       hc_screen_percent(shown[i].object->retained, screen->kinds.size), shown[i].path,
                       padding, "", shown[i].brief);
    }
}

struct hc_error *hc_screen_retained(struct hc_screen *screen)
{
    _cleanup_(hc_retained_deinit) struct hc_retained retained = {0};
    _cleanup_(shown_objects_deinit) struct shown_object shown[RETAINED_SHOWN] = {0};
    HC_TRY(hc_retained_find(&screen->universe, RETAINED_LOOKED_AT, &retained));
    const struct hc_retained_object_vector *objects = &retained.objects;
    size_t most = rows_that_fit(screen, objects->count, 2, RETAINED_SHOWN), count = 0;
    for (size_t i = 0; i < objects->count && count < most; i++) {
        const struct hc_retained_object *object = &objects->items[i];
        bool is_known = is_passed_on(screen->session->graph->dominators, objects, i);
        if (object->retained < screen->kinds.size / WORTH_TELLING)
            break;
        if (!is_known)
            HC_TRY(is_structure(screen, object->object, &is_known));
        if (is_known)
            continue;
        HC_TRY(show_object(screen, object, &shown[count++]));
    }
    if (!count)
        return NULL;
    hc_report_section(screen->report, "retained", "Retained: what would go if one object went");
    write_shown(screen, shown, count);
    return NULL;
}
