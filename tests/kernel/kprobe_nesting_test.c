/* Hits inside handlers, copies that fault, and probes where they are allowed only on request. */
#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/text_poke.h"
#include "kernel/traps.h"
#include "lib/symtab.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"
#include "trace/guard.h"

extern const struct ex_entry __start_ex_table[], __stop_ex_table[];

CODE(adds, "", "addq %r9, %r8", "", "");
CODE(calls, "", "call adds", "", "");

static struct {
	unsigned pre, post;
} seen;

static void on_pre(struct kprobe *p, struct pt_regs *regs) { seen.pre++; }
static void on_post(struct kprobe *p, struct pt_regs *regs) { seen.post++; }

static struct machine run(const u8 *code)
{
	struct machine m = machine_pattern;

	m.flags = 0x202;
	machine_run(&m, code);
	return m;
}

static u64 inner_sum;

static u64 call_adds(void)
{
	u64 sum;

	__asm__ volatile("movl $3, %%r8d\n\tmovl $4, %%r9d\n\tcall adds\n\tmovq %%r8, %0"
			 : "=r"(sum)::"r8", "r9", "memory", "cc");
	return sum;
}

static void call_probed(struct kprobe *p, struct pt_regs *regs) { inner_sum += call_adds(); }
static void call_probed_thrice(struct kprobe *p, struct pt_regs *regs)
{
	for (int i = 0; i < 3; i++)
		inner_sum += call_adds();
}

/* The inner hits do their work without their handlers; each is one missed and one dropped. */
KTEST(kprobe, a_hit_inside_a_handler_is_executed_and_counted)
{
	struct kprobe outer = { .addr = calls_at[0], .pre = call_probed, .post = call_probed_thrice };
	struct kprobe inner = { .addr = adds_at[0], .pre = on_pre, .post = on_post };
	struct cpu_accounts before = accounts_now();
	u64 dropped = guard_dropped[GUARD_KPROBE];
	struct machine m;

	memset(&seen, 0, sizeof(seen));
	inner_sum = 0;
	if (!probe_on(&outer) || !probe_on(&inner))
		return;
	m = run(calls);
	probe_off(&inner);
	probe_off(&outer);
	EXPECT_EQ(inner_sum, 4 * 7);
	EXPECT_EQ(m.r8, machine_pattern.r8 + machine_pattern.r9);
	EXPECT_EQ(outer.hits, 1);
	EXPECT_EQ(outer.nmissed, 0);
	EXPECT_EQ(inner.hits, 1); /* by the call itself */
	EXPECT_EQ(inner.nmissed, 4);
	EXPECT_EQ(seen.pre, 1);
	EXPECT_EQ(seen.post, 1);
	EXPECT_EQ(guard_dropped[GUARD_KPROBE], dropped + 4);
	EXPECT_ACCOUNTS(before);
}

KTEST(kprobe, a_probe_hit_by_its_own_handler)
{
	struct kprobe p = { .addr = adds_at[0], .pre = call_probed_thrice };
	struct cpu_accounts before = accounts_now();

	inner_sum = 0;
	if (!probe_on(&p))
		return;
	run(adds);
	probe_off(&p);
	EXPECT_EQ(inner_sum, 3 * 7);
	EXPECT_EQ(p.hits, 1);
	EXPECT_EQ(p.nmissed, 3);
	EXPECT_ACCOUNTS(before);
}

CODE(may_fault, "xorl %eax, %eax", "movq (%r8), %r9", "movl $1, %eax\n3:", EX_TABLE(1b, 3b));

KTEST(kprobe, a_copy_that_faults_is_fixed_up_at_the_original)
{
	struct kprobe p = { .addr = may_fault_at[0], .pre = on_pre, .post = on_post };
	struct machine before = machine_pattern, after;
	struct cpu_accounts accounts = accounts_now();
	static u64 readable = 0x1234;

	memset(&seen, 0, sizeof(seen));
	if (!probe_on(&p))
		return;
	before.flags = 0xed7;
	after = before;
	machine_run(&after, may_fault); /* r8 holds a non-canonical address */
	before.ax = 0;
	before.flags = 0x646; /* from xor; direction and interrupts as they were */
	machine_expect_same("fault", 0, &after, &before);
	EXPECT_EQ(seen.pre, 1);
	EXPECT_EQ(seen.post, 0);
	EXPECT_ACCOUNTS(accounts);

	after.r8 = (u64)&readable;
	machine_run(&after, may_fault);
	EXPECT_EQ(after.ax, 1);
	EXPECT_EQ(after.r9, readable);
	EXPECT_EQ(seen.pre, 2);
	EXPECT_EQ(seen.post, 1);
	EXPECT_EQ(p.nmissed, 0);
	probe_off(&p);
	EXPECT_ACCOUNTS(accounts);
}

/* The address of the one listed instruction in a function of the kernel's own. */
static u64 listed_in(const void *function)
{
	struct symbol in;

	for (const struct ex_entry *e = __start_ex_table; e < __stop_ex_table; e++)
		if (symtab_find(&kernel_symtab, e->insn, &in) && in.start == (u64)function)
			return e->insn;
	return 0;
}

KTEST(kprobe, unsafe_opens_the_kprobes_section)
{
	struct kprobe p = { .addr = listed_in(kernel_read_nofault) };
	struct cpu_accounts before = accounts_now();
	u8 from[4] = "abc", to[4] = "";

	EXPECT(p.addr);
	kprobe_unsafe = true;
	if (probe_on(&p)) {
		EXPECT_EQ(kernel_read_nofault(to, from, 4), 0);
		EXPECT_EQ(p.hits, 4);
		EXPECT_EQ(kernel_read_nofault(to, (void *)0x8000, 4), -EFAULT);
		EXPECT_EQ(p.hits, 5);
		EXPECT_EQ(p.nmissed, 0);
		probe_off(&p);
	}
	kprobe_unsafe = false;
	EXPECT_EQ(memcmp(from, to, 4), 0);
	EXPECT_ACCOUNTS(before);
}

/* Hit on the NMI's way in, before context and RCU were told, and again on its way out. */
KTEST(kprobe, unsafe_opens_the_noinstr_section)
{
	struct kprobe p = { .addr = (u64)ist_debug_swap };
	struct cpu_accounts before = accounts_now();
	u64 nmis = nmi_count;

	kprobe_unsafe = true;
	if (probe_on(&p)) {
		nmi_expect(this_cpu(cpu_number));
		__asm__ volatile("int $2");
		probe_off(&p);
	}
	kprobe_unsafe = false;
	EXPECT_EQ(p.hits, 2);
	EXPECT_EQ(nmi_count, nmis + 1);
	EXPECT_ACCOUNTS(before);
}

KTEST(kprobe, unsafe_never_opens_the_entry_section)
{
	extern const u8 vector_stubs[], asm_exc_int3[];
	const u64 places[] = { (u64)vector_stubs, (u64)asm_exc_int3, (u64)text_poke_emergency };

	kprobe_unsafe = true;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct kprobe p = { .addr = places[i] };
		const char *why = "";

		int err = kprobe_register(&p, &why);

		EXPECT_EQ(err, -EINVAL);
		EXPECT(err && strstr(why, ".entry.text"));
		if (!err)
			kprobe_unregister(&p);
	}
	kprobe_unsafe = false;
}
