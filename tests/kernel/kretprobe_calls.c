/* What the tests of return probes share. */
#include "tests/kernel/kretprobe_calls.h"

#include "arch/x86/entry/graph.h"

struct ret_call calls[RET_CALLS];
unsigned nr_calls;
enum kprobe_technique ret_way;
struct graph_entry *ret_top_before;

void note_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	unsigned n = __atomic_fetch_add(&nr_calls, 1, __ATOMIC_RELAXED);

	calls[n % ARRAY_SIZE(calls)].rp = ri->rp;
	calls[n % ARRAY_SIZE(calls)].result = regs->ax;
}

void count_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	__atomic_fetch_add(&nr_calls, 1, __ATOMIC_RELAXED);
}

bool stack_is_as_before(void) { return this_cpu(graph_here)->top == ret_top_before; }

bool ret_on(struct kretprobe *rp)
{
	const char *why = NULL;
	int err;

	rp->kp.technique = ret_way;
	err = kretprobe_register(rp, &why);
	nr_calls = 0;
	ret_top_before = this_cpu(graph_here)->top;
	if (err) {
		ktest_fail(why ? why : "kretprobe_register", 0, "return probe refused", (u64)(s64)err, 0);
		return false;
	}
	EXPECT_EQ(kretprobe_arm(rp), 0);
	return true;
}

noinline u64 doubled(u64 n)
{
	barrier();
	return 2 * n;
}
noinline u64 doubled_and_one(u64 n) { return doubled(n) + 1; }
noinline u64 sum_of_both(u64 n) { return doubled(n) + doubled_and_one(n); }
