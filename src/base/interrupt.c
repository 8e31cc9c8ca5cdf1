#include "base/interrupt.h"

#include <stdatomic.h>

static atomic_bool is_requested;

void hc_interrupt_request(void)
{
    atomic_store(&is_requested, true);
}

void hc_interrupt_clear(void)
{
    atomic_store(&is_requested, false);
}

bool hc_interrupt_is_requested(void)
{
    return atomic_load_explicit(&is_requested, memory_order_relaxed);
}

struct hc_error *hc_interrupt_check(void)
{
    return hc_interrupt_is_requested() ? hc_error_create("interrupted") : NULL;
}
