// What was typed in earlier sessions: a line an entry, in $XDG_STATE_HOME/heapcore/history or
// ~/.local/state/heapcore/history.
#pragma once

#include "base/error.h"

#include <stdio.h>

struct hc_history_file {
    char *path; // NULL: there is no place for it
    FILE *file; // NULL: not written
};

// Calls `remember` with each entry of the file, oldest first, and opens it for more. An error is no reason to
// stop: the session works without.
struct hc_error *hc_history_open(struct hc_history_file *history,
                                 void (*remember)(void *argument, const char *line), void *argument);
void hc_history_close(struct hc_history_file *history);
// Line breaks become blanks.
struct hc_error *hc_history_add(struct hc_history_file *history, const char *line);
