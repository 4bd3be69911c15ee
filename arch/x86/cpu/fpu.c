/* Opens the floating-point registers to users. */
#include "arch/x86/cpu/fpu.h"

#include "arch/x86/cpu/regs.h"

#define X86_CR0_MP	   (1ul << 1)
#define X86_CR0_EM	   (1ul << 2)
#define X86_CR0_TS	   (1ul << 3)
#define X86_CR0_NE	   (1ul << 5)
#define X86_CR4_OSFXSR	   (1ul << 9)
#define X86_CR4_OSXMMEXCPT (1ul << 10)

/* Errors are exceptions, not interrupts of a chip outside; TS is for switching lazily, which gives a user's numbers away. */
void fpu_init_cpu(void)
{
	write_cr0((read_cr0() & ~(X86_CR0_EM | X86_CR0_TS)) | X86_CR0_MP | X86_CR0_NE);
	write_cr4(read_cr4() | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT);
}
