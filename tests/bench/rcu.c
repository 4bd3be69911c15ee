/* What RCU costs its readers and its updaters. */
#include "context/context.h"
#include "context/rcu_read.h"
#include "context/rcu_trace.h"
#include "lib/bug.h"
#include "mm/frames.h"
#include "mm/kmalloc.h"
#include "rcu/rcu.h"
#include "tests/bench/bench.h"

#define PAIR                       \
	do {                       \
		rcu_read_lock();   \
		rcu_read_unlock(); \
	} while (0)
/* Ten, since calling this costs more than one. */
static void lock_unlock(void)
{
	PAIR;
	PAIR;
	PAIR;
	PAIR;
	PAIR;
	PAIR;
	PAIR;
	PAIR;
	PAIR;
	PAIR;
}
BENCH(bench_rcu_read, .name = "10 times rcu_read_lock and unlock, with one call", .once = lock_unlock);

static void trace_lock_unlock(void)
{
	rcu_read_lock_trace();
	rcu_read_unlock_trace();
}
BENCH(bench_rcu_trace, .name = "rcu_read_lock_trace and unlock, with their calls", .once = trace_lock_unlock);

BENCH(bench_sync, .name = "synchronize_rcu", .once = synchronize_rcu);
BENCH(bench_expedited, .name = "synchronize_rcu_expedited", .once = synchronize_rcu_expedited);

#define CALLBACKS 1000

static struct rcu_head (*heads)[CALLBACKS];
static void nothing(struct rcu_head *head) {}
static void call_many(void)
{
	if (!FRAMES_ONCE(heads))
		return;
	for (int i = 0; i < CALLBACKS; i++)
		call_rcu(&(*heads)[i], nothing);
	rcu_barrier();
}
BENCH(bench_call_rcu, .name = "1000 times call_rcu, and rcu_barrier", .once = call_many);
