/*
 * Threads: a stack, a saved stack pointer, and when it may run.
 *
 * Fixed priorities, round robin within one, a run queue a CPU, preemption wherever the context
 * word allows it. The model is seL4's and NOVA's: the scheduler does little and says exactly what.
 */
#pragma once

#include "arch/x86/cpu/fpu.h"
#include "arch/x86/cpu/percpu.h"
#include "arch/x86/entry/graph.h"
#include "arch/x86/mm/stacks.h"
#include "context/lockdep.h"
#include "context/spinlock.h"
#include "lib/list.h"
#include "lib/static_key.h"
#include "lib/types.h"
#include "sched/wait.h"

#define NR_PRIORITIES	 32
#define PRIORITY_IDLE	 0
#define PRIORITY_DEFAULT 8
#define PRIORITY_HIGH	 24
#define PRIORITY_DYING	 (NR_PRIORITIES - 1)
#define TIME_SLICE_NS	 (4 * 1000 * 1000ul)

#define CPU_MASK_ALL 0xffu

enum thread_state {
	THREAD_RUNNABLE, /* running, or in a run queue */
	THREAD_BLOCKED,	 /* waits to be woken */
	THREAD_DEAD,	 /* has ended; its memory waits for a join */
};

struct space;
struct uprobe_returns;

/* What a thread that runs in user mode has beside. */
struct user_half {
	struct fpu_state fpu; /* while it isn't running */
	struct space *space;
	u64 pml4; /* of @space, once the thread has become a user's */
	struct user_step {
		u64 original, copy; /* a probed instruction, and the copy of it that is being stepped */
		u8 length, fixes;
		bool active, tf; /* the user himself steps */
		bool keep_tf;	 /* what the instruction makes of TF is the user's */
	} step;
	u64 gone_before;		/* an int3 that wasn't there any more */
	struct uprobe_returns *returns; /* hooked ones, kernel/uprobe/'s; NULL: there were never any */
};

struct thread {
	u64 sp;			/* while it isn't running; first, as switch.asm knows */
	struct kstack *stack;	/* NULL for the thread that booted */
	struct user_half *user; /* NULL: it runs in the kernel alone */
	union {
		struct {
			u8 state;     /* enum thread_state */
			bool running; /* on a CPU this moment, its stack in use */
			bool queued;
			bool killed; /* it is to end: what it waits for ends with -EINTR. There, as syscall.asm knows */
		};
		u16 state_and_running;
		u32 condition;
	};
	u8 priority;
	u32 cpu;       /* whose run queue it is on, or was on last */
	u32 affinity;  /* bit n: CPU n may run it */
	u64 slice_end; /* ns */
	struct list_head run;

	/* This CPU's accounts that belong to what the thread is in the middle of; bb_depth and rcu_trace_reader are neighbours. */
	u64 depth_and_reader;
	u32 guard_bits;

	u64 voluntary; /* +1 on entering schedule() by its own will and on leaving it: odd while it is in there */
	/* rcu/'s: this thread is waited for, until that isn't what it was then. */
	bool holdout;
	u64 voluntary_then;

	struct held_locks mutexes; /* lockdep's */

	struct graph_stack graph; /* hooked returns */

	u64 ran; /* ns, while somebody wants to know (times.c) */

	s32 tid;
	char comm[16];
	int (*fn)(void *arg);
	void *arg;
	int exit_code;
	struct wait_queue joiners;
	struct list_head all;
};

DECLARE_PER_CPU(struct thread *, current_thread);
static __always_inline struct thread *current(void) { return this_cpu(current_thread); }

/*
 * Thread context. A new thread, runnable at once, on a CPU in @affinity. NULL: no memory, no CPU
 * in @affinity is up, or no such priority.
 */
struct thread *thread_create(const char *comm, int (*fn)(void *arg), void *arg, u8 priority, u32 affinity);
/* The same in two steps: it runs from the second one on, or is dropped and never does. */
struct thread *thread_make(const char *comm, int (*fn)(void *arg), void *arg, u8 priority, u32 affinity);
void thread_start(struct thread *t);
void thread_drop(struct thread *t);
/* Thread context. Waits for its end and frees it; its return value. Each thread must be joined once. */
int thread_join(struct thread *t);
/* Ends the calling thread, as returning from its function does. */
void __noreturn thread_exit(int code);
/* Thread context. Moves itself at once, if need be. -EINVAL when no such CPU is up. */
int thread_set_affinity(u32 affinity);

/* Thread context; @fn doesn't block. Calls it for every thread there is but the idle ones. */
void thread_for_each(void (*fn)(struct thread *t, void *arg), void *arg);

/* The same with the idle ones. */
void thread_for_each_one(void (*fn)(struct thread *t, void *arg), void *arg);

/*
 * Thread context. From now on each thread has a stack for hooked returns, those that come later from their beginning
 * (if there is memory), until graph_threads_done(); what a thread has it keeps. -ENOMEM.
 */
int graph_threads_want(void);
void graph_threads_done(void);
/* Whether the time a thread is switched away counts in what it is in the middle of: on, it doesn't. */
extern struct static_key graph_asleep_key;

/* Boot: makes what is running now the first thread, and an idle one beside it. -ENOMEM. */
int sched_init(void);
/* What an idle thread runs; a CPU's own is the first thing it does. */
int idle_loop(void *arg);
/* Boot: an idle thread for CPU @cpu, with its run queue; NULL: no memory. */
struct thread *idle_thread_create(u32 cpu);
/* Boot: takes it back, for a CPU that doesn't come, or that was stopped for good. */
void idle_thread_free(struct thread *idle);
/* The new CPU itself: it is @idle now. Interrupts off. */
void sched_begin_cpu(struct thread *idle);
/* Hardirq context, VECTOR_RESCHEDULE: another CPU has put something on our run queue. */
void sched_interrupt(void);

/*
 * Thread context. The calling thread has this user half from now on, and is in its space; and no more, before the space may go.
 * It stays in the kernel: user_enter() (kernel/traps.h) is the way to user mode.
 */
void thread_become_user(struct user_half *u);
void thread_leave_user(void);

/* Thread context, preemption on. Gives the CPU to others of the same or a higher priority. */
void thread_yield(void);
/* Thread context. Is there somebody on this CPU whom that would let run? */
bool thread_others_wait(void);
/*
 * Thread context. Gives up the CPU until woken; the caller has set its state to THREAD_BLOCKED
 * under the lock that the waker takes (see wait.c). Spurious returns happen.
 */
void schedule(void);
/* Any context but NMI-like. Makes a blocked thread runnable; false when it already was. */
bool thread_wake(struct thread *t);
/*
 * Any context but NMI-like. Somebody's user half @t is to end: it waits for nothing any more, and comes before all others until it has
 * ended, so that what it has doesn't stay for as long as they keep its CPU.
 */
void thread_kill(struct thread *t);

/* Hardirq context, from the timer: is the slice over, is anything due? */
void sched_tick(u64 now);
