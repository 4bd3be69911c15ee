/*
 * Processes: an address space, handles, and threads that have both. A process ends when its last thread does, or when it is killed,
 * or with the process that made it; it has a status from then on, for whoever has a handle of it.
 *
 * That the young go with the old is what keeps a handle's owner from being its own only owner: one that has a handle of itself and
 * no thread would never end.
 */
#pragma once

#include "kernel/handle.h"
#include "kernel/ipc.h"
#include "kernel/notification.h"
#include "lib/list.h"
#include "mm/space.h"
#include "sched/thread.h"
#include "sched/work.h"

struct process {
	struct object object;
	struct handles handles;
	struct space *space;
	struct account *account; /* with a reference: of what it and its children have */
	char name[16];
	struct list_head children, sibling; /* under one lock for all; each in a list has a reference */
	bool has_parent;
	struct spinlock lock; /* for all that follows; what a process that has ended had is gone */
	bool killed, ended;
	bool over; /* all that it had is gone */
	int status;
	u32 nr_threads;
	struct list_head threads;
	u64 faults_badge;
	struct endpoint *
		faults; /* with a reference, as the next; NULL: nobody handles them. Never changes but once, from NULL */
	struct notification *watcher;
	u64 watcher_bits;
	u8 priority_max; /* of threads that it may start, anywhere; 0: comes with its own first one */
};

/* A thread's user half as a kernel object. Whoever runs has a reference, and one to its process. */
struct user_thread {
	struct object object;
	struct user_half half;
	struct process *process;
	struct thread *thread; /* to be killed, until it ends */
	struct thread *dead;   /* to be joined */
	struct list_head link;
	struct work reap;
	u64 ip, sp, args[2];
	struct ipc_party party; /* of the system call that it is in */
	struct ipc_wait wait;
	/* A fault's message, and its answer: its own registers are to stay as they are (kernel/fault_direct.c). */
	struct ipc_party fault_party;
	struct pt_regs fault;
	/* It waits for this one, and whoever ends that may forget what called (kernel/signal_direct.c); NULL: not so. */
	const struct notification *waits_for;
};

/* Why it was killed, when not by another's word: at most so many vectors below this. */
#define STATUS_FAULT (-1000)
/* The process that made it has ended. */
#define STATUS_ORPHAN (-2000)

/* Thread context, as all here. With one reference and no threads; NULL: no memory. @parent: whose end is its own; NULL: nobody's. */
struct process *process_create(const char *name, struct process *parent);
/* The one that the calling thread is of, and its own; NULL: it has no user half. */
struct process *current_process(void);
static __always_inline struct user_thread *current_user_thread(void)
{
	struct user_half *u = current()->user;

	return u ? container_of(u, struct user_thread, half) : NULL;
}
/*
 * A new thread, which begins at @ip; with the first one comes @ceiling, the process's highest priority. 0; -EINVAL: no such priority, or addresses that can't be; -EPIPE: the process has ended, or is
 * about to; -ENOMEM: also when its account has no more.
 */
int process_start(struct process *p, u64 ip, u64 sp, const u64 args[2], u8 priority, u8 ceiling);
/* All its threads end, on whatever CPU, and what they wait for fails. Nothing, when that is so already. */
void process_kill(struct process *p, int status);
/* The calling thread's end: called on the way back to user mode, when it is killed. */
void __noreturn process_thread_end(void);

/*
 * For as long as it hasn't ended: its space, with a reference; and a handle for it. NULL and -EPIPE when it has.
 */
struct space *process_space(struct process *p);
s64 process_give(struct process *p, struct object *o, u32 rights, u64 badge);
/* Its faults go to @e, with that badge; @bits of @n are set when it ends, at once if it has. A second time: -EBUSY. */
int process_set_faults(struct process *p, struct endpoint *e, u64 badge);
int process_watch(struct process *p, struct notification *n, u64 bits);
/* -EAGAIN: it hasn't ended. */
int process_status(struct process *p, int *status);

/* How many processes there are. */
extern u32 nr_processes;
