/* Ring 3 for tests: two pages, what an exception from there does, and a file that has one which nobody takes. */
#include "tests/kernel/ring3.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/black_box.h"
#include "arch/x86/entry/desc.h"
#include "arch/x86/entry/vectors.h"
#include "context/context.h"
#include "kernel/traps.h"
#include "lib/ctl.h"
#include "lib/ktest.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "sched/thread.h"
#include "tests/kernel/user_page.h"

#define CODE_PAGE  0
#define WORDS_PAGE 1

/* A CPU's part of the second page, which the user may write and nobody may run. ring3.asm knows the first two. */
struct words {
	u32 leave, rounds;
	u64 stack[63];
};
static_assert(sizeof(struct words) * NR_CPUS == PAGE_SIZE, "a page for all CPUs");

extern const u8 ring3_programs_end[];
void __noreturn ring3_back(void);
void ring3_enter(u64 ip, u64 sp, u64 words, u64 arg);

void (*ring3_witness)(struct pt_regs *regs);
static u64 code, words; /* frames */
static DEFINE_PER_CPU(u64, ended_by);

static struct words *words_of(u32 cpu) { return (struct words *)phys_to_virt(words) + cpu; }

/*
 * user_trap: the run is over. Back to where ring3_enter() left its registers, out of the middle of the trap: notrace, or a tracer
 * would wait for the return.
 */
static notrace bool end_run(struct pt_regs *regs)
{
	if (ring3_witness)
		ring3_witness(regs);
	this_cpu(ended_by) = regs->vector;
	ring3_back();
}

/* The gate's second word holds the DPL (SDM vol. 3, figure 6-8). */
void ring3_open_gate(u8 vector, bool open)
{
	struct {
		u16 limit;
		u64 base;
	} __packed idt;
	u32 *word;

	__asm__ volatile("sidt %0" : "=m"(idt));
	word = (u32 *)(idt.base + 16 * vector + 4);
	*word = open ? *word | 3u << 13 : *word & ~(3u << 13);
}

bool ring3_make(void)
{
	code = frame_alloc();
	words = frame_alloc();
	if (!code || !words) {
		ktest_fail(__FILE__, __LINE__, "no frame", code, words);
		return false;
	}
	/* No name is both executable and writable: written first, then taken out of the direct map, then mapped. */
	memcpy(phys_to_virt(code), ring3_programs, (u64)(ring3_programs_end - ring3_programs));
	if (direct_map_hide(code) != 0 || !user_pages_make())
		return false;
	user_pages_map(CODE_PAGE, code, PAGE_RX);
	user_pages_map(WORDS_PAGE, words, PAGE_RW);
	ring3_open_gate(X86_TRAP_NMI, true);
	user_trap = end_run;
	return true;
}

void ring3_drop(void)
{
	user_trap = NULL;
	ring3_open_gate(X86_TRAP_NMI, false);
	user_pages_drop();
	direct_map_show(code);
	frames_free(code, 1);
	frames_free(words, 1);
}

u64 ring3_words(void)
{
	return USER_PAGE + WORDS_PAGE * PAGE_SIZE + this_cpu(cpu_number) * sizeof(struct words);
}

u64 ring3_run(const u8 *program, u64 arg)
{
	u64 flags, mine, vector;
	u32 depth;

	preempt_disable();
	flags = local_irq_save();
	depth = this_cpu(bb_depth);
	mine = ring3_words();
	ring3_enter(USER_PAGE + (u64)(program - ring3_programs), mine + sizeof(struct words), mine, arg);
	this_cpu(bb_depth) =
		depth; /* a stub has counted itself, but for the step over a system call there was none */
	WRITE_ONCE(words_of(this_cpu(cpu_number))->leave, 0);
	vector = this_cpu(ended_by);
	local_irq_restore(flags);
	preempt_enable();
	return vector;
}

void ring3_leave(u32 cpu) { WRITE_ONCE(words_of(cpu)->leave, 1); }

void ring3_wait(u32 cpu)
{
	u32 before = READ_ONCE(words_of(cpu)->rounds);

	/* One that had begun before may end at once; the next has begun in ring 3 and now. */
	while (READ_ONCE(words_of(cpu)->rounds) - before < 2)
		cpu_relax();
}

/* In a thread of its own, since whoever writes the file may belong to a process, which would take the fault. */
static int die_of(void *program)
{
	user_trap = NULL;
	ring3_run(program, (u64)boot_pml4);
	return 0;
}

/* Dies of it. */
static int user_fault_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	static const struct {
		const char *name;
		const u8 *program;
	} ways[] = {
		{ "ud", ring3_ud }, { "int3", ring3_int3 }, { "step", ring3_step }, { "read", ring3_read }
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct thread *t;

		if (strncmp(text, ways[i].name, strlen(ways[i].name)) != 0)
			continue;
		t = ring3_make() ? thread_create("user-fault", die_of, (void *)ways[i].program,
						 current()->priority, CPU_MASK_ALL)
				 : NULL;
		return t ? thread_join(t) : -ENOMEM;
	}
	return -EINVAL;
}
CTL_FILE(ctl_test_user_fault, .path = "test/user-fault", .store = user_fault_store, .test_only = true);
