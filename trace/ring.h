/*
 * One CPU's ring of trace pages: written by this CPU's own contexts, nested in each other like trap frames, and read
 * by anyone. Linux's records on pages of Linux's layout.
 *
 * The whole state of writing is two words, where the next record goes and when the last one was made, and they change
 * together in one instruction. docs/TRICKS.md, "A ring in two words", has the arguments.
 */
#pragma once

#include "arch/x86/cpu/percpu.h"
#include "lib/compiler.h"
#include "lib/types.h"
#include "trace/ring_clock.h"

#define RING_PAGE_SIZE 4096
#define RING_DATA      4080 /* bytes of records on a page */
#define RING_MIN_PAGES 2

/* A record begins with type_len:5 | delta:27. Up to 28 the type is the length of the data in words. */
#define RING_TYPE_BITS	 5
#define RING_DELTA_BITS	 27
#define RING_DELTA_MAX	 ((1ul << RING_DELTA_BITS) - 1)
#define RING_SMALL_MAX	 112 /* bytes that 28 words hold; more, and a word with the length follows */
#define RING_PADDING	 29
#define RING_TIME_EXTEND 30 /* the next word has the upper bits of the delta */
#define RING_TIME_STAMP	 31 /* no delta, but the time itself */

/* The longest data: a page, less the record's header and its length, and a time extension. */
#define RING_DATA_MAX (RING_DATA - 16)

struct ring_cpu;
struct ring_slot;

/* A page in memory. A reader's copy has Linux's "commit" in the place of @slot. */
struct ring_page {
	u64 time; /* ns; the first record's delta counts from here */
	union {
		struct ring_slot *slot;
		u64 commit;
	};
	u8 data[RING_DATA];
};
static_assert(sizeof(struct ring_page) == RING_PAGE_SIZE, "the format has no room for more");

/* What is known of a page, beside it. */
struct ring_slot {
	/*
	 * Which page of all that were ever begun this is, and what of it has been read: sequence:44, events:10,
	 * words:10. A writer that needs the page and a reader that has read from it both exchange this word, so each
	 * knows exactly what the other has had.
	 */
	u64 state;
	struct ring_page *page;
	struct ring_cpu *ring;
	u32 size, events; /* once left: bytes, and records that are events */
};

#define RING_STATE(sequence, events, bytes) ((u64)(sequence) << 20 | (u64)(events) << 10 | (bytes) / 4)
#define RING_SEQUENCE(state)		    ((state) >> 20)
#define RING_EVENTS(state)		    ((u32)(state) >> 10 & 0x3ff)
#define RING_BYTES(state)		    (((u32)(state)&0x3ff) * 4)

/*
 * @word: the address at which the next record goes, less the page's header, in the lower 48 bits; above them how many
 * events there are on the page. So the lower 12 bits are the bytes on the page.
 */
struct ring_head {
	u64 word, time;
} __aligned(16);

#define RING_ONE_EVENT	(1ul << 48)
#define RING_COUNT(w)	((u32)((w) >> 48))
#define RING_OFFSET(w)	((u32)((w)&0xfff))
#define RING_ADDRESS(w) ((u64)((s64)((w) << 16) >> 16))
#define RING_PAGE(w)	((struct ring_page *)(RING_ADDRESS(w) & ~0xffful))

struct ring_cpu {
	struct ring_head head;
	u64 commit; /* as head.word: what lies before it is whole */
	struct ring_slot *slots;
	u32 nr_slots;
	bool overwrite; /* else what finds the ring full is dropped */
	u32 nest;	/* records begun and not yet committed or given up */
	/* Events: lost unread, dropped by a full ring, and dropped as they would have met an unfinished one from behind. */
	u64 overrun, dropped, commit_overrun;
	u64 takes_begun, takes_done; /* equal: overrun is exact */
	/* The readers'. */
	u32 read_slot; /* the oldest page not read to its end, if it is still there */
	u64 read_sequence;
	u64 read;	  /* events consumed */
	u64 overrun_seen; /* of these losses some consumer has been told */
	u32 layout;	  /* changes with the slots */
};

/* One instruction, no lock: only this CPU's contexts do it. */
static __always_inline void ring_local_inc(u64 *n) { __asm__ volatile("incq %0" : "+m"(*n) : : "cc"); }
/* clc: for an emulator that takes what its own flags were last made from for flags (docs/TRICKS.md). */
#define RING_CMPXCHG16B "clc\n\tcmpxchg16b "

/* The head from (@word, @time) to (@new_word, @new_time); false: it wasn't there any more. */
#define ring_move_head(head, word, time, new_word, new_time)                                                \
	({                                                                                                  \
		u64 _word = (word), _time = (time);                                                         \
		bool _moved;                                                                                \
                                                                                                            \
		/* @new_time is said to change, so that GCC keeps it in this register only. */              \
		__asm__ volatile(RING_CMPXCHG16B "%1"                                                       \
				 : "=@ccz"(_moved), "+m"(*(head)), "+a"(_word), "+d"(_time), "+c"(new_time) \
				 : "b"(new_word)                                                            \
				 : "memory");                                                               \
		_moved;                                                                                     \
	})
static __always_inline void ring_nest_add(struct ring_cpu *r, s32 n)
{
	__asm__ volatile("addl %1, %0" : "+m"(r->nest) : "ri"(n) : "memory", "cc");
}

/*
 * Any context of the ring's CPU, preemption off. Room for @size bytes, a multiple of 4 and at most RING_SMALL_MAX; or
 * NULL, and then ring_reserve_slow() must be asked, or ring_give_up() be told. @now: the clock, just read.
 */
static __always_inline void *ring_reserve_at(struct ring_cpu *r, u32 size, u64 now)
{
	u64 word = READ_ONCE(r->head.word), last = READ_ONCE(r->head.time);
	u32 *record;

	ring_nest_add(r, 1);
	if (unlikely(now - last > RING_DELTA_MAX || RING_OFFSET(word) > RING_DATA - 4 - size ||
		     !ring_move_head(&r->head, word, last, word + RING_ONE_EVENT + 4 + size, now)))
		return NULL;
	record = (u32 *)(RING_ADDRESS(word) + offsetof(struct ring_page, data));
	*record = (u32)(now - last) << RING_TYPE_BITS | size / 4;
	return record + 1;
}

static __always_inline void *ring_reserve_fast(struct ring_cpu *r, u32 size)
{
	return ring_reserve_at(r, size, ring_clock_fast());
}

/* All that isn't the usual: a new page, a long time since the last record, long data. NULL: dropped, and counted. */
void *ring_reserve_slow(struct ring_cpu *r, u32 size);

/* Instead: somebody nested may have left it to us to publish what he wrote. */
void ring_give_up(struct ring_cpu *r);

/* Both, up to RING_DATA_MAX. NULL: dropped. */
static __always_inline void *ring_reserve(struct ring_cpu *r, u32 size)
{
	void *data = NULL;

	if (size <= RING_SMALL_MAX)
		data = ring_reserve_fast(r, size);
	else
		ring_nest_add(r, 1);
	return likely(data) ? data : ring_reserve_slow(r, size);
}

/* A reader waits for events. */
extern bool ring_waiting;
/* Any context. He is woken, soon. */
void ring_wake(void);

/* The outermost's, when somebody came in between while he published. */
void ring_publish_again(struct ring_cpu *r);

/* The same context. What was reserved last and isn't committed is whole: readers may have it. */
static __always_inline void ring_commit(struct ring_cpu *r)
{
	u64 word;

	barrier();
	if (likely(r->nest == 1)) {
		word = READ_ONCE(r->head.word);
		WRITE_ONCE(r->commit, word);
		ring_nest_add(r, -1);
		/* Who came in before that left his to us; who came after has published it himself. */
		if (unlikely(r->head.word != word))
			ring_publish_again(r);
		if (unlikely(ring_waiting)) /* read here: ring_nest_add() is a barrier to the compiler */
			ring_wake();
	} else {
		ring_nest_add(r, -1);
	}
}

/* The same context: instead of ring_commit(). @data, of @size bytes, is taken back; once others have written behind it, it is skipped. */
void ring_discard(struct ring_cpu *r, void *data, u32 size);

/*
 * All below: nobody writes to the ring meanwhile, not even an NMI; and nobody reads from it.
 *
 * @slots has @nr of them, each with a page; at least RING_MIN_PAGES. It becomes an empty ring.
 */
void ring_init(struct ring_cpu *r, struct ring_slot *slots, u32 nr);
/* Empty again, counters too. */
void ring_reset(struct ring_cpu *r);
/* As if written: the first @kept slots hold a ring's pages, the last written to last. The rest is empty. */
void ring_adopt(struct ring_cpu *r, u32 kept);
/*
 * The ring goes on with @nr slots at @slots instead of its own. @spare has as many pages as there are more slots than
 * before; the newest events stay. Of fewer slots, the pages that are left over are put into @spare.
 */
void ring_resize(struct ring_cpu *r, struct ring_slot *slots, u32 nr, struct ring_page **spare);
