/* Leaving the machine, on purpose or for the test of what happens when one doesn't. */
#include "arch/x86/cpu/machine.h"

#include "arch/x86/cpu/regs.h"

void machine_exit(int code)
{
	local_irq_disable();
	outb(EXIT_PORT, (u8)code);
	for (;;)
		__asm__ volatile("hlt");
}

void machine_triple_fault(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed none = { 0, 0 };

	__asm__ volatile("lidt %0; int3" : : "m"(none));
	__builtin_unreachable();
}
