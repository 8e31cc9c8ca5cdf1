// libheapcore: the objects of a CPython process, from a core file, a stopped process, or memory that the
// caller reads, and heapy's questions to them.
//
// Conventions
// - Handles are opaque. Each has one destroy function; NULL is allowed there and does nothing.
// - What can fail returns an error, or NULL for success. An error belongs to the caller; its message is whole
//   sentences in UTF-8, which say what, where and what to try.
// - Results come last and are set only on success. Strings that functions return belong to what they were
// asked of,
//   and live as long as it does, unless it is said that the caller frees them with heapcore_free().
// - A session belongs to one thread at a time. Different sessions may be used by different threads.
// - Nothing here writes to the process under study, calls into it, or runs its code. Nothing calls exit() or
//   abort(), prints, or changes signal handlers unasked; out of memory is an error.
// - Numbers: addresses and sizes are of the process under study, in bytes.
// - Stability: functions and members are only added within one HEAPCORE_API_VERSION. Structs that the caller
// fills
//   begin with their size, so that they may grow.
#ifndef HEAPCORE_H
#define HEAPCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HEAPCORE_API __attribute__((visibility("default")))
#else
#define HEAPCORE_API
#endif

#define HEAPCORE_API_VERSION 1

typedef struct heapcore_error heapcore_error;
typedef struct heapcore_session heapcore_session;
typedef struct heapcore_value heapcore_value;

// Of the library that is loaded: compare it with HEAPCORE_API_VERSION before anything else.
HEAPCORE_API int heapcore_api_version(void);
// "0.1.0"
HEAPCORE_API const char *heapcore_version(void);

HEAPCORE_API const char *heapcore_error_message(const heapcore_error *error);
HEAPCORE_API void heapcore_error_destroy(heapcore_error *error);
// Frees what a function said is to be freed with it.
HEAPCORE_API void heapcore_free(void *memory);

// ---- Sessions

// All members but `size` may be NULL or 0. Strings need to live during the call only.
struct heapcore_options {
    size_t size;           // sizeof(struct heapcore_options)
    const char *exe;       // the program's file, if it is not where the process had it
    const char *sysroot;   // prefix of the process's files
    const char *debug_dir; // where debug information is looked for first
    const char *baseline;  // a core of the same process, dumped earlier: heap() then shows what is new
    unsigned threads;      // 0: one per processor
    // Heap definitions (docs/definitions.md): files, plugins and directories of them, divided by ":"
    const char *definitions;
    bool no_emulation; // types' own tp_traverse and __sizeof__ are not run in an emulator
};

// A core file.
HEAPCORE_API heapcore_error *heapcore_open_core(const char *path, const struct heapcore_options *options,
                                                heapcore_session **ret);
// A live process, which is stopped by ptrace, copied, and goes on.
HEAPCORE_API heapcore_error *heapcore_open_process(int pid, const struct heapcore_options *options,
                                                   heapcore_session **ret);
// A process on this machine that a debugger, the caller, has stopped already: it is copied without ptrace.
HEAPCORE_API heapcore_error *heapcore_open_stopped(int pid, const struct heapcore_options *options,
                                                   heapcore_session **ret);

// Reads up to `length` bytes at `address`; gives the number read from the start on, 0 if there is no memory.
// It is called on the thread that opens the session, and not after the opening is done.
typedef size_t heapcore_read_fn(void *argument, uint64_t address, void *bytes, size_t length);

// A stopped process that only the caller can read: behind a remote stub.
struct heapcore_target {
    size_t size;         // sizeof(struct heapcore_target)
    const char *name;    // "inferior 1": for messages
    int pid;             // 0: not known
    const char *maps;    // its memory, as /proc/PID/maps writes it
    const uint8_t *auxv; // its auxiliary vector, or NULL
    size_t auxv_size;
    unsigned word_size; // 8 or 4
    bool is_big_endian;
    unsigned machine; // e_machine of ELF: 62 for x86-64, 183 for aarch64
    heapcore_read_fn *read;
    void *argument;
};
HEAPCORE_API heapcore_error *heapcore_open_target(const struct heapcore_target *target,
                                                  const struct heapcore_options *options,
                                                  heapcore_session **ret);
HEAPCORE_API void heapcore_session_destroy(heapcore_session *session);

// Takes the variables, `_` and the reference point of setref() over from `old`, a session of the same process
// at an earlier moment. Sets keep the objects that are still there (same address, same type).
HEAPCORE_API heapcore_error *heapcore_session_inherit(heapcore_session *session, heapcore_session *old);

// ---- Text, as the heapcore command writes it

// Gets the next piece of text; false ends the writing.
typedef bool heapcore_write_fn(void *argument, const char *text, size_t length);

struct heapcore_format {
    size_t size; // sizeof(struct heapcore_format)
    bool json;
    bool color;
    long limit;  // rows of a table; negative: as heapy does (a page; with json all)
    bool locals; // of the report "threads": every frame's variables, too
    bool full;   // of the report "analyze": all of it, in place of a screen
    bool verify; // of the report "analyze": whether types' own code agrees
};

// Runs statements of the query language (docs/query.md) and writes what they print. What they assign, and
// `_`, stay in the session. On an error what was written before stands. "more" alone is the next page of the
// last answer, as in the program's shell.
HEAPCORE_API heapcore_error *heapcore_run(heapcore_session *session, const char *statements,
                                          const struct heapcore_format *format, heapcore_write_fn *write,
                                          void *argument);
// A command of the heapcore program that reports on a core: "analyze", "threads", "dump" …
HEAPCORE_API heapcore_error *heapcore_report(heapcore_session *session, const char *command,
                                             const struct heapcore_format *format, heapcore_write_fn *write,
                                             void *argument);
// The reports there are: name, one line of help, all of it; NULL past the last.
HEAPCORE_API const char *heapcore_report_name(size_t index);
HEAPCORE_API const char *heapcore_report_summary(size_t index);
HEAPCORE_API const char *heapcore_report_help(size_t index);
// Help for a name of the query language, or with NULL the list of all. Free it with heapcore_free(); NULL: no
// such name, or no memory.
HEAPCORE_API char *heapcore_help(const char *name);
// Names that may stand where `text` ends, divided by line breaks; `*ret_start` is where in `text` they begin.
// Free it with heapcore_free(); NULL: none.
HEAPCORE_API char *heapcore_complete(heapcore_session *session, const char *text, size_t *ret_start);

// ---- Values

enum heapcore_type {
    HEAPCORE_NONE,
    HEAPCORE_INTEGER,
    HEAPCORE_BOOL,
    HEAPCORE_TEXT,
    HEAPCORE_SET,
    HEAPCORE_OTHER, // a kind, a path, an iterator …: has text only
};

// What one expression comes to; it is not kept as `_`. A value belongs to its session and must be destroyed
// before it.
HEAPCORE_API heapcore_error *heapcore_evaluate(heapcore_session *session, const char *expression,
                                               heapcore_value **ret);
// The same where `names[i]` means `values[i]`, whatever else it means in the session.
HEAPCORE_API heapcore_error *heapcore_evaluate_with(heapcore_session *session, const char *expression,
                                                    const char *const *names, heapcore_value *const *values,
                                                    size_t count, heapcore_value **ret);
HEAPCORE_API void heapcore_value_destroy(heapcore_value *value);
HEAPCORE_API enum heapcore_type heapcore_value_type(const heapcore_value *value);
HEAPCORE_API int64_t heapcore_value_integer(const heapcore_value *value);    // INTEGER, BOOL; else 0
HEAPCORE_API const char *heapcore_value_string(const heapcore_value *value); // TEXT; else NULL
HEAPCORE_API heapcore_error *heapcore_value_write(heapcore_value *value, const struct heapcore_format *format,
                                                  heapcore_write_fn *write, void *argument);
// Gives the value a name in the session, as `name = value` would.
HEAPCORE_API heapcore_error *heapcore_value_assign(heapcore_value *value, const char *name);

// Of a SET; 0 for others.
HEAPCORE_API uint64_t heapcore_set_count(const heapcore_value *value);
HEAPCORE_API uint64_t heapcore_set_size(const heapcore_value *value);
// Copies addresses of members, in ascending number of object, from the `first`-th on; gives how many.
HEAPCORE_API size_t heapcore_set_addresses(const heapcore_value *value, uint64_t first, uint64_t *addresses,
                                           size_t capacity);

// ---- Objects

struct heapcore_object {
    size_t size; // sizeof(struct heapcore_object), set by the caller
    uint64_t address;
    uint64_t bytes; // sys.getsizeof()
    uint64_t refcount;
    const char *type;  // "module.Class" as tables show it
    const char *state; // "reachable", "tracked", "stray"
};

// The object that starts at `address`. False: there is none.
HEAPCORE_API bool heapcore_object_find(heapcore_session *session, uint64_t address,
                                       struct heapcore_object *ret);
// Its repr(). Free it with heapcore_free(); NULL: no object there, or no memory.
HEAPCORE_API char *heapcore_object_repr(heapcore_session *session, uint64_t address);

// ---- Interruption

// Makes whatever works long end with the error "interrupted". Safe in a signal handler and from any thread.
// It counts for all sessions; the next call of heapcore_run(), heapcore_report() or heapcore_evaluate() takes
// it back.
HEAPCORE_API void heapcore_interrupt(void);
// For a caller that cannot set a C signal handler: switched on before a call and off after it. SIGINT then
// ends that call, also where it comes before the call has begun. Switching it off gives the signal back to
// whoever had it.
HEAPCORE_API void heapcore_interrupt_by_signal(bool on);

#ifdef __cplusplus
}
#endif

#endif
