/*
 * Masami Hiramatsu's objection as an experiment: a handler that finds a flag set can't just return from its breakpoint. iret goes on behind
 * the int3, and that is in the middle of the instruction in whose place it is, or behind it without its having been run.
 */
#include "kernel/iret_demo.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/vectors.h"
#include "arch/x86/insn/insn.h"
#include "arch/x86/mm/text_poke.h"
#include "context/context.h"
#include "lib/ctl.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/vmem.h"

#define CODE_MAX 8
#define RET	 0xc3
#define FLAGS_CF 1ul

struct outcome {
	u64 ax, bx, flags;
	u64 vector; /* 0: none */
};

static const struct victim {
	const char *name;
	u8 length;
	u8 code[CODE_MAX];
} victims[] = {
	{ "five bytes, whose last four mean something else", 5, { 0xb8, 0x31, 0xdb, 0xff, 0xc3 } },
	{ "one byte", 1, { 0xf9 } },
	{ "a nop of five bytes, whose last four are one, too", 5, { 0x66, 0x66, 0x66, 0x66, 0x90 } },
	{ "the nop of a tracing site, whose last four are no instruction",
	  5,
	  { 0x0f, 0x1f, 0x44, 0x00, 0x00 } },
};

static struct outcome expected[ARRAY_SIZE(victims)], got[ARRAY_SIZE(victims)];
static bool have_page, have_run;
static struct outcome *running;
static u64 way_out;

bool iret_demo_fault(struct pt_regs *regs)
{
	if (!running || regs->ip - IRET_DEMO_PAGE >= CODE_MAX)
		return false;
	running->vector = regs->vector;
	regs->ip = way_out;
	return true;
}

/* With 1 in eax, 2 in ebx and no carry. It can change nothing but these: that is how its bytes were chosen, whatever they are taken for. */
static void run(struct outcome *o)
{
	u64 ax = 1, bx = 2, flags;

	*o = (struct outcome){ 0 };
	running = o;
	__asm__ volatile("clc\n\tcall *%3\n\tpushfq\n\tpopq %2"
			 : "+a"(ax), "+b"(bx), "=r"(flags)
			 : "r"(IRET_DEMO_PAGE)
			 : "memory", "cc");
	running = NULL;
	o->ax = ax;
	o->bx = bx;
	o->flags = flags & FLAGS_CF;
}

/* Once as it is, once with an int3, and then there is nothing but int3s again. */
static void try_one(const struct victim *v, struct outcome *e, struct outcome *g)
{
	static const u8 int3 = INT3_BYTE;
	u8 code[CODE_MAX];

	memcpy(code, v->code, CODE_MAX);
	code[v->length] = RET;
	way_out = IRET_DEMO_PAGE + v->length;
	text_poke((void *)IRET_DEMO_PAGE, code, CODE_MAX);
	run(e);
	text_poke((void *)IRET_DEMO_PAGE, &int3, 1);
	run(g);
	memset(code, INT3_BYTE, CODE_MAX);
	text_poke((void *)IRET_DEMO_PAGE, code, CODE_MAX);
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	int err = have_page ? 0 : text_page_alloc(IRET_DEMO_PAGE, INT3_BYTE);

	if (err)
		return err;
	have_page = true;
	for (size_t i = 0; i < ARRAY_SIZE(victims); i++)
		try_one(&victims[i], &expected[i], &got[i]);
	have_run = true;
	return 0;
}

static void show_bytes(struct seq *out, const u8 *code, size_t n)
{
	char buf[3 * CODE_MAX + 1] = "";

	for (size_t i = 0; i < n; i++)
		snprintf(buf + 3 * i, sizeof(buf) - 3 * i, "%02x ", code[i]);
	seq_printf(out, "%-16s", buf);
}

/* The instructions in @code from byte @from on. */
static void show_insns(struct seq *out, const char *what, const struct victim *v, u8 from)
{
	u8 code[INSN_MAX_LENGTH + CODE_MAX] = { 0 };
	struct insn insn;
	char text[64];

	memcpy(code, v->code, v->length);
	if (from == v->length)
		seq_printf(out, "  %-14s nothing: it is passed over\n", what);
	for (; from < v->length; from += insn.length, what = "") {
		if (insn_decode(&insn, code + from, INSN_MAX_LENGTH) != 0 || from + insn.length > v->length) {
			insn.length = v->length - from;
			strscpy(text, "(bad)", sizeof(text));
		} else {
			insn_format(text, sizeof(text), &insn, IRET_DEMO_PAGE + from, code + from);
		}
		seq_printf(out, "  %-14s ", what);
		show_bytes(out, code + from, insn.length);
		seq_printf(out, "%s\n", text);
	}
}

static void show_outcome(struct seq *out, const char *what, const struct outcome *o)
{
	char name[8];

	seq_printf(out, "  %-14s eax %lx, ebx %lx, carry %lu", what, o->ax, o->bx, o->flags);
	if (o->vector)
		seq_printf(out, ", and %s", vector_name((unsigned)o->vector, name));
	seq_putc(out, '\n');
}

static int show(struct seq *out, const struct ctl_file *self)
{
	for (size_t i = 0; have_run && i < ARRAY_SIZE(victims); i++) {
		const struct victim *v = &victims[i];
		u8 patched[CODE_MAX];
		bool same = memcmp(&expected[i], &got[i], sizeof(got[i])) == 0;

		memcpy(patched, v->code, CODE_MAX);
		patched[0] = INT3_BYTE;
		seq_printf(out, "%s\n", v->name);
		show_insns(out, "instruction", v, 0);
		seq_printf(out, "  %-14s ", "with its int3");
		show_bytes(out, patched, v->length);
		seq_printf(out, "\n  %-14s +1\n", "iret goes on at");
		show_insns(out, "executed", v, 1);
		show_outcome(out, "should be", &expected[i]);
		show_outcome(out, "is", &got[i]);
		seq_printf(out, "  %s\n", same ? "no harm done" : "DAMAGED");
	}
	if (!have_run)
		seq_puts(out, "not run\n");
	return 0;
}
CTL_FILE(ctl_recursion_iret_demo, .path = "recursion/iret_demo", .show = show, .store = store);
