/*
 * Reading a ring while it is being written: pages are copied first and looked at when it is known that nobody has
 * written to them meanwhile. A reader never waits for a writer, nor makes one wait.
 */
#pragma once

#include "trace/ring.h"

/* A page as readers see it: where it is, and which of all pages it is. */
struct ring_cursor {
	u32 slot;
	u64 sequence;
};

/* Any context. The oldest page that isn't read to its end. */
void ring_cursor_begin(const struct ring_cpu *r, struct ring_cursor *c);

struct ring_record {
	u64 time; /* ns */
	const void *data;
	u32 size;
	u64 lost; /* events lost before it, of which no consumer was told; 0 for one who only looks */
};

struct ring_reader {
	struct ring_cpu *ring;
	struct ring_page *copy; /* the caller's memory, a page */
	bool consume;		/* else it only looks */
	u32 layout;		/* the ring's, when we began */
	struct ring_cursor at;
	u64 state;		   /* of that page, when it was copied or last consumed from */
	u32 size, all_events;	   /* of the copy */
	bool last;		   /* it was the page being written to */
	u32 pos, events;	   /* read of it */
	u64 time;		   /* of the record before @pos */
	u64 overrun;		   /* when the copy was made */
	struct ring_record record; /* peeked at, if it has data; what then is read of the copy */
	u32 next_pos, next_events;
};

/*
 * All below: thread context; readers of one ring, and what changes its layout, one at a time.
 *
 * Begins at the oldest event.
 */
void ring_reader_begin(struct ring_reader *rd, struct ring_cpu *r, struct ring_page *copy, bool consume);
/* The next record, which stays the next one until it is taken; NULL when there is none. It lives in the copy. */
const struct ring_record *ring_reader_peek(struct ring_reader *rd);
/* Takes what was peeked at. False: it was overwritten meanwhile and counts as lost; peek again. */
bool ring_reader_take(struct ring_reader *rd);
/*
 * Consumes all that is left of the oldest page that has something, as it would be on Linux, into the reader's copy:
 * time, "commit" with RING_MISSED, data; the rest is zero. False when there is nothing.
 */
bool ring_reader_take_page(struct ring_reader *rd);

/* Thread context. Copies up to @nr pages from the oldest on into the pages of @slots, with what is known of them; how many. */
u32 ring_read_pages(struct ring_cpu *from, struct ring_slot *slots, u32 nr);

/* In a raw page's commit word: events were lost before it; and the u64 behind the data says how many. */
#define RING_MISSED_EVENTS (1ul << 31)
#define RING_MISSED_STORED (1ul << 30)

/* Any context; exact when nobody writes. */
struct ring_stats {
	u64 entries, overrun, commit_overrun, bytes, oldest_time, dropped, read;
};
void ring_stats(const struct ring_cpu *r, struct ring_stats *s);
