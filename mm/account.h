/*
 * Accounts: what processes have of the kernel's memory, each with its limits, and each a part of the account of the process that
 * made it. So a process and all that come from it never have more than its limits, and one that it makes at most half of them.
 */
#pragma once

#include "lib/types.h"

enum account_kind {
	ACCOUNT_PAGES, /* of memory objects, page tables, kernel stacks; and what each process costs at most beside */
	ACCOUNT_OBJECTS, /* small ones: whatever has handles */
	ACCOUNT_THREADS, /* the kernel has room for so many stacks */
	NR_ACCOUNT_KINDS
};

struct account {
	u32 refs;
	struct account *parent; /* with a reference; NULL: it is nobody's part */
	u64 used[NR_ACCOUNT_KINDS], limit[NR_ACCOUNT_KINDS];
};

/*
 * Thread context. With one reference; NULL: no memory. Its limits are half of @parent's; without one, three quarters of the memory
 * that is free now, and of what else there is.
 */
struct account *account_create(struct account *parent);
/* Task or hardirq context, both; NULL is allowed. */
void account_get(struct account *a);
void account_put(struct account *a);

/* Any context but NMI-like. @n more, here and in all that it is a part of; -ENOMEM: that is beyond a limit, and none is counted. NULL, the kernel itself, has no limit. */
int account_charge(struct account *a, enum account_kind kind, u64 n);
/* The same beyond any limit, for what others have it need: until it has less it gets no more. */
void account_charge_anyway(struct account *a, enum account_kind kind, u64 n);
/* And less. */
void account_uncharge(struct account *a, enum account_kind kind, u64 n);
/* The same contexts. What @from has of these is @to's from now on, of each kind so much; -ENOMEM: that is beyond a limit, and nothing has changed. */
int account_move(struct account *from, struct account *to, const u64 n[NR_ACCOUNT_KINDS]);
