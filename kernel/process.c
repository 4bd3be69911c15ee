/* How processes come to be and end: the last thread that goes takes everything along. */
#include "kernel/process.h"

#include "abi/errno.h"
#include "abi/rights.h"
#include "arch/x86/cpu/regs.h"
#include "arch/x86/cpu/smp.h"
#include "kernel/boot_time.h"
#include "kernel/traps.h"
#include "kernel/uprobe/uprobe.h"
#include "lib/compiler.h"
#include "lib/string.h"
#include "lib/tracepoint.h"
#include "mm/kmalloc.h"

/* What a process costs beside memory objects and page tables, at most: the root of these, its handles, its regions. */
#define PROCESS_PAGES (1 + HANDLES_MAX / HANDLES_A_PAGE + 3)

u32 nr_processes;

struct process *current_process(void)
{
	struct user_thread *t = current_user_thread();

	return t ? t->process : NULL;
}

static SPINLOCK(family_lock);

static void join_family(struct process *p, struct process *parent)
{
	u64 flags = spin_lock_irqsave(&family_lock);

	object_get(&p->object);
	list_add_tail(&p->sibling, &parent->children);
	p->has_parent = true;
	spin_unlock_irqrestore(&family_lock, flags);
}

/* False: it has left already. The reference is the caller's then. */
static bool leave_family(struct process *p)
{
	u64 flags = spin_lock_irqsave(&family_lock);
	bool was = p->has_parent;

	if (was)
		list_del(&p->sibling);
	p->has_parent = false;
	spin_unlock_irqrestore(&family_lock, flags);
	return was;
}

static struct process *any_child(struct process *p)
{
	u64 flags = spin_lock_irqsave(&family_lock);
	struct process *child = NULL;

	if (!list_empty(&p->children)) {
		child = list_entry(p->children.next, struct process, sibling);
		list_del(&child->sibling);
		child->has_parent = false;
	}
	spin_unlock_irqrestore(&family_lock, flags);
	return child;
}

/* Once, when it has no threads and can't get any. */
static void end(struct process *p)
{
	struct notification *watcher;
	struct process *child;
	u64 flags;

	tracepoint(process_exit, p->name, p, p->status);
	/* Nobody makes any more: who did has no thread now. Those without threads end in here; they have no children. */
	while ((child = any_child(p))) {
		process_kill(child, STATUS_ORPHAN);
		object_put(&child->object);
	}
	handles_abandon(&p->handles);
	handles_destroy(&p->handles);
	space_put(p->space);
	if (p->faults)
		object_put(&p->faults->object);
	flags = spin_lock_irqsave(&p->lock);
	watcher = p->watcher;
	p->over = true;
	spin_unlock_irqrestore(&p->lock, flags);
	if (watcher)
		notification_signal(watcher, p->watcher_bits);
	if (leave_family(p))
		object_put(&p->object);
}

static void destroy(struct object *o)
{
	struct process *p = container_of(o, struct process, object);

	if (!p->ended)
		end(p); /* it never had a thread */
	if (p->watcher)
		object_put(&p->watcher->object);
	account_put(p->account);
	__atomic_fetch_sub(&nr_processes, 1, __ATOMIC_RELAXED);
}

/* What can fail. */
static bool make(struct process *p, struct account *parent)
{
	p->account = account_create(parent);
	p->space = space_create();
	if (p->account && p->space && object_charge(&p->object, p->account, PROCESS_PAGES, 0) == 0) {
		p->space->account = p->account;
		account_get(p->account);
		return true;
	}
	if (p->space)
		space_put(p->space);
	account_put(p->account);
	return false;
}

struct process *process_create(const char *name, struct process *parent)
{
	struct process *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	object_init(&p->object, OBJECT_PROCESS, destroy);
	if (!make(p, parent ? parent->account : NULL)) {
		kfree(p);
		return NULL;
	}
	handles_init(&p->handles);
	strscpy(p->name, name, sizeof(p->name));
	p->lock = (struct spinlock)SPINLOCK_INIT(process);
	list_init(&p->threads);
	list_init(&p->children);
	p->priority_max = parent ? 0 : NR_PRIORITIES - 1;
	__atomic_fetch_add(&nr_processes, 1, __ATOMIC_RELAXED);
	tracepoint(process_create, p->name, p);
	if (parent)
		join_family(p, parent);
	return p;
}

static void thread_destroy(struct object *o)
{
	uprobe_thread_end(&container_of(o, struct user_thread, object)->half);
}

/* By kworker: a thread can't free its own stack. */
static void reap(struct work *w)
{
	struct user_thread *t = container_of(w, struct user_thread, reap);

	thread_join(t->dead);
	object_put(&t->process->object);
	object_put(&t->object);
}

/* Its memory may go when its last reference has, and the stack it runs on isn't that. */
void process_thread_end(void)
{
	struct user_thread *t = current_user_thread();
	struct process *p = t->process;
	u64 flags;
	bool last;

	tracepoint(user_thread_exit, p->name, p);
	thread_leave_user();
	flags = spin_lock_irqsave(&p->lock);
	list_del(&t->link);
	t->thread = NULL;
	last = --p->nr_threads == 0;
	if (last)
		p->killed = p->ended = true;
	spin_unlock_irqrestore(&p->lock, flags);
	if (last)
		end(p);
	t->dead = current();
	schedule_work(&t->reap);
	thread_exit(0);
}

static int begin(void *arg)
{
	struct user_thread *t = arg;

	t->party.regs = (struct pt_regs *)current()->stack->top - 1;
	t->party.handles = &t->process->handles;
	t->party.account = t->process->account;
	t->party.wait = &t->wait;
	t->wait = (struct ipc_wait){ .thread = current(), .party = &t->party, .direct = IPC_DIRECT };
	t->fault_party.regs = &t->fault;
	thread_become_user(&t->half);
	tracepoint(user_thread_start, t->process->name, t->process, t->ip, t->sp);
	boot_time_user();
	local_irq_disable();
	if (!current()->killed) /* and from now on who kills it sends an interrupt */
		user_enter(t->ip, t->sp, t->args[0], t->args[1]);
	local_irq_enable();
	process_thread_end();
}

/* Last, when nothing can fail any more: from then on it is one that ends, and perhaps the last. */
static int add_thread(struct process *p, struct user_thread *t, u8 priority, u8 ceiling)
{
	u64 flags;
	bool alive;
	int err = object_charge(&t->object, p->account, TASK_STACK_SIZE / PAGE_SIZE, 1);

	if (err)
		return err;
	t->thread = thread_make(p->name, begin, t, priority, CPU_MASK_ALL);
	if (!t->thread)
		return -ENOMEM;
	flags = spin_lock_irqsave(&p->lock);
	alive = !p->killed;
	if (alive) {
		object_get(&p->object);
		list_add_tail(&t->link, &p->threads);
		p->nr_threads++;
		p->priority_max = p->priority_max ?: ceiling;
	}
	spin_unlock_irqrestore(&p->lock, flags);
	if (!alive)
		thread_drop(t->thread);
	return alive ? 0 : -EPIPE;
}

int process_start(struct process *p, u64 ip, u64 sp, const u64 args[2], u8 priority, u8 ceiling)
{
	struct user_thread *t;
	int err;

	if (ip >= USER_END || priority <= PRIORITY_IDLE || priority >= NR_PRIORITIES)
		return -EINVAL;
	t = kzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	object_init(&t->object, OBJECT_THREAD, thread_destroy);
	t->half.space = p->space;
	fpu_state_init(&t->half.fpu);
	t->process = p;
	t->reap = (struct work)WORK_INIT(reap);
	t->ip = ip;
	t->sp = sp;
	memcpy(t->args, args, sizeof(t->args));
	err = add_thread(p, t, priority, ceiling);
	if (err)
		object_put(&t->object);
	else
		thread_start(t->thread);
	return err;
}

static void look_up(void *arg) {}

/*
 * Who runs in user mode meanwhile has an interrupt, and on his way back sees it; who waits is woken, and has an error; who is ready, or
 * hasn't begun, comes next.
 */
void process_kill(struct process *p, int status)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	bool first = !p->killed, empty = !p->nr_threads;
	struct user_thread *t;

	if (first) {
		p->killed = true;
		p->ended = empty;
		p->status = status;
		list_for_each_entry(t, &p->threads, link)
			thread_kill(t->thread);
	}
	spin_unlock_irqrestore(&p->lock, flags);
	if (first && empty)
		end(p);
	else if (first)
		smp_call_others(look_up, NULL);
}

struct space *process_space(struct process *p)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	struct space *s = p->ended ? NULL : p->space;

	if (s)
		space_get(s);
	spin_unlock_irqrestore(&p->lock, flags);
	return s;
}

s64 process_give(struct process *p, struct object *o, u32 rights, u64 badge)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	s64 h = p->ended ? -EPIPE : handle_open(&p->handles, o, rights, badge);

	spin_unlock_irqrestore(&p->lock, flags);
	return h;
}

int process_set_faults(struct process *p, struct endpoint *e, u64 badge)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	int err = p->ended ? -EPIPE : p->faults ? -EBUSY : 0;

	if (!err) {
		object_get(&e->object);
		p->faults_badge = badge;
		__atomic_store_n(&p->faults, e, __ATOMIC_RELEASE);
	}
	spin_unlock_irqrestore(&p->lock, flags);
	return err;
}

int process_watch(struct process *p, struct notification *n, u64 bits)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	int err = p->watcher ? -EBUSY : 0;
	bool late = p->over;

	if (!err) {
		object_get(&n->object);
		p->watcher_bits = bits;
		p->watcher = n;
	}
	spin_unlock_irqrestore(&p->lock, flags);
	if (!err && late)
		notification_signal(n, bits);
	return err;
}

int process_status(struct process *p, int *status)
{
	u64 flags = spin_lock_irqsave(&p->lock);
	int err = p->ended ? 0 : -EAGAIN;

	*status = p->status;
	spin_unlock_irqrestore(&p->lock, flags);
	return err;
}
