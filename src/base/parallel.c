#include "base/parallel.h"

#include "base/interrupt.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_THREADS = 64 };

void *hc_calloc_alone(size_t count, size_t size)
{
    void *array;
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || posix_memalign(&array, 128, bytes + 1))
        return NULL;
    return memset(array, 0, bytes);
}

unsigned hc_parallel_threads(unsigned wanted)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (!wanted)
        wanted = processors > 0 ? (unsigned)processors : 1;
    return wanted < MAX_THREADS ? wanted : MAX_THREADS;
}

struct job {
    hc_task_fn *run;
    void *argument;
    size_t count;
    atomic_size_t next;
    atomic_bool failed;
    pthread_mutex_t lock;
    struct hc_error *error;
};

struct worker {
    struct job *job;
    unsigned number;
    pthread_t thread;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct job *job = worker->job;
    for (;;) {
        size_t task = atomic_fetch_add(&job->next, 1);
        if (task >= job->count || atomic_load(&job->failed))
            return NULL;
        struct hc_error *error = hc_interrupt_check();
        if (!error)
            error = job->run(job->argument, worker->number, task);
        if (!error)
            continue;
        atomic_store(&job->failed, true);
        pthread_mutex_lock(&job->lock);
        if (job->error)
            hc_error_destroy(error);
        else
            job->error = error;
        pthread_mutex_unlock(&job->lock);
    }
}

struct hc_error *hc_parallel_run(unsigned threads, size_t count, hc_task_fn *run, void *argument)
{
    struct job job = {.run = run, .argument = argument, .count = count, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct worker workers[MAX_THREADS];
    if (threads > MAX_THREADS)
        threads = MAX_THREADS;
    if (threads > count)
        threads = (unsigned)count;
    unsigned started = 1;
    workers[0] = (struct worker){.job = &job, .number = 0};
    for (; started < threads; started++) {
        workers[started] = (struct worker){.job = &job, .number = started};
        // Fewer threads than asked for do the same work.
        if (pthread_create(&workers[started].thread, NULL, work, &workers[started]))
            break;
    }
    work(&workers[0]);
    for (unsigned i = 1; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    return job.error;
}
