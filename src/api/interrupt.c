// The wish to stop, from outside.
#include "api/api.h"

#include "base/interrupt.h"

#include <signal.h>

static struct sigaction before;
static bool is_on;

static void on_signal(int signal)
{
    (void)signal;
    hc_interrupt_request();
}

void api_forget_interrupts(void)
{
    if (!is_on)
        hc_interrupt_clear();
}

void heapcore_interrupt(void)
{
    hc_interrupt_request();
}

void heapcore_interrupt_by_signal(bool on)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    if (on == is_on)
        return;
    hc_interrupt_clear();
    is_on = sigaction(SIGINT, on ? &action : &before, on ? &before : NULL) == 0 ? on : is_on;
}
