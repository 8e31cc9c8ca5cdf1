// Which references an object's count has to answer for: what differs from what tracing finds, and the
// references of interpreters, threads and frames.
#pragma once

#include "python/pools.h"
#include "python/trace.h"

#include <stdbool.h>
#include <stdint.h>

// Is the object with this count never freed, so that its count is not kept? Since 3.12 by its bits.
bool hc_refcount_is_immortal(const struct hc_runtime *runtime, uint64_t refcount);

enum hc_type_reference {
    HC_TYPE_REFERENCE_NONE,    // static: its instances do not count
    HC_TYPE_REFERENCE_VISITED, // traced like any other reference
    HC_TYPE_REFERENCE_HIDDEN,  // owned, and not traced
    HC_TYPE_REFERENCE_EITHER,  // hidden unless it was found among the object's references
};

// How does an instance refer to its type?
enum hc_type_reference hc_type_reference_of(const struct hc_runtime *runtime, const struct hc_type *type);

// The keys that a dict shares with others: they own the names in them, not the dict. 0: none.
uint64_t hc_dict_shared_keys(struct hc_tracer *tracer, const struct hc_object_view *object);
// The keys object that a class owns, or 0.
uint64_t hc_type_own_keys(struct hc_tracer *tracer, const struct hc_object_view *object);

typedef void hc_reference_fn(void *argument, uint64_t address);
void hc_keys_each_name(struct hc_tracer *tracer, uint64_t keys, hc_reference_fn *callback, void *argument);
// The values of a dict that stand in the instance whose __dict__ it is, and are traced for both.
void hc_dict_each_borrowed_value(struct hc_tracer *tracer, const struct hc_object_view *object,
                                 hc_reference_fn *callback, void *argument);

// What a frame that belongs to `object`, a generator or a frame, refers to without counting: since 3.14.
void hc_frame_each_borrowed(struct hc_tracer *tracer, const struct hc_object_view *object,
                            hc_reference_fn *callback, void *argument);
// The code that a generator owns though its frame is gone and nobody visits it, or 0.
uint64_t hc_frame_hidden_code(struct hc_tracer *tracer, const struct hc_object_view *object);
// May what `object` refers to be out of date?
bool hc_references_may_be_stale(struct hc_tracer *tracer, const struct hc_object_view *object);

// What has to be looked at in an object of this type beside its edges.
enum hc_count_rule {
    HC_COUNT_EDGES,
    HC_COUNT_KEYS,  // of a dict or a class
    HC_COUNT_FRAME, // of a generator or a frame
};

enum hc_count_rule hc_count_rule_of(const struct hc_runtime *runtime, const struct hc_type *type);

enum hc_root_place {
    HC_ROOT_IN_INTERPRETER,
    HC_ROOT_IN_THREAD,      // its state
    HC_ROOT_IN_LOCALS,      // of a frame: its variables, function and code
    HC_ROOT_IN_VALUE_STACK, // of a frame: may be out of date
    HC_ROOT_UNSURE,         // may be borrowed
};

struct hc_owned_root {
    uint64_t slot;   // address of the word; 0: a register or a word of C code's
    uint64_t object; // what it refers to
    uint64_t thread; // address of its state, or 0
    enum hc_root_place place;
};

HC_DEFINE_VECTOR(hc_owned_root_vector, struct hc_owned_root)

// Every word of an interpreter's or a thread's state or of a thread's frames that owns what it refers to, but
// for those that belong to an object. Each stands there once.
struct hc_error *hc_owned_roots_find(const struct hc_runtime *runtime, struct hc_tracer *tracer,
                                     struct hc_owned_root_vector *ret);

// The chunk of a thread's memory for frames that `address` lies in: beside the frames there is but what
// earlier ones left. Since 3.11.
bool hc_data_stack_chunk(struct hc_tracer *tracer, uint64_t address, uint64_t *ret_start, uint64_t *ret_end);
// Is what an object's memory begins with at `address` kept for the next object or dict?
bool hc_memory_is_dead(struct hc_tracer *tracer, const struct hc_pools *pools, uint64_t address,
                       uint64_t size);
// Is the used block of a pool that starts at `address` free after all, or dead?
bool hc_block_is_dead(struct hc_tracer *tracer, const struct hc_pools *pools, uint64_t address);
// Bytes of the C library's block at `address`, by what stands before it; 0: that makes no sense.
uint64_t hc_block_size(struct hc_tracer *tracer, uint64_t address);
