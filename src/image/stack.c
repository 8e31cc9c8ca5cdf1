// Where a thread's stack is in use.
#include "image/internal.h"

#include <signal.h>

// The lowest address of the stack that `fault` is just below; 0: it is below none.
static uint64_t stack_above(const struct hc_image *image, uint64_t fault)
{
    // A guard page, and what a function that is entered takes at once; a compiler touches each page of more.
    enum { NEAR = 1 << 16 };
    for (size_t i = 0; i < image->segments.count; i++) {
        const struct hc_segment *segment = &image->segments.items[i];
        if (!segment->writable || segment->address + segment->length <= fault)
            continue;
        if (segment->address <= fault || segment->address - fault > NEAR || segment->length < NEAR)
            return 0;
        return segment->address;
    }
    return 0;
}

bool hc_image_stack_overflowed(const struct hc_image *image, uint64_t *ret_start)
{
    enum { FRAME = 1 << 20 }; // from the stack pointer to the fault: a function's own variables
    const struct hc_process_info *process = &image->process;
    if (process->signal != SIGSEGV || !process->has_fault_address)
        return false;
    for (size_t i = 0; i < process->thread_count; i++) {
        uint64_t pointer = hc_thread_stack_pointer(&image->target, &process->threads[i]);
        uint64_t distance = pointer - process->fault_address;
        if (process->threads[i].tid == process->faulting_thread && pointer && distance + FRAME < 2 * FRAME) {
            *ret_start = stack_above(image, process->fault_address);
            return *ret_start != 0;
        }
    }
    return false;
}

uint64_t hc_image_stack_in_use(const struct hc_image *image, const struct hc_thread_info *thread)
{
    uint64_t pointer = hc_thread_stack_pointer(&image->target, thread), start;
    bool is_full = thread->tid == image->process.faulting_thread && hc_image_stack_overflowed(image, &start);
    return is_full && pointer < start ? start : pointer;
}
