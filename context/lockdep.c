/* Who holds what, and the rules that each taking of a lock is held against. */
#include "context/lockdep.h"

#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "context/lockdep_graph.h"
#include "lib/ctl.h"
#include "lib/debug.h"
#include "lib/string.h"

/* A bit for each class that has broken the rule, so that each is told once. */
static u64 told_nmi, told_irqs, told_sleep, told_exit;

static DEFINE_PER_CPU(struct held_locks, cpu_locks);

/*
 * NULL while "debug" is being switched: then a lock may be taken watched and given back unwatched, and would be held
 * for ever.
 */
static struct held_locks *up_to_date(struct held_locks *h)
{
	u32 switched = READ_ONCE(debug_key.switched), now = switched + READ_ONCE(lockdep_graph_resets);

	if (switched & 1)
		return NULL;
	if (h && h->generation != now) {
		h->generation = now;
		h->n = 0;
	}
	return h;
}

/* Preemption off. */
static struct held_locks *held_by_cpu(void) { return up_to_date(this_cpu_ptr(cpu_locks)); }
/* An interrupt's locks have nothing to do with the mutexes of the thread that it interrupted. */
static struct held_locks *held_by_thread(void) { return in_task() ? up_to_date(thread_locks()) : NULL; }

static void check_order(const struct held_locks *locks, u32 to, u64 where)
{
	for (u32 i = 0; locks && i < locks->n; i++)
		lockdep_order(&locks->held[i], to, where);
}

static void note(struct held_locks *locks, const void *lock, u32 class, u64 where)
{
	if (!locks)
		return;
	if (locks->n == LOCKDEP_MAX_HELD) { /* the oldest will soon be of no use */
		locks->n--;
		memmove(&locks->held[0], &locks->held[1], sizeof(locks->held[0]) * locks->n);
	}
	locks->held[locks->n++] = (struct held_lock){ lock, where, class };
}

static void forget(struct held_locks *locks, const void *lock)
{
	u32 n = locks ? READ_ONCE(locks->n) : 0; /* once: a handler in the middle may find it out of date */

	for (u32 i = n; i-- > 0;) {
		if (locks->held[i].lock != lock)
			continue;
		locks->n = n - 1;
		memmove(&locks->held[i], &locks->held[i + 1], sizeof(locks->held[0]) * (n - 1 - i));
		return;
	}
}

static void tell(u64 *told, u32 class, const char *name, u64 where, const char *what)
{
	u64 bit = 1ul << class;

	if (!(__atomic_fetch_or(told, bit, __ATOMIC_RELAXED) & bit))
		lockdep_report(name, where, what);
}

void lockdep_spin_lock(const void *lock, const char *name, u64 where)
{
	u32 class;

	if (in_nmi()) {
		tell(&told_nmi, lockdep_find_class(name), name, where,
		     "taken in an NMI-like context, which may interrupt its holder");
		return;
	}
	class = lockdep_class(name);
	if (irqs_enabled())
		tell(&told_irqs, class, name, where, "taken with interrupts on: a handler may want it, too");
	check_order(held_by_cpu(), class, where);
	check_order(held_by_thread(), class, where);
	note(held_by_cpu(), lock, class, where);
}

void lockdep_spin_unlock(const void *lock)
{
	if (!in_nmi())
		forget(held_by_cpu(), lock);
}

void lockdep_mutex_wait(const char *name, u64 where)
{
	u32 class = in_nmi() ? lockdep_find_class(name) : lockdep_class(name);
	bool may_sleep = in_task() && !preempt_depth() && irqs_enabled();

	if (!may_sleep)
		tell(&told_sleep, class, name, where, "waited for where nothing may sleep");
	if (in_nmi())
		return; /* the graph's lock may be held beneath */
	if (!may_sleep)
		check_order(held_by_cpu(), class, where);
	check_order(held_by_thread(), class, where);
}

/* Preemption off: the scheduler looks at what the thread holds, too, and empties it when it is out of date. */
void lockdep_mutex_locked(const void *lock, const char *name, u64 where)
{
	struct held_locks *locks;

	preempt_disable();
	locks = held_by_thread();
	if (locks)
		note(locks, lock, lockdep_class(name), where);
	preempt_enable();
}

void lockdep_mutex_unlock(const void *lock)
{
	preempt_disable();
	forget(held_by_thread(), lock);
	preempt_enable();
}

void lockdep_thread_exit(u64 where)
{
	struct held_locks *locks = held_by_thread();

	for (u32 i = 0; locks && i < locks->n; i++)
		tell(&told_exit, locks->held[i].class, lockdep_class_name(locks->held[i].class), where,
		     "still held by a thread that ends");
}

static int show(struct seq *out, const struct ctl_file *self)
{
	lockdep_graph_show(out);
	return 0;
}

/* Whatever is written: all that was learned is forgotten, and what was reported may be again. */
static int store(const struct ctl_file *self, const char *text, size_t len, bool append)
{
	lockdep_graph_reset();
	told_nmi = told_irqs = told_sleep = told_exit = 0;
	return 0;
}
CTL_FILE(ctl_lockdep, .path = "lockdep", .show = show, .store = store);
