// The threads of every interpreter: which of them crashed, which holds the GIL, what they are called.
#pragma once

#include "python/exception.h"

#include <sys/types.h>

struct hc_thread {
    uint64_t address;     // of its PyThreadState
    uint64_t interpreter; // number of the interpreter: 0 is the main one
    uint64_t ident;       // threading.get_ident()
    size_t place;         // in the interpreters' lists
    pid_t tid;            // of the kernel; 0: not known
    char *name;           // of its threading.Thread; NULL: it has none
    bool has_crashed;     // took the signal that ended the process
    bool holds_gil;
    const struct hc_thread_info *native; // registers; NULL: not known
    uint64_t raised_type;                // a class; up to 3.11, where the value may not be made yet
    uint64_t raised;                     // the exception on its way, an object, or 0
    uint64_t handled;                    // the exception that an except clause is busy with, or 0
};

HC_DEFINE_VECTOR(hc_thread_vector, struct hc_thread)

void hc_threads_deinit(struct hc_thread_vector *threads);

// The one that crashed first, then the one that holds the GIL, then by interpreter, the oldest first.
// `*ret_cut`: the list ends in memory that is not there, or in a circle.
struct hc_error *hc_threads_find(struct hc_tracer *tracer, struct hc_thread_vector *ret, bool *ret_cut);

// The kernel's thread whose pthread_self() is `ident`; NULL: not known.
const struct hc_thread_info *hc_thread_find_native(const struct hc_image *image, uint64_t ident);

// sys.modules[name] of an interpreter: the module's dict.
bool hc_interpreter_find_module(struct hc_tracer *tracer, uint64_t interpreter, const char *name,
                                uint64_t *ret);
uint64_t hc_interpreter_number(struct hc_tracer *tracer, uint64_t interpreter);
