/* Classes of locks, an edge for each order seen, and a search for the way back before one is added. */
#include "context/lockdep_graph.h"

#include "arch/x86/cpu/regs.h"
#include "context/context.h"
#include "lib/printk.h"
#include "lib/string.h"

#define MAX_EDGES 256

struct edge {
	u32 from, to;
	u64 from_where, to_where; /* where the two were taken, the first time */
};

static const char *classes[LOCKDEP_MAX_CLASSES];
static u32 nr_classes;
static struct edge edges[MAX_EDGES];
static u32 nr_edges;
/* Bit t of word f: t was taken while f was held, and that is the order; or it was reported as wrong. */
static u64 after[LOCKDEP_MAX_CLASSES], wrong[LOCKDEP_MAX_CLASSES];

static bool told_full;

u32 lockdep_reports, lockdep_graph_resets;

/* Not a struct spinlock, which would be watched itself. Held for a few lines, interrupts off. */
static u32 graph_lock;

static u64 graph_lock_irqsave(void)
{
	u64 flags = local_irq_save();

	while (__atomic_exchange_n(&graph_lock, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
	return flags;
}

static void graph_unlock_irqrestore(u64 flags)
{
	__atomic_store_n(&graph_lock, 0, __ATOMIC_RELEASE);
	local_irq_restore(flags);
}

/* Once: what isn't checked any more. The graph isn't locked. */
static void tell_full(const char *what)
{
	if (!__atomic_exchange_n(&told_full, true, __ATOMIC_RELAXED))
		printk("lockdep: no room for more %s: what comes from now on isn't checked\n", what);
}

static u32 new_class(const char *name)
{
	u64 flags = graph_lock_irqsave();
	u32 i = 0;

	while (i < nr_classes && strcmp(classes[i], name) != 0)
		i++;
	if (i == nr_classes && i < LOCKDEP_OTHERS) {
		classes[i] = name;
		/* Release: whoever sees the number sees the name. */
		__atomic_store_n(&nr_classes, i + 1, __ATOMIC_RELEASE);
	}
	graph_unlock_irqrestore(flags);
	if (i == LOCKDEP_OTHERS)
		tell_full("classes");
	return i;
}

/* By address: mostly the same text is the same literal. */
u32 lockdep_find_class(const char *name)
{
	u32 n = __atomic_load_n(&nr_classes, __ATOMIC_ACQUIRE);

	for (u32 i = 0; i < n; i++)
		if (classes[i] == name)
			return i;
	return LOCKDEP_OTHERS;
}

u32 lockdep_class(const char *name)
{
	u32 class = lockdep_find_class(name);

	return class == LOCKDEP_OTHERS && name ? new_class(name) : class;
}

const char *lockdep_class_name(u32 class) { return class == LOCKDEP_OTHERS ? "(others)" : classes[class]; }

/*
 * Is there a way from @from to @to, no step at all included? Then via[c] is the edge by which the search came to c. The
 * graph is locked.
 */
static bool find_path(u32 from, u32 to, u8 via[LOCKDEP_MAX_CLASSES])
{
	u64 seen = 1ul << from, todo = seen;

	while (todo && !(seen & 1ul << to)) {
		u32 c = (u32)__builtin_ctzl(todo);

		todo &= todo - 1;
		for (u32 i = 0; i < nr_edges; i++) {
			u64 bit = 1ul << edges[i].to;

			if (edges[i].from != c || seen & bit)
				continue;
			via[edges[i].to] = (u8)i;
			seen |= bit;
			todo |= bit;
		}
	}
	return seen & 1ul << to;
}

void lockdep_report(const char *name, u64 where, const char *what)
{
	__atomic_fetch_add(&lockdep_reports, 1, __ATOMIC_RELAXED);
	printk("lockdep: CPU %u, thread %d: \"%s\" at %pS: %s\n", this_cpu(cpu_number), this_cpu(current_tid),
	       name, (void *)where, what);
}

/* The chain that was seen before leads from @to to what is held; from its end to its beginning, as the search knows it. */
static void report_order(const struct held_lock *h, u32 to, u64 where, const u8 via[LOCKDEP_MAX_CLASSES])
{
	__atomic_fetch_add(&lockdep_reports, 1, __ATOMIC_RELAXED);
	printk("lockdep: CPU %u, thread %d: \"%s\" is taken at %pS, while \"%s\", taken at %pS, is held\n",
	       this_cpu(cpu_number), this_cpu(current_tid), classes[to], (void *)where, classes[h->class],
	       (void *)h->where);
	if (h->class == to)
		printk("lockdep:   two of one class: nothing says which comes first\n");
	else
		printk("lockdep:   the order seen before is the opposite:\n");
	/* Bounded: somebody may have all forgotten meanwhile. */
	for (u32 c = h->class, n = 0; c != to && n < LOCKDEP_MAX_CLASSES; c = edges[via[c]].from, n++)
		printk("lockdep:   \"%s\" was taken at %pS, while \"%s\", taken at %pS, was held\n",
		       classes[c], (void *)edges[via[c]].to_where, classes[edges[via[c]].from],
		       (void *)edges[via[c]].from_where);
	printk("lockdep:   two who do both at once wait for each other for ever\n");
}

/* A wrong order is no edge: what is seen later is judged by the right ones only. */
static void learn(const struct held_lock *h, u32 to, u64 where)
{
	u8 via[LOCKDEP_MAX_CLASSES];
	u64 flags = graph_lock_irqsave(), bit = 1ul << to;
	bool known = (after[h->class] | wrong[h->class]) & bit;
	bool bad = !known && find_path(to, h->class, via), full = nr_edges == MAX_EDGES;

	if (bad) {
		wrong[h->class] |= bit;
	} else if (!known && !full) {
		edges[nr_edges++] = (struct edge){ h->class, to, h->where, where };
		after[h->class] |= bit;
	}
	graph_unlock_irqrestore(flags);
	if (bad)
		report_order(h, to, where, via);
	else if (!known && full)
		tell_full("orders");
}

void lockdep_order(const struct held_lock *h, u32 to, u64 where)
{
	if (h->class == LOCKDEP_OTHERS || to == LOCKDEP_OTHERS)
		return;
	if (!((READ_ONCE(after[h->class]) | READ_ONCE(wrong[h->class])) & 1ul << to))
		learn(h, to, where);
}

void lockdep_graph_show(struct seq *out)
{
	seq_printf(out, "%u classes, %u orders, %u reports\n", nr_classes, nr_edges, lockdep_reports);
	for (u32 i = 0; i < nr_edges; i++)
		seq_printf(out, "%s -> %s\t%pS -> %pS\n", classes[edges[i].from], classes[edges[i].to],
			   (void *)edges[i].from_where, (void *)edges[i].to_where);
}

void lockdep_graph_reset(void)
{
	u64 flags = graph_lock_irqsave();

	lockdep_graph_resets++;
	nr_classes = nr_edges = lockdep_reports = 0;
	told_full = false;
	memset(after, 0, sizeof(after));
	memset(wrong, 0, sizeof(wrong));
	graph_unlock_irqrestore(flags);
}
