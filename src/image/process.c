// A live process: stopped, read as a core of it would have been written, and let go again.
#include "image/elf_view.h"
#include "image/maps.h"
#include "image/process.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum { SMALLEST_PAGE = 4096 };

struct request {
    pid_t pid;
    const struct hc_image_options *options;
    struct hc_image *image;
};

ssize_t hc_process_read_file(pid_t pid, const char *name, void *buffer, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    _cleanup_(hc_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    size_t filled = 0;
    while (filled < size) {
        ssize_t count = read(fd, (char *)buffer + filled, size - filled);
        if (count < 0)
            return -1;
        if (count == 0)
            break;
        filled += count;
    }
    return (ssize_t)filled;
}

struct hc_error *hc_process_read_target(struct hc_image *image, pid_t pid)
{
    uint8_t header[sizeof(Elf64_Ehdr)];
    struct hc_elf_view view;
    ssize_t size = hc_process_read_file(pid, "exe", header, sizeof(header));
    if (size < 0 || !hc_elf_view_init(&view, header, size))
        return hc_error_create(
            "cannot read the program of process %d (/proc/%d/exe); name a process that runs "
            "an ELF program, or try as root",
            (int)pid, (int)pid);
    image->target = view.target;
    return NULL;
}

static struct hc_error *read_command(struct hc_image *image, pid_t pid)
{
    enum { LONGEST = 1 << 16 };
    _cleanup_(hc_freep) char *text = calloc(1, LONGEST);
    if (!text)
        return hc_error_out_of_memory();
    ssize_t length = hc_process_read_file(pid, "cmdline", text, LONGEST);
    if (length <= 0)
        length = hc_process_read_file(pid, "comm", text, LONGEST);
    while (length > 0 && (text[length - 1] == '\0' || text[length - 1] == '\n'))
        length--;
    for (ssize_t i = 0; i < length; i++)
        if (text[i] == '\0')
            text[i] = ' ';
    image->process.command = hc_image_keep_string(image, text, length > 0 ? length : 0);
    return image->process.command ? NULL : hc_error_out_of_memory();
}

static struct hc_error *read_threads(struct hc_image *image, const struct hc_stop *stop)
{
    uint64_t registers[512], thread_pointer[2];
    for (size_t i = 0; i < stop->threads.count; i++) {
        if (stop->threads.items[i].gone)
            continue;
        struct hc_thread_info thread = {.tid = stop->threads.items[i].tid};
        struct iovec vector = {.iov_base = registers, .iov_len = sizeof(registers)};
        if (ptrace(PTRACE_GETREGSET, thread.tid, (void *)(uintptr_t)NT_PRSTATUS, &vector) == 0) {
            thread.registers_size = vector.iov_len;
            HC_TRY(hc_image_keep_registers(image, registers, vector.iov_len, &thread.registers));
            hc_thread_find_tls(&image->target, &thread);
        }
        vector = (struct iovec){.iov_base = thread_pointer, .iov_len = sizeof(thread_pointer)};
        if (ptrace(PTRACE_GETREGSET, thread.tid, (void *)(uintptr_t)NT_ARM_TLS, &vector) == 0)
            hc_thread_read_arm_tls(&image->target, (const uint8_t *)thread_pointer, vector.iov_len, &thread);
        if (!hc_thread_vector_push(&image->threads, thread))
            return hc_error_out_of_memory();
    }
    return NULL;
}

static bool is_same_file(const char *left, const char *right)
{
    struct stat a, b;
    return stat(left, &a) == 0 && stat(right, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

void hc_process_find_root(pid_t pid, char *buffer, size_t size)
{
    char mounts[64];
    snprintf(mounts, sizeof(mounts), "/proc/%d/ns/mnt", (int)pid);
    snprintf(buffer, size, "/proc/%d/root", (int)pid);
    if (is_same_file(mounts, "/proc/self/ns/mnt") && is_same_file(buffer, "/"))
        buffer[0] = '\0';
}

pid_t hc_process_find_speaker(const struct hc_stop *stop)
{
    for (size_t i = 0; i < stop->threads.count; i++)
        if (!stop->threads.items[i].gone)
            return stop->threads.items[i].tid;
    return stop->pid;
}

static struct hc_error *copy_memory(struct hc_copier *copier, const struct hc_image_options *options,
                                    const char *root)
{
    struct hc_image *image = copier->image;
    HC_TRY(hc_copier_read_maps(copier));
    HC_TRY(hc_copier_copy(copier));
    hc_image_open_pagemap(copier->image);
    hc_image_sort_ranges(image);
    hc_image_sort_files(image);
    HC_TRY(hc_image_find_modules(image, options, root));
    return hc_copier_copy_missing_modules(copier);
}

// `speaker`: the thread that answers for the process in /proc.
static struct hc_error *read_memory(struct hc_image *image, pid_t speaker,
                                    const struct hc_image_options *options)
{
    char root[64];
    uint8_t auxv[4096];
    _cleanup_(hc_copier_deinit) struct hc_copier copier = {.memory = -1, .pagemap = -1};
    image->page_size = sysconf(_SC_PAGESIZE);
    HC_TRY(read_command(image, speaker));
    ssize_t size = hc_process_read_file(speaker, "auxv", auxv, sizeof(auxv));
    if (size > 0)
        hc_image_read_auxv(image, auxv, size);
    hc_process_find_root(speaker, root, sizeof(root));
    hc_copier_init(&copier, image, speaker);
    return copy_memory(&copier, options, root);
}

static struct hc_error *read_process(void *argument)
{
    struct request *request = argument;
    struct hc_stop stop;
    HC_TRY(hc_stop_init(&stop, request->pid));
    request->image->process.pid = stop.pid;
    pid_t speaker = hc_process_find_speaker(&stop);
    struct hc_error *error = hc_process_read_target(request->image, speaker);
    if (!error)
        error = read_threads(request->image, &stop);
    if (!error)
        error = read_memory(request->image, speaker, request->options);
    hc_stop_deinit(&stop);
    return error;
}

struct errand {
    struct hc_error *(*run)(void *argument);
    void *argument;
    struct hc_error *error;
    pid_t tid;
};

static void *run_errand(void *argument)
{
    struct errand *errand = argument;
    errand->tid = gettid();
    errand->error = errand->run(errand->argument);
    return NULL;
}

struct hc_error *hc_process_run_tracer(struct hc_error *(*run)(void *argument), void *argument)
{
    sigset_t all, before;
    pthread_t thread;
    struct errand errand = {.run = run, .argument = argument};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&thread, NULL, run_errand, &errand);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure)
        return hc_error_create("cannot start a thread to read a process: %s; check 'ulimit -u'",
                               strerror(failure));
    pthread_join(thread, NULL);
    // It is joined before the kernel lets go what it traced.
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%d", (int)errand.tid);
    while (access(path, F_OK) == 0)
        nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
    return errand.error;
}

static void finish(struct hc_image *image)
{
    hc_image_join_segments(image);
    hc_image_count_losses(image);
    image->losses.expected_size = image->size;
    image->process.threads = image->threads.items;
    image->process.thread_count = image->threads.count;
}

static struct hc_error *create_live(pid_t pid, struct hc_image **ret)
{
    char name[32];
    snprintf(name, sizeof(name), "process %d", (int)pid);
    HC_TRY(hc_image_create(name, ret));
    (*ret)->process.live = true;
    (*ret)->process.pid = pid;
    return NULL;
}

struct hc_error *hc_image_open_process(pid_t pid, const struct hc_image_options *options,
                                       struct hc_image **ret)
{
    _cleanup_(hc_image_destroyp) struct hc_image *image = NULL;
    HC_TRY(create_live(pid, &image));
    struct request request = {.pid = pid, .options = options, .image = image};
    HC_TRY(hc_process_run_tracer(read_process, &request));
    finish(image);
    *ret = hc_take(image);
    return NULL;
}

static struct hc_error *list_threads(struct hc_image *image, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    if (!folder)
        return hc_error_create("there is no process %d", (int)pid);
    bool is_whole = true;
    for (struct dirent *entry; is_whole && (entry = readdir(folder));) {
        struct hc_thread_info thread = {.tid = (pid_t)strtol(entry->d_name, NULL, 10)};
        is_whole = thread.tid <= 0 || hc_thread_vector_push(&image->threads, thread);
    }
    closedir(folder);
    return is_whole ? NULL : hc_error_out_of_memory();
}

struct hc_error *hc_image_open_stopped(pid_t pid, const struct hc_image_options *options,
                                       struct hc_image **ret)
{
    _cleanup_(hc_image_destroyp) struct hc_image *image = NULL;
    HC_TRY(create_live(pid, &image));
    HC_TRY(list_threads(image, pid));
    HC_TRY(hc_process_read_target(image, pid));
    HC_TRY(read_memory(image, pid, options));
    finish(image);
    *ret = hc_take(image);
    return NULL;
}

struct hc_error *hc_image_open_source(const struct hc_image_source *source,
                                      const struct hc_image_options *options, struct hc_image **ret)
{
    _cleanup_(hc_copier_deinit) struct hc_copier copier = {.memory = -1, .pagemap = -1};
    _cleanup_(hc_image_destroyp) struct hc_image *image = NULL;
    HC_TRY(hc_image_create(source->name, &image));
    image->process.live = true;
    image->process.pid = source->pid;
    image->target = source->target;
    image->page_size = SMALLEST_PAGE;
    if (source->auxv)
        hc_image_read_auxv(image, source->auxv, source->auxv_size);
    hc_copier_init_source(&copier, image, source);
    HC_TRY(copy_memory(&copier, options, ""));
    finish(image);
    *ret = hc_take(image);
    return NULL;
}
