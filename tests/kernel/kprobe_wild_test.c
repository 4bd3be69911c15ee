/* Probes on branches to where no code can be: they fault as they do without, and where they do. */
#include "arch/x86/mm/extable.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"

/*
 * Some CPUs fault at the branch, with nothing done; others, and the emulator, when it has been done, at an address that
 * isn't one. rdx is how far the stack pointer has come.
 */
#define WILD(name, n, before, branch)                                                    \
	CODE(name, "movq %rsp, %r11\n\t" before, branch,                                 \
	     "movl $1, %eax\n3:\tmovq %rsp, %rdx\n\tsubq %r11, %rdx\n\tmovq %r11, %rsp", \
	     EX_TABLE(1b, 3b) "\n" EX_TABLE(0x900000000000000##n, 3b))
WILD(wild_ret, 0, "pushq %rcx", "ret");
WILD(wild_call, 1, "", "call *%rcx");
WILD(wild_jmp, 2, "", "jmp *%rcx");
WILD(wild_call_memory, 3, "", "call *(%rdi)");
WILD(wild_jmp_memory, 4, "", "jmp *(%rdi)");

static const struct {
	const u8 *code;
	const u64 *at;
} codes[] = { { wild_ret, wild_ret_at },
	      { wild_call, wild_call_at },
	      { wild_jmp, wild_jmp_at },
	      { wild_call_memory, wild_call_memory_at },
	      { wild_jmp_memory, wild_jmp_memory_at } };

static struct machine run(size_t i)
{
	static u64 cell;
	struct machine m = machine_pattern;

	cell = m.cx = 0x9000000000000000 + i;
	m.di = (u64)&cell;
	m.flags = 0x202;
	m.dx = 0;
	machine_run(&m, codes[i].code);
	return m;
}

static u64 pres, posts;
static void on_pre(struct kprobe *p, struct pt_regs *regs) { pres++; }
static void on_post(struct kprobe *p, struct pt_regs *regs) { posts++; }

KTEST(kprobe, branches_to_nowhere)
{
	static const enum kprobe_technique ways[] = { KPROBE_AUTO, KPROBE_EMULATE, KPROBE_STEP };
	struct cpu_accounts before = accounts_now();

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
			struct kprobe p = { .addr = codes[i].at[0], .pre = on_pre, .technique = ways[w] };
			struct machine plain = run(i), probed;
			const char *why;

			pres = posts = 0;
			if (ways[w] != KPROBE_STEP)
				p.post = on_post;
			if (kprobe_register(&p, &why) != 0) {
				EXPECT_EQ(ways[w], KPROBE_EMULATE);
				continue;
			}
			EXPECT_EQ(kprobe_arm(&p), 0);
			probed = run(i);
			probe_off(&p);
			machine_expect_same("branch", (int)(i * 3 + w), &probed, &plain);
			EXPECT(plain.ax != 1);
			EXPECT_EQ(pres, 1);
			EXPECT_EQ(posts, 0);
			EXPECT_ACCOUNTS(before);
		}
}
