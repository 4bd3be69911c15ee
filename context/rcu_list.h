/*
 * Lists that readers walk while an updater changes them (lib/list.h has the rest). Updaters keep each other out; what is
 * taken out is freed after a grace period.
 */
#pragma once

#include "context/rcu_read.h"
#include "lib/list.h"

/* What is behind a removed node's prev: whoever goes there dies at once, instead of walking among the living. */
#define RCU_LIST_POISON ((struct list_head *)0xdead000000000100)

/* Release, through rcu_assign_pointer(): whoever reaches the node finds it filled in, its own links included. */
static inline void list_insert_rcu(struct list_head *n, struct list_head *prev, struct list_head *next)
{
	n->next = next;
	n->prev = prev;
	rcu_assign_pointer(prev->next, n);
	next->prev = n;
}
static inline void list_add_rcu(struct list_head *n, struct list_head *h) { list_insert_rcu(n, h, h->next); }
static inline void list_add_tail_rcu(struct list_head *n, struct list_head *h)
{
	list_insert_rcu(n, h->prev, h);
}

/* Its next stays: a reader who is there goes on from it. */
static inline void list_del_rcu(struct list_head *n)
{
	n->next->prev = n->prev;
	WRITE_ONCE(n->prev->next, n->next);
	n->prev = RCU_LIST_POISON;
}

/* Readers find the one or the other. */
static inline void list_replace_rcu(struct list_head *old, struct list_head *n)
{
	n->next = old->next;
	n->prev = old->prev;
	rcu_assign_pointer(n->prev->next, n);
	n->next->prev = n;
	old->prev = RCU_LIST_POISON;
}

/* Readers. */
#define list_for_each_entry_rcu(pos, head, member)                                      \
	for (pos = list_entry(rcu_dereference((head)->next), __typeof__(*pos), member); \
	     &pos->member != (head);                                                    \
	     pos = list_entry(rcu_dereference(pos->member.next), __typeof__(*pos), member))
