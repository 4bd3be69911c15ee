/* Where no jump may be, and why: each proof that one needs fails somewhere. */
#include "abi/errno.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/text_poke.h"
#include "ftrace/ftrace.h"
#include "ftrace/static_key.h"
#include "lib/symtab.h"
#include "sched/thread.h"
#include "tests/kernel/kprobe_jumps.h"
#include "tracefs/tracefs.h"

extern const u8 __text_start[], __text_end[];

/* Each counts itself in rax. */
CODE(jt_branch, "", "incq %rax", "3:\tincq %rax\n\tincl %eax\n\tcmpq $4, %rax\n\tjb 3b", "");
CODE(jt_indirect, "leaq 3f(%rip), %rcx\n\tjmp *%rcx\n3:", "incq %rax", "incq %rax", "");
CODE(jt_end, "", "incq %rax", "nop", "");
CODE(jt_last, "incq %rax", "incq %rax", "", "");
CODE(jt_call, "", "incq %rax", "call jt_four", "");
CODE(jt_expected, "movq %rsp, %rcx", "incq %rax", "movq (%rcx), %rcx\n4:\tincq %rax", EX_TABLE(2b, 4b));
CODE(jt_landing, "movq %rsp, %rcx\n3:\tmovq (%rcx), %rcx", "incq %rax", "incq %rax", EX_TABLE(3b, 2b));
CODE(jt_pushf, "", "pushfq", "popfq\n\tincq %rax\n\tincq %rax", "");
CODE(jt_poked, "", "incq %rax", "incq %rax\n\tincq %rax", POKED_SITE(2b));
/* A branch from elsewhere, never taken. */
CODE(jt_elsewhere, "", "incq %rax", "incq %rax\n\tincq %rax", "");
CODE(jt_comes, "", "incq %rax", "testq %rsp, %rsp\n\tjz jt_elsewhere + 3", "");
/* It runs on into nowhere. */
__asm__(".pushsection .text\n.type jt_open, @function\njt_open: incq %rax\n.size jt_open, . - jt_open\n\tud2\n.popsection");
extern const u8 jt_open[];

static struct static_key jt_key;
static noinline u64 jt_keyed(u64 x)
{
	if (static_branch_unlikely(&jt_key))
		x += 1000;
	return x + 1;
}
static noinline u64 jt_traced(u64 x) { return x * 3 + 1; }

static void refuse(const char *name, u64 addr, const char *reason, enum kprobe_technique technique)
{
	struct kprobe p = { .addr = addr, .technique = technique };
	const char *why = "";
	int err = kprobe_register(&p, &why);

	if (!err)
		kprobe_unregister(&p);
	if (err != -EINVAL || !strstr(why, reason)) {
		ktest_fail(name, 0, why, (u64)(s64)err, (u64)(s64)-EINVAL);
		ktest_comment("%s: \"%s\", and not \"%s\"", name, why, reason);
	}
}

/* Where the instruction that touches @at begins, going from the function's start. */
static u64 before(const void *function, u64 at)
{
	u64 ip = (u64)function, last = ip;
	struct insn insn;
	u8 bytes[INSN_MAX_LENGTH];

	for (; ip < at; ip += insn.length) {
		last = ip;
		if (kprobe_decode(ip, INSN_MAX_LENGTH, bytes, &insn) != 0)
			return 0;
	}
	return last;
}

static u64 key_site(void)
{
	struct symbol f;

	symtab_find(&kernel_symtab, (u64)jt_keyed, &f);
	for (u64 at = f.start; at < f.start + f.size; at++)
		if (static_site_at(at))
			return at;
	return 0;
}

/* A function of the image that opens users' pages. */
static u64 opens_users_pages(void)
{
	extern const u64 __start_smap_sites[], __stop_smap_sites[];
	struct symbol f;

	for (const u64 *s = __start_smap_sites; s < __stop_smap_sites; s++)
		if (*s - (u64)__text_start < (u64)(__text_end - __text_start) &&
		    symtab_find(&kernel_symtab, *s, &f))
			return f.start;
	return 0;
}

KTEST(kprobe_jump, the_file_technique_refuses_as_a_probe_does)
{
	u64 opens = opens_users_pages();

	refuse("opens users' pages", opens, "opens users' pages", KPROBE_JUMP);
	EXPECT_EQ(tracefs_write(TRACEFS_MOUNT "/kprobes/technique", "jump", 4, false), 0);
	refuse("by the file", opens, "opens users' pages", KPROBE_AUTO);
	refuse("another by the file", jt_branch_at[0], "a branch leads into", KPROBE_AUTO);
	EXPECT_EQ(tracefs_write(TRACEFS_MOUNT "/kprobes/technique", "auto", 4, false), 0);
}

KTEST(kprobe_jump, what_is_refused_and_why)
{
	struct kprobe within = { .addr = (u64)jt_four + 3 };

	refuse("branch", jt_branch_at[0], "a branch leads into", KPROBE_JUMP);
	refuse("branch from elsewhere", jt_elsewhere_at[0], "a branch leads into", KPROBE_JUMP);
	refuse("indirect", jt_indirect_at[0], "an indirect jump", KPROBE_JUMP);
	refuse("function's end", (u64)jt_open, "the function ends within", KPROBE_JUMP);
	refuse("last", jt_last_at[0], "can't run from a copy", KPROBE_JUMP);
	refuse("return", jt_end_at[0], "can't run from a copy", KPROBE_JUMP);
	refuse("call", jt_call_at[0], "can't run from a copy", KPROBE_JUMP);
	refuse("itself", jt_pushf_at[0], "can't run from a copy", KPROBE_JUMP);
	refuse("expected fault", jt_expected_at[0], "is expected to fault", KPROBE_JUMP);
	refuse("fault's way out", jt_landing_at[0], "a fault's way out", KPROBE_JUMP);
	refuse("exchanged by itself", jt_poked_at[0], "its function exchanges", KPROBE_JUMP);
	refuse("exchanged itself", jt_poked_at[1], "Its function exchanges these bytes", KPROBE_AUTO);
	refuse("static key", before(jt_keyed, key_site()), "a static key's branch", KPROBE_JUMP);
	refuse("entry", (u64)jt_traced, "the function tracer's site", KPROBE_JUMP);
	refuse("scheduler", (u64)preempt_schedule, "a detour itself may end there", KPROBE_JUMP);
	kprobe_unsafe = true;
	refuse("hidden", (u64)text_poke, "hidden code", KPROBE_JUMP);
	kprobe_unsafe = false;
	if (!probe_on(&within))
		return;
	refuse("another probe", (u64)jt_four, "another probe", KPROBE_JUMP);
	probe_off(&within);
}
