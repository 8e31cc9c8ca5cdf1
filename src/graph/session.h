// One opened process image with everything recovered from it. Opening reads aloud: open image, find the
// interpreter and its layouts, find objects, trace edges, mark roots.
#pragma once

#include "graph/graph.h"
#include "image/image.h"
#include "python/definition.h"
#include "python/runtime.h"

struct hc_session_options {
    const char *core;                     // path of a core file, or NULL for …
    pid_t pid;                            // … a live process,
    bool is_stopped;                      // which a debugger holds already, or …
    const struct hc_image_source *source; // … what only somebody else can read
    struct hc_image_options image;
    struct hc_debug_options debug;
    struct hc_definition_options definitions;
    bool no_emulation; // code of the process is not run, not even in an emulator
    unsigned threads;  // 0: one per processor
    bool layouts_only; // stop before looking for objects: graph stays NULL
};

struct hc_session {
    struct hc_image *image;
    struct hc_definitions *definitions;
    struct hc_runtime runtime;
    struct hc_graph *graph;
};

struct hc_error *hc_session_open(const struct hc_session_options *options, struct hc_session **ret);
void hc_session_close(struct hc_session *session);
HC_DEFINE_POINTER_CLEANUP(hc_session_close, struct hc_session)
