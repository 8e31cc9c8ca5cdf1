// Where reachability starts: what the interpreters and their threads hold, and what C data holds.
#pragma once

#include "base/vector.h"
#include "python/trace.h"

#include <stdbool.h>
#include <stdint.h>

enum hc_frame_part {
    HC_PART_VARIABLE, // a slot of a variable; since 3.11, before that the frame object refers to them
    HC_PART_OTHER,    // its value stack, code, function, object
};

enum { HC_NO_FRAME = UINT32_MAX };

struct hc_root_reference {
    uint64_t target;
    uint32_t frame; // index into hc_found_roots.frames; HC_NO_FRAME: the state of an interpreter or a thread
    enum hc_frame_part part;
    bool is_doubtful;
};

struct hc_running_frame {
    uint64_t thread; // address of its PyThreadState
    uint64_t address;
    uint64_t owner; // see hc_frame_owner()
};

HC_DEFINE_VECTOR(hc_root_reference_vector, struct hc_root_reference)
HC_DEFINE_VECTOR(hc_running_frame_vector, struct hc_running_frame)

struct hc_found_roots {
    struct hc_word_vector certain;
    // In slots of value stacks whose depth is not known, which may be out of use; or, since 3.14, borrowed.
    struct hc_word_vector doubtful;
    struct hc_root_reference_vector references; // either, by who has them
    struct hc_running_frame_vector frames;      // by thread, from the innermost outwards
};

// Every object that an interpreter's state or a thread's state or frames refer to, over all interpreters and
// threads (not only heapy's current one). Addresses may repeat and are checked for an object there.
struct hc_error *hc_roots_find(const struct hc_runtime *runtime, struct hc_tracer *tracer,
                               struct hc_found_roots *ret);
void hc_found_roots_deinit(struct hc_found_roots *roots);
// What C data refers to: every word in the binaries' writable data and in the interpreters' own structs that
// points to a plausible object outside of the binaries.
struct hc_error *hc_roots_find_static(const struct hc_runtime *runtime, struct hc_tracer *tracer,
                                      struct hc_word_vector *ret);

enum hc_root_rank {
    HC_ROOT_PLAIN, // one that heapy has
    HC_ROOT_FRAME, // variable of a frame: in heapy, a frame object stands between
    HC_ROOT_SPARE, // heapy has it not, or what it leads to has a better name elsewhere (a module's
                   // namespace), or it may be out of date (a value stack)
};

struct hc_named_root {
    uint64_t address;
    size_t name; // where it begins in hc_named_roots.text
    enum hc_root_rank rank;
};

HC_DEFINE_VECTOR(hc_named_root_vector, struct hc_named_root)
HC_DEFINE_VECTOR(hc_root_text, char)

struct hc_named_roots {
    struct hc_named_root_vector roots; // one for each way that leads to an object
    struct hc_root_text text;          // "i0_modules", "i0_t140201_f2.f_locals['x']" …, a NUL after each
};

// What hc_roots_find() finds, by name: heapy's where it has one, otherwise the member's path.
struct hc_error *hc_roots_name(const struct hc_runtime *runtime, struct hc_tracer *tracer,
                               struct hc_named_roots *ret);
void hc_named_roots_deinit(struct hc_named_roots *roots);

// Does this member of an interpreter's or thread's state own what it points to?
bool hc_root_is_owning(const char *path);
