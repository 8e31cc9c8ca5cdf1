// The functions that the tests call, for each machine; by hand, as a compiler would write them.
#pragma once

#include <stdint.h>

static const uint32_t aarch64_sum[] = {
    0x8b010000, // add x0, x0, x1
    0x8b020000, // add x0, x0, x2
    0xd65f03c0, // ret
};

static const uint32_t aarch64_traverse[] = {
    0xd503245f, // bti c: where branches may lead to
    0xd503233f, // paciasp: signs the return address
    0xa9be7bfd, // stp x29, x30, [sp, #-32]!
    0xa90107e0, // stp x0, x1, [sp, #16]
    0xf81f0fe2, // str x2, [sp, #-16]!
    0xf9400800, // ldr x0, [x0, #16]
    0xaa0103e3, // mov x3, x1
    0xaa0203e1, // mov x1, x2
    0xd63f0060, // blr x3
    0xf94003e1, // ldr x1, [sp]
    0xa9420fe0, // ldp x0, x3, [sp, #32]
    0xf9400c00, // ldr x0, [x0, #24]
    0xd63f0060, // blr x3
    0x910043ff, // add sp, sp, #16
    0xa8c27bfd, // ldp x29, x30, [sp], #32
    0xd50323bf, // autiasp: checks the signature
    0xd65f03c0, // ret
};

static const uint32_t aarch64_many[] = {
    0xa9bd7bfd, // stp x29, x30, [sp, #-48]!
    0xa90153f3, // stp x19, x20, [sp, #16]
    0xa9025bf5, // stp x21, x22, [sp, #32]
    0xaa0003f3, // mov x19, x0
    0xaa0103f4, // mov x20, x1
    0xaa0203f5, // mov x21, x2
    0xd2827116, // mov x22, #5000
    0xaa1303e0, // mov x0, x19
    0xaa1503e1, // mov x1, x21
    0xd63f0280, // blr x20
    0xf10006d6, // subs x22, x22, #1
    0x54ffff81, // b.ne #-16
    0xd2800000, // mov x0, #0
    0xa9425bf5, // ldp x21, x22, [sp, #32]
    0xa94153f3, // ldp x19, x20, [sp, #16]
    0xa8c37bfd, // ldp x29, x30, [sp], #48
    0xd65f03c0, // ret
};

static const uint32_t aarch64_endless[] = {
    0x14000000, // b #0
};

static const uint32_t aarch64_load[] = {
    0xf9400000, // ldr x0, [x0]
    0xd65f03c0, // ret
};

static const uint32_t aarch64_exchange[] = {
    0xf9400002, // ldr x2, [x0]
    0xf9000001, // str x1, [x0]
    0xf9400001, // ldr x1, [x0]
    0x8b020020, // add x0, x1, x2
    0xd65f03c0, // ret
};

static const uint32_t aarch64_pages[] = {
    0xf9000001, // str x1, [x0]
    0x91400400, // add x0, x0, #1, lsl #12
    0xf1000421, // subs x1, x1, #1
    0x54ffffa1, // b.ne #-12
    0xd65f03c0, // ret
};

static const uint32_t aarch64_own[] = {
    0xd53bd040, // mrs x0, TPIDR_EL0
    0xf9400001, // ldr x1, [x0]
    0xd65f03c0, // ret
};

static const uint32_t aarch64_system[] = {
    0xd2800ba8, // mov x8, #93
    0xd4000001, // svc #0
    0xd65f03c0, // ret
};

static const uint8_t x86_64_sum[] = {
    0x48, 0x8d, 0x04, 0x37, // lea rax, [rdi + rsi]
    0x48, 0x01, 0xd0,       // add rax, rdx
    0xc3,                   // ret
};

static const uint8_t x86_64_traverse[] = {
    0xf3, 0x0f, 0x1e, 0xfa, // endbr64
    0x53,                   // push rbx
    0x55,                   // push rbp
    0x52,                   // push rdx
    0x48, 0x89, 0xfb,       // mov rbx, rdi
    0x48, 0x89, 0xf5,       // mov rbp, rsi
    0x48, 0x8b, 0x7b, 0x10, // mov rdi, [rbx + 16]
    0x48, 0x89, 0xd6,       // mov rsi, rdx
    0xff, 0xd5,             // call rbp
    0x48, 0x8b, 0x7b, 0x18, // mov rdi, [rbx + 24]
    0x48, 0x8b, 0x34, 0x24, // mov rsi, [rsp]
    0xff, 0xd5,             // call rbp
    0x5a,                   // pop rdx
    0x5d,                   // pop rbp
    0x5b,                   // pop rbx
    0xc3,                   // ret
};

static const uint8_t x86_64_many[] = {
    0x53,                               // push rbx
    0x55,                               // push rbp
    0x41, 0x54,                         // push r12
    0x41, 0x55,                         // push r13
    0x41, 0x56,                         // push r14
    0x48, 0x89, 0xfb,                   // mov rbx, rdi
    0x48, 0x89, 0xf5,                   // mov rbp, rsi
    0x49, 0x89, 0xd4,                   // mov r12, rdx
    0x41, 0xbd, 0x88, 0x13, 0x00, 0x00, // mov r13d, 5000
    0x48, 0x89, 0xdf,                   // mov rdi, rbx
    0x4c, 0x89, 0xe6,                   // mov rsi, r12
    0xff, 0xd5,                         // call rbp
    0x41, 0xff, 0xcd,                   // dec r13d
    0x75, 0xf3,                         // jne 1b
    0x31, 0xc0,                         // xor eax, eax
    0x41, 0x5e,                         // pop r14
    0x41, 0x5d,                         // pop r13
    0x41, 0x5c,                         // pop r12
    0x5d,                               // pop rbp
    0x5b,                               // pop rbx
    0xc3,                               // ret
};

static const uint8_t x86_64_endless[] = {
    0xeb, 0xfe, // jmp endless
};

static const uint8_t x86_64_load[] = {
    0x48, 0x8b, 0x07, // mov rax, [rdi]
    0xc3,             // ret
};

static const uint8_t x86_64_exchange[] = {
    0x48, 0x8b, 0x07, // mov rax, [rdi]
    0x48, 0x89, 0x37, // mov [rdi], rsi
    0x48, 0x03, 0x07, // add rax, [rdi]
    0xc3,             // ret
};

static const uint8_t x86_64_pages[] = {
    0x48, 0x89, 0x37,                         // mov [rdi], rsi
    0x48, 0x81, 0xc7, 0x00, 0x10, 0x00, 0x00, // add rdi, 4096
    0x48, 0xff, 0xce,                         // dec rsi
    0x75, 0xf1,                               // jne 1b
    0xc3,                                     // ret
};

static const uint8_t x86_64_own[] = {
    0x64, 0x48, 0x8b, 0x04, 0x25, 0x00, 0x00, 0x00, 0x00, // mov rax, fs:[0]
    0xc3,                                                 // ret
};

static const uint8_t x86_64_system[] = {
    0xb8, 0x3c, 0x00, 0x00, 0x00, // mov eax, 60
    0x0f, 0x05,                   // syscall
    0xc3,                         // ret
};
