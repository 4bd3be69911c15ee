/*
 * Users' pages are closed to the kernel but between user_access_begin() and _end(), and what interrupts these
 * finds them closed. The same tests where the CPU has no SMAP: there nothing faults, and no instruction is missing.
 */
#include "arch/x86/cpu/smap.h"

#include "abi/errno.h"
#include "arch/x86/cpu/features.h"
#include "arch/x86/cpu/pic.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/extable.h"
#include "kernel/traps.h"
#include "lib/ktest.h"
#include "mm/frames.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/user_page.h"

#define X86_EFLAGS_AC (1ul << 18)

static u64 frame;

static bool user_page_map(void)
{
	if (!user_pages_make())
		return false;
	frame = frame_alloc();
	EXPECT(frame);
	memset(phys_to_virt(frame), 0x5a, PAGE_SIZE);
	user_pages_map(0, frame, PAGE_RW);
	return true;
}

static void user_page_unmap(void)
{
	user_pages_drop();
	frames_free(frame, 1);
}

/* What becomes of a read of the user's page: 0x5a, or a negative errno. */
static int try_read(void)
{
	u8 byte = 0;
	int err = kernel_read_nofault(&byte, (void *)USER_PAGE, 1);

	return err ? err : byte;
}

/* As it is when the page is closed. */
static int closed(void) { return cpu_has_smap() ? -EFAULT : 0x5a; }

static bool ac_set(void)
{
	u64 flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags));
	return flags & X86_EFLAGS_AC;
}

KTEST(smap, users_pages_are_closed_but_in_between)
{
	if (!user_page_map())
		return;
	EXPECT_EQ(try_read(), closed());
	user_access_begin();
	EXPECT_EQ(ac_set(), cpu_has_smap());
	EXPECT_EQ(try_read(), 0x5a);
	EXPECT_EQ(kernel_write_nofault((void *)USER_PAGE, 0x5a), 0);
	user_access_end();
	EXPECT(!ac_set());
	EXPECT_EQ(try_read(), closed());
	user_page_unmap();
}

static int inside;
static bool ac_inside;
static void read_in_handler(struct kprobe *p, struct pt_regs *regs)
{
	inside = try_read();
	ac_inside = ac_set();
}
static void read_in_irq(void) { read_in_handler(NULL, NULL); }

/* Each kind of stub: closed inside, and open again when it has returned. */
static void expect_closed_inside(const char *name)
{
	int after = try_read();
	bool ac = ac_set();

	user_access_end();
	if (inside != closed() || ac_inside)
		ktest_fail(name, 0, "read inside", (u64)(s64)inside, (u64)(s64)closed());
	if (after != 0x5a || ac != cpu_has_smap())
		ktest_fail(name, 0, "read after it", (u64)(s64)after, 0x5a);
	inside = 0;
}

CODE(smap_target, "", "nop", "", "");
#define IRQ 5

/* Assembly that calls C, or is interrupted by what does, from where the compiler expects nothing. */
#define RUN(insn) \
	__asm__ volatile(insn ::: "memory", "cc", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11")

static void test_step(const char *name, struct kprobe *p)
{
	if (!probe_on(p))
		return;
	user_access_begin();
	RUN("call smap_target");
	expect_closed_inside(name);
	probe_off(p);
}

KTEST(smap, handlers_find_them_closed)
{
	struct kprobe pre = { .addr = smap_target_at[0], .pre = read_in_handler };
	struct kprobe post = { .addr = smap_target_at[0], .post = read_in_handler, .technique = KPROBE_STEP };

	if (!user_page_map())
		return;
	test_step("int3", &pre);
	test_step("#DB", &post);
	irq_set_handler(IRQ, read_in_irq);
	pic_mask(IRQ);
	user_access_begin();
	RUN("int $0x25");
	expect_closed_inside("irq");
	irq_set_handler(IRQ, NULL);
	pic_mask(IRQ);
	user_page_unmap();
}

/* A probe inside a handler sees the handler's flags: the other stubs, also those whose C has no place for a test. */
static u64 flags_in_handler;
static void note_flags(struct kprobe *p, struct pt_regs *regs) { flags_in_handler |= regs->flags; }

#define TRAP_WITH_AC(insn, listed)                           \
	do {                                                 \
		flags_in_handler = 0;                        \
		user_access_begin();                         \
		RUN("1:\t" insn "\n2:\t" listed);            \
		EXPECT_EQ(ac_set(), cpu_has_smap());         \
		user_access_end();                           \
		EXPECT(flags_in_handler);                    \
		EXPECT(!(flags_in_handler & X86_EFLAGS_AC)); \
	} while (0)

KTEST(smap, every_stub_closes)
{
	struct kprobe expected = { .addr = (u64)extable_fixup, .pre = note_flags, .technique = KPROBE_INT3 };
	struct kprobe nmi = { .addr = (u64)nmi_arrived, .pre = note_flags, .technique = KPROBE_INT3 };

	kprobe_unsafe = true;
	if (probe_on(&expected)) {
		TRAP_WITH_AC("ud2", EX_TABLE(1b, 2b));
		TRAP_WITH_AC("int $18", EX_TABLE(2b, 2b));
		probe_off(&expected);
	}
	if (probe_on(&nmi)) {
		TRAP_WITH_AC("int $2", "");
		probe_off(&nmi);
	}
	kprobe_unsafe = false;
}

#define SITE ".pushsection .smap_sites, \"a\"\n.balign 8\n.quad 1b\n.popsection\n"
CODE(smap_open, "", ".byte 0x0f, 0x1f, 0xcb", "pushfq; popq %rax", SITE);
CODE(smap_close, "", ".byte 0x0f, 0x1f, 0xca", "pushfq; popq %rax", SITE);

static u64 flags_after_open(void)
{
	u64 flags;

	__asm__ volatile("call smap_open" : "=a"(flags)::"memory", "cc");
	return flags;
}
static u64 flags_after_close(void)
{
	u64 flags;

	__asm__ volatile("call smap_close" : "=a"(flags)::"memory", "cc");
	return flags;
}

/* What stands there may be probed like anything else, whichever of the two it is. */
KTEST(smap, a_probe_on_a_site)
{
	struct kprobe opening = { .addr = smap_open_at[0], .pre = read_in_handler };
	struct kprobe closing = { .addr = smap_close_at[0], .pre = read_in_handler };
	u64 ac = cpu_has_smap() ? X86_EFLAGS_AC : 0;

	EXPECT_EQ(*(const u8 *)(smap_open_at[0] + 1), ac ? 0x01 : 0x1f);
	EXPECT_EQ(*(const u8 *)(smap_close_at[0] + 1), ac ? 0x01 : 0x1f);
	if (!user_page_map())
		return;
	if (probe_on(&opening) && probe_on(&closing)) {
		EXPECT_EQ(flags_after_open() & X86_EFLAGS_AC, ac);
		EXPECT_EQ(inside, closed());
		EXPECT_EQ(try_read(), 0x5a);
		EXPECT_EQ(flags_after_close() & X86_EFLAGS_AC, 0);
		EXPECT_EQ(inside, closed());
		EXPECT_EQ(try_read(), closed());
		EXPECT_EQ(opening.hits, 1);
		EXPECT_EQ(closing.hits, 1);
		probe_off(&opening);
		probe_off(&closing);
	}
	user_page_unmap();
}
