#include "cli/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void *show_later(void *argument)
{
    struct hc_progress *progress = argument;
    struct timespec when;
    clock_gettime(CLOCK_REALTIME, &when);
    when.tv_sec++;
    pthread_mutex_lock(&progress->lock);
    int status = 0;
    while (!progress->done && !status)
        status = pthread_cond_timedwait(&progress->wake, &progress->lock, &when);
    if (!progress->done) {
        fprintf(stderr, "%s", progress->text);
        progress->shown = true;
    }
    pthread_mutex_unlock(&progress->lock);
    return NULL;
}

void hc_progress_begin(struct hc_progress *progress, bool quiet, const char *format, ...)
{
    *progress = (struct hc_progress){.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    if (quiet || !isatty(STDERR_FILENO))
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(progress->text, sizeof(progress->text), format, arguments);
    va_end(arguments);
    progress->running = !pthread_create(&progress->thread, NULL, show_later, progress);
}

void hc_progress_end(struct hc_progress *progress)
{
    if (!progress->running)
        return;
    pthread_mutex_lock(&progress->lock);
    progress->done = true;
    pthread_cond_signal(&progress->wake);
    pthread_mutex_unlock(&progress->lock);
    pthread_join(progress->thread, NULL);
    if (progress->shown)
        fprintf(stderr, "\r\033[K");
}
