/* A ring put together, emptied, and made longer or shorter, while nobody writes. */
#include "lib/bug.h"
#include "trace/ring.h"
#include "trace/ring_reader.h"

#define WORD_OF(page) ((u64)(page) & (RING_ONE_EVENT - 1))

/*
 * Sequence numbers so that the first @kept slots hold the last pages begun, the head's page last, and the others,
 * which are empty, are the next to be taken.
 */
static void number(struct ring_cpu *r, u32 kept)
{
	for (u32 i = 0; i < r->nr_slots; i++) {
		struct ring_slot *s = &r->slots[i];
		u64 state = s->state;

		s->ring = r;
		s->page->slot = s;
		if (i < kept) {
			s->state = RING_STATE(r->nr_slots + i, RING_EVENTS(state), RING_BYTES(state));
		} else {
			s->state = RING_STATE(i, 0, 0);
			s->size = s->events = 0;
		}
	}
	r->read_slot = 0;
	r->read_sequence = r->nr_slots;
	r->layout++;
}

void ring_init(struct ring_cpu *r, struct ring_slot *slots, u32 nr)
{
	BUG_ON(nr < RING_MIN_PAGES);
	r->slots = slots;
	r->nr_slots = nr;
	ring_reset(r);
}

void ring_reset(struct ring_cpu *r)
{
	r->slots[0].state = 0;
	number(r, 1);
	r->head.word = r->commit = WORD_OF(r->slots[0].page);
	r->head.time = r->slots[0].page->time = ring_clock();
	r->overrun = r->dropped = r->commit_overrun = r->read = r->overrun_seen = 0;
}

void ring_adopt(struct ring_cpu *r, u32 kept)
{
	const struct ring_slot *last = &r->slots[kept - 1];

	number(r, kept);
	r->head.word = r->commit = WORD_OF(last->page) | last->size | last->events * RING_ONE_EVENT;
}

void ring_resize(struct ring_cpu *r, struct ring_slot *slots, u32 nr, struct ring_page **spare)
{
	u32 head = (u32)(RING_PAGE(r->head.word)->slot - r->slots), old_nr = r->nr_slots, kept = 0, left;
	struct ring_cursor c;

	BUG_ON(nr < RING_MIN_PAGES);
	/* From the oldest page to the head's: too many, and the oldest go. */
	ring_cursor_begin(r, &c);
	left = (head + old_nr - c.slot) % old_nr + 1;
	for (; left > nr; left--) {
		const struct ring_slot *s = &r->slots[c.slot];

		r->overrun += s->events - RING_EVENTS(s->state);
		c.slot = (c.slot + 1) % old_nr;
	}
	/* In this order: those that stay, the empty ones, those that go. */
	for (u32 i = 0; i < old_nr; i++) {
		struct ring_slot *s = &r->slots[(c.slot + i) % old_nr];

		if (kept < left)
			slots[kept++] = *s;
		else if (i < nr)
			slots[i].page = s->page;
		else
			*spare++ = s->page;
	}
	for (u32 i = old_nr; i < nr; i++)
		slots[i].page = *spare++;
	r->slots = slots;
	r->nr_slots = nr;
	number(r, kept);
}
