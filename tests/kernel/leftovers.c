/* Counts frames, threads and processes. */
#include "tests/kernel/leftovers.h"

#include "arch/x86/mm/paging.h"
#include "lib/ktest.h"
#include "mm/frames.h"
#include "sched/thread.h"
#include "tests/kernel/user_process.h"

static void count(struct thread *t, void *n) { ++*(u32 *)n; }
static u32 nr_threads(void)
{
	u32 n = 0;

	thread_for_each(count, &n);
	return n;
}

/* The frames among the tables that are reached from the kernel's half of @table. They stay: a seal makes one for its frame's 2 MiB. noinline: GCC would unroll it. */
static noinline size_t tables_below(const u64 *table, int level, unsigned from)
{
	size_t n = 0;

	for (unsigned i = from; i < 512; i++) {
		u64 pa = table[i] & PTE_ADDR;

		if (!(table[i] & PTE_P) || (table[i] & PTE_PS))
			continue;
		if (lookup_pte(DIRECT_MAP + pa, NULL))
			n++;
		else
			pa += KERNEL_BASE - DIRECT_MAP; /* the image's */
		if (level > 1)
			n += tables_below(phys_to_virt(pa), level - 1, 0);
	}
	return n;
}

static size_t frames_now(void) { return frames_free_count() + tables_below(boot_pml4, 3, 256); }

void leftovers_before(struct leftovers *l)
{
	user_process_run(up_exit, 0, 0);
	user_processes_settle();
	*l = (struct leftovers){ frames_now(), nr_threads(), nr_processes };
}

void leftovers_none(const struct leftovers *l)
{
	user_processes_settle();
	EXPECT_EQ(nr_processes, l->processes);
	EXPECT_EQ(nr_threads(), l->threads);
	EXPECT_EQ(frames_now(), l->frames);
}
