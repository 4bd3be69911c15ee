/*
 * An NMI in front of each instruction of a function, while nmi_step() is called: what may come at any moment is made to come at every one.
 *
 * The CPU is stopped there, by a debug register or an int3, and then finds itself in the NMI's stub, with the frame that an NMI would have
 * pushed in its place (docs/TRICKS.md, "An NMI at this instruction").
 */
#include "kernel/nmi_steps.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/insn/insn.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/ftrace.h"
#include "kernel/iret_demo.h"
#include "kernel/nmi.h"
#include "kprobe/kprobe.h"
#include "kprobe/watchpoint.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "lib/symtab.h"

#define NAME_MAX 64

u64 nmi_steps_at;
static u8 original;
static u32 awaited;	 /* on this CPU, plus 1, it hasn't come yet; 0: on none */
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
	WRITE_ONCE(awaited, 0);
	came++;
}

static __always_inline bool awaited_here(void) { return READ_ONCE(awaited) == this_cpu(cpu_number) + 1; }

/* Whoever runs into it, which on another CPU an NMI's handler may, takes it out. */
__kprobes bool nmi_steps_take(struct pt_regs *regs)
{
	u64 addr = regs->ip - 1;

	text_poke_emergency((void *)addr, original);
	regs->ip = addr;
	if (awaited_here())
		nmi_comes(regs, addr, regs->flags);
	return true;
}

/* Once: whatever comes here again, be it in that NMI, goes on. */
static void stopped(struct watchpoint *w, struct pt_regs *regs)
{
	if (awaited_here())
		nmi_comes(regs, regs->ip, regs->flags | X86_EFLAGS_RF);
}

static struct watchpoint stop = { .len = 1, .type = WATCH_EXECUTE, .always = true, .handler = stopped };

/* What came is nobody's from outside. */
static void call(void)
{
	u64 flags = local_irq_save();

	places++;
	nmi_expect(this_cpu(cpu_number));
	WRITE_ONCE(awaited, this_cpu(cpu_number) + 1);
	nmi_step();
	if (READ_ONCE(awaited))
		nmi_settle();
	WRITE_ONCE(awaited, 0);
	local_irq_restore(flags);
}

static void call_with_int3(u64 addr)
{
	original = *(volatile u8 *)addr;
	__atomic_store_n(&nmi_steps_at, addr, __ATOMIC_RELEASE);
	text_poke_emergency((void *)addr, INT3_BYTE);
	call();
	text_poke_emergency((void *)addr, original);
	__atomic_store_n(&nmi_steps_at, 0, __ATOMIC_RELEASE);
}

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* What leads to the debug registers' own handler can't be stopped at by them; nor would a step end as it does without them. */
static bool is_debug_way(const char *name)
{
	static const char *const names[] = { "asm_exc_debug", "do_debug", "debug_watched", "kprobe_debug" };

	return is_one_of(name, names, ARRAY_SIZE(names));
}

/* No NMI comes there: the CPU holds it back until the first iretq. The stub counts on it, and on no #DB before #DB has another stack. */
static bool is_nmi_way(const char *name)
{
	static const char *const names[] = { "asm_exc_nmi", "do_nmi" };

	return is_one_of(name, names, ARRAY_SIZE(names));
}

/* Up to a probe's int3 or jump: what that lies over isn't known here. */
static bool is_covered(u64 addr)
{
	u8 byte = *(volatile u8 *)addr;

	return byte == INT3_BYTE || (byte == JMP32_BYTE && kprobe_at(addr));
}

static void each_instruction(u64 from, u64 to, void (*visit)(u64 addr))
{
	struct insn insn;

	for (; from < to; from += insn.length) {
		if (is_covered(from) || insn_decode(&insn, (const u8 *)from, to - from) != 0)
			return;
		visit(from);
	}
}

static void alone(void *arg)
{
	const struct symbol *sym = arg;

	each_instruction(sym->start, sym->start + sym->size, call_with_int3);
}

/*
 * The others wait meanwhile. One of them could come here from user mode, in front of #DB's swapgs: and int3's stub takes for granted that GS is ours
 * when it has interrupted the kernel.
 */
static void int3_at_each(struct symbol *sym)
{
	mutex_lock(&text_mutex);
	smp_call_alone(alone, sym);
	mutex_unlock(&text_mutex);
}

static void call_with_stop(u64 addr)
{
	watchpoint_move(&stop, addr);
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

/* Text or copies, but for what is stopped at by name, or not at all. */
static bool may_be_stopped_at(u64 addr)
{
	struct symbol sym;

	if (addr >= SLOT_AREA && addr < IRET_DEMO_PAGE)
		return true;
	return addr >= (u64)__text_start && addr < (u64)__entry_text_end &&
	       !(symtab_find(&kernel_symtab, addr, &sym) && (is_debug_way(sym.name) || is_nmi_way(sym.name)));
}

/* A function's name, or an address as 0x…: an instruction's, of text or copies. */
static int find(const char *word, struct symbol *sym)
{
	u64 addr;

	if (word[0] == '0' && word[1] == 'x' && parse_u64(word + 2, strlen(word + 2), 16, &addr)) {
		*sym = (struct symbol){ .name = "", .start = addr, .size = 1 };
		return may_be_stopped_at(addr) ? 0 : -EINVAL;
	}
	if (!symtab_find_name(&kernel_symtab, word, sym, NULL))
		return -ENOENT;
	return is_nmi_way(word) ? -EINVAL : 0;
}

static int one_word(const char *word, bool try)
{
	struct symbol sym;
	int err = find(word, &sym);

	if (err || try)
		return err;
	if (is_debug_way(sym.name)) {
		int3_at_each(&sym);
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
