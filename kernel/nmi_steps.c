/*
 * An NMI in front of each instruction of a function, while nmi_step() is called: what may come at any moment is made to come at every one.
 *
 * The CPU is stopped there, by a debug register or an int3, and then finds itself in the NMI's stub, with the frame that an NMI would have
 * pushed in its place (docs/TRICKS.md, "An NMI at this instruction").
 */
#include "kernel/nmi_steps.h"

#include "abi/errno.h"
#include "arch/x86/cpu/hw_breakpoint.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/insn/insn.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/ftrace.h"
#include "kernel/iret_demo.h"
#include "kernel/nmi.h"
#include "kprobe/watchpoint.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "lib/symtab.h"

#define NAME_MAX 64

u64 nmi_steps_at;
static u8 original;
static u32 cpu;		 /* whose NMI it is */
static bool waiting;	 /* it hasn't come yet */
static u32 places, came; /* of the last write */

extern const u8 asm_exc_nmi[], __text_start[], __entry_text_end[];

/* What is to be traced or probed: its instructions are one byte each, and enough for a jump. */
static noinline void nmi_step(void) { __asm__ volatile("nop\n\tnop\n\tnop\n\tnop\n\tnop" ::: "memory"); }

/* As the CPU would: the frame is pushed at the top of the NMI's stack, and on with the stub. */
static __always_inline void nmi_comes(struct pt_regs *regs, u64 ip, u64 flags)
{
	u64 *frame = (u64 *)this_cpu(nmi_top) - 5;

	frame[0] = ip;
	frame[1] = regs->cs;
	frame[2] = flags;
	frame[3] = regs->sp;
	frame[4] = regs->ss;
	regs->ip = (u64)asm_exc_nmi;
	regs->sp = (u64)frame;
	regs->flags &= ~(X86_EFLAGS_IF | X86_EFLAGS_TF);
	waiting = false;
	came++;
}

/* Another CPU that runs into it only takes it out. */
__kprobes bool nmi_steps_take(struct pt_regs *regs)
{
	u64 addr = regs->ip - 1, there = addr;

	if (!__atomic_compare_exchange_n(&nmi_steps_at, &there, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return false;
	text_poke_emergency((void *)addr, original);
	regs->ip = addr;
	if (this_cpu(cpu_number) == cpu)
		nmi_comes(regs, addr, regs->flags);
	return true;
}

/* Once: whatever comes here again, be it in that NMI, goes on. */
static void stopped(struct watchpoint *w, struct pt_regs *regs)
{
	if (waiting && this_cpu(cpu_number) == cpu)
		nmi_comes(regs, regs->ip, regs->flags | X86_EFLAGS_RF);
}

static struct watchpoint stop = { .len = 1, .type = WATCH_EXECUTE, .always = true, .handler = stopped };

/* What came is nobody's from outside. */
static void call(void)
{
	u64 flags = local_irq_save();

	places++;
	cpu = this_cpu(cpu_number);
	waiting = true;
	nmi_expect(cpu);
	nmi_step();
	if (waiting)
		nmi_settle();
	waiting = false;
	local_irq_restore(flags);
}

static void call_with_int3(u64 addr)
{
	static const u8 int3 = INT3_BYTE;

	mutex_lock(&text_mutex);
	original = *(volatile u8 *)addr;
	__atomic_store_n(&nmi_steps_at, addr, __ATOMIC_RELEASE);
	text_poke((void *)addr, &int3, 1);
	call();
	if (__atomic_exchange_n(&nmi_steps_at, 0, __ATOMIC_ACQ_REL))
		text_poke((void *)addr, &original, 1);
	mutex_unlock(&text_mutex);
}

/* What leads to the debug registers' own handler can't be stopped at by them; nor would a step end as it does without them. */
static bool is_debug_way(const char *name)
{
	static const char *const names[] = { "asm_exc_debug", "do_debug", "debug_watched", "kprobe_debug" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Up to what is an int3 already: what a probe lies over isn't known here. */
static void each_instruction(u64 from, u64 to, void (*visit)(u64 addr))
{
	struct insn insn;

	for (; from < to; from += insn.length) {
		if (*(volatile u8 *)from == INT3_BYTE || insn_decode(&insn, (const u8 *)from, to - from) != 0)
			return;
		visit(from);
	}
}

static void call_with_stop(u64 addr)
{
	hw_breakpoint_set(stop.reg, addr, 1, WATCH_EXECUTE);
	call();
}

static int stop_at_each(u64 from, u64 to)
{
	int err;

	stop.addr = from;
	err = watchpoint_arm(&stop);
	if (err)
		return err;
	each_instruction(from, to, call_with_stop);
	watchpoint_disarm(&stop);
	return 0;
}

static bool is_text(u64 addr)
{
	return (addr >= (u64)__text_start && addr < (u64)__entry_text_end) ||
	       (addr >= SLOT_AREA && addr < IRET_DEMO_PAGE);
}

/* A function's name, or an address as 0x…: an instruction's, of text or copies. */
static int find(const char *word, struct symbol *sym)
{
	u64 addr;

	if (word[0] == '0' && word[1] == 'x' && parse_u64(word + 2, strlen(word + 2), 16, &addr)) {
		*sym = (struct symbol){ .name = "", .start = addr, .size = 1 };
		return is_text(addr) ? 0 : -EINVAL;
	}
	return symtab_find_name(&kernel_symtab, word, sym, NULL) ? 0 : -ENOENT;
}

static int one_word(const char *word, bool try)
{
	struct symbol sym;
	int err = find(word, &sym);

	if (err || try)
		return err;
	if (is_debug_way(sym.name)) {
		each_instruction(sym.start, sym.start + sym.size, call_with_int3);
		return 0;
	}
	if (sym.size > 1)
		return stop_at_each(sym.start, sym.start + sym.size);
	stop.addr = sym.start;
	err = watchpoint_arm(&stop);
	if (err)
		return err;
	call();
	watchpoint_disarm(&stop);
	return 0;
}

/* The next word of @text, cut off; how many bytes were looked at. */
static size_t next_word(const char *text, size_t len, char word[NAME_MAX])
{
	size_t from = 0, to;

	while (from < len && isspace(text[from]))
		from++;
	for (to = from; to < len && !isspace(text[to]);)
		to++;
	word[0] = 0;
	if (to - from < NAME_MAX) {
		memcpy(word, text + from, to - from);
		word[to - from] = 0;
	} else {
		strscpy(word, "?", NAME_MAX); /* nothing has so long a name */
	}
	return to;
}

static int all_words(const char *text, size_t len, bool try)
{
	char word[NAME_MAX];
	int err = -EINVAL;

	for (;;) {
		size_t n = next_word(text, len, word);

		if (!word[0])
			return err;
		err = one_word(word, try);
		if (err)
			return err;
		text += n;
		len -= n;
	}
}

/* None is run while one isn't there. */
static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	int err = all_words(text, len, true);

	if (err)
		return err;
	places = came = 0;
	return all_words(text, len, false);
}

static int show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "places %u\ncame %u\n", places, came);
	return 0;
}
CTL_FILE(ctl_recursion_nmi, .path = "recursion/nmi", .show = show, .store = store);
