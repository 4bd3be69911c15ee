/* The boot CPU's stacks, in the image with a page to unmap below each; and whose stack an address is in. */
#include "arch/x86/mm/stacks.h"

#include "lib/compiler.h"

#define STACK_MEMORY __aligned(4096) __section(".bss..stacks")

extern u8 task_stack[GUARD_SIZE + TASK_STACK_SIZE]; /* boot.asm starts on it */
u8 task_stack[GUARD_SIZE + TASK_STACK_SIZE] STACK_MEMORY;
static u8 ist_stacks[NR_STACKS - 1][GUARD_SIZE + IST_STACK_SIZE] STACK_MEMORY;

/* clang-format off */
#define ENTRY(n, s) { n, (u64)(s), (u64)(s) + GUARD_SIZE, (u64)(s) + sizeof(s) }
#define IST(n, id)  [id] = ENTRY(n, ist_stacks[(id) - STACK_DB])
/* clang-format on */

const struct kstack kstacks[NR_STACKS] = {
	[STACK_TASK] = ENTRY("task", task_stack),
	IST("#DB", STACK_DB),
	IST("#DB in NMI", STACK_DB2),
	IST("NMI", STACK_NMI),
	IST("#DF", STACK_DF),
	IST("#MC", STACK_MC),
};

struct kstack stack_slots[STACK_SLOTS];
u64 stack_slots_live[STACK_SLOTS / 64];

/* The live slot that @addr lies in, or NULL. */
static __always_inline const struct kstack *slot_of(u64 addr)
{
	u64 i = (addr - STACK_AREA) / STACK_SLOT_SIZE;

	if (i >= STACK_SLOTS || !(READ_ONCE(stack_slots_live[i / 64]) >> i % 64 & 1))
		return NULL;
	return &stack_slots[i];
}

/* Hidden: the double fault handler asks before anything else is known to work. */
__emergency const struct kstack *stack_of(u64 addr)
{
	const struct kstack *s = slot_of(addr);

	if (s)
		return addr >= s->base ? s : NULL;
	for (int i = 0; i < NR_STACKS; i++)
		if (addr >= kstacks[i].base && addr < kstacks[i].top)
			return &kstacks[i];
	return NULL;
}

__emergency const struct kstack *stack_guarded_at(u64 addr)
{
	const struct kstack *s = slot_of(addr);

	if (s)
		return addr < s->base ? s : NULL;
	for (int i = 0; i < NR_STACKS; i++)
		if (addr >= kstacks[i].guard && addr < kstacks[i].base)
			return &kstacks[i];
	return NULL;
}
