/* Stacks made at run time: their limits, their guards, and that the kernel works on them. */
#include "abi/errno.h"
#include "arch/x86/mm/extable.h"
#include "arch/x86/mm/paging.h"
#include "arch/x86/mm/text_poke.h"
#include "lib/bitmap.h"
#include "lib/bug.h"
#include "lib/compiler.h"
#include "lib/ctl.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "mm/vmem.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/probe.h"

static struct kstack *new_stack(size_t size)
{
	struct kstack *s = kstack_alloc(size);

	BUG_ON(!s);
	return s;
}

KTEST(vmem, a_stack_is_memory_above_a_guard)
{
	struct kstack *s = new_stack(TASK_STACK_SIZE), *other = new_stack(PAGE_SIZE);
	u64 pa;

	EXPECT(s != other);
	EXPECT_EQ(s->top - s->base, TASK_STACK_SIZE);
	EXPECT(s->base - s->guard >= GUARD_SIZE);
	EXPECT_EQ(strcmp(s->name, "thread"), 0);
	for (u64 va = s->base; va < s->top; va += PAGE_SIZE) {
		u64 *e = lookup_pte(va, NULL);

		EXPECT(e);
		EXPECT_EQ(e ? *e & (PTE_P | PTE_W | PTE_U | PTE_NX) : 0, PAGE_RW);
		EXPECT_EQ(*(u64 *)va, 0);
		*(u64 *)va = va;
	}
	for (u64 va = s->guard; va < s->base; va += PAGE_SIZE)
		EXPECT(!lookup_pte(va, NULL));
	EXPECT_EQ(kernel_write_nofault((void *)(s->base - 1), 1), -EFAULT);
	EXPECT_EQ(kernel_write_nofault((void *)(s->top), 1), -EFAULT); /* the next slot's guard */
	pa = virt_to_phys((void *)s->base);
	kstack_free(s);
	EXPECT(!lookup_pte(s->base, NULL));
	EXPECT_EQ(kernel_write_nofault((void *)s->base, 1), -EFAULT);
	EXPECT_EQ(*(u64 *)phys_to_virt(pa), s->base); /* it was that frame */
	kstack_free(other);
	kstack_free(NULL);
}

KTEST(vmem, an_address_finds_its_stack)
{
	struct kstack *s = new_stack(TASK_STACK_SIZE), *next = new_stack(TASK_STACK_SIZE);

	EXPECT_EQ(stack_of(s->base), s);
	EXPECT_EQ(stack_of(s->top - 1), s);
	EXPECT(stack_of(s->top) != s);
	EXPECT(!stack_of(s->base - 1));
	EXPECT_EQ(stack_guarded_at(s->guard), s);
	EXPECT_EQ(stack_guarded_at(s->base - 1), s);
	EXPECT(!stack_guarded_at(s->base));
	EXPECT(!stack_guarded_at(s->top - 1));
	EXPECT_EQ(stack_of(next->base), next);
	EXPECT_EQ(stack_guarded_at(next->guard), next);
	EXPECT(!stack_of(STACK_AREA - 1));
	EXPECT(!stack_guarded_at(STACK_AREA - 1));
	EXPECT(!stack_of(STACK_AREA + STACK_SLOTS * STACK_SLOT_SIZE));
	EXPECT(!stack_guarded_at(STACK_AREA + STACK_SLOTS * STACK_SLOT_SIZE));
	EXPECT(!stack_of(~0ul));
	kstack_free(s);
	EXPECT(!stack_of(s->base));
	EXPECT(!stack_guarded_at(s->guard));
	kstack_free(next);
}

KTEST(vmem, sizes_that_are_none_are_refused)
{
	size_t before = frames_free_count();

	EXPECT(!kstack_alloc(0));
	EXPECT(!kstack_alloc(PAGE_SIZE + 8));
	EXPECT(!kstack_alloc(KSTACK_MAX + PAGE_SIZE));
	EXPECT(!kstack_alloc(~0ul));
	EXPECT_EQ(frames_free_count(), before);
}

/* All slots, twice: the second time their tables exist, so that the frames must be exact. */
KTEST(vmem, slots_run_out_and_come_back)
{
	static struct {
		struct kstack *stack[STACK_SLOTS + 1];
	} * had;
	size_t live = bitmap_count(stack_slots_live, STACK_SLOTS); /* the idle thread's */

	EXPECT(FRAMES_ONCE(had));
	for (int turn = 0; had && turn < 2; turn++) {
		size_t before = frames_free_count(), n = 0;

		while (n <= STACK_SLOTS && (had->stack[n] = kstack_alloc(PAGE_SIZE)))
			n++;
		EXPECT_EQ(n, STACK_SLOTS - live);
		if (turn)
			EXPECT_EQ(frames_free_count(), before - n);
		while (n)
			kstack_free(had->stack[--n]);
		if (turn)
			EXPECT_EQ(frames_free_count(), before);
	}
}

KTEST(vmem, the_largest_stack_leaves_a_guard)
{
	struct kstack *s = new_stack(KSTACK_MAX);

	EXPECT_EQ(s->base - s->guard, GUARD_SIZE);
	EXPECT_EQ(kernel_write_nofault((void *)s->base, 1), 0);
	EXPECT_EQ(kernel_write_nofault((void *)(s->base - 1), 1), -EFAULT);
	kstack_free(s);
}

static noinline void call_on(const struct kstack *s, void (*fn)(void))
{
	__asm__ volatile("movq %%rsp, %%rbx\n\tmovq %0, %%rsp\n\tcall *%1\n\tmovq %%rbx, %%rsp"
			 :
			 : "r"(s->top), "r"(fn)
			 : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory",
			   "cc");
}

CODE(step_on_stack, "", "movq %rax, %rax", "", ""); /* not emulated: int3 and #DB */
/* Volatile: the compiler doesn't see who is called. */
static const struct kstack *volatile ran_on;

/* Live patching loads other page tables, and a probe traps twice: both need this stack mapped and found. */
static void patch_and_probe(void)
{
	struct kprobe p = { .addr = step_on_stack_at[0] };

	ran_on = stack_of((u64)__builtin_frame_address(0));
	if (!probe_on(&p))
		return;
	((void (*)(void))(u64)step_on_stack)();
	EXPECT_EQ(p.hits, 1);
	probe_off(&p);
}

KTEST(vmem, patching_and_probes_work_on_such_a_stack)
{
	struct kstack *s = new_stack(TASK_STACK_SIZE);

	ran_on = NULL;
	call_on(s, patch_and_probe);
	EXPECT_EQ(ran_on, s);
	kstack_free(s);
}

static noinline u64 overflow_stack(volatile u64 *above)
{
	volatile u64 here[32];

	here[0] = *above + 1;
	return here[0] < 1u << 30 ? overflow_stack(here) + here[0] : 0;
}

static void overflow_it(void)
{
	volatile u64 zero = 0;

	overflow_stack(&zero);
}

/* How such a stack's end is told, for tests from outside: nothing comes back from it. */
static int overflow_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	struct kstack *s = kstack_alloc(TASK_STACK_SIZE);

	if (!s)
		return -ENOMEM;
	call_on(s, overflow_it);
	return 0;
}
CTL_FILE(ctl_overflow, .path = "test/overflow", .store = overflow_store, .test_only = true);
