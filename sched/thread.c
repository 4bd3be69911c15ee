/* A thread's life: created, begun, ended, joined. */
#include "sched/thread.h"

#include "abi/errno.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/entry/graph.h"
#include "arch/x86/entry/switch.h"
#include "context/context.h"
#include "context/rcu_read.h"
#include "lib/bug.h"
#include "lib/debug.h"
#include "lib/string.h"
#include "lib/tracepoint.h"
#include "mm/kmalloc.h"
#include "mm/vmem.h"
#include "sched/internal.h"
#include "sched/timer.h"

/* What switch_to() finds on a stack it hasn't filled itself. */
struct first_frame {
	u64 r15, r14, r13, r12, bx, bp;
	void (*ret)(void);
	u64 aligned; /* at thread_entry, as after a call: rsp is 8 off a multiple of 16 */
};

static SPINLOCK(threads_lock);
static LIST_HEAD(threads);
static s32 next_tid = 1;

static void add_to_list(struct thread *t)
{
	u64 flags = spin_lock_irqsave(&threads_lock);

	t->tid = next_tid++;
	list_add_tail(&t->all, &threads);
	spin_unlock_irqrestore(&threads_lock, flags);
}

static void thread_init(struct thread *t, const char *comm, u8 priority, u32 affinity)
{
	t->state = THREAD_RUNNABLE;
	t->priority = priority;
	t->affinity = affinity;
	strscpy(t->comm, comm, sizeof(t->comm));
	list_init(&t->run);
	wait_queue_init(&t->joiners, "joiners");
	t->graph = (struct graph_stack)GRAPH_STACK_NONE;
	add_to_list(t);
}

static void prepare_stack(struct thread *t)
{
	struct first_frame *f = (struct first_frame *)(t->stack->top - sizeof(*f));

	*f = (struct first_frame){ .ret = thread_entry };
	t->sp = (u64)f;
}

static struct thread *thread_alloc(const char *comm, int (*fn)(void *), void *arg, u8 priority, u32 affinity)
{
	struct thread *t = kzalloc(sizeof(*t));

	if (!t)
		return NULL;
	t->stack = kstack_alloc(TASK_STACK_SIZE);
	if (!t->stack) {
		kfree(t);
		return NULL;
	}
	t->fn = fn;
	t->arg = arg;
	thread_init(t, comm, priority, affinity);
	graph_thread_begin(t);
	t->stack->name = t->comm;
	prepare_stack(t);
	t->voluntary = 1; /* it begins as if it came out of schedule() */
	return t;
}

/* Nobody runs it, and nobody will. */
static void thread_free(struct thread *t)
{
	u64 flags = spin_lock_irqsave(&threads_lock);

	list_del(&t->all);
	comm_save(t);
	spin_unlock_irqrestore(&threads_lock, flags);
	kstack_free(t->stack);
	graph_thread_end(t);
	kfree(t);
}

static void run_queue_init(struct run_queue *rq)
{
	rq->lock = (struct spinlock)SPINLOCK_INIT(run_queue);
	for (int p = 0; p < NR_PRIORITIES; p++)
		list_init(&rq->queues[p]);
}

struct thread *idle_thread_create(u32 cpu)
{
	struct thread *idle = thread_alloc("idle", idle_loop, NULL, PRIORITY_IDLE, 1u << cpu);

	if (idle) {
		idle->cpu = cpu;
		run_queue_init(run_queue_of(cpu));
		run_queue_of(cpu)->idle = idle;
	}
	return idle;
}

void idle_thread_free(struct thread *idle) { thread_free(idle); }

void sched_begin_cpu(struct thread *t)
{
	timer_init_cpu();
	t->running = true;
	this_cpu(current_thread) = t;
	this_cpu(current_tid) = t->tid;
	this_cpu(graph_here) = &t->graph;
}

struct held_locks *thread_locks(void)
{
	struct thread *t = current();

	return t ? &t->mutexes : NULL;
}

int sched_init(void)
{
	static struct thread boot_thread;

	thread_init(&boot_thread, "sh", PRIORITY_DEFAULT, CPU_MASK_ALL);
	if (!idle_thread_create(0))
		return -ENOMEM;
	sched_begin_cpu(&boot_thread);
	return 0;
}

struct thread *thread_make(const char *comm, int (*fn)(void *), void *arg, u8 priority, u32 affinity)
{
	u32 cpu = sched_pick_cpu(affinity);
	struct thread *t;

	if (cpu == NR_CPUS || priority >= NR_PRIORITIES)
		return NULL;
	t = thread_alloc(comm, fn, arg, priority, affinity);
	if (t)
		t->cpu = cpu; /* whose lock it is under */
	return t;
}

void thread_start(struct thread *t)
{
	tracepoint(sched_process_fork, current()->comm, current()->tid, t->comm, t->tid);
	sched_start_on(t, t->cpu);
}

void thread_drop(struct thread *t) { thread_free(t); }

struct thread *thread_create(const char *comm, int (*fn)(void *), void *arg, u8 priority, u32 affinity)
{
	struct thread *t = thread_make(comm, fn, arg, priority, affinity);

	if (t)
		thread_start(t);
	return t;
}

void thread_begin(struct thread *prev)
{
	sched_arrive(prev);
	thread_exit(current()->fn(current()->arg));
}

void thread_exit(int code)
{
	struct thread *t = current();
	u64 where = RETURN_ADDRESS() -
		    1; /* the call: behind one that doesn't return another function may begin */

	if (debug_enabled())
		lockdep_thread_exit(where);
	if (unlikely(preempt_depth()))
		rcu_check_block(where, "a thread ends within RCU read-side critical section");
	t->exit_code = code;
	tracepoint(sched_process_exit, t->comm, t->tid, t->priority);
	sched_exit_current();
	BUG_ON(true);
	__builtin_unreachable();
}

int thread_join(struct thread *t)
{
	int code;

	wait_event(&t->joiners, t->state == THREAD_DEAD && !__atomic_load_n(&t->running, __ATOMIC_ACQUIRE));
	code = t->exit_code;
	/* Whoever said that it has ended may still be saying so to others: he holds this lock while he does. */
	spin_unlock_irqrestore(&t->joiners.lock, spin_lock_irqsave(&t->joiners.lock));
	thread_free(t);
	return code;
}

const char *comm_of(s32 tid, char buf[16])
{
	u64 flags = spin_lock_irqsave(&threads_lock);
	struct thread *t;

	comm_find_saved(tid, buf);
	list_for_each_entry(t, &threads, all)
		if (t->tid == tid)
			strscpy(buf, t->comm, 16);
	spin_unlock_irqrestore(&threads_lock, flags);
	return buf;
}

static void for_each(void (*fn)(struct thread *t, void *arg), void *arg, bool idle)
{
	u64 flags = spin_lock_irqsave(&threads_lock);
	struct thread *t;

	list_for_each_entry(t, &threads, all)
		if (idle || t->fn != idle_loop)
			fn(t, arg);
	spin_unlock_irqrestore(&threads_lock, flags);
}

void thread_for_each(void (*fn)(struct thread *t, void *arg), void *arg) { for_each(fn, arg, false); }
void thread_for_each_one(void (*fn)(struct thread *t, void *arg), void *arg) { for_each(fn, arg, true); }

int thread_set_affinity(u32 affinity)
{
	if (sched_pick_cpu(affinity) == NR_CPUS)
		return -EINVAL;
	current()->affinity = affinity;
	if (!(affinity & 1u << this_cpu(cpu_number)))
		thread_yield();
	return 0;
}
