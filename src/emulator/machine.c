#include "emulator/internal.h"

#include <elf.h>

// The collection, whose address is in the second argument: count, capacity, items.
static const uint8_t x86_64_collect[] = {
    0x48, 0x8b, 0x06,             // mov rax, [rsi]
    0x48, 0x3b, 0x46, 0x08,       // cmp rax, [rsi + 8]
    0x73, 0x0b,                   // jae full
    0x48, 0x89, 0x7c, 0xc6, 0x10, // mov [rsi + 8 * rax + 16], rdi
    0x48, 0xff, 0x06,             // inc qword [rsi]
    0x31, 0xc0,                   // xor eax, eax
    0xc3,                         // ret
    0xb8, 0x01, 0x00, 0x00, 0x00, // full: mov eax, 1
    0xc3,                         // ret
};

// The dynamic linker saves what arguments may be in with XSAVEC and XRSTOR before it looks for a function; it
// does not use such registers itself.
static bool x86_64_skip(struct hc_emulator *emulator)
{
    uint64_t address = hc_emulator_register(emulator, UC_X86_REG_RIP);
    uint8_t code[4];
    if (!hc_emulator_read(emulator, address, code, sizeof(code)))
        return false;
    const uint8_t *at = code;
    uint64_t length = 3;        // opcode and ModR/M
    if ((*at & 0xf0) == 0x40) { // REX
        at++;
        length++;
    }
    uint8_t mode = at[2] >> 6, operation = at[2] >> 3 & 7, base = at[2] & 7;
    bool saves = at[1] == 0xc7 && operation == 4,
         restores = at[1] == 0xae && (operation == 4 || operation == 5);
    if (at[0] != 0x0f || mode == 3 || !(saves || restores))
        return false;
    length += base == 4;                            // SIB
    length += mode == 1 ? 1u : mode == 2 ? 4u : 0u; // displacement
    hc_emulator_set_register(emulator, UC_X86_REG_RIP, address + length);
    return true;
}

static const uint8_t aarch64_collect[] = {
    0x22, 0x00, 0x40, 0xf9, // ldr x2, [x1]
    0x23, 0x04, 0x40, 0xf9, // ldr x3, [x1, #8]
    0x5f, 0x00, 0x03, 0xeb, // cmp x2, x3
    0xe2, 0x00, 0x00, 0x54, // b.hs full
    0x23, 0x0c, 0x02, 0x8b, // add x3, x1, x2, lsl #3
    0x60, 0x08, 0x00, 0xf9, // str x0, [x3, #16]
    0x42, 0x04, 0x00, 0x91, // add x2, x2, #1
    0x22, 0x00, 0x00, 0xf9, // str x2, [x1]
    0x00, 0x00, 0x80, 0x52, // mov w0, #0
    0xc0, 0x03, 0x5f, 0xd6, // ret
    0x20, 0x00, 0x80, 0x52, // full: mov w0, #1
    0xc0, 0x03, 0x5f, 0xd6, // ret
};

static const struct hc_machine machines[] = {
    {
        .elf_machine = EM_X86_64,
        .arch = UC_ARCH_X86,
        .mode = UC_MODE_64,
        .cpu_model = UC_CPU_X86_HASWELL,
        .arguments = {UC_X86_REG_RDI, UC_X86_REG_RSI, UC_X86_REG_RDX, UC_X86_REG_RCX, UC_X86_REG_R8},
        .result = UC_X86_REG_RAX,
        .stack_pointer = UC_X86_REG_RSP,
        .thread_pointer = UC_X86_REG_FS_BASE,
        .program_counter = UC_X86_REG_RIP,
        .system_calls = {UC_X86_INS_SYSCALL, UC_X86_INS_SYSENTER},
        .skip = x86_64_skip,
        .collect = x86_64_collect,
        .collect_size = sizeof(x86_64_collect),
    },
    {
        .elf_machine = EM_AARCH64,
        .arch = UC_ARCH_ARM64,
        .mode = UC_MODE_ARM,
        .cpu_model = UC_CPU_ARM64_MAX,
        .arguments = {UC_ARM64_REG_X0, UC_ARM64_REG_X1, UC_ARM64_REG_X2, UC_ARM64_REG_X3, UC_ARM64_REG_X4},
        .result = UC_ARM64_REG_X0,
        .stack_pointer = UC_ARM64_REG_SP,
        .thread_pointer = UC_ARM64_REG_TPIDR_EL0,
        .program_counter = UC_ARM64_REG_PC,
        .link = UC_ARM64_REG_X30,
        .collect = aarch64_collect,
        .collect_size = sizeof(aarch64_collect),
    },
};

const struct hc_machine *hc_machine_find(const struct hc_target *target)
{
    if (target->word_size != 8 || target->big_endian)
        return NULL;
    for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++)
        if (machines[i].elf_machine == target->machine)
            return &machines[i];
    return NULL;
}
