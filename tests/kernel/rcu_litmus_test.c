/*
 * RCU's promise in its smallest forms, run many times: one step, a grace period, another step, against two steps in one
 * reader.
 *
 * A reader that missed what came before the grace period is over before what comes after; one that saw what comes
 * after began when what came before was done. So one outcome never happens. All variables begin as 0, all stores are of
 * 1, and an outcome has a bit for each load that found 1.
 */
#include "arch/x86/cpu/regs.h"
#include "context/rcu_read.h"
#include "lib/ktest.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "rcu/rcu.h"
#include "sched/thread.h"
#include "sched/wait.h"
#include "tests/kernel/stress.h"

#define ROUNDS	  16 /* of each program with each way to wait */
#define PROCESSES 4
#define DELAY	  2048 /* cpu_relax(), at most */

static u32 vars[PROCESSES], found;
static void (*wait_for_readers)(void);

static void store(u32 var) { WRITE_ONCE(vars[var], 1); }
static void load(u32 var, u32 bit)
{
	if (READ_ONCE(vars[var]))
		__atomic_fetch_or(&found, 1u << bit, __ATOMIC_RELAXED);
}

/* By a generator for each CPU: a thread that moves meanwhile does no harm. */
static void dawdle(void)
{
	static u64 seeds[NR_CPUS];
	u64 *seed = &seeds[this_cpu(cpu_number)];

	*seed = (*seed + this_cpu(cpu_number)) * 6364136223846793005ul + 1442695040888963407ul;
	for (u32 i = (u32)(*seed >> 33) % DELAY; i; i--)
		cpu_relax();
}

/* Process 0: x = 1; grace period; y = 1. Process 1, a reader: r0 = x; r1 = y. Never r0 == 0 and r1 == 1. */
static void message_sent(void)
{
	store(0);
	wait_for_readers();
	store(1);
}
static void message_read(void)
{
	rcu_read_lock();
	load(0, 0);
	dawdle();
	load(1, 1);
	rcu_read_unlock();
}

/* x = 1; grace period; r0 = y. Reader: y = 1; r1 = x. Never both 0. */
static void buffer_updater(void)
{
	store(0);
	wait_for_readers();
	load(1, 0);
}
static void buffer_reader(void)
{
	rcu_read_lock();
	store(1);
	dawdle();
	load(0, 1);
	rcu_read_unlock();
}
/* The same with its steps turned round: it is the whole reader that counts, not their order. */
static void buffer_reader_turned(void)
{
	rcu_read_lock();
	load(0, 1);
	dawdle();
	store(1);
	rcu_read_unlock();
}

/* r0 = x; grace period; y = 1. Reader: x = 1; r1 = y. Never both 1. */
static void load_updater(void)
{
	load(0, 0);
	wait_for_readers();
	store(1);
}
static void load_reader(void)
{
	rcu_read_lock();
	store(0);
	dawdle();
	load(1, 1);
	rcu_read_unlock();
}

/*
 * Store buffering round a ring: the reader between two updaters, each of which waits. As many grace periods as readers
 * forbid it: never all 0.
 */
static void ring_second_reader(void)
{
	rcu_read_lock();
	store(1);
	dawdle();
	load(2, 1);
	rcu_read_unlock();
}
static void ring_third(void)
{
	store(2);
	wait_for_readers();
	load(3, 2);
}
static void ring_last_reader(void)
{
	rcu_read_lock();
	store(3);
	dawdle();
	load(0, 3);
	rcu_read_unlock();
}

static const struct program {
	const char *name;
	void (*processes[PROCESSES])(void);
	u32 forbidden;
} programs[] = {
	{ "message passing", { message_sent, message_read }, 2 },
	{ "store buffering", { buffer_updater, buffer_reader }, 0 },
	{ "store buffering, turned", { buffer_updater, buffer_reader_turned }, 0 },
	{ "load buffering", { load_updater, load_reader }, 3 },
	{ "ring of four", { buffer_updater, ring_second_reader, ring_third, ring_last_reader }, 0 },
};

struct call {
	struct rcu_head head;
	bool called;
};
static struct wait_queue call_queue;

static void called_back(struct rcu_head *head)
{
	WRITE_ONCE(container_of(head, struct call, head)->called, true);
	wake_all(&call_queue);
}
static void wait_for_callback(void)
{
	struct call c = { .called = false };

	call_rcu(&c.head, called_back);
	wait_event(&call_queue, READ_ONCE(c.called));
}
static void wait_by_cookie(void) { cond_synchronize_rcu(start_poll_synchronize_rcu()); }

static u32 members, arrived;

/* Nobody goes on before all have come. */
static void meet(void)
{
	u32 n = __atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST),
	    all = (n + members - 1) / members * members;

	while (READ_ONCE(arrived) < all) {
		thread_yield();
		cpu_relax();
	}
}

static const struct program *program;
static u32 outcomes[1u << PROCESSES];

/* Between two meetings the first process alone counts, and makes all new. */
static int process(void *arg)
{
	long me = (long)arg;

	for (u32 i = 0; i < stressed(ROUNDS); i++) {
		meet();
		if (me == 0)
			memset(vars, 0, sizeof(vars));
		meet();
		dawdle();
		program->processes[me]();
		meet();
		if (me == 0) {
			outcomes[found]++;
			found = 0;
		}
	}
	return 0;
}

static void report(const char *how)
{
	printk("rcu_litmus: %s, %s:", program->name, how);
	for (u32 i = 0; i < ARRAY_SIZE(outcomes); i++)
		if (outcomes[i])
			printk(" %x: %u", i, outcomes[i]);
	printk("\n");
}

static void run(const struct program *p, const char *how)
{
	struct thread *threads[PROCESSES] = { NULL };
	u32 cpu = 0;

	program = p;
	memset(outcomes, 0, sizeof(outcomes));
	arrived = found = 0;
	for (members = 0; members < PROCESSES && p->processes[members];)
		members++;
	for (long i = 0; i < members; i++, cpu = crowd_next_cpu(cpu)) {
		threads[i] = thread_create("litmus", process, (void *)i, PRIORITY_DEFAULT, 1u << cpu);
		EXPECT(threads[i]);
	}
	for (u32 i = 0; i < PROCESSES; i++)
		if (threads[i])
			thread_join(threads[i]);
	report(how);
	EXPECT_EQ(outcomes[p->forbidden], 0);
}

static void run_all(void (*wait)(void), const char *how)
{
	wait_queue_init(&call_queue, "litmus");
	wait_for_readers = wait;
	for (u32 i = 0; i < ARRAY_SIZE(programs); i++)
		run(&programs[i], how);
}

KTEST(rcu_litmus, synchronize_rcu)
{
	run_all(synchronize_rcu, "synchronize_rcu");
}
KTEST(rcu_litmus, synchronize_rcu_expedited)
{
	run_all(synchronize_rcu_expedited, "expedited");
}
KTEST(rcu_litmus, call_rcu)
{
	run_all(wait_for_callback, "call_rcu");
}
KTEST(rcu_litmus, cond_synchronize_rcu)
{
	run_all(wait_by_cookie, "polled");
}
