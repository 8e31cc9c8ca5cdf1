// What a core says about its process: threads, command, signal, mapped files.
// The layouts are the kernel's struct elf_prstatus, elf_prpsinfo and siginfo, which differ by word size only.
#include "image/elf_view.h"
#include "image/internal.h"

#include <elf.h>
#include <signal.h>
#include <string.h>

static struct hc_error *read_thread(struct hc_image *image, const struct hc_note *note)
{
    bool wide = image->target.word_size == 8;
    size_t tid_offset = wide ? 32 : 24;
    size_t registers_offset = wide ? 112 : 72;
    size_t trailer = wide ? 8 : 4; // pr_fpvalid, padded
    if (note->size < registers_offset + trailer)
        return NULL;
    struct hc_thread_info thread = {
        .tid = hc_load_u32(&image->target, note->bytes + tid_offset),
        .signal = hc_load_u16(&image->target, note->bytes + 12),
        .registers_size = note->size - registers_offset - trailer,
    };
    HC_TRY(hc_image_keep_registers(image, note->bytes + registers_offset, thread.registers_size,
                                   &thread.registers));
    hc_thread_find_tls(&image->target, &thread);
    // The kernel and gdb both write the thread that took the signal first.
    if (image->threads.count == 0 && thread.signal != 0 && thread.signal != SIGSTOP) {
        image->process.signal = thread.signal;
        image->process.faulting_thread = thread.tid;
    }
    return hc_thread_vector_push(&image->threads, thread) ? NULL : hc_error_out_of_memory();
}

static struct hc_error *read_command(struct hc_image *image, const struct hc_note *note)
{
    enum { FNAME_SIZE = 16, ARGUMENTS_SIZE = 80 };
    bool wide = image->target.word_size == 8;
    // 32-bit machines differ in the size of pr_uid and pr_gid, hence in all that follows.
    size_t shift = !wide && note->size >= 128 ? 4 : 0;
    size_t pid_offset = wide ? 24 : 12 + shift;
    size_t name_offset = wide ? 40 : 28 + shift;
    if (note->size < name_offset + FNAME_SIZE + ARGUMENTS_SIZE)
        return NULL;
    image->process.pid = hc_load_u32(&image->target, note->bytes + pid_offset);
    const char *name = (const char *)note->bytes + name_offset;
    const char *arguments = name + FNAME_SIZE;
    size_t length = strnlen(arguments, ARGUMENTS_SIZE);
    while (length > 0 && arguments[length - 1] == ' ')
        length--;
    if (length == 0) {
        arguments = name;
        length = strnlen(name, FNAME_SIZE);
    }
    image->process.command = hc_image_keep_string(image, arguments, length);
    return image->process.command ? NULL : hc_error_out_of_memory();
}

static void read_siginfo(struct hc_image *image, const struct hc_note *note)
{
    size_t address_offset = image->target.word_size == 8 ? 16 : 12;
    if (note->size < address_offset + image->target.word_size)
        return;
    struct hc_process_info *process = &image->process;
    int signal = (int)hc_load_u32(&image->target, note->bytes);
    if (signal == 0 || signal != process->signal)
        return;
    process->signal_code = (int)hc_load_u32(&image->target, note->bytes + 8);
    if (process->signal_code == SI_USER || process->signal_code == SI_QUEUE ||
        process->signal_code == SI_TKILL)
        process->sender = (pid_t)hc_load_u32(&image->target, note->bytes + address_offset);
    bool has_address = signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE;
    // Sent by kill() and the like (code <= 0) or without knowledge of the address (SI_KERNEL).
    if (!has_address || process->signal_code <= 0 || process->signal_code == SI_KERNEL)
        return;
    process->has_fault_address = true;
    process->fault_address = hc_load_word(&image->target, note->bytes + address_offset);
}

// NT_FILE: count, page size, count times (start, end, offset in pages), then count paths.
static struct hc_error *read_files(struct hc_image *image, const struct hc_note *note)
{
    uint64_t word = image->target.word_size;
    if (note->size < 2 * word)
        return NULL;
    uint64_t count = hc_load_word(&image->target, note->bytes);
    uint64_t page_size = hc_load_word(&image->target, note->bytes + word);
    uint64_t space = note->size - 2 * word;
    // Behind a wrong count the paths cannot be found.
    if (page_size == 0 || count > space / (3 * word))
        return NULL;
    const uint8_t *entry = note->bytes + 2 * word;
    const char *path = (const char *)entry + count * 3 * word;
    uint64_t left = space - count * 3 * word;
    for (uint64_t i = 0; i < count; i++, entry += 3 * word) {
        size_t length = strnlen(path, left);
        if (length == left)
            return NULL;
        struct hc_file_mapping file = {
            .start = hc_load_word(&image->target, entry),
            .end = hc_load_word(&image->target, entry + word),
        };
        uint64_t pages = hc_load_word(&image->target, entry + 2 * word);
        if (file.start < file.end && !__builtin_mul_overflow(pages, page_size, &file.offset)) {
            file.path = hc_image_keep_string(image, path, length);
            if (!file.path || !hc_file_mapping_vector_push(&image->files, file))
                return hc_error_out_of_memory();
        }
        path += length + 1;
        left -= length + 1;
    }
    return NULL;
}

// What the capturing heapcore left out: see HC_CAPTURE_NOTE. What makes no sense is passed over.
static struct hc_error *read_capture(struct hc_image *image, const struct hc_note *note)
{
    uint64_t word = image->target.word_size;
    if (note->type != HC_CAPTURE_NOTE_TYPE || note->size < 2 * word ||
        hc_load_word(&image->target, note->bytes) != HC_CAPTURE_NOTE_FORMAT)
        return NULL;
    uint64_t count = hc_load_word(&image->target, note->bytes + word);
    if (count > (note->size - 2 * word) / (3 * word))
        return NULL;
    const uint8_t *entry = note->bytes + 2 * word;
    uint64_t end = 0;
    for (uint64_t i = 0; i < count; i++, entry += 3 * word) {
        uint64_t reason = hc_load_word(&image->target, entry + 2 * word);
        struct hc_omission omission = {
            .start = hc_load_word(&image->target, entry),
            .end = hc_load_word(&image->target, entry + word),
            .reason = (enum hc_omission_reason)reason,
        };
        if (omission.start < end || omission.end <= omission.start || reason == HC_OMISSION_UNREADABLE ||
            reason >= HC_OMISSION_REASONS)
            continue;
        end = omission.end;
        if (!hc_omission_vector_push(&image->omissions, omission))
            return hc_error_out_of_memory();
    }
    const char *writer = (const char *)entry;
    size_t length = strnlen(writer, note->size - (size_t)(entry - note->bytes));
    image->writer = hc_image_keep_string(image, writer, length);
    return image->writer ? NULL : hc_error_out_of_memory();
}

// What belongs to one thread follows its NT_PRSTATUS.
static void read_linux_note(struct hc_image *image, const struct hc_note *note)
{
    if (note->type == NT_ARM_TLS && image->threads.count)
        hc_thread_read_arm_tls(&image->target, note->bytes, note->size,
                               &image->threads.items[image->threads.count - 1]);
}

struct hc_error *hc_image_read_notes(struct hc_image *image, const uint8_t *bytes, uint64_t size,
                                     uint64_t alignment)
{
    struct hc_note_cursor cursor;
    struct hc_note note;
    hc_note_cursor_init(&cursor, &image->target, bytes, size, alignment);
    while (hc_note_cursor_next(&cursor, &note)) {
        if (hc_note_is_named(&note, "LINUX"))
            read_linux_note(image, &note);
        // One of them: the ranges of two need not be in order.
        if (hc_note_is_named(&note, HC_CAPTURE_NOTE) && !image->writer)
            HC_TRY(read_capture(image, &note));
        if (!hc_note_is_named(&note, "CORE"))
            continue;
        switch (note.type) {
        case NT_PRSTATUS:
            HC_TRY(read_thread(image, &note));
            break;
        case NT_PRPSINFO:
            HC_TRY(read_command(image, &note));
            break;
        case NT_SIGINFO:
            read_siginfo(image, &note);
            break;
        case NT_AUXV:
            hc_image_read_auxv(image, note.bytes, note.size);
            break;
        case NT_FILE:
            HC_TRY(read_files(image, &note));
            break;
        }
    }
    return NULL;
}
