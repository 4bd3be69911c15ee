/*
 * System calls: the number in rax, what they take in rdi rsi rdx r10 r8 r9, the result in rax, or -errno. rcx and r11 are lost to
 * the instruction; all else stays, but for what abi/ipc.h says of messages. docs/syscalls.md has a section for each.
 */
#pragma once

#define SYS_null 0

#define NR_SYSCALLS 1
