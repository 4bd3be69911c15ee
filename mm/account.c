/* Counts up the line of ancestors, all of it under one lock: what is granted is within each limit at that moment. */
#include "mm/account.h"

#include "abi/errno.h"
#include "arch/x86/mm/stacks.h"
#include "context/spinlock.h"
#include "lib/bug.h"
#include "mm/frames.h"
#include "mm/kmalloc.h"

#define OBJECTS_MAX 16384ul /* of at most a few hundred bytes each */

static SPINLOCK(account_lock);

struct account *account_create(struct account *parent)
{
	const u64 all[NR_ACCOUNT_KINDS] = {
		[ACCOUNT_PAGES] = frames_free_count(),
		[ACCOUNT_OBJECTS] = OBJECTS_MAX,
		[ACCOUNT_THREADS] = STACK_SLOTS,
	};
	struct account *a = kzalloc(sizeof(*a));

	if (!a)
		return NULL;
	a->refs = 1;
	a->parent = parent;
	account_get(parent);
	for (int k = 0; k < NR_ACCOUNT_KINDS; k++)
		a->limit[k] = parent ? parent->limit[k] / 2 : all[k] / 4 * 3;
	return a;
}

void account_get(struct account *a)
{
	if (a)
		__atomic_fetch_add(&a->refs, 1, __ATOMIC_RELAXED);
}

/* Whoever is counted has a reference, so who goes has nothing. Not by recursion: as deep as the line is long. */
void account_put(struct account *a)
{
	while (a && __atomic_sub_fetch(&a->refs, 1, __ATOMIC_ACQ_REL) == 0) {
		struct account *parent = a->parent;

		for (int k = 0; k < NR_ACCOUNT_KINDS; k++)
			BUG_ON(a->used[k]);
		kfree(a);
		a = parent;
	}
}

/* With the lock, both. */
static bool allowed(const struct account *a, enum account_kind kind, u64 n)
{
	while (a && a->used[kind] <= a->limit[kind] && n <= a->limit[kind] - a->used[kind])
		a = a->parent;
	return !a;
}

static void add(struct account *a, enum account_kind kind, u64 n)
{
	for (; a; a = a->parent)
		a->used[kind] += n;
}

static void subtract(struct account *a, enum account_kind kind, u64 n)
{
	for (; a; a = a->parent) {
		BUG_ON(n > a->used[kind]);
		a->used[kind] -= n;
	}
}

int account_charge(struct account *a, enum account_kind kind, u64 n)
{
	u64 flags = spin_lock_irqsave(&account_lock);
	bool may = allowed(a, kind, n);

	if (may)
		add(a, kind, n);
	spin_unlock_irqrestore(&account_lock, flags);
	return may ? 0 : -ENOMEM;
}

void account_charge_anyway(struct account *a, enum account_kind kind, u64 n)
{
	u64 flags = spin_lock_irqsave(&account_lock);

	add(a, kind, n);
	spin_unlock_irqrestore(&account_lock, flags);
}

void account_uncharge(struct account *a, enum account_kind kind, u64 n)
{
	u64 flags = spin_lock_irqsave(&account_lock);

	subtract(a, kind, n);
	spin_unlock_irqrestore(&account_lock, flags);
}

/* Taken away first: what both are a part of has no more than before. */
int account_move(struct account *from, struct account *to, const u64 n[NR_ACCOUNT_KINDS])
{
	u64 flags = spin_lock_irqsave(&account_lock);
	bool may = true;

	for (unsigned k = 0; k < NR_ACCOUNT_KINDS; k++) {
		subtract(from, k, n[k]);
		may = may && allowed(to, k, n[k]);
	}
	for (unsigned k = 0; k < NR_ACCOUNT_KINDS; k++)
		add(may ? to : from, k, n[k]);
	spin_unlock_irqrestore(&account_lock, flags);
	return may ? 0 : -ENOMEM;
}
