// Byte image of a dumped or stopped process: (address, length) to bytes, or a hole.
// Knows ELF, notes and files; knows nothing of Python.
#pragma once

#include "base/error.h"
#include "base/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum hc_segment_origin {
    HC_SEGMENT_CORE,    // bytes in the core file
    HC_SEGMENT_FILE,    // bytes of a mapped file whose build-id agrees with the process
    HC_SEGMENT_PROCESS, // bytes copied from a live process
};

// A run of readable memory. Segments are sorted by address and never overlap. Those that touch are one
// segment where permissions, origin and contiguous bytes allow it.
struct hc_segment {
    uint64_t address;
    uint64_t length;
    const uint8_t *bytes; // owned by the image
    enum hc_segment_origin origin;
    bool writable;
    bool executable;
};

enum hc_module_state {
    HC_MODULE_FOUND,      // file opened, build-id agrees
    HC_MODULE_UNVERIFIED, // file opened; no build-id to compare on one side, its ELF header agrees
    HC_MODULE_MISSING,    // no such file
    HC_MODULE_MISMATCH,   // the file there is another build
    HC_MODULE_BAD,        // unreadable or not ELF
};

// An ELF file mapped into the process (main program, library, extension).
struct hc_module {
    const char *path;   // as the process knew it
    const char *file;   // where it was opened here, through --exe or --sysroot; NULL unless FOUND/UNVERIFIED
    int fd;             // open for reading while the image lives, or -1
    uint64_t start;     // first mapped address
    uint64_t end;       // one past the last mapped address (of file mappings and, where known, .bss)
    uint64_t load_bias; // runtime address = ELF address + load_bias
    uint8_t build_id[64];   // of the process's copy if it could be read, else of the file's
    size_t build_id_length; // 0: none known
    bool is_main;           // the program itself (AT_PHDR / AT_ENTRY lies in it)
    enum hc_module_state state;
};

// A part of a file that was mapped, a binary or not. Sorted by start, without overlap.
struct hc_file_mapping {
    uint64_t start;
    uint64_t end;
    uint64_t offset; // in the file, of `start`
    const char *path;
    bool is_doubtful; // the file of that name does not fit: only its build-id can prove it
};

struct hc_held_pages {
    uint64_t start, end;
};

struct hc_thread_info {
    pid_t tid;
    int signal;               // that this thread was dumped with, 0 if none
    const uint8_t *registers; // raw general registers (elf_gregset_t of the machine), or NULL
    size_t registers_size;
    uint64_t tls_base; // what the machine's thread pointer points to: fs on x86-64, TPIDR_EL0 on aarch64
    bool has_tls_base;
};

// Strings belong to the image. Numbers are 0 and strings NULL where the source does not say.
struct hc_process_info {
    const char *command; // arguments joined by blanks, as ps shows them (a core keeps 80 bytes)
    const char *program; // path of the main program
    pid_t pid;
    bool live;              // read from a live process, not from a core
    int signal;             // that killed it
    int signal_code;        // si_code
    uint64_t fault_address; // si_addr for SIGSEGV, SIGBUS, SIGILL, SIGFPE
    bool has_fault_address;
    pid_t sender;          // si_pid of a signal that a process sent, it itself perhaps, as abort() does
    pid_t faulting_thread; // tid of the thread that took the signal
    const struct hc_thread_info *threads;
    size_t thread_count;
};

// Was it another process that sent the signal, so that nothing of this one's need be wrong where it stood?
static inline bool hc_process_was_signalled(const struct hc_process_info *process)
{
    return process->signal && process->pid && process->sender && process->sender != process->pid;
}

// Why memory is not in a core that heapcore captured. The numbers stand in files.
enum hc_omission_reason {
    HC_OMISSION_UNREADABLE = 0, // the kernel could not read it either; never in a note
    HC_OMISSION_SHARED = 1,     // shared with other processes (--heap-only)
    HC_OMISSION_DATA = 2, // inside of a large block of malloc, where no word points anywhere (--heap-only)
    HC_OMISSION_UNTOUCHED = 3, // shared memory that this process never touched
    HC_OMISSION_REASONS,
};

struct hc_omission {
    uint64_t start;
    uint64_t end;
    enum hc_omission_reason reason;
};

// What is not there: told at the end of every report.
struct hc_image_losses {
    bool compressed_cut;      // the file ends before the compressor's end: what was before that is read
    bool compressed_damaged;  // it cannot be decompressed to its end; bytes before may be wrong, too
    bool truncated;           // the core file is shorter than its headers say
    uint64_t expected_size;   // of the core file, by its headers
    uint64_t truncated_bytes; // of memory that the headers promise and the file does not hold
    uint64_t
        not_dumped_bytes; // of memory that could be written, or is a binary's, and neither core nor file has
    uint64_t left_out_bytes[HC_OMISSION_REASONS]; // on purpose, by who wrote the core
    size_t missing_modules;                       // modules whose state is MISSING, MISMATCH or BAD
};

// All optional. Strings must outlive the call only.
struct hc_image_options {
    const char *exe;     // file to use for the main program
    const char *sysroot; // prefix for the paths of mapped files
};

// Memory of a stopped process that somebody else can read: a debugger at the end of a line.
struct hc_image_source {
    const char *name; // "inferior 1": for messages
    pid_t pid;        // 0: not known
    const char *maps; // what is mapped, as /proc/PID/maps writes it
    const uint8_t *auxv;
    size_t auxv_size;
    struct hc_target target;
    // Reads up to `length` bytes; gives the number read from the start on, 0 for a hole.
    size_t (*read)(void *argument, uint64_t address, void *bytes, size_t length);
    void *argument;
};

struct hc_image;

// Opens an ELF core file, as it is or compressed (told by its first bytes): what is unpacked takes memory,
// but pages of zeros do not. Errors are whole sentences: no such file, a directory, no permission, empty, not
// ELF, ELF but no core, no memory in it at all … A core cut short opens; see hc_image_losses().
struct hc_error *hc_image_open_core(const char *path, const struct hc_image_options *options,
                                    struct hc_image **ret);
// Stops the process (ptrace, every thread), copies its memory, and lets it run on. Never writes to it.
struct hc_error *hc_image_open_process(pid_t pid, const struct hc_image_options *options,
                                       struct hc_image **ret);
// A process that a debugger holds already: copied as it stands, without ptrace. Its threads' registers are
// not read.
struct hc_error *hc_image_open_stopped(pid_t pid, const struct hc_image_options *options,
                                       struct hc_image **ret);
// Copies all that a core would hold through source->read.
struct hc_error *hc_image_open_source(const struct hc_image_source *source,
                                      const struct hc_image_options *options, struct hc_image **ret);
void hc_image_destroy(struct hc_image *image);
HC_DEFINE_POINTER_CLEANUP(hc_image_destroy, struct hc_image)

const struct hc_target *hc_image_target(const struct hc_image *image);
const struct hc_process_info *hc_image_process(const struct hc_image *image);
const struct hc_image_losses *hc_image_losses(const struct hc_image *image);
uint64_t hc_image_size(const struct hc_image *image); // of the core file, or of the copied memory, in bytes
// "zstd", "lz4", "xz", "gzip", and the size of the compressed file; NULL for a file that is not compressed.
const char *hc_image_compression(const struct hc_image *image, uint64_t *ret_compressed_size);
// All that was left out on purpose.
uint64_t hc_image_left_out(const struct hc_image *image);
// Who wrote the core and left something out on purpose, "heapcore 1.0 capture --heap-only"; NULL: not known.
const char *hc_image_writer(const struct hc_image *image);
const char *hc_image_path(const struct hc_image *image); // of the core file, or "process 1234"
const struct hc_segment *hc_image_segments(const struct hc_image *image, size_t *ret_count);
const struct hc_module *hc_image_modules(const struct hc_image *image, size_t *ret_count);
const struct hc_file_mapping *hc_image_files(const struct hc_image *image, size_t *ret_count);
// Pages that the core (or the process's copy) holds itself, though their segment is one of the file's, which
// has the same bytes.
const struct hc_held_pages *hc_image_adopted(const struct hc_image *image, size_t *ret_count);
// What the process had mapped, in bytes, as far as it is known; a part of it is in no segment.
uint64_t hc_image_mapped_size(const struct hc_image *image);
uint64_t hc_image_page_size(const struct hc_image *image);
// The module that covers `address`, or NULL.
const struct hc_module *hc_image_find_module(const struct hc_image *image, uint64_t address);

// Where the thread was; 0: not known.
uint64_t hc_thread_program_counter(const struct hc_target *target, const struct hc_thread_info *thread);

uint64_t hc_thread_stack_pointer(const struct hc_target *target, const struct hc_thread_info *thread);

// Did the process die because a thread had used up its stack? `*ret_start` is then where the stack begins.
bool hc_image_stack_overflowed(const struct hc_image *image, uint64_t *ret_start);
// The lowest address of the thread's stack that is in use; 0: not known.
uint64_t hc_image_stack_in_use(const struct hc_image *image, const struct hc_thread_info *thread);

// Lookup with a cached last hit; one per thread. Images are immutable, so readers need no lock.
struct hc_reader {
    const struct hc_image *image;
    struct hc_target target;
    uint64_t address, length; // of the last hit segment
    const uint8_t *bytes;
};

void hc_reader_init(struct hc_reader *reader, const struct hc_image *image);
const uint8_t *hc_reader_miss(struct hc_reader *reader, uint64_t address, uint64_t *ret_available);

// Bytes at `address` up to the end of its segment, or NULL for a hole.
static inline const uint8_t *hc_reader_span(struct hc_reader *reader, uint64_t address,
                                            uint64_t *ret_available)
{
    uint64_t offset = address - reader->address;
    if (__builtin_expect(offset < reader->length, 1)) {
        *ret_available = reader->length - offset;
        return reader->bytes + offset;
    }
    return hc_reader_miss(reader, address, ret_available);
}

// `length` bytes at `address`, or NULL if they do not all lie in one segment.
static inline const uint8_t *hc_reader_view(struct hc_reader *reader, uint64_t address, uint64_t length)
{
    uint64_t available;
    const uint8_t *bytes = hc_reader_span(reader, address, &available);
    return bytes && length <= available ? bytes : NULL;
}

static inline bool hc_reader_word(struct hc_reader *reader, uint64_t address, uint64_t *ret)
{
    const uint8_t *bytes = hc_reader_view(reader, address, reader->target.word_size);
    if (!bytes)
        return false;
    *ret = hc_load_word(&reader->target, bytes);
    return true;
}

// How many of `length` bytes from `address` on are alike: in pages that were never written, or not. Those
// read as zeros, and the host holds nothing of them: holes of the core's file, pages of a copy that nothing
// was copied to. To look at them would make it find room for each. Where the host does not tell, none is.
uint64_t hc_image_sparse_run(const struct hc_image *image, uint64_t address, uint64_t length,
                             bool *ret_is_unwritten);

// How many of `length` bytes from `address` on are there, or were left out on purpose (hc_image_losses).
uint64_t hc_reader_extent(struct hc_reader *reader, uint64_t address, uint64_t length);

// Copies a NUL-terminated string of at most `size` - 1 bytes; false for a hole or no terminator in reach.
bool hc_reader_string(struct hc_reader *reader, uint64_t address, char *buffer, size_t size);
