/*
 * Walks frame pointers. A trap stub leaves rbp = address of its pt_regs with bit 0 set: there the walk goes on in the
 * interrupted context. A tracing trampoline has no frame of its own, but what it calls has one, right below what it saved.
 */
#include "arch/x86/entry/unwind.h"

#include "arch/x86/entry/detour.h"
#include "arch/x86/entry/fentry.h"
#include "arch/x86/entry/graph.h"
#include "arch/x86/mm/stacks.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "lib/symtab.h"

#define MAX_FRAMES 48

/* How a function begins, behind its tracing site: push %rbp; mov %rsp,%rbp. */
#define ENTRY_SITE 5
#define FRAME	   "\x55\x48\x89\xe5"
#define RET	   0xc3
#define LEAVE	   0xc9
#define LEAVE_RET  5 /* between the two the compiler puts an instruction now and then */

/* notrace, here and below: called for stack traces in the middle of a tracer, traced it would only be counted as dropped. */
static notrace bool on_stack(u64 addr, size_t size)
{
	const struct kstack *s = stack_of(addr);

	return s && addr % 8 == 0 && addr + size <= s->top;
}

/*
 * Just behind a leave, with the ret to come. These bytes may be others' operands, so where the stack points must also be a return address,
 * or look like one.
 */
static notrace bool behind_leave(const u8 *code, u64 off, u64 size, u64 at)
{
	struct symbol caller;

	if (code[off - 1] != LEAVE || !on_stack(at, 8))
		return false;
	for (u64 i = off; i < size && i < off + LEAVE_RET; i++)
		if (code[i] == RET)
			return symtab_find(&kernel_symtab, graph_original((u64 *)at), &caller);
	return false;
}

/*
 * Interrupted before its frame stands, or at its ret, a function is not in the chain of frames, which begins with its
 * caller's: what the return address leads to would be missing. The entry is a nop or call of five bytes, push, mov.
 */
static notrace bool interrupted(const struct pt_regs *regs, unwind_fn each, void *arg)
{
	struct symbol sym;
	const u8 *code;
	u64 at = regs->sp, ip = text_original(regs->ip), off;

	if (!each(arg, UNWIND_INTERRUPTED, ip, NULL))
		return false;
	if (!symtab_find(&kernel_symtab, ip, &sym) || in_detours(regs->ip))
		return true;
	code = (const u8 *)sym.start;
	off = ip - sym.start;
	if (off == ENTRY_SITE + 1)
		at += 8;
	else if (off > ENTRY_SITE && code[off] != RET && !behind_leave(code, off, sym.size, at))
		return true;
	if (sym.size > sizeof(FRAME) + ENTRY_SITE &&
	    memcmp(code + ENTRY_SITE, FRAME, sizeof(FRAME) - 1) == 0 && on_stack(at, 8))
		return each(arg, UNWIND_RETURN, graph_original((u64 *)at), NULL);
	return true;
}

struct graph_entry graph_no_entries[1];
static struct graph_stack nobodys = GRAPH_STACK_NONE; /* before there are threads */
DEFINE_PER_CPU(struct graph_stack *, graph_here) = &nobodys;

/* One that returns to a trampoline itself is the upper of two hooks at one return. */
notrace u64 graph_original(const u64 *slot)
{
	const struct graph_entry *e = this_cpu(graph_here)->top;

	if (!is_hooked(*slot))
		return *slot;
	for (; e->slot; e--)
		if (e->slot == slot && !is_hooked(e->ret))
			return e->ret;
	return *slot;
}

/* What returns into a trampoline was called with rsp at what that saved: so there are the function and its parent. */
static notrace bool returned(const u64 *frame, unwind_fn each, void *arg)
{
	const struct ftrace_frame *saved = (const struct ftrace_frame *)(frame + 2);
	const struct return_frame *hooked = (const struct return_frame *)(frame + 2);
	const struct return_regs *probed = (const struct return_regs *)(frame + 2);

	if (in_regs_trampoline(frame[1]) || in_detours(frame[1]))
		return true; /* and the registers it saved come next */
	if (in_return_trampoline(frame[1]) && on_stack((u64)hooked, sizeof(*hooked)))
		return each(arg, UNWIND_RETURN, graph_original(&hooked->slot), hooked);
	if (in_probe_trampoline(frame[1]) && on_stack((u64)probed, sizeof(*probed)))
		return each(arg, UNWIND_RETURN, graph_original(&probed->slot), probed);
	if (!in_trampoline(frame[1]) || !on_stack((u64)saved, sizeof(*saved)))
		return each(arg, UNWIND_RETURN, graph_original(frame + 1), frame);
	return each(arg, UNWIND_RETURN, saved->ip, saved) &&
	       each(arg, UNWIND_RETURN, graph_original(&saved->parent), saved);
}

notrace bool unwind(const struct pt_regs *regs, const void *from, unwind_fn each, void *arg)
{
	u64 bp = (u64)from;

	if (regs && user_mode(regs))
		return each(arg, UNWIND_INTERRUPTED, regs->ip, NULL);
	if (regs) {
		if (!interrupted(regs, each, arg))
			return false;
		bp = regs->bp;
	}
	for (int n = 0; n < MAX_FRAMES; n++) {
		if (bp & 1) {
			regs = (const struct pt_regs *)(bp & ~1ul);
			if (!on_stack((u64)regs, sizeof(*regs)))
				return true;
			if (regs->vector != VECTOR_NONE && !each(arg, UNWIND_TRAP, regs->vector, regs))
				return false;
			if (user_mode(regs)) /* his registers say what he likes */
				return each(arg, UNWIND_INTERRUPTED, regs->ip, NULL);
			if (!interrupted(regs, each, arg))
				return false;
			bp = regs->bp;
			continue;
		}
		if (!on_stack(bp, 16))
			return true;
		if (!returned((const u64 *)bp, each, arg))
			return false;
		bp = *(u64 *)bp;
	}
	return false;
}
