/*
 * Synchronous messages between threads, by endpoints: a call waits until it is received and replied to. Messages travel from
 * registers to registers (abi/ipc.h); no buffer is between them.
 *
 * Callers wait in the order they came, whatever their priority, and lend it to nobody: who serves several is to have the highest.
 */
#pragma once

#include "arch/x86/entry/pt_regs.h"
#include "context/spinlock.h"
#include "kernel/handle.h"
#include "kernel/notification.h"
#include "lib/list.h"

struct endpoint {
	struct object object;
	struct spinlock lock;
	struct list_head callers;	   /* who wait to be received */
	struct list_head served;	   /* who wait for a reply */
	struct list_head receivers;	   /* who wait for a call; then @callers is empty */
	struct notification *notification; /* with a reference, and for good; NULL: none */
	u32 open;			   /* handles that may receive */
	bool dead;			   /* the last of them is gone: nobody will */
	char receiver[16];		   /* who did last, by name, for who looks on */
};

struct ipc_wait;

/* One side of a message. */
struct ipc_party {
	struct pt_regs *regs;
	struct handles *handles; /* its process's; NULL: it gives and gets no handles */
	struct account *account; /* and who pays for memory that it is granted */
	struct handle
		grant; /* memory that it gives away, with a reference, taken from behind @granted; no object: none */
	u32 granted;
	/* To wait with; NULL: one that is made for it. What is there may be used by others while it waits, and @regs. */
	struct ipc_wait *wait;
};

/* A thread that waits at an endpoint: in one of its lists, under its lock, with a reference to it, until it is done. */
struct ipc_wait {
	struct list_head link;
	struct thread *thread;
	struct endpoint *endpoint;
	const struct ipc_party *party;
	u64 badge;
	const struct handles *server; /* of one that is served */
	int result;
	bool done;
	/* Whoever ends it needs but the registers: what called may be forgotten (kernel/ipc_direct.c); and they are a trap's. */
	enum { IPC_IN_ORDER, IPC_DIRECT, IPC_DIRECT_FAULT } direct;
};

#define IPC_FOR_EVER ~0ul

/* Thread context. With one reference; NULL: no memory. */
struct endpoint *endpoint_create(void);
/* Thread context. Calls that have been received by @server's process and not replied to fail with -EPIPE: it is no more. */
void endpoint_abandon(struct endpoint *e, const struct handles *server);

/*
 * Thread context. From now on who receives also gets the bits of @n, as a message without words: they are the label, and badge
 * and token are 0. Nobody else may wait for @n then. -EBUSY: one of the two has a partner already.
 */
int endpoint_bind(struct endpoint *e, struct notification *n);
/* Task or hardirq context. Bits of the bound notification have been set. */
void endpoint_notified(struct endpoint *e);

/*
 * Thread context, preemption on; all three may block, until @deadline (ns of trace_clock()).
 * 0, or -EPIPE: nobody will receive, or who did has died; -ETIMEDOUT; -EINTR: the thread is to end; and what giving a handle
 * may fail with.
 */
int ipc_call(struct endpoint *e, u64 badge, const struct ipc_party *me, u64 deadline);
int ipc_receive(struct endpoint *e, const struct ipc_party *me, u64 deadline);
/* -ENOENT: nobody waits for a reply by that token (any more). Doesn't block. */
int ipc_reply(struct endpoint *e, const struct ipc_party *me);
/* Fails as either of them; if as ipc_reply(), it doesn't receive. */
int ipc_reply_receive(struct endpoint *e, const struct ipc_party *me, u64 deadline);
/* Goes on with a wait for ever that has begun without these, to be answered or to receive. */
int ipc_wait_on(struct ipc_wait *w, bool receives);
