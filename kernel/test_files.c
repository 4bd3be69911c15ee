/* Ways to end badly on purpose, for the tests of endings. They exist only with "test" on the command line. */
#include "abi/errno.h"
#include "arch/x86/cpu/machine.h"
#include "arch/x86/cpu/regs.h"
#include "context/spinlock.h"
#include "lib/bug.h"
#include "lib/compiler.h"
#include "lib/ctl.h"
#include "lib/string.h"

static int triple_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	machine_triple_fault();
}
CTL_FILE(ctl_test_triple, .path = "test/triple", .store = triple_store, .test_only = true);

/* Recursion of plain calls: no probe, no way back. The accesses keep the compiler from making it a loop. */
static noinline u64 overflow(volatile u64 *above)
{
	volatile u64 here[32];

	here[0] = *above + 1;
	return here[0] < 1u << 30 ? overflow(here) + here[0] : 0;
}

/* With "debug" off: for ever, or nothing. */
static void misuse_lock(bool twice)
{
	static struct spinlock l = { .name = "test" };
	u64 flags = spin_lock_irqsave(&l);

	if (twice)
		spin_lock(&l);
	spin_unlock(&l);
	spin_unlock_irqrestore(&l, flags);
}

static int fault_store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	volatile u64 zero = 0;
	static const struct {
		const char *name;
		int which;
	} ways[] = { { "null", 0 },  { "write-text", 1 },   { "ud", 2 },	 { "int3", 3 },
		     { "stack", 4 }, { "noncanonical", 5 }, { "lock-twice", 6 }, { "unlock-twice", 7 } };
	int which = -1;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (strncmp(text, ways[i].name, strlen(ways[i].name)) == 0)
			which = ways[i].which;
	switch (which) {
	case 0:
		return *(volatile int *)zero;
	case 1:
		*(volatile u8 *)(u64)machine_exit = 0;
		break;
	case 2:
		__asm__ volatile("ud2");
		break;
	case 3:
		__asm__ volatile("int3");
		break;
	case 4:
		return (int)overflow(&zero);
	case 5:
		return *(volatile int *)(0x8000000000000000ul + zero);
	case 6:
	case 7:
		misuse_lock(which == 6);
		break;
	}
	return -EINVAL;
}
CTL_FILE(ctl_test_fault, .path = "test/fault", .store = fault_store, .test_only = true);
