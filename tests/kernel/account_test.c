/* Nobody gets more than his account allows, his children count as he does, and at the end nothing is counted. */
#include "mm/account.h"

#include "abi/errno.h"
#include "abi/rights.h"
#include "abi/syscall.h"
#include "lib/compiler.h"
#include "lib/ktest.h"
#include "tests/kernel/user_process.h"

KTEST(account, counts_here_and_above)
{
	struct account *a = account_create(NULL), *b = account_create(a), *c = account_create(b);

	if (!a || !b || !c) {
		EXPECT(false);
		return;
	}
	a->limit[ACCOUNT_PAGES] = 100;
	b->limit[ACCOUNT_PAGES] = 60;
	c->limit[ACCOUNT_PAGES] = 1000;
	EXPECT_EQ(b->limit[ACCOUNT_OBJECTS], a->limit[ACCOUNT_OBJECTS] / 2);
	EXPECT_EQ(account_charge(c, ACCOUNT_PAGES, 61), -ENOMEM);
	EXPECT_EQ(account_charge(c, ACCOUNT_PAGES, ~0ul), -ENOMEM);
	EXPECT_EQ(c->used[ACCOUNT_PAGES], 0);
	EXPECT_EQ(account_charge(c, ACCOUNT_PAGES, 50), 0);
	EXPECT_EQ(a->used[ACCOUNT_PAGES], 50);
	EXPECT_EQ(account_charge(b, ACCOUNT_PAGES, 11), -ENOMEM);
	EXPECT_EQ(account_charge(a, ACCOUNT_PAGES, 50), 0);
	EXPECT_EQ(account_charge(c, ACCOUNT_PAGES, 1), -ENOMEM);
	EXPECT_EQ(b->used[ACCOUNT_PAGES], 50);
	account_uncharge(c, ACCOUNT_PAGES, 50);
	EXPECT_EQ(a->used[ACCOUNT_PAGES], 50);
	EXPECT_EQ(b->used[ACCOUNT_PAGES], 0);
	account_uncharge(a, ACCOUNT_PAGES, 50);
	EXPECT_EQ(account_charge(NULL, ACCOUNT_PAGES, ~0ul), 0);
	account_put(a);
	account_put(b);
	account_put(c); /* and so the others */
}

/* What two have above them never has more meanwhile; and what isn't allowed changes nothing. */
KTEST(account, is_moved_as_a_whole)
{
	const u64 some[NR_ACCOUNT_KINDS] = { [ACCOUNT_PAGES] = 40, [ACCOUNT_OBJECTS] = 1 };
	struct account *above = account_create(NULL), *from = account_create(above),
		       *to = account_create(above);

	if (!above || !from || !to) {
		EXPECT(false);
		return;
	}
	above->limit[ACCOUNT_PAGES] = 50;
	from->limit[ACCOUNT_PAGES] = to->limit[ACCOUNT_PAGES] = 45;
	EXPECT_EQ(account_charge(from, ACCOUNT_PAGES, 45), 0);
	EXPECT_EQ(account_charge(from, ACCOUNT_OBJECTS, 2), 0);
	to->limit[ACCOUNT_OBJECTS] = 0;
	EXPECT_EQ(account_move(from, to, some), -ENOMEM);
	EXPECT_EQ(from->used[ACCOUNT_PAGES], 45);
	EXPECT_EQ(from->used[ACCOUNT_OBJECTS], 2);
	EXPECT_EQ(to->used[ACCOUNT_PAGES], 0);
	to->limit[ACCOUNT_OBJECTS] = 1;
	EXPECT_EQ(account_move(from, to, some), 0);
	EXPECT_EQ(from->used[ACCOUNT_PAGES], 5);
	EXPECT_EQ(from->used[ACCOUNT_OBJECTS], 1);
	EXPECT_EQ(to->used[ACCOUNT_PAGES], 40);
	EXPECT_EQ(to->used[ACCOUNT_OBJECTS], 1);
	EXPECT_EQ(above->used[ACCOUNT_PAGES], 45);
	EXPECT_EQ(account_move(to, NULL, some), 0); /* to the kernel, which has no limit */
	EXPECT_EQ(above->used[ACCOUNT_PAGES], 5);
	account_uncharge(from, ACCOUNT_PAGES, 5);
	account_uncharge(from, ACCOUNT_OBJECTS, 1);
	account_put(from);
	account_put(to);
	account_put(above);
}

#define CALLS 12

/* @call, so often, by a process with @limit more of that kind than it has: how many succeed; the rest say -ENOMEM. */
static unsigned succeed(struct user_call call, enum account_kind kind, u64 limit)
{
	struct user_call calls[CALLS];
	struct user_process u;
	struct account *a;
	unsigned n = 0;

	if (!user_process(&u, "greedy"))
		return 0;
	for (unsigned i = 0; i < CALLS; i++)
		calls[i] = call;
	a = u.process->account;
	account_get(a);
	a->limit[kind] = a->used[kind] + limit;
	EXPECT_EQ(user_process_calls(&u, calls, CALLS), 0);
	while (n < CALLS && (s64)calls[n].result >= 0)
		n++;
	for (unsigned i = n; i < CALLS; i++)
		EXPECT_EQ((s64)calls[i].result, -ENOMEM);
	user_processes_settle();
	for (int k = 0; k < NR_ACCOUNT_KINDS; k++)
		EXPECT_EQ(a->used[k], 0);
	account_put(a);
	return n;
}

#define OWN_OBJECTS 1 /* its thread */
#define OWN_PAGES    \
	(4 + 3 + 1 + \
	 1) /* its thread's stack, and tables: three for the calls, one each for its text and its stack */
#define A_PROCESS 12

KTEST(account, a_process_gets_no_more_than_it_may)
{
	EXPECT_EQ(succeed((struct user_call){ SYS_endpoint_create, { 0 }, 1, 0 }, ACCOUNT_OBJECTS, 6),
		  6 - OWN_OBJECTS);
	EXPECT_EQ(succeed((struct user_call){ SYS_notification_create, { 0 }, 1, 0 }, ACCOUNT_OBJECTS, 6),
		  6 - OWN_OBJECTS);
	EXPECT_EQ(succeed((struct user_call){ SYS_memory_create, { 1 }, 1, 0 }, ACCOUNT_OBJECTS, 6),
		  6 - OWN_OBJECTS);
	EXPECT_EQ(succeed((struct user_call){ SYS_process_create, { WORDS_BASE, 0 }, 1, 0 }, ACCOUNT_OBJECTS,
			  6),
		  6 - OWN_OBJECTS);
	EXPECT_EQ(succeed((struct user_call){ SYS_memory_create, { 100 }, 1, 0 }, ACCOUNT_PAGES, 500), 4);
	EXPECT_EQ(succeed((struct user_call){ SYS_memory_create, { 8192 }, 1, 0 }, ACCOUNT_PAGES, 100), 0);
	EXPECT_EQ(succeed((struct user_call){ SYS_process_create, { WORDS_BASE, 0 }, 1, 0 }, ACCOUNT_PAGES,
			  5 * A_PROCESS + OWN_PAGES + 2),
		  5);
	EXPECT_EQ(succeed((struct user_call){ SYS_process_start,
					      { 0, PROGRAM_BASE + (u64)(up_spin - user_programs), 0, 0, 0,
						PRIORITY_DEFAULT },
					      1,
					      0 },
			  ACCOUNT_THREADS, 4),
		  3);
}

/* Touched all over its space, each page has a table of its own, or three. */
KTEST(account, page_tables_are_paid_for)
{
	struct user_call calls[CALLS];
	struct user_process u;
	struct account *a;

	if (!user_process(&u, "wide"))
		return;
	for (unsigned i = 0; i < CALLS; i++) {
		u64 va = (u64)(i + 1) << 39;

		EXPECT_EQ(space_map(u.process->space, va, 1, u.words, 0, MAP_READ), 0);
		calls[i] = (struct user_call){ SYS_process_create, { va, 1 }, 1, 0 };
	}
	a = u.process->account;
	account_get(a);
	a->limit[ACCOUNT_PAGES] = a->used[ACCOUNT_PAGES] + OWN_PAGES + 4 * 3;
	EXPECT_EQ(user_process_calls(&u, calls, CALLS), 0);
	for (unsigned i = 0; i < CALLS; i++)
		EXPECT_EQ((s64)calls[i].result, i < 4 ? -EINVAL : -ENOMEM); /* no name, or not even that */
	user_processes_settle();
	for (int k = 0; k < NR_ACCOUNT_KINDS; k++)
		EXPECT_EQ(a->used[k], 0);
	account_put(a);
}

/* A child of a child …: each has half, so the line ends by itself, and what is made by it is its makers', too. */
KTEST(account, children_are_a_part)
{
	struct process *p[8], *parent = NULL;
	unsigned n = 0;

	while (n < ARRAY_SIZE(p)) {
		p[n] = process_create("child", parent);
		if (!p[n])
			break;
		if (parent)
			EXPECT_EQ(p[n]->account->limit[ACCOUNT_THREADS],
				  parent->account->limit[ACCOUNT_THREADS] / 2);
		parent = p[n++];
		EXPECT_EQ(p[0]->account->used[ACCOUNT_OBJECTS], n);
		EXPECT_EQ(parent->account->used[ACCOUNT_OBJECTS], 1);
	}
	EXPECT_EQ(n, ARRAY_SIZE(p));
	while (n--) {
		process_kill(p[n], 1);
		object_put(&p[n]->object);
	}
	user_processes_settle();
}

/* Who was started with a priority starts others with that or less. */
KTEST(account, priorities_are_not_raised)
{
	struct user_call calls[3];
	struct user_process u;

	if (!user_process(&u, "climber"))
		return;
	u.process->priority_max = PRIORITY_DEFAULT;
	for (unsigned i = 0; i < 3; i++)
		calls[i] = (struct user_call){ SYS_process_start,
					       { 0, PROGRAM_BASE + (u64)(up_spin - user_programs), 0, 0, 0,
						 PRIORITY_DEFAULT - 1 + i },
					       1,
					       0 };
	EXPECT_EQ(user_process_calls(&u, calls, 3), 0);
	EXPECT_EQ(calls[0].result, 0);
	EXPECT_EQ(calls[1].result, 0);
	EXPECT_EQ((s64)calls[2].result, -EACCES);
	user_processes_settle();
}
