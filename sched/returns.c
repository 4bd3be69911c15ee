/* Stacks of hooked returns: once somebody hooks returns each thread has one, to its end. */
#include "abi/errno.h"
#include "arch/x86/entry/graph.h"
#include "arch/x86/mm/paging.h"
#include "lib/static_key.h"
#include "mm/frames.h"
#include "sched/internal.h"
#include "trace/clock.h"

/* So many calls inside each other; what is deeper is passed over, and counted. */
#define ENTRIES (PAGE_SIZE / sizeof(struct graph_entry))

struct static_key graph_asleep_key;

static u32 wanted; /* by so many */

static struct graph_entry *make(void)
{
	u64 pa = frame_alloc();

	return pa ? phys_to_virt(pa) : NULL;
}

static void release(struct graph_entry *entries) { frame_free((u64)entries - DIRECT_MAP); }

static bool has_entries(const struct thread *t) { return READ_ONCE(t->graph.last) != graph_no_entries; }

/*
 * False: it has got some already. Its thread may be running: until it sees the new top, the new last one is below the old
 * top, as the direct map is below the image, and that means that there is no room.
 */
static bool give(struct thread *t, struct graph_entry *entries)
{
	struct graph_entry *none = graph_no_entries;

	if (!__atomic_compare_exchange_n(&t->graph.last, &none, entries + ENTRIES - 1, false,
					 __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		return false;
	__atomic_store_n(&t->graph.top, entries, __ATOMIC_RELEASE);
	return true;
}

void graph_thread_begin(struct thread *t)
{
	struct graph_entry *entries = READ_ONCE(wanted) ? make() : NULL;

	if (entries && !give(t, entries))
		release(entries);
}

void graph_thread_end(struct thread *t)
{
	struct graph_entry *entries = t->graph.last + 1 - ENTRIES;

	if (!has_entries(t))
		return;
	graph_cut(&t->graph, entries);
	release(entries);
}

/* Those made so far, one after the other at their first entry's address, and how many more are needed. */
struct hand_out {
	struct graph_entry *spare;
	size_t lacking;
};

static struct graph_entry *next_of(struct graph_entry *entries) { return (struct graph_entry *)entries->ret; }

static void hand_out(struct thread *t, void *arg)
{
	struct hand_out *h = arg;
	struct graph_entry *entries = h->spare;

	if (has_entries(t))
		return;
	if (!entries) {
		h->lacking++;
		return;
	}
	h->spare = next_of(entries);
	if (!give(t, entries)) /* it has made itself one meanwhile */
		h->spare = entries;
}

static void drop_spare(struct hand_out *h)
{
	while (h->spare) {
		struct graph_entry *entries = h->spare;

		h->spare = next_of(entries);
		release(entries);
	}
}

/* A new thread is in the list before it looks whether it must make its own: so each is found by one of us. */
int graph_threads_want(void)
{
	struct hand_out h = {};

	__atomic_fetch_add(&wanted, 1, __ATOMIC_SEQ_CST);
	for (;;) {
		h.lacking = 0;
		thread_for_each_one(hand_out, &h);
		if (!h.lacking)
			break;
		while (h.lacking--) {
			struct graph_entry *entries = make();

			if (!entries) {
				drop_spare(&h);
				graph_threads_done();
				return -ENOMEM;
			}
			entries->ret = (u64)h.spare;
			h.spare = entries;
		}
	}
	drop_spare(&h);
	return 0;
}

void graph_threads_done(void) { __atomic_fetch_sub(&wanted, 1, __ATOMIC_SEQ_CST); }

/* notrace: between two threads, where it isn't said whose stack of returns this is. The new one's functions begin later by as much. */
notrace void graph_slept(struct graph_stack *prev, struct graph_stack *next)
{
	u64 now = trace_clock_read();

	prev->left = now;
	if (!next->left)
		return;
	for (struct graph_entry *e = next->top; e->slot; e--)
		e->calltime += now - next->left;
	next->left = 0;
}
