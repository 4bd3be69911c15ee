/* Walks frame pointers. A trap stub leaves rbp = address of its pt_regs with bit 0 set: there the walk goes on in the interrupted context. */
#include "kernel/backtrace.h"

#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/stacks.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "lib/symtab.h"

#define MAX_FRAMES 48

/* How a function begins, behind its tracing site: push %rbp; mov %rsp,%rbp. */
#define ENTRY_SITE 5
#define FRAME	   "\x55\x48\x89\xe5"
#define RET	   0xc3

static bool on_stack(u64 addr, size_t size)
{
	const struct kstack *s = stack_of(addr);

	return s && addr % 8 == 0 && addr + size <= s->top;
}

/*
 * A return address is looked up by the call before it: a call that never returns may be its
 * function's last instruction, and the address after it belongs to the next one.
 */
static void print_return(struct seq *out, u64 ip)
{
	struct symbol sym;

	if (symtab_find(&kernel_symtab, ip - 1, &sym))
		seq_printf(out, "  %s+0x%lx/0x%lx\n", sym.name, ip - sym.start, sym.size);
	else
		seq_printf(out, "  0x%lx\n", ip);
}

/*
 * Interrupted before its frame stands, or at its ret, a function is not in the chain of frames, which begins with its
 * caller's: what the return address leads to would be missing. The entry is a nop or call of five bytes, push, mov.
 */
static void print_interrupted(struct seq *out, const struct pt_regs *regs)
{
	struct symbol sym;
	const u8 *code;
	u64 at = regs->sp, off;

	seq_printf(out, "  %pS\n", (void *)regs->ip);
	if (!symtab_find(&kernel_symtab, regs->ip, &sym))
		return;
	code = (const u8 *)sym.start;
	off = regs->ip - sym.start;
	if (off == ENTRY_SITE + 1)
		at += 8;
	else if (off > ENTRY_SITE && code[off] != RET)
		return;
	if (sym.size > sizeof(FRAME) + ENTRY_SITE &&
	    memcmp(code + ENTRY_SITE, FRAME, sizeof(FRAME) - 1) == 0 && on_stack(at, 8))
		print_return(out, *(u64 *)at);
}

void backtrace(struct seq *out, const struct pt_regs *regs)
{
	u64 bp = (u64)__builtin_frame_address(0);
	char buf[8];

	if (regs) {
		print_interrupted(out, regs);
		bp = regs->bp;
	}
	for (int n = 0; n < MAX_FRAMES; n++) {
		if (bp & 1) {
			regs = (const struct pt_regs *)(bp & ~1ul);
			if (!on_stack((u64)regs, sizeof(*regs)))
				return;
			seq_printf(out, " <%s>\n", vector_name((unsigned)regs->vector, buf));
			print_interrupted(out, regs);
			bp = regs->bp;
			continue;
		}
		if (!on_stack(bp, 16))
			return;
		print_return(out, ((u64 *)bp)[1]);
		bp = ((u64 *)bp)[0];
	}
	seq_puts(out, "  ...\n");
}
