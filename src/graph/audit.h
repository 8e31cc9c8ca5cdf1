// Every object's reference count held against the references found: what is too high may be a reference that
// C code never gave back, what is too low is a crash to come. Words of C memory that may hold what is missing
// are looked for; what remains is evidence.
#pragma once

#include "graph/graph.h"

// Where a word lies that may be a reference that tracing does not know.
enum hc_holder_kind {
    HC_HOLDER_FRAME,    // a running frame's value stack, or C code that runs a frame
    HC_HOLDER_STATE,    // an interpreter's or a thread's own struct
    HC_HOLDER_OBJECT,   // a member that C code added to an object, and that tp_traverse does not visit
    HC_HOLDER_STATIC,   // a C variable of a binary
    HC_HOLDER_STACK,    // a thread's native stack
    HC_HOLDER_REGISTER, // of a thread
    HC_HOLDER_BLOCK,    // a block of pymalloc's that no object owns
    HC_HOLDER_CHUNK,    // other memory: the C library's blocks, mappings
    HC_HOLDER_COUNT
};

struct hc_holder {
    uint32_t item; // index of what it may hold
    enum hc_holder_kind kind;
    uint64_t address; // of the word
    uint32_t thread;  // index into the image's threads, of stacks and registers
};

// An object whose count is not what was found.
struct hc_audit_item {
    uint32_t object;
    uint32_t refcount;
    uint32_t found;     // references that surely count
    uint32_t doubtful;  // … of these, such as may be borrowed
    uint32_t explained; // of what is missing: by holders
};

HC_DEFINE_VECTOR(hc_audit_item_vector, struct hc_audit_item)
HC_DEFINE_VECTOR(hc_holder_vector, struct hc_holder)

struct hc_audit {
    uint64_t agreeing, immortal, fixed; // objects; fixed: in a binary's data, never freed
    struct hc_audit_item_vector high;   // counts above what was found, by object
    struct hc_audit_item_vector low;    // … below, by object
    struct hc_holder_vector holders;    // of `high`, by item
};

// `threads`: 0 for one per processor.
struct hc_error *hc_audit_run(const struct hc_graph *graph, unsigned threads, struct hc_audit *ret);
void hc_audit_deinit(struct hc_audit *audit);

// References that neither tracing nor memory explains.
static inline uint32_t hc_audit_excess(const struct hc_audit_item *item)
{
    return item->refcount - item->found - item->explained;
}

// References found that the count does not cover.
static inline uint32_t hc_audit_deficit(const struct hc_audit_item *item)
{
    return item->found - item->doubtful - item->refcount;
}
