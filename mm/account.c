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

int account_charge(struct account *a, enum account_kind kind, u64 n)
{
	u64 flags = spin_lock_irqsave(&account_lock);
	struct account *up = a;

	while (up && n <= up->limit[kind] - up->used[kind])
		up = up->parent;
	if (!up)
		for (; a; a = a->parent)
			a->used[kind] += n;
	spin_unlock_irqrestore(&account_lock, flags);
	return up ? -ENOMEM : 0;
}

void account_uncharge(struct account *a, enum account_kind kind, u64 n)
{
	u64 flags = spin_lock_irqsave(&account_lock);

	for (; a; a = a->parent) {
		BUG_ON(n > a->used[kind]);
		a->used[kind] -= n;
	}
	spin_unlock_irqrestore(&account_lock, flags);
}
