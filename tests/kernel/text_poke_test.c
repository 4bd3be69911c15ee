/* Live patching: text changes under whoever runs it, and each caller runs the old code or the new. */
#include "arch/x86/mm/text_poke.h"

#include "arch/x86/cpu/regs.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/paging.h"
#include "mm/frames.h"
#include "sched/thread.h"
#include "tests/kernel/crowd.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"

#define UNUSED (SLOT_AREA + 0x3000000) /* beyond all slots */

static const u8 nop5[SITE_SIZE] = NOP5;

/* Returns how often the site in it called poke_target: 0 or 1. */
u64 poke_me(void);
CODE(poke_target, "", "incq %rax", "", "");
__asm__(".pushsection .text\n.type poke_me, @function\npoke_me:\n\txorl %eax, %eax\n"
	"poke_site:\n\t.byte 0x0f, 0x1f, 0x44, 0, 0\n\tret\n.size poke_me, . - poke_me\n" POKED_SITE(
		poke_site) ".popsection");
extern u8 poke_site[];

static void branch_bytes(u8 bytes[SITE_SIZE], u8 opcode, u64 site, u64 target)
{
	u32 offset = (u32)(target - (site + SITE_SIZE));

	bytes[0] = opcode;
	memcpy(bytes + 1, &offset, sizeof(offset));
}

static void call_bytes(u8 bytes[SITE_SIZE], u64 site, u64 target)
{
	branch_bytes(bytes, CALL32_BYTE, site, target);
}

KTEST(text_poke, a_site_there_and_back_a_hundred_times)
{
	u8 call[SITE_SIZE];

	call_bytes(call, (u64)poke_site, (u64)poke_target);
	for (int i = 0; i < 100; i++) {
		EXPECT_EQ(poke_me(), 0);
		text_poke_bp(poke_site, call);
		EXPECT_EQ(poke_me(), 1);
		text_poke_bp(poke_site, nop5);
	}
	EXPECT_EQ(poke_me(), 0);
	EXPECT_EQ(memcmp(poke_site, nop5, SITE_SIZE), 0);
}

KTEST(text_poke, interrupts_are_as_they_were)
{
	local_irq_disable();
	text_poke(poke_site, nop5, 1);
	EXPECT(!irqs_enabled());
	local_irq_enable();
	text_poke(poke_site, nop5, 1);
	EXPECT(irqs_enabled());
}

KTEST(text_poke, tables_and_alias_are_gone_afterwards)
{
	u64 cr3 = read_cr3();
	u8 byte;

	text_poke(poke_site, nop5, SITE_SIZE);
	EXPECT_EQ(read_cr3(), cr3);
	EXPECT_EQ(cr3, (u64)boot_pml4 - KERNEL_BASE);
	for (u64 va = 0; va < 8 * PAGE_SIZE; va += PAGE_SIZE)
		EXPECT(kernel_read_nofault(&byte, (void *)va, 1) != 0);
	EXPECT(kernel_write_nofault(poke_site, 0) != 0);
}

/* Two frames that aren't neighbours, executable, never writable by any name: as probe slots are made. */
static bool make_text(u64 pa[2])
{
	u64 between;

	pa[0] = frame_alloc();
	between = frame_alloc();
	pa[1] = frame_alloc();
	frames_free(between, 1);
	for (int i = 0; i < 2; i++) {
		if (direct_map_hide(pa[i]) != 0 ||
		    map_pages(UNUSED + (u64)i * PAGE_SIZE, pa[i], 1, PAGE_RX) != 0)
			return false;
	}
	return true;
}

static void drop_text(const u64 pa[2])
{
	unmap_pages(UNUSED, 2);
	for (int i = 0; i < 2; i++) {
		direct_map_show(pa[i]);
		frames_free(pa[i], 1);
	}
}

KTEST(text_poke, across_a_page_boundary)
{
	static const u8 ret = 0xc3;
	u64 pa[2];

	EXPECT(make_text(pa));
	for (u64 before = 1; before < SITE_SIZE; before++) {
		u64 site = UNUSED + PAGE_SIZE - before;
		struct machine m = machine_pattern;
		u8 bytes[SITE_SIZE];

		call_bytes(bytes, site, (u64)poke_target);
		text_poke((void *)(site + SITE_SIZE), &ret, 1);
		text_poke((void *)site, bytes, SITE_SIZE);
		EXPECT_EQ(memcmp((void *)site, bytes, SITE_SIZE), 0);
		m.flags = 2;
		machine_run(&m, (void *)site);
		EXPECT_EQ(m.ax, machine_pattern.ax + 1);
		text_poke_bp((void *)site, nop5);
		EXPECT_EQ(memcmp((void *)site, nop5, SITE_SIZE), 0);
	}
	drop_text(pa);
}

/*
 * The window of text_poke_bp(), made wide: a probe on text_poke_round(), which it calls for the
 * int3, for the tail and for the first byte, has its handler run the site being patched.
 */
static struct {
	unsigned calls;
	u64 result[3];
	u8 first_byte[3];
	struct machine before, after[3];
} window;

static void run_site(struct kprobe *p, struct pt_regs *regs)
{
	unsigned n = window.calls;

	if (((const struct text_exchange *)regs->di)->addr != (u64)poke_site || n == 3)
		return;
	window.calls++;
	window.first_byte[n] = *poke_site;
	window.result[n] = poke_me();
	window.after[n] = window.before;
	machine_run(&window.after[n], poke_site);
}

static void patch_with_window(const u8 bytes[SITE_SIZE])
{
	struct kprobe p = { .addr = (u64)text_poke_round, .pre = run_site, .technique = KPROBE_INT3 };
	bool unsafe = kprobe_unsafe;

	window.calls = 0;
	window.before = machine_pattern;
	window.before.flags = 0x046;
	kprobe_unsafe = true;
	if (probe_on(&p)) {
		text_poke_bp(poke_site, bytes);
		probe_off(&p);
	}
	kprobe_unsafe = unsafe;
	EXPECT_EQ(window.calls, 3);
	EXPECT_EQ(window.first_byte[1], INT3_BYTE);
	EXPECT_EQ(window.first_byte[2], INT3_BYTE);
	for (int i = 0; i < 3; i++) {
		window.before.ax = machine_pattern.ax + window.result[i];
		window.after[i].flags = window.before.flags; /* the target's inc sets them */
		machine_expect_same("in the window", i, &window.after[i], &window.before);
	}
}

KTEST(text_poke, in_the_window_the_new_instruction_is_emulated)
{
	struct cpu_accounts before = accounts_now();
	u8 call[SITE_SIZE];

	call_bytes(call, (u64)poke_site, (u64)poke_target);
	patch_with_window(call);
	EXPECT_EQ(window.result[0], 0);
	EXPECT_EQ(window.result[1], 1);
	EXPECT_EQ(window.result[2], 1);
	EXPECT_EQ(poke_me(), 1);

	patch_with_window(nop5);
	EXPECT_EQ(window.result[0], 1);
	EXPECT_EQ(window.result[1], 0);
	EXPECT_EQ(window.result[2], 0);
	EXPECT_EQ(poke_me(), 0);
	EXPECT_ACCOUNTS(before);
}

/* A jump leaves nothing on the stack: the target's ret is the site's. Back and forth, so with both signs. */
static void jump_in_the_window(const void *target)
{
	u8 jump[SITE_SIZE];

	branch_bytes(jump, JMP32_BYTE, (u64)poke_site, (u64)target);
	patch_with_window(jump);
	EXPECT_EQ(window.result[0], 0);
	EXPECT_EQ(window.result[1], 1);
	EXPECT_EQ(window.result[2], 1);
	EXPECT_EQ(poke_me(), 1);
	text_poke_bp(poke_site, nop5);
}

void poke_target_behind(void);
__asm__(".pushsection .text\npoke_target_behind:\n\tincq %rax\n\tret\n.popsection");

KTEST(text_poke, in_the_window_a_jump_is_emulated)
{
	EXPECT(((u64)poke_target < (u64)poke_site) != ((u64)poke_target_behind < (u64)poke_site));
	jump_in_the_window(poke_target);
	jump_in_the_window((const void *)poke_target_behind);
	EXPECT_EQ(poke_me(), 0);
}

/* text_poke() inside text_poke(): a probe on its store, hit while its tables are loaded, pokes another place. */
CODE(poked_inside, "", "movb $1, %al", "", POKED_SITE(poked_inside));
static unsigned inner_pokes;

static void poke_inside(struct kprobe *p, struct pt_regs *regs)
{
	u8 immediate = 2;

	if (read_cr3() != (u64)boot_pml4 - KERNEL_BASE && inner_pokes++ == 0)
		text_poke((void *)(poked_inside_at[0] + 1), &immediate, 1);
}

/* The first `mov %r8, (...)` in text_poke(): its loop's body. */
static u64 store_in_text_poke(void)
{
	struct insn insn;
	u64 at = (u64)text_poke;

	do {
		if (insn_decode(&insn, (const u8 *)at, INSN_MAX_LENGTH) != 0)
			return 0;
		at += insn.length;
	} while (insn.map != 0 || insn.opcode != 0x88);
	return at - insn.length;
}

KTEST(text_poke, pokes_nest)
{
	struct kprobe p = { .addr = store_in_text_poke(), .pre = poke_inside };
	static const u8 one = 1;
	u8 call[SITE_SIZE];

	inner_pokes = 0;
	call_bytes(call, (u64)poke_site, (u64)poke_target);
	kprobe_unsafe = true;
	if (probe_on(&p)) {
		text_poke(poke_site, call, SITE_SIZE);
		probe_off(&p);
	}
	kprobe_unsafe = false;
	EXPECT(inner_pokes);
	EXPECT_EQ(memcmp(poke_site, call, SITE_SIZE), 0);
	EXPECT_EQ(poked_inside[1], 2);
	text_poke(poke_site, nop5, SITE_SIZE);
	text_poke((void *)(poked_inside_at[0] + 1), &one, 1);
}

#define PATIENCE 10000000

static volatile bool poking, refreshed;
static bool in_time;

/* In the middle of a poke, under its lock. */
static void wait_for_refresh(void *addr, u64 alias)
{
	poking = true;
	for (unsigned n = 0; !refreshed && n < PATIENCE; n++)
		cpu_relax();
	in_time = refreshed;
}

static int refresh(void *arg)
{
	u64 flags;

	while (!poking)
		cpu_relax();
	flags = local_irq_save(); /* and it serves no call meanwhile: only the refresh itself can come to its end */
	text_refresh(poke_site);
	refreshed = true;
	local_irq_restore(flags);
	return 0;
}

KTEST(text_poke, a_refresh_waits_for_no_poke)
{
	struct thread *t;

	EXPECT_EQ(thread_set_affinity(1), 0);
	text_refresh(poke_site);
	EXPECT_EQ(memcmp(poke_site, nop5, SITE_SIZE), 0);
	if (crowd_cpus() > 1) {
		poking = refreshed = in_time = false;
		t = thread_create("refresh", refresh, NULL, PRIORITY_DEFAULT, 1u << crowd_next_cpu(0));
		EXPECT(t);
		text_poke_observer = wait_for_refresh;
		text_poke(poke_site, nop5, 1);
		text_poke_observer = NULL;
		EXPECT(in_time);
		thread_join(t);
	}
	thread_set_affinity(CPU_MASK_ALL);
}
