// asyncio's tasks that are not done, and what each one waits for. Found by the module's own list of them.
#pragma once

#include "python/frames.h"

enum hc_task_state {
    HC_TASK_WAITING,
    HC_TASK_RUNNING, // its innermost frames are a thread's
    HC_TASK_CREATED, // not begun
};

struct hc_task {
    uint64_t address;
    uint64_t interpreter; // number
    char *name;           // NULL: not known
    enum hc_task_state state;
    struct hc_frame_vector frames; // coroutines and generators, each waiting for the next
    uint64_t awaited;              // the object that the last of them waits for, or 0
    bool is_cut;                   // the chain ends in memory that is not there, or in a circle
};

HC_DEFINE_VECTOR(hc_task_vector, struct hc_task)

void hc_tasks_deinit(struct hc_task_vector *tasks);

// The futures that the one at `address` gathers: asyncio.gather(); none for all others.
struct hc_error *hc_tasks_gathered(struct hc_tracer *tracer, uint64_t address, struct hc_word_vector *ret);

// By interpreter and name.
struct hc_error *hc_tasks_find(struct hc_tracer *tracer, struct hc_task_vector *ret);
