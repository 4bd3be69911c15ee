/* A backtrace from any instruction of a function names its caller, also where its frame doesn't stand yet, or no more. */
#include "kernel/backtrace.h"

#include "lib/seq.h"
#include "lib/symtab.h"
#include "tests/kernel/probe.h"

static noinline void interrupted(void) { __asm__ volatile("nop" ::: "memory"); }
#define INSIDE 9 /* the nop */
#define AT_RET 11

static noinline void its_caller(void)
{
	interrupted();
	__asm__ volatile("" ::: "memory");
}

static char text[1024];

static void expect_both(u64 off)
{
	const char *first = strchr(text, '\n'), *second = first ? strchr(first + 1, '\n') : NULL;

	EXPECT(strncmp(text, "  interrupted+", 14) == 0);
	if (!second || strncmp(first, "\n  its_caller+", 14) != 0 ||
	    strncmp(second, "\n  its_caller+", 14) == 0)
		ktest_fail(__FILE__, __LINE__, text, off, 0);
}

/*
 * @at has the frame standing; from it the registers at each boundary are known: nop, push %rbp, mov %rsp,%rbp, the rest,
 * ret. (Probed there, the bytes by which backtrace() knows them would be int3s.)
 */
static void look_from_each(struct kprobe *p, struct pt_regs *at)
{
	const u8 *code = (const u8 *)interrupted;
	const u64 *frame = (const u64 *)at->bp;
	static const u64 offs[] = { 0, 5, 6, INSIDE, AT_RET };

	EXPECT_EQ(code[AT_RET], 0xc3);
	for (size_t i = 0; i < ARRAY_SIZE(offs); i++) {
		struct pt_regs regs;
		struct seq_buf b;

		memcpy(&regs, at, sizeof(regs));
		regs.ip = (u64)code + offs[i];
		if (offs[i] != INSIDE)
			regs.bp = frame[0];
		regs.sp = (u64)(offs[i] == 6 || offs[i] == INSIDE ? frame : frame + 1);
		seq_buf_init(&b, text, sizeof(text));
		backtrace(&b.seq, &regs);
		expect_both(offs[i]);
	}
}

KTEST(backtrace, each_instruction_has_its_caller)
{
	struct kprobe p = { .addr = (u64)interrupted + INSIDE, .pre = look_from_each };

	if (!probe_on(&p))
		return;
	its_caller();
	probe_off(&p);
	EXPECT_EQ(p.hits, 1);
}
