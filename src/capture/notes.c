#include "capture/notes.h"

#include "image/process.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static bool append(struct hc_byte_vector *bytes, const void *data, size_t size)
{
    if (size > SIZE_MAX - bytes->count || !hc_byte_vector_reserve(bytes, bytes->count + size))
        return false;
    if (size)
        memcpy(bytes->items + bytes->count, data, size);
    bytes->count += size;
    return true;
}

static bool pad(struct hc_byte_vector *bytes)
{
    static const uint8_t zeros[4];
    return append(bytes, zeros, -bytes->count % sizeof(zeros));
}

static struct hc_error *append_note(struct hc_byte_vector *notes, const char *name, uint32_t type,
                                    const void *data, size_t size)
{
    Elf64_Nhdr header = {.n_namesz = (uint32_t)strlen(name) + 1, .n_descsz = (uint32_t)size, .n_type = type};
    bool done = size <= UINT32_MAX && append(notes, &header, sizeof(header)) &&
                append(notes, name, header.n_namesz) && pad(notes) && append(notes, data, size) && pad(notes);
    return done ? NULL : hc_error_out_of_memory();
}

// /proc/PID/stat, behind the name, which may hold anything.
struct state {
    char letter;
    int parent, group, session;
    unsigned flags;
    long nice;
    char name[16];
};

static void read_state(pid_t pid, struct state *ret)
{
    char text[1024];
    *ret = (struct state){.letter = 'R'};
    ssize_t length = hc_process_read_file(pid, "stat", text, sizeof(text) - 1);
    if (length <= 0)
        return;
    text[length] = '\0';
    const char *start = strchr(text, '('), *end = strrchr(text, ')');
    if (!start || !end || end <= start)
        return;
    memcpy(ret->name, start + 1, hc_min(sizeof(ret->name) - 1, (uint64_t)(end - start - 1)));
    sscanf(end + 1, " %c %d %d %d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %ld", &ret->letter,
           &ret->parent, &ret->group, &ret->session, &ret->flags, &ret->nice);
}

static void read_ids(pid_t pid, unsigned *ret_user, unsigned *ret_group)
{
    char text[4096];
    ssize_t length = hc_process_read_file(pid, "status", text, sizeof(text) - 1);
    text[length > 0 ? length : 0] = '\0';
    const char *user = strstr(text, "\nUid:"), *group = strstr(text, "\nGid:");
    *ret_user = user ? (unsigned)strtoul(user + 5, NULL, 10) : 0;
    *ret_group = group ? (unsigned)strtoul(group + 5, NULL, 10) : 0;
}

// Register sets that follow a thread's NT_PRSTATUS, where the machine has them.
static const struct {
    const char *name;
    uint32_t type;
} register_sets[] = {
    {"CORE", NT_PRFPREG},
#ifdef __x86_64__
    {"LINUX", NT_X86_XSTATE},
#endif
#ifdef __aarch64__
    {"LINUX", NT_ARM_TLS},
#endif
};

static struct hc_error *append_thread(struct hc_byte_vector *notes, const struct hc_stopped_thread *thread,
                                      const struct state *state)
{
    // No signal: the process was not killed.
    struct elf_prstatus status = {
        .pr_pid = thread->tid,
        .pr_ppid = state->parent,
        .pr_pgrp = state->group,
        .pr_sid = state->session,
        .pr_fpvalid = 1,
    };
    uint64_t registers[4096];
    struct iovec vector = {.iov_base = &status.pr_reg, .iov_len = sizeof(status.pr_reg)};
    // A thread that waits in the kernel and cannot be stopped keeps zeros.
    ptrace(PTRACE_GETREGSET, thread->tid, (void *)(uintptr_t)NT_PRSTATUS, &vector);
    HC_TRY(append_note(notes, "CORE", NT_PRSTATUS, &status, sizeof(status)));
    for (size_t i = 0; i < sizeof(register_sets) / sizeof(*register_sets); i++) {
        vector = (struct iovec){.iov_base = registers, .iov_len = sizeof(registers)};
        if (ptrace(PTRACE_GETREGSET, thread->tid, (void *)(uintptr_t)register_sets[i].type, &vector) == 0)
            HC_TRY(
                append_note(notes, register_sets[i].name, register_sets[i].type, registers, vector.iov_len));
    }
    return NULL;
}

static struct hc_error *append_process(struct hc_byte_vector *notes, pid_t pid, pid_t speaker,
                                       const struct state *state)
{
    static const char letters[] = "RSDTZW";
    struct elf_prpsinfo info = {
        .pr_sname = state->letter,
        .pr_nice = (char)state->nice,
        .pr_flag = state->flags,
        .pr_pid = pid,
        .pr_ppid = state->parent,
        .pr_pgrp = state->group,
        .pr_sid = state->session,
    };
    const char *letter = strchr(letters, state->letter);
    unsigned user, group;
    info.pr_state = letter && *letter ? (char)(letter - letters) : 0;
    info.pr_zomb = state->letter == 'Z';
    read_ids(speaker, &user, &group);
    info.pr_uid = (__typeof__(info.pr_uid))user;
    info.pr_gid = (__typeof__(info.pr_gid))group;
    memcpy(info.pr_fname, state->name, sizeof(info.pr_fname));
    ssize_t length = hc_process_read_file(speaker, "cmdline", info.pr_psargs, sizeof(info.pr_psargs) - 1);
    for (ssize_t i = 0; i < length; i++)
        if (info.pr_psargs[i] == '\0')
            info.pr_psargs[i] = ' ';
    return append_note(notes, "CORE", NT_PRPSINFO, &info, sizeof(info));
}

static bool append_word(struct hc_byte_vector *bytes, uint64_t word)
{
    return append(bytes, &word, sizeof(word));
}

// NT_FILE, as image/notes.c reads it.
static struct hc_error *append_files(struct hc_byte_vector *notes, const struct hc_image *image)
{
    _cleanup_(hc_byte_vector_deinit) struct hc_byte_vector bytes = {0};
    const struct hc_file_mapping_vector *files = &image->files;
    bool done = append_word(&bytes, files->count) && append_word(&bytes, image->page_size);
    for (size_t i = 0; i < files->count && done; i++)
        done = append_word(&bytes, files->items[i].start) && append_word(&bytes, files->items[i].end) &&
               append_word(&bytes, files->items[i].offset / image->page_size);
    for (size_t i = 0; i < files->count && done; i++)
        done = append(&bytes, files->items[i].path, strlen(files->items[i].path) + 1);
    return done ? append_note(notes, "CORE", NT_FILE, bytes.items, bytes.count) : hc_error_out_of_memory();
}

struct hc_error *hc_notes_of_process(const struct hc_stop *stop, pid_t speaker, const struct hc_image *image,
                                     struct hc_byte_vector *ret)
{
    struct state state;
    uint8_t auxv[4096];
    bool is_first = true;
    read_state(speaker, &state);
    for (size_t i = 0; i < stop->threads.count; i++) {
        if (stop->threads.items[i].gone)
            continue;
        HC_TRY(append_thread(ret, &stop->threads.items[i], &state));
        // As the kernel does: what is the process's follows the first thread.
        if (!is_first)
            continue;
        is_first = false;
        HC_TRY(append_process(ret, stop->pid, speaker, &state));
        ssize_t size = hc_process_read_file(speaker, "auxv", auxv, sizeof(auxv));
        if (size > 0)
            HC_TRY(append_note(ret, "CORE", NT_AUXV, auxv, (size_t)size));
        HC_TRY(append_files(ret, image));
    }
    return NULL;
}

struct hc_error *hc_notes_of_capture(const struct hc_omission_vector *omissions, const char *writer,
                                     struct hc_byte_vector *ret)
{
    _cleanup_(hc_byte_vector_deinit) struct hc_byte_vector bytes = {0};
    uint64_t count = 0;
    for (size_t i = 0; i < omissions->count; i++)
        count += omissions->items[i].reason != HC_OMISSION_UNREADABLE;
    bool done = append_word(&bytes, HC_CAPTURE_NOTE_FORMAT) && append_word(&bytes, count);
    for (size_t i = 0; i < omissions->count && done; i++) {
        const struct hc_omission *omission = &omissions->items[i];
        if (omission->reason != HC_OMISSION_UNREADABLE)
            done = append_word(&bytes, omission->start) && append_word(&bytes, omission->end) &&
                   append_word(&bytes, omission->reason);
    }
    if (!done || !append(&bytes, writer, strlen(writer) + 1))
        return hc_error_out_of_memory();
    return append_note(ret, HC_CAPTURE_NOTE, HC_CAPTURE_NOTE_TYPE, bytes.items, bytes.count);
}
