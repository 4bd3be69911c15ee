/* Wrong use of the read side: told once for each place, and then everything goes on. */
#include "context/rcu_read.h"

#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/graph.h"
#include "lib/bug.h"
#include "lib/printk.h"
#include "lib/string.h"

#define MAX_PLACES 32
#define WAY_LENGTH 5 /* calls: so far it is from here to whoever calls sleep_ns() */

struct static_key rcu_check_key;
bool rcu_check_armed;
u32 rcu_check_reports;
DEFINE_PER_CPU(u32, rcu_readers);

static u64 places[MAX_PLACES];
static bool told_full;

/* Any context, on all CPUs at once. */
static bool first_time(u64 where)
{
	for (int i = 0; i < MAX_PLACES; i++) {
		u64 old = 0;

		if (READ_ONCE(places[i]) == where)
			return false;
		if (__atomic_compare_exchange_n(&places[i], &old, where, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return true;
		if (old == where)
			return false;
	}
	if (!__atomic_exchange_n(&told_full, true, __ATOMIC_RELAXED))
		printk("rcu: no room for more places: wrong use elsewhere isn't reported\n");
	return false;
}

void rcu_check_forget(void)
{
	memset(places, 0, sizeof(places));
	told_full = false;
	rcu_check_reports = 0;
}

static void tell(u64 where, const char *what)
{
	__atomic_fetch_add(&rcu_check_reports, 1, __ATOMIC_RELAXED);
	warn("WARNING: suspicious RCU usage: %s, at %pS", what, (void *)where);
}

static noinline void report(u64 where, const char *what)
{
	if (first_time(where))
		tell(where, what);
}

#define CALLER RETURN_ADDRESS()

/*
 * Each reader holds preemption off. So what is counted beyond that depth is left over: the key went off in the middle of
 * a reader, somebody enabled preemption in one, or bust_kprobes() has undone it.
 */
static u32 readers_within(u32 depth)
{
	u32 readers = this_cpu(rcu_readers);

	return min(readers, depth);
}

void rcu_check_lock(void)
{
	if (!rcu_is_watching())
		report(CALLER, "rcu_read_lock() used illegally while idle");
	this_cpu(rcu_readers) = readers_within(preempt_depth() - 1) + 1;
}

/*
 * Readers from before the key was on have not been counted, and end now: so a missing lock is none until the key has been
 * on for a grace period.
 */
bool rcu_check_unlock(void)
{
	u32 readers;

	if (!rcu_is_watching())
		report(CALLER, "rcu_read_unlock() used illegally while idle");
	readers = readers_within(preempt_depth());
	if (readers) {
		this_cpu(rcu_readers) = readers - 1;
		return true;
	}
	if (preempt_depth() && !READ_ONCE(rcu_check_armed))
		return true;
	report(CALLER, "rcu_read_unlock() without rcu_read_lock()");
	return false;
}

static bool may_look(void) { return preempt_depth() || !in_task() || !irqs_enabled(); }

void rcu_check_dereference(bool held)
{
	if (!rcu_is_watching())
		report(CALLER, "rcu_dereference() used illegally while idle");
	else if (!held && !may_look())
		report(CALLER, "suspicious rcu_dereference_check() usage");
}

void rcu_check_call(u64 where)
{
	if (!rcu_is_watching())
		report(where, "call_rcu() used illegally while idle");
}

/* All who block come through a few functions: a place, here, is how they got there. */
static u64 way_here(void)
{
	const u64 *frame = __builtin_frame_address(0), *next;
	u64 way = 0;

	for (int i = 0; i < WAY_LENGTH; i++, frame = next) {
		way = way * 31 + frame[1];
		next = (const u64 *)frame[0];
		if (next <= frame || (u64)next - (u64)frame >= TASK_STACK_SIZE)
			break;
	}
	return way;
}

u32 rcu_check_block(u64 where, const char *what)
{
	u32 depth = preempt_depth();

	if (first_time(way_here()))
		tell(where, what);
	this_cpu(rcu_readers) = 0;
	context_sub(depth);
	return depth;
}

/*
 * Perhaps on another CPU, and perhaps the key went on meanwhile: the grace period that arms it doesn't wait for a reader
 * that has blocked. So all of the depth counts as readers, and each unlock is carried out.
 */
void rcu_check_go_on(u32 depth)
{
	context_add(depth);
	this_cpu(rcu_readers) = depth;
}

void rcu_check_handler(void (*fn)(void))
{
	u32 depth = preempt_depth(), readers = this_cpu(rcu_readers);

	fn();
	if (preempt_depth() == depth)
		return;
	report((u64)fn, "an interrupt handler returns with more or fewer readers than it came with");
	context_add(depth - preempt_depth());
	this_cpu(rcu_readers) = readers;
}
