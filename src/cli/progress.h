// A line on a terminal's stderr while something takes longer than a second.
#pragma once

#include <pthread.h>
#include <stdbool.h>

struct hc_progress {
    bool running; // the thread
    bool shown;
    bool done;
    char text[256];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

void hc_progress_begin(struct hc_progress *progress, bool quiet, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Takes the line away again.
void hc_progress_end(struct hc_progress *progress);
