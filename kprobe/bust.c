/* The emergency: out of an int3 that hits itself, from the double fault handler. */
#include "kprobe/bust.h"

#include "abi/errno.h"
#include "arch/x86/entry/vectors.h"
#include "arch/x86/mm/stacks.h"
#include "arch/x86/mm/text_poke.h"
#include "context/trap.h"
#include "kprobe/internal.h"
#include "lib/ctl.h"
#include "lib/printk.h"
#include "trace/black_box.h"

/* More records than all stacks together can hold: a spoiled list ends here. */
#define MAX_RECORDS 1024

/* A probe hit once inside its own handling may yet be harmless; the stack's end and this together are not. */
#define RECURSION_MIN 2

struct bust_info bust_last;
u64 bust_count;
bool bust_enabled = true;

static __always_inline bool sane(const struct trap_record *t)
{
	return stack_of((u64)t) && (u64)t % 8 == 0 && stack_of((u64)t->regs) && (u64)t->regs % 8 == 0;
}

/* The outermost int3 on the address the innermost one hit; counts all of them. */
static __always_inline struct trap_record *first_of_recursion(u64 *addr, unsigned *depth)
{
	struct trap_record *t = this_cpu(trap_top), *first = NULL;

	*depth = 0;
	for (unsigned n = 0; t && n < MAX_RECORDS && sane(t); n++, t = t->outer) {
		if (t->regs->vector != X86_TRAP_BP)
			continue;
		if (!first)
			*addr = t->regs->ip - 1;
		if (t->regs->ip - 1 == *addr) {
			first = t;
			++*depth;
		}
	}
	return *depth >= RECURSION_MIN ? first : NULL;
}

/* First bytes only; a thread sees them as disarmed probes later. */
static __always_inline unsigned disarm_all(void)
{
	unsigned n = 0;

	for (unsigned b = 0; b < KPROBE_BUCKETS; b++)
		for (struct kprobe *p = kprobe_table[b]; p; p = p->next) {
			if (!p->armed)
				continue;
			text_poke_emergency((void *)p->addr, p->original);
			p->armed = false;
			n++;
		}
	return n;
}

/* Everything as at the first trap's entry, but the counter: it may only grow, and its parity is what says "watching". */
static __always_inline void accounts_restore(const struct cpu_accounts *a)
{
	this_cpu(context_word) = a->context_word;
	this_cpu(guard_bits) = a->guard_bits;
	this_cpu(step_depth) = a->step_depth;
	this_cpu(bb_depth) = a->bb_depth;
	if ((this_cpu(watch).counter ^ a->watch.counter) & 1)
		this_cpu(watch).counter++;
	this_cpu(watch).nesting = a->watch.nesting;
	this_cpu(watch).nmi_nesting = a->watch.nmi_nesting;
}

__emergency bool bust_kprobes(struct pt_regs *regs)
{
	u64 addr = 0;
	unsigned depth;
	struct trap_record *first = first_of_recursion(&addr, &depth);
	volatile u64 *to = (volatile u64 *)regs;
	const volatile u64 *from;

	if (!first || !bust_enabled)
		return false;
	bust_last.addr = addr;
	bust_last.depth = depth;
	bust_last.stack = (u64)first->regs + sizeof(*regs) - (u64)this_cpu(trap_top);
	bust_last.disarmed = disarm_all();
	bust_count++;

	from = (const volatile u64 *)first->regs;
	for (unsigned i = 0; i < sizeof(*regs) / 8; i++) /* word by word: the compiler would call memcpy */
		to[i] = from[i];
	regs->ip = addr; /* its own byte is back: run it */
	regs->vector = X86_TRAP_DF;
	this_cpu(trap_top) = first->outer;
	accounts_restore(&first->before);
	black_box_note(X86_TRAP_DF, BB_RESUME, addr, (u64)regs, first->before.bb_depth);
	return true;
}

void bust_report(void)
{
	printk("bust_kprobes: int3 recursed %u times at %pS, over %lu bytes of stack; %u probe(s) disarmed, resuming\n",
	       bust_last.depth, (void *)bust_last.addr, bust_last.stack, bust_last.disarmed);
}

static int show(struct seq *out, const struct ctl_file *self)
{
	seq_printf(out, "%d\n", bust_enabled);
	return 0;
}

static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	u64 v;

	if (!ctl_parse_u64(text, len, &v) || v > 1)
		return -EINVAL;
	bust_enabled = v;
	return 0;
}
CTL_FILE(ctl_test_bust, .path = "test/bust", .show = show, .store = store, .test_only = true);
