/* A list that is read while it changes: a reader sees each node whole, and comes to the end. */
#include "context/rcu_list.h"

#include "arch/x86/cpu/regs.h"
#include "mm/kmalloc.h"
#include "rcu/rcu.h"
#include "sched/thread.h"
#include "tests/kernel/probe.h"
#include "tests/kernel/stress.h"

#define NODES 8

struct node {
	struct list_head link;
	u64 key, inverse; /* of each other, for as long as it lives */
	struct rcu_head rcu;
};

static LIST_HEAD(nodes);

static struct node *node_new(u64 key)
{
	struct node *n = kmalloc(sizeof(*n));

	if (n) {
		n->key = key;
		n->inverse = ~key;
	}
	return n;
}

static void node_free(struct rcu_head *head)
{
	struct node *n = container_of(head, struct node, rcu);

	n->inverse = n->key; /* whoever still reads it will see */
	kfree(n);
}

static u64 keys(void)
{
	struct node *n;
	u64 sum = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(n, &nodes, link) sum = sum * 10 + n->key;
	rcu_read_unlock();
	return sum;
}

KTEST(rcu_list, adds_replaces_and_takes_out)
{
	struct node *n[4];

	for (u64 i = 0; i < 4; i++)
		EXPECT(n[i] = node_new(i + 1));
	EXPECT_EQ(keys(), 0);
	list_add_rcu(&n[0]->link, &nodes);
	list_add_rcu(&n[1]->link, &nodes);
	list_add_tail_rcu(&n[2]->link, &nodes);
	EXPECT_EQ(keys(), 213);
	list_replace_rcu(&n[0]->link, &n[3]->link);
	EXPECT_EQ(keys(), 243);
	EXPECT_EQ(n[0]->link.next, &n[2]->link); /* a reader who is there goes on */
	EXPECT_EQ(n[0]->link.prev, RCU_LIST_POISON);
	list_del_rcu(&n[3]->link);
	EXPECT_EQ(n[3]->link.next, &n[2]->link);
	EXPECT_EQ(keys(), 23);
	list_del_rcu(&n[1]->link);
	list_del_rcu(&n[2]->link);
	EXPECT(list_empty(&nodes));
	for (int i = 0; i < 4; i++)
		kfree(n[i]);
}

static volatile bool over;
static u64 wrong, walks;

static int walk(void *cpu)
{
	if (this_cpu(cpu_number) == 0 && crowd_cpus() > 1)
		return 0; /* the updater's */
	while (!over) {
		struct node *n;

		rcu_read_lock();
		list_for_each_entry_rcu(n, &nodes, link)
		{
			if (n->key != ~n->inverse)
				__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
			cpu_relax();
		}
		rcu_read_unlock();
		__atomic_fetch_add(&walks, 1, __ATOMIC_RELAXED);
		thread_yield(); /* the updater may have no other CPU */
	}
	return 0;
}

/* The oldest goes, a new one comes, one in the middle is replaced. */
static void change(u64 key)
{
	struct node *old = list_entry(nodes.next, struct node, link), *new = node_new(key);
	struct node *second = list_entry(old->link.next, struct node, link), *other = node_new(~key);

	if (!new || !other)
		return;
	list_add_tail_rcu(&new->link, &nodes);
	list_replace_rcu(&second->link, &other->link);
	call_rcu(&second->rcu, node_free);
	list_del_rcu(&old->link);
	call_rcu(&old->rcu, node_free);
}

KTEST(rcu_list, is_read_while_it_changes)
{
	struct node *n, *tmp;

	over = false;
	wrong = walks = 0;
	for (u64 i = 0; i < NODES; i++)
		list_add_rcu(&node_new(i)->link, &nodes);
	crowd_start(walk, 1);
	for (u64 i = 0; i < stressed(300); i++) {
		change(i * 0x9e3779b97f4a7c15);
		if (i % 8 == 0)
			thread_yield();
	}
	while (!READ_ONCE(walks))
		thread_yield();
	over = true;
	crowd_join();
	rcu_barrier();
	EXPECT_EQ(wrong, 0);
	list_for_each_entry_safe(n, tmp, &nodes, link) {
		list_del(&n->link);
		kfree(n);
	}
}
