// What the parts of the audit hand to each other.
#pragma once

#include "base/parallel.h"
#include "graph/audit.h"
#include "python/ownership.h"

#include <stdatomic.h>

// A walk over all real objects in the order of their numbers, cut into tasks. Its tracers run no code of
// types: that has been done once, takes long, and finds no buffers. Does not move once it is made.
struct hc_audit_walk {
    const struct hc_graph *graph;
    struct hc_runtime runtime; // a copy, but for that; owns nothing
    size_t task_count;
    unsigned threads;
    struct hc_tracer *tracers; // one a worker
    _Atomic uint64_t allowance;
};

struct hc_error *hc_audit_walk_init(struct hc_audit_walk *walk, const struct hc_graph *graph,
                                    unsigned threads);
void hc_audit_walk_deinit(struct hc_audit_walk *walk);

typedef struct hc_error *hc_audit_object_fn(void *argument, unsigned worker, size_t task, uint32_t object,
                                            const struct hc_object_view *view);
// Calls back for each object that is one.
struct hc_error *hc_audit_walk_run(struct hc_audit_walk *walk, hc_audit_object_fn *callback, void *argument);

// The item of `object`, or NULL.
struct hc_audit_item *hc_audit_find(struct hc_audit_item_vector *items, uint32_t object);
// Fills `doubtful` of each item.
struct hc_error *hc_audit_doubt(const struct hc_audit_walk *walk, struct hc_audit_item_vector *low);
// Fills audit->holders, and `explained` of what is too high.
struct hc_error *hc_audit_explain(struct hc_audit_walk *walk, const struct hc_owned_root_vector *roots,
                                  struct hc_audit *audit);

// Takes out of `holders` what lies in memory that belongs to an object, or to nobody any more.
struct hc_error *hc_audit_drop_owned(struct hc_audit_walk *walk, struct hc_holder_vector *holders);
