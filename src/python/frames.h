// Frames of threads, generators and coroutines: what each one runs, where it is, and its variables.
#pragma once

#include "base/vector.h"
#include "python/trace.h"

#include <stdbool.h>
#include <stdint.h>

// A frame object up to 3.10, an interpreter frame since.
struct hc_frame {
    uint64_t address;
    uint64_t code;       // a code object; 0 for a shim
    int64_t instruction; // byte offset of the last one begun; below 0: none yet
    uint64_t previous;   // the caller's; 0: the outermost
    bool is_shim;        // the interpreter's own mark between frames, of no function
    bool is_incomplete;  // its prologue still runs: Python does not show it, either
};

HC_DEFINE_VECTOR(hc_frame_vector, struct hc_frame)

enum hc_frames_end {
    HC_FRAMES_COMPLETE, // with the outermost frame
    HC_FRAMES_HOLE,     // with a frame that cannot be read
    HC_FRAMES_CYCLE,    // with one that was there before
    HC_FRAMES_MANY,     // with the last that is looked at
};

// How far a frame has got that can be left and entered again.
enum hc_frame_state {
    HC_FRAME_CREATED,
    HC_FRAME_SUSPENDED,  // by a plain yield; by any up to 3.12
    HC_FRAME_DELEGATING, // by a yield from, an await
    HC_FRAME_EXECUTING,
    HC_FRAME_COMPLETED, // returned or raised
    HC_FRAME_CLEARED,   // and holds nothing any more
};

// From the number that stands in the generator or, in 3.10, in its frame.
enum hc_frame_state hc_frame_state(const struct hc_runtime *runtime, int8_t number);

// The innermost frame of a thread, object or not; 0 if there is none.
uint64_t hc_thread_frame(struct hc_tracer *tracer, uint64_t thread);
// False if it cannot be read, or runs nothing that is a code object.
bool hc_frame_read(struct hc_tracer *tracer, uint64_t address, struct hc_frame *ret);
// `ret` gets the frames of functions that a thread is in, from the innermost outwards: those that
// sys._current_frames() would show; at most `most`.
struct hc_error *hc_thread_frames(struct hc_tracer *tracer, uint64_t thread, size_t most,
                                  struct hc_frame_vector *ret, enum hc_frames_end *ret_end);

// Is it an interpreter's mark between the frames of functions? Only where frames are no objects.
bool hc_frame_is_shim(struct hc_tracer *tracer, uint64_t frame);

// The object whose references are the frame's: up to 3.10 the frame itself, since then the generator that it
// is a part of, or 0.
uint64_t hc_frame_owner(struct hc_tracer *tracer, uint64_t frame);

struct hc_variable {
    char *name;
    uint64_t value;  // address of the object
    uint64_t holder; // the cell or dict that has it for the frame; 0: the frame itself
};

HC_DEFINE_VECTOR(hc_variable_vector, struct hc_variable)

void hc_variables_deinit(struct hc_variable_vector *variables);

// The variables of a frame that have a value, in the order of its code: what f_locals would show. Of the
// module's own frame those are its globals: names that begin with two underscores are left out there.
struct hc_error *hc_frame_variables(struct hc_tracer *tracer, const struct hc_frame *frame,
                                    struct hc_variable_vector *ret);

// Members of a code object; NULL if they cannot be read. Free them.
char *hc_code_name(struct hc_tracer *tracer, uint64_t code);
char *hc_code_qualname(struct hc_tracer *tracer, uint64_t code); // since 3.11
char *hc_code_file(struct hc_tracer *tracer, uint64_t code);
