// Stacks of native code: unwound by call frame information, with symbols by name. Knows ELF and DWARF;
// knows nothing of Python.
#pragma once

#include "base/vector.h"
#include "image/image.h"

struct hc_native_frame {
    uint64_t address;               // of the instruction, or of the one that a call returns to
    char *symbol;                   // NULL: not known
    uint64_t offset;                // from the symbol's beginning
    const struct hc_module *module; // NULL: none is mapped there
};

HC_DEFINE_VECTOR(hc_native_frame_vector, struct hc_native_frame)

void hc_native_frames_deinit(struct hc_native_frame_vector *frames);

// The frames of a thread from the innermost outwards, up to the first one in `last` and at most `most` of
// them; none if its registers are not known. Ends early where no information leads on.
struct hc_error *hc_native_stack(const struct hc_image *image, const struct hc_thread_info *thread,
                                 const struct hc_module *last, size_t most,
                                 struct hc_native_frame_vector *ret);

// Names of places in binaries: functions and variables.
struct hc_native_names;

struct hc_error *hc_native_names_open(const struct hc_image *image, struct hc_native_names **ret);
void hc_native_names_close(struct hc_native_names *names);
HC_DEFINE_POINTER_CLEANUP(hc_native_names_close, struct hc_native_names)
// What `address` lies in; NULL: not known. Valid until the names are closed.
const char *hc_native_name(struct hc_native_names *names, uint64_t address);

// What glibc said on stderr before it aborted the process, without the line's end: of an assertion that
// failed, of a heap that free() found broken. It keeps that for those who read cores. NULL: it was no abort,
// or none of glibc's, or no symbol tells where. Free it.
struct hc_error *hc_native_abort_message(const struct hc_image *image, char **ret);
