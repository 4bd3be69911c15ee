/* Readers: copy what is committed of a page, then see whether it was still that page; if not, go on with the oldest. */
#include "trace/ring_reader.h"

#include "arch/x86/cpu/regs.h"
#include "lib/string.h"

static u32 next_slot(const struct ring_cpu *r, u32 slot) { return slot + 1 == r->nr_slots ? 0 : slot + 1; }

static u64 state_of(const struct ring_cpu *r, u32 slot)
{
	return __atomic_load_n(&r->slots[slot].state, __ATOMIC_ACQUIRE);
}

/* A page is gone when its slot holds a later one. The one after it is the oldest then, unless that is gone, too. */
static bool cursor_overtaken(const struct ring_cpu *r, struct ring_cursor *c)
{
	u64 sequence = RING_SEQUENCE(state_of(r, c->slot));

	if (sequence == c->sequence)
		return false;
	c->slot = next_slot(r, c->slot);
	c->sequence = sequence - r->nr_slots + 1;
	return true;
}

void ring_cursor_begin(const struct ring_cpu *r, struct ring_cursor *c)
{
	*c = (struct ring_cursor){ r->read_slot, r->read_sequence };
	while (cursor_overtaken(r, c))
		;
}

/* A writer is between the two for a few instructions; one that is interrupted there isn't waited for. */
#define TAKE_PATIENCE 1000

/* All losses up to the page that is the oldest now, and none beyond: when no page is being taken. */
static u64 exact_overrun(const struct ring_cpu *r)
{
	u64 overrun = 0;

	for (u32 i = 0; i < TAKE_PATIENCE; i++) {
		u64 done = __atomic_load_n(&r->takes_done, __ATOMIC_ACQUIRE);

		overrun = __atomic_load_n(&r->overrun, __ATOMIC_ACQUIRE);
		if (__atomic_load_n(&r->takes_begun, __ATOMIC_ACQUIRE) == done)
			break;
		cpu_relax();
	}
	return overrun;
}

/*
 * One record at @p, of at most @left bytes: its length. @rec->data is NULL if it has none, and @events counts what
 * counts as an event. What a writer left unfinished for ever, because it was thrown away, may be anything.
 */
static u32 decode(const u8 *p, u32 left, struct ring_record *rec, u32 *events)
{
	u32 word[2] = { 0, 0 }, type, delta, length;

	memcpy(word, p, left < 8 ? 4 : 8);
	type = word[0] % 32;
	delta = word[0] >> RING_TYPE_BITS;
	rec->data = NULL;
	if (type == RING_TIME_STAMP) {
		rec->time = delta | (u64)word[1] << RING_DELTA_BITS;
		return min(8u, left);
	}
	rec->time += delta;
	if (type == RING_TIME_EXTEND) {
		rec->time += (u64)word[1] << RING_DELTA_BITS;
		return min(8u, left);
	}
	if (type == RING_PADDING && !delta)
		return left;
	*events += 1;
	length = type && type != RING_PADDING ? 4 + type * 4 : 4 + min(word[1], (u32)RING_DATA);
	if (length > left || length % 4)
		return left;
	if (type != RING_PADDING) {
		u32 header = type ? 4 : 8;

		rec->data = length > header ? p + header : NULL;
		rec->size = length - header;
	}
	return length;
}

/* The time at @pos. */
static u64 time_at(const struct ring_page *copy, u32 pos, u32 size)
{
	struct ring_record rec = { .time = copy->time };
	u32 events = 0;

	for (u32 at = 0; at < pos;)
		at += decode(copy->data + at, size - at, &rec, &events);
	return rec.time;
}

/* Where a consumer is, all consumers are; who looks goes his own way, but not where he was overtaken. */
static void find_place(struct ring_reader *rd, bool new_page)
{
	u32 old = rd->pos;

	if (rd->consume || new_page) {
		rd->pos = RING_BYTES(rd->state);
		rd->events = RING_EVENTS(rd->state);
	}
	if (new_page || rd->pos != old)
		rd->time = time_at(rd->copy, rd->pos, rd->size);
}

/*
 * A copy with something unread in it, or false. The commit is read after the page is known not to be gone: it is on
 * that page or a later one then. And whether the page has gone meanwhile is asked after the copy is made.
 */
static bool fetch(struct ring_reader *rd, bool new_page)
{
	struct ring_cpu *r = rd->ring;

	for (;;) {
		const struct ring_slot *s = &r->slots[rd->at.slot];
		u64 commit;

		if (cursor_overtaken(r, &rd->at)) {
			new_page = true;
			continue;
		}
		rd->overrun = exact_overrun(r);
		commit = __atomic_load_n(&r->commit, __ATOMIC_ACQUIRE);
		rd->last = RING_PAGE(commit) == s->page;
		rd->size = rd->last ? RING_OFFSET(commit) : READ_ONCE(s->size);
		rd->all_events = rd->last ? RING_COUNT(commit) : READ_ONCE(s->events);
		memcpy(rd->copy, s->page, offsetof(struct ring_page, data) + rd->size);
		rd->state = state_of(r, rd->at.slot);
		if (RING_SEQUENCE(rd->state) != rd->at.sequence)
			continue;
		find_place(rd, new_page);
		if (rd->pos < rd->size || rd->last)
			return rd->pos < rd->size;
		rd->at = (struct ring_cursor){ next_slot(r, rd->at.slot), rd->at.sequence + 1 };
		new_page = true;
		if (rd->consume) {
			r->read_slot = rd->at.slot;
			r->read_sequence = rd->at.sequence;
		}
	}
}

/* Has read up to @pos. False: the page went away first. */
static bool advance(struct ring_reader *rd, u32 pos, u32 events)
{
	struct ring_cpu *r = rd->ring;
	u64 state = RING_STATE(rd->at.sequence, events, pos);

	rd->record.data = NULL;
	if (rd->consume) {
		if (!__atomic_compare_exchange_n(&r->slots[rd->at.slot].state, &rd->state, state, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
			rd->size = rd->pos = 0;
			return false;
		}
		rd->state = state;
		r->read += events - rd->events;
		r->overrun_seen = rd->overrun;
	}
	rd->pos = pos;
	rd->events = events;
	return true;
}

void ring_reader_begin(struct ring_reader *rd, struct ring_cpu *r, struct ring_page *copy, bool consume)
{
	*rd = (struct ring_reader){ .ring = r, .copy = copy, .consume = consume, .layout = r->layout };
	ring_cursor_begin(r, &rd->at);
	fetch(rd, true);
}

const struct ring_record *ring_reader_peek(struct ring_reader *rd)
{
	if (rd->layout != rd->ring->layout)
		ring_reader_begin(rd, rd->ring, rd->copy, rd->consume);
	if (rd->record.data)
		return &rd->record;
	for (;;) {
		u32 pos = rd->pos, events = rd->events;

		rd->record.time = rd->time;
		while (pos < rd->size) {
			pos += decode(rd->copy->data + pos, rd->size - pos, &rd->record, &events);
			if (!rd->record.data)
				continue;
			rd->record.lost = rd->consume ? rd->overrun - rd->ring->overrun_seen : 0;
			rd->next_pos = pos;
			rd->next_events = events;
			return &rd->record;
		}
		/* What has no data is passed over, and then it has been read. */
		if (pos != rd->pos && advance(rd, pos, events))
			rd->time = rd->record.time;
		if (!fetch(rd, false))
			return NULL;
	}
}

bool ring_reader_take(struct ring_reader *rd)
{
	u64 time = rd->record.time;

	if (!advance(rd, rd->next_pos, rd->next_events))
		return false;
	rd->time = time;
	return true;
}

bool ring_reader_take_page(struct ring_reader *rd)
{
	struct ring_page *copy = rd->copy;
	u64 lost, end;
	u32 size;

	if (rd->layout != rd->ring->layout)
		ring_reader_begin(rd, rd->ring, copy, true);
	do {
		if (!fetch(rd, true))
			return false;
		lost = rd->overrun - rd->ring->overrun_seen;
		size = rd->size - rd->pos;
		end = time_at(copy, rd->size, rd->size);
		copy->time = rd->time;
		memmove(copy->data, copy->data + rd->pos, size);
	} while (!advance(rd, rd->size, rd->all_events));
	rd->time = end;
	memset(copy->data + size, 0, RING_DATA - size);
	copy->commit = size;
	if (lost)
		copy->commit |= RING_MISSED_EVENTS;
	if (lost && size + sizeof(lost) <= RING_DATA) {
		copy->commit |= RING_MISSED_STORED;
		memcpy(copy->data + size, &lost, sizeof(lost));
	}
	return true;
}

u32 ring_read_pages(struct ring_cpu *from, struct ring_slot *slots, u32 nr)
{
	struct ring_reader rd = { .ring = from };
	u32 n = 0;

	ring_cursor_begin(from, &rd.at);
	while (n < nr && !rd.last) {
		rd.copy = slots[n].page;
		if (!fetch(&rd, true))
			break;
		slots[n].state = RING_STATE(0, rd.events, rd.pos);
		slots[n].size = rd.size;
		slots[n++].events = rd.all_events;
		rd.at = (struct ring_cursor){ next_slot(from, rd.at.slot), rd.at.sequence + 1 };
	}
	return n;
}

void ring_stats(const struct ring_cpu *r, struct ring_stats *s)
{
	u64 commit = __atomic_load_n(&r->commit, __ATOMIC_ACQUIRE);
	struct ring_cursor c;

	ring_cursor_begin(r, &c);
	*s = (struct ring_stats){
		.overrun = exact_overrun(r),
		.commit_overrun = r->commit_overrun,
		.dropped = r->dropped,
		.read = r->read,
		.oldest_time = r->slots[c.slot].page->time,
	};
	for (u32 n = 0; n < r->nr_slots; n++, c.slot = next_slot(r, c.slot)) {
		const struct ring_slot *slot = &r->slots[c.slot];
		u64 state = state_of(r, c.slot);
		bool last = RING_PAGE(commit) == slot->page;

		s->entries += (last ? RING_COUNT(commit) : slot->events) - RING_EVENTS(state);
		s->bytes += (last ? RING_OFFSET(commit) : slot->size) - RING_BYTES(state);
		if (last)
			break;
	}
}
