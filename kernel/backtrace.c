/* Walks frame pointers. A trap stub leaves rbp = address of its pt_regs with bit 0 set: there the walk goes on in the interrupted context. */
#include "kernel/backtrace.h"

#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/stacks.h"
#include "lib/compiler.h"

#define MAX_FRAMES 48

static bool on_stack(u64 addr, size_t size)
{
	const struct kstack *s = stack_of(addr);

	return s && addr % 8 == 0 && addr + size <= s->top;
}

void backtrace(struct seq *out, const struct pt_regs *regs)
{
	u64 bp = (u64)__builtin_frame_address(0), ip = 0;
	char buf[8];

	if (regs) {
		bp = regs->bp;
		ip = regs->ip;
	}
	for (int n = 0; n < MAX_FRAMES; n++) {
		if (ip)
			seq_printf(out, "  %pS\n", (void *)ip);
		if (bp & 1) {
			regs = (const struct pt_regs *)(bp & ~1ul);
			if (!on_stack((u64)regs, sizeof(*regs)))
				return;
			seq_printf(out, " <%s>\n", vector_name((unsigned)regs->vector, buf));
			ip = regs->ip;
			bp = regs->bp;
			continue;
		}
		if (!on_stack(bp, 16))
			return;
		ip = ((u64 *)bp)[1];
		bp = ((u64 *)bp)[0];
	}
	seq_puts(out, "  ...\n");
}
