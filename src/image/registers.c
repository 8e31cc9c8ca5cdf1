// Where a thread was, and where its own memory is. The places are those of the kernel's elf_gregset_t, which
// has the layout of struct user_regs_struct, <sys/user.h>.
#include "image/internal.h"

#include <elf.h>

enum { X86_64_RIP = 16, X86_64_RSP = 19, X86_64_FS_BASE = 21, AARCH64_SP = 31, AARCH64_PC = 32 };

static uint64_t read_register(const struct hc_target *target, const struct hc_thread_info *thread,
                              size_t place)
{
    if (target->word_size != 8 || !thread->registers || thread->registers_size < (place + 1) * 8)
        return 0;
    return hc_load_u64(target, thread->registers + place * 8);
}

static void set_tls(struct hc_thread_info *thread, uint64_t base)
{
    thread->tls_base = base;
    thread->has_tls_base = base != 0; // 0 until the C library sets it up
}

uint64_t hc_thread_program_counter(const struct hc_target *target, const struct hc_thread_info *thread)
{
    if (thread && target->machine == EM_X86_64)
        return read_register(target, thread, X86_64_RIP);
    if (thread && target->machine == EM_AARCH64)
        return read_register(target, thread, AARCH64_PC);
    return 0;
}

uint64_t hc_thread_stack_pointer(const struct hc_target *target, const struct hc_thread_info *thread)
{
    if (target->machine == EM_X86_64)
        return read_register(target, thread, X86_64_RSP);
    return target->machine == EM_AARCH64 ? read_register(target, thread, AARCH64_SP) : 0;
}

void hc_thread_find_tls(const struct hc_target *target, struct hc_thread_info *thread)
{
    if (target->machine == EM_X86_64)
        set_tls(thread, read_register(target, thread, X86_64_FS_BASE));
}

void hc_thread_read_arm_tls(const struct hc_target *target, const uint8_t *bytes, uint64_t size,
                            struct hc_thread_info *thread)
{
    if (target->machine == EM_AARCH64 && size >= 8)
        set_tls(thread, hc_load_u64(target, bytes));
}
