// libunicorn, loaded when the first function is to be emulated: heapcore starts without its twenty megabytes,
// and works without it, less exactly, where it is not installed.
#pragma once

#include <unicorn/unicorn.h>

// The functions that heapcore calls, as <unicorn/unicorn.h> declares them.
#define HC_UNICORN_FUNCTIONS(FUNCTION)                                                                       \
    FUNCTION(uc_open)                                                                                        \
    FUNCTION(uc_close)                                                                                       \
    FUNCTION(uc_ctl)                                                                                         \
    FUNCTION(uc_mem_map_ptr)                                                                                 \
    FUNCTION(uc_mem_unmap)                                                                                   \
    FUNCTION(uc_hook_add)                                                                                    \
    FUNCTION(uc_emu_start)                                                                                   \
    FUNCTION(uc_emu_stop)                                                                                    \
    FUNCTION(uc_reg_write)                                                                                   \
    FUNCTION(uc_reg_read)                                                                                    \
    FUNCTION(uc_context_alloc)                                                                               \
    FUNCTION(uc_context_save)                                                                                \
    FUNCTION(uc_context_restore)                                                                             \
    FUNCTION(uc_context_free)

struct hc_unicorn {
#define HC_UNICORN_POINTER(name) __typeof__(&name) name;
    HC_UNICORN_FUNCTIONS(HC_UNICORN_POINTER)
#undef HC_UNICORN_POINTER
};

// NULL if there is no libunicorn.so.2 on this machine. Thread-safe.
const struct hc_unicorn *hc_unicorn_load(void);
