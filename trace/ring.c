/* A writer's slow ways: a new page, a long silence, long data, and second thoughts. */
#include "trace/ring.h"

#include "lib/compiler.h"

#define WORD_OF(page) ((u64)(page) & (RING_ONE_EVENT - 1))

/* notrace, here and below: called for events; traced, each would only count a dropped one. */
static notrace struct ring_slot *slot_after(struct ring_slot *slot)
{
	struct ring_cpu *r = slot->ring;

	return slot + 1 == r->slots + r->nr_slots ? r->slots : slot + 1;
}

enum taken { TAKEN, REFUSED, AGAIN };

/*
 * Takes the page in @next over for what will be page @sequence, before the head moves there. Somebody nested may do
 * it first; then it is taken. AGAIN: the head has moved on, and what we know is old.
 */
static notrace enum taken take(struct ring_cpu *r, struct ring_slot *next, u64 sequence)
{
	for (;;) {
		u64 old = READ_ONCE(next->state);
		u32 unread = next->events - RING_EVENTS(old);
		bool mine;

		if (RING_SEQUENCE(old) == sequence)
			return TAKEN;
		if (RING_SEQUENCE(old) != sequence - r->nr_slots)
			return AGAIN;
		if (RING_PAGE(READ_ONCE(r->commit)) == next->page) {
			ring_local_inc(&r->commit_overrun);
			return REFUSED;
		}
		if (!r->overwrite && unread) {
			ring_local_inc(&r->dropped);
			return REFUSED;
		}
		ring_local_inc(&r->takes_begun);
		/* Locked: a reader on another CPU may be exchanging it, too. */
		mine = __atomic_compare_exchange_n(&next->state, &old, RING_STATE(sequence, 0, 0), false,
						   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		if (mine)
			__asm__ volatile("addq %1, %0" : "+m"(r->overrun) : "r"((u64)unread) : "cc");
		ring_local_inc(&r->takes_done);
		if (mine)
			return TAKEN;
	}
}

/* The header of a record for @size bytes at @at; where its data goes. */
static notrace void *put_header(u32 *at, u64 delta, u32 size)
{
	if (size <= RING_SMALL_MAX) {
		*at = (u32)delta << RING_TYPE_BITS | size / 4;
		return at + 1;
	}
	*at = (u32)delta << RING_TYPE_BITS;
	at[1] = size + 4;
	return at + 2;
}

/* On the page we are on. NULL: somebody came in between. */
static notrace void *reserve_here(struct ring_cpu *r, u64 word, u64 last, u64 now, u32 length, u32 size)
{
	u64 delta = now - last;
	u32 *at = (u32 *)(RING_ADDRESS(word) + offsetof(struct ring_page, data));
	u32 extra = delta > RING_DELTA_MAX ? 8 : 0;

	if (!ring_move_head(&r->head, word, last, word + RING_ONE_EVENT + extra + length, now))
		return NULL;
	if (extra) {
		at[0] = (u32)(delta & RING_DELTA_MAX) << RING_TYPE_BITS | RING_TIME_EXTEND;
		at[1] = (u32)(delta >> RING_DELTA_BITS);
		at += 2;
		delta = 0;
	}
	return put_header(at, delta, size);
}

/* On the next page, which is taken. Who moves the head there closes the old page and begins the new one. */
static notrace void *reserve_there(struct ring_cpu *r, u64 word, u64 last, u64 now, u32 length, u32 size)
{
	struct ring_slot *left = RING_PAGE(word)->slot, *next = slot_after(left);

	if (!ring_move_head(&r->head, word, last, WORD_OF(next->page) + RING_ONE_EVENT + length, now))
		return NULL;
	left->size = RING_OFFSET(word);
	left->events = RING_COUNT(word);
	next->page->time = now;
	return put_header((u32 *)next->page->data, 0, size);
}

notrace void ring_give_up(struct ring_cpu *r) { ring_commit(r); }

notrace void ring_publish_again(struct ring_cpu *r)
{
	do {
		ring_nest_add(r, 1);
		WRITE_ONCE(r->commit, READ_ONCE(r->head.word));
		ring_nest_add(r, -1);
	} while (READ_ONCE(r->head.word) != READ_ONCE(r->commit));
}

notrace void *ring_reserve_slow(struct ring_cpu *r, u32 size)
{
	u32 length = (size <= RING_SMALL_MAX ? 4 : 8) + size;

	while (size <= RING_DATA_MAX) {
		u64 word = READ_ONCE(r->head.word), last = READ_ONCE(r->head.time), now = ring_clock();
		struct ring_slot *here = RING_PAGE(word)->slot;
		enum taken taken = TAKEN;
		void *data = NULL;

		/* A clock that was set back, as by its calibration, stands still for a while. */
		if ((s64)(now - last) < 0)
			now = last;
		if (RING_OFFSET(word) + length + (now - last > RING_DELTA_MAX ? 8 : 0) <= RING_DATA) {
			data = reserve_here(r, word, last, now, length, size);
		} else {
			taken = take(r, slot_after(here), RING_SEQUENCE(READ_ONCE(here->state)) + 1);
			if (taken == TAKEN)
				data = reserve_there(r, word, last, now, length, size);
		}
		if (data)
			return data;
		if (taken == REFUSED)
			break;
	}
	ring_give_up(r);
	return NULL;
}

/* The last record of all is taken back; false: it isn't the last, or no more. */
static notrace bool take_back(struct ring_cpu *r, u32 *record, u32 length)
{
	u64 word = READ_ONCE(r->head.word), time = READ_ONCE(r->head.time);
	u64 before = time - (*record >> RING_TYPE_BITS);

	return (u64)record + length == RING_ADDRESS(word) + offsetof(struct ring_page, data) &&
	       ring_move_head(&r->head, word, time, word - length - RING_ONE_EVENT, before);
}

notrace void ring_discard(struct ring_cpu *r, void *data, u32 size)
{
	u32 *record = (u32 *)data - (size <= RING_SMALL_MAX ? 1 : 2);
	u32 delta = *record >> RING_TYPE_BITS, length = (u32)((u8 *)data - (u8 *)record) + size;

	if (!take_back(r, record, length)) {
		/* Padding without a delta would mean the end of the page: then all behind it is one nanosecond late. */
		record[0] = (delta ? delta : 1) << RING_TYPE_BITS | RING_PADDING;
		record[1] = length - 4;
	}
	ring_commit(r);
}
