// A wish to stop: whoever works long asks for it now and then. One for the whole program, because a signal
// handler has to be able to make it.
#pragma once

#include "base/error.h"

#include <stdbool.h>

// Safe in signal handlers and from any thread.
void hc_interrupt_request(void);
// Before new work begins.
void hc_interrupt_clear(void);
bool hc_interrupt_is_requested(void);
// NULL, or an error that says "interrupted". A loop over objects asks every HC_INTERRUPT_STRIDE of them.
struct hc_error *hc_interrupt_check(void);

enum { HC_INTERRUPT_STRIDE = 1 << 16 };
