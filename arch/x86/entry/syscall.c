/* Tells the CPU where a system call leads to, with which segments and flags. */
#include "arch/x86/entry/syscall.h"

#include "arch/x86/cpu/percpu.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/entry/pt_regs.h"

#define MSR_EFER	   0xc0000080
#define MSR_STAR	   0xc0000081
#define MSR_LSTAR	   0xc0000082
#define MSR_SFMASK	   0xc0000084
#define MSR_KERNEL_GS_BASE 0xc0000102
#define EFER_SCE	   1

DEFINE_PER_CPU(u64, user_sp); /* for two instructions, at the entry */

extern const u8 asm_syscall[];

/*
 * Cleared at the entry. TF, or the kernel would be stepped; IF, until there is a stack; what C takes for clear; AC, which would
 * open users' pages; IOPL and NT, which iretq would heed.
 */
#define CLEARED                                                                                            \
	(X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF | X86_EFLAGS_IOPL | X86_EFLAGS_NT | X86_EFLAGS_RF | \
	 X86_EFLAGS_AC)

/* There is no segment of 32-bit code, so nobody comes by the entry for that. */
void syscall_init_cpu(void)
{
	wrmsr(MSR_STAR, (u64)KERNEL_CS << 32 | (u64)KERNEL_DS << 48);
	wrmsr(MSR_LSTAR, (u64)asm_syscall);
	wrmsr(MSR_SFMASK, CLEARED);
	wrmsr(MSR_KERNEL_GS_BASE, 0); /* the first user's, until he comes back */
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
}
