// The parts of the screen, a function each. A part adds its sections, and takes no more lines than there is
// room for.
#pragma once

#include "memory/memory.h"
#include "report/screen.h"
#include "report/thread_facts.h"
#include "sets/partition.h"
#include "sets/set.h"
#include "suspects/suspects.h"

struct hc_screen {
    const struct hc_session *session;
    const struct hc_screen_options *options;
    struct hc_report *report;
    size_t width;
    size_t room; // lines that the part may take, the empty one before it and its title among them
    struct hc_universe universe;
    struct hc_partition kinds; // of what the roots reach
    struct hc_state_totals totals;
    struct hc_thread_report threads; // gathered all
    struct hc_suspect_vector suspects;
    struct hc_memory memory;
    char *doubts; // NULL: there are none
};

struct hc_error *hc_screen_end(struct hc_screen *screen);
struct hc_error *hc_screen_crash(struct hc_screen *screen);
struct hc_error *hc_screen_suspects(struct hc_screen *screen);
struct hc_error *hc_screen_memory(struct hc_screen *screen);
struct hc_error *hc_screen_heap(struct hc_screen *screen);
struct hc_error *hc_screen_retained(struct hc_screen *screen);
bool hc_screen_has_others(const struct hc_screen *screen);
struct hc_error *hc_screen_others(struct hc_screen *screen);
struct hc_error *hc_screen_find_doubts(struct hc_screen *screen);
struct hc_error *hc_screen_doubts(struct hc_screen *screen);
struct hc_error *hc_screen_next(struct hc_screen *screen);

unsigned hc_screen_percent(uint64_t part, uint64_t whole);
// Bytes in pages of zeros.
uint64_t hc_screen_zero_bytes(const struct hc_memory *memory);

// Adds a text as at most `most` lines.
void hc_screen_text(struct hc_screen *screen, const char *text, size_t most, enum hc_tone tone);
// How many lines that takes.
size_t hc_screen_text_lines(const struct hc_screen *screen, const char *text, size_t most);

// A path from the roots as a person says it: "m.x" is variable x of module m, "f: x" a local variable of the
// running function f. Free it; NULL: out of memory.
char *hc_screen_path(const struct hc_screen *screen, const char *path);

// What the frames of a thread are in, in a few words: "worker.py:40 in Worker.run". `width`: of the whole.
struct hc_error *hc_screen_place(struct hc_screen *screen, const struct hc_frame *frame, size_t width,
                                 char **ret);
